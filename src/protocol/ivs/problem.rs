use serde_json::{Value, json};

/// Why the control plane does not do what it is asked: an exception of its model. Texts are for whoever writes the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Fields of the request are wrong, each with what is wrong with it.
    Fields(Vec<(String, String)>),
    /// There is no such operation.
    UnknownOperation(String),
    /// The request cannot be carried out for another reason.
    Other(String),
    /// The caller may not.
    AccessDenied(String),
    /// The request's signature does not count.
    Signature {
        /// The exception's name, as AWS writes it. SDKs correct their clock when it is one of those that they know.
        name: &'static str,
        /// What to check.
        message: String,
    },
    /// There is no such thing.
    NotFound {
        /// Its ARN or id.
        resource_id: String,
        /// What it would be, in the model's words: `ROOM`.
        resource_type: &'static str,
    },
    /// It is not in the state for this.
    Conflict {
        /// Its ARN or id.
        resource_id: String,
        /// Why.
        message: String,
    },
    /// Too many requests.
    Throttled {
        /// To what.
        resource_type: &'static str,
        /// How many a second are welcome.
        limit: u32,
    },
    /// It is not the caller's fault.
    Internal,
}

/// What the model calls a room.
pub const ROOM: &str = "ROOM";

impl Problem {
    /// That a field is wrong.
    pub fn field(name: &str, message: impl Into<String>) -> Self {
        Self::Fields(vec![(name.to_owned(), message.into())])
    }

    /// That there is no room of that ARN.
    pub fn no_room(arn: impl Into<String>) -> Self {
        Self::NotFound { resource_id: arn.into(), resource_type: ROOM }
    }

    /// The exception's name: it stands in the header `x-amzn-errortype`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fields(_) | Self::UnknownOperation(_) | Self::Other(_) => "ValidationException",
            Self::AccessDenied(_) => "AccessDeniedException",
            Self::Signature { name, .. } => name,
            Self::NotFound { .. } => "ResourceNotFoundException",
            Self::Conflict { .. } => "ConflictException",
            Self::Throttled { .. } => "ThrottlingException",
            Self::Internal => "InternalServerException",
        }
    }

    /// Its HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Fields(_) | Self::UnknownOperation(_) | Self::Other(_) => 400,
            Self::AccessDenied(_) | Self::Signature { .. } => 403,
            Self::NotFound { .. } => 404,
            Self::Conflict { .. } => 409,
            Self::Throttled { .. } => 429,
            Self::Internal => 500,
        }
    }

    /// The answer's body.
    pub fn body(&self) -> Value {
        let invalid =
            |reason, message: &str, fields: Vec<Value>| json!({ "message": message, "reason": reason, "fieldList": fields });
        match self {
            Self::Fields(fields) => {
                let said: Vec<_> = fields.iter().map(|(name, message)| format!("{name} {message}")).collect();
                let fields = fields.iter().map(|(name, message)| json!({ "name": name, "message": message }));
                invalid("FIELD_VALIDATION_FAILED", &format!("{}.", said.join("; ")), fields.collect())
            }
            Self::UnknownOperation(name) => invalid("UNKNOWN_OPERATION", &format!("There is no operation {name:?}."), Vec::new()),
            Self::Other(message) => invalid("OTHER", message, Vec::new()),
            Self::AccessDenied(message) | Self::Signature { message, .. } => json!({ "message": message }),
            Self::NotFound { resource_id, resource_type } => {
                let message = format!("There is no {} {resource_id:?}.", resource_type.to_lowercase().replace('_', " "));
                json!({ "message": message, "resourceId": resource_id, "resourceType": resource_type })
            }
            Self::Conflict { resource_id, message } => {
                json!({ "message": message, "resourceId": resource_id, "resourceType": ROOM })
            }
            Self::Throttled { resource_type, limit } => json!({
                "message": "Rate exceeded", "resourceId": "", "resourceType": resource_type, "limit": limit,
            }),
            Self::Internal => json!({ "message": "The request could not be carried out." }),
        }
    }
}
