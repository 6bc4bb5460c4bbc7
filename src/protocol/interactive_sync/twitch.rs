//! What Twitch says of an access token (`GET /oauth2/validate`, <https://dev.twitch.tv/docs/authentication/validate-tokens/>).

use serde::Deserialize;

use super::Rejection;

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The number of the user, which is their channel's.
    pub id: String,
    /// The name in their channel's address; empty if Twitch gives none.
    pub login: String,
}

#[derive(Deserialize)]
struct Valid {
    client_id: String,
    /// An app's token has none.
    user_id: Option<String>,
    login: Option<String>,
}

#[derive(Deserialize)]
struct Invalid {
    message: String,
}

/// Whose the token is that Twitch has answered about with `status` and `body`, and that `client_id` has shown.
///
/// # Errors
/// - [`Rejection::Token`]: it is not valid, or another client's.
/// - [`Rejection::NoUser`]: it is an app's.
/// - [`Rejection::Unchecked`]: the answer says neither.
pub fn user(status: u16, body: &[u8], client_id: &str) -> Result<User, Rejection> {
    let garbled = |_| Rejection::Unchecked("Twitch's answer is not understood.".to_owned());
    match status {
        200 => {
            let valid: Valid = serde_json::from_slice(body).map_err(garbled)?;
            if valid.client_id != client_id {
                return Err(Rejection::Token("Client ID and OAuth token do not match".to_owned()));
            }
            let id = valid.user_id.filter(|id| !id.is_empty()).ok_or(Rejection::NoUser)?;
            Ok(User { id, login: valid.login.unwrap_or_default() })
        }
        401 => {
            let invalid: Invalid = serde_json::from_slice(body).map_err(garbled)?;
            Err(Rejection::Token(invalid.message))
        }
        status => Err(Rejection::Unchecked(format!("Twitch answered with status {status}."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_a_user_or_says_why_not() {
        let token = |message: &str| Err(Rejection::Token(message.into()));
        let unchecked = |message: &str| Err(Rejection::Unchecked(message.into()));
        let ann = |login: &str| Ok(User { id: "12345".into(), login: login.into() });
        let garbled = "Twitch's answer is not understood.";
        let rows = [
            (200, r#"{"client_id":"app","login":"ann","scopes":["a"],"user_id":"12345","expires_in":5520838}"#, ann("ann")),
            (200, r#"{"client_id":"app","scopes":null,"user_id":"12345","expires_in":0}"#, ann("")),
            (200, r#"{"client_id":"App","login":"ann","user_id":"12345"}"#, token("Client ID and OAuth token do not match")),
            (200, r#"{"client_id":"app","scopes":[],"expires_in":5520838}"#, Err(Rejection::NoUser)),
            (200, r#"{"client_id":"app","login":"","user_id":""}"#, Err(Rejection::NoUser)),
            (200, r#"{"login":"ann","user_id":"12345"}"#, unchecked(garbled)),
            (200, r#"{"client_id":"app","login":"ann","user_id":12345}"#, unchecked(garbled)),
            (200, "<html>", unchecked(garbled)),
            (200, "", unchecked(garbled)),
            (401, r#"{"status":401,"message":"invalid access token"}"#, token("invalid access token")),
            (401, "<html>", unchecked(garbled)),
            (302, "", unchecked("Twitch answered with status 302.")),
            (500, r#"{"client_id":"app","login":"ann","user_id":"12345"}"#, unchecked("Twitch answered with status 500.")),
        ];
        for (status, body, expected) in rows {
            assert_eq!(user(status, body.as_bytes(), "app"), expected, "{status} {body}");
        }
    }
}
