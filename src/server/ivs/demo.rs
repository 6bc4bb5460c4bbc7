//! The backend that the sample apps of Amazon expect (`aws-samples/amazon-ivs-chat-web-demo`): it gives a token with any capability to
//! anybody, and is for trying out alone.

use axum::{body::Bytes, extract::State, response::IntoResponse};
use serde_json::{Map, Value, json};

use super::{
    Ivs, acts,
    answer::{Answer, problem},
};
use crate::{
    chat::RoomId,
    hub::{Activity, Hub},
    protocol::{
        ivs::{self, Listing, Operation, Problem},
        json::read_object,
    },
    server::client_address::ClientAddress,
};

/// How long a session lasts if the app does not say.
const MINUTES: u32 = 55;

/// `POST /ivschat/demo/auth`: a token.
pub(super) async fn auth(
    State(hub): State<Hub>,
    State(ivs): State<Ivs>,
    ClientAddress(from): ClientAddress,
    body: Bytes,
) -> impl IntoResponse {
    if let Err(refusal) = hub.count(RoomId::FIRST, None, from, Activity::Token) {
        return Answer(Err(problem(&refusal)));
    }
    Answer(
        match ivs.demo("CreateChatToken", &body, &[("arn", "roomIdentifier"), ("durationInMinutes", "sessionDurationInMinutes")])
        {
            Ok(operation) => acts::carry_out(&hub, operation).await,
            Err(problem) => Err(problem),
        },
    )
}

/// `POST /ivschat/demo/event`: tells a room something.
pub(super) async fn event(State(hub): State<Hub>, State(ivs): State<Ivs>, body: Bytes) -> impl IntoResponse {
    Answer(match ivs.demo("SendEvent", &body, &[("arn", "roomIdentifier"), ("eventAttributes", "attributes")]) {
        Ok(operation @ Operation::SendEvent { room, .. }) => {
            let done = json!({ "arn": ivs::arn(room), "status": "success" });
            acts::carry_out(&hub, operation).await.map(|_| Some(done))
        }
        Ok(_) => unreachable!("it is one"),
        Err(problem) => Err(problem),
    })
}

/// `GET /ivschat/demo/list`: the rooms.
pub(super) async fn list(State(hub): State<Hub>, State(ivs): State<Ivs>) -> impl IntoResponse {
    let listing = Listing { limit: 50, ..Listing::default() };
    Answer(ivs.check_demo().and_then(|()| acts::list(&hub, &listing)).map(Some))
}

impl Ivs {
    fn check_demo(&self) -> Result<(), Problem> {
        match self.0.demo {
            true => Ok(()),
            false => Err(Problem::UnknownOperation("demo: it is switched on by --ivs-demo".into())),
        }
    }

    /// The operation that the app means by its own words.
    fn demo(&self, operation: &str, body: &[u8], names: &[(&str, &str)]) -> Result<Operation, Problem> {
        self.check_demo()?;
        let mut body: Map<String, Value> =
            read_object(body).map_err(|error| Problem::Other(format!("The body must be one JSON object: {error}.")))?;
        for (theirs, ours) in names {
            if let Some(value) = body.remove(*theirs) {
                body.entry(*ours).or_insert(value);
            }
        }
        if operation == "CreateChatToken" {
            body.entry("sessionDurationInMinutes").or_insert(MINUTES.into());
        }
        ivs::decode(operation, Value::Object(body).to_string().as_bytes())
    }
}
