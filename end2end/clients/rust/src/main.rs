//! Runs rooms as a Rust backend does, by `aws-sdk-ivschat`: `ivs-client ENDPOINT ACCESS_KEY_ID SECRET_ACCESS_KEY USER_ID`.
//!
//! Every answer is checked; the first that is wrong ends it. The last line of its output is a chat token for that user of room 1.

use std::{
    collections::{BTreeSet, HashMap},
    env, process,
    time::{Duration, SystemTime},
};

use aws_sdk_ivschat::{
    Client, Config,
    config::{Credentials, Region, retry::RetryConfig},
    error::ProvideErrorMetadata,
    operation::{create_room::CreateRoomError, delete_message::DeleteMessageError, get_room::GetRoomError},
    types::{ChatTokenCapability, FallbackResult, MessageReviewHandler, ResourceType, ValidationExceptionReason},
};

const ROOM: &str = "arn:aws:ivschat:local:000000000000:room/1";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [endpoint, id, secret, user] = &arguments[..] else {
        eprintln!("usage: ivs-client ENDPOINT ACCESS_KEY_ID SECRET_ACCESS_KEY USER_ID");
        process::exit(2);
    };
    let client = client(endpoint, id, secret);
    run_rooms(&client).await;
    change_tags(&client).await;
    tell_and_moderate(&client, user).await;
    meet_errors(&client).await;
    meet_signature_errors(endpoint, id, secret).await;
    let token = client.create_chat_token().room_identifier(ROOM).user_id(user).capabilities(ChatTokenCapability::SendMessage);
    let token = token.attributes("username", "From Rust").send().await.expect("a token");
    let expires = SystemTime::try_from(*token.token_expiration_time().expect("a moment")).expect("after 1970");
    assert!(expires > SystemTime::now() + Duration::from_secs(59 * 60), "{expires:?}");
    assert_eq!(token.token_expiration_time(), token.session_expiration_time());
    println!("{}", token.token().expect("a token"));
}

/// Returns a client that retries nothing, so that each error is seen.
fn client(endpoint: &str, id: &str, secret: &str) -> Client {
    let config = Config::builder()
        .behavior_version_latest()
        .endpoint_url(endpoint)
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new(id, secret, None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

async fn run_rooms(client: &Client) {
    let mut made = BTreeSet::new();
    for n in 0..3 {
        let room = client.create_room().name(format!("rust-{n}")).maximum_message_length(20 + n).tags("n", n.to_string());
        let room = room.send().await.expect("made");
        assert_eq!((room.maximum_message_length(), room.maximum_message_rate_per_second()), (Some(20 + n), Some(10)));
        assert!(room.create_time().is_some() && room.update_time().is_some());
        assert_eq!(room.tags(), Some(&HashMap::from([("n".to_owned(), n.to_string())])));
        made.insert(room.arn().expect("an ARN").to_owned());
    }
    let pages = client.list_rooms().max_results(2).into_paginator().send().collect::<Result<Vec<_>, _>>().await;
    let pages = pages.expect("all pages");
    let rooms: Vec<_> = pages.iter().flat_map(|page| page.rooms()).filter_map(|room| room.arn()).map(str::to_owned).collect();
    let listed: BTreeSet<_> = rooms.iter().cloned().collect();
    assert!(pages.len() > 1 && listed.len() == rooms.len(), "each once: {rooms:?}");
    assert!(made.is_subset(&listed) && listed.contains(ROOM), "{listed:?}");
    let named = client.list_rooms().name("rust-1").send().await.expect("listed");
    assert_eq!(named.rooms().len(), 1);

    let arn = made.first().expect("one");
    let handler = MessageReviewHandler::builder().uri("https://review.example/").fallback_result(FallbackResult::Deny).build();
    let changed = client.update_room().identifier(arn).name("renamed").maximum_message_rate_per_second(7);
    changed.message_review_handler(handler.clone()).send().await.expect("changed");
    let room = client.get_room().identifier(arn).send().await.expect("there");
    assert_eq!((room.name(), room.maximum_message_rate_per_second()), (Some("renamed"), Some(7)));
    assert_eq!(room.message_review_handler(), Some(&handler));
    let found = client.list_rooms().message_review_handler_uri("https://review.example/").send().await.expect("listed");
    assert_eq!(found.rooms().iter().map(|room| room.arn()).collect::<Vec<_>>(), [Some(arn.as_str())]);
    for arn in &made {
        client.delete_room().identifier(arn).send().await.expect("ended");
        let gone = client.get_room().identifier(arn).send().await.expect_err("ended").into_service_error();
        let GetRoomError::ResourceNotFoundException(gone) = &gone else { panic!("{gone:?}") };
        assert_eq!((gone.resource_id(), gone.resource_type()), (arn.as_str(), &ResourceType::Room));
    }
}

async fn change_tags(client: &Client) {
    let tag = client.tag_resource().resource_arn(ROOM).tags("stage", "a / b : ü").tags("empty", "").tags("x", "1");
    tag.send().await.expect("tagged");
    client.untag_resource().resource_arn(ROOM).tag_keys("x").tag_keys("empty").send().await.expect("untagged");
    let tags = client.list_tags_for_resource().resource_arn(ROOM).send().await.expect("told");
    assert_eq!(tags.tags(), &HashMap::from([("stage".to_owned(), "a / b : ü".to_owned())]));
}

async fn tell_and_moderate(client: &Client, user: &str) {
    let event = client.send_event().room_identifier(ROOM).event_name("app:POLL").attributes("question", "why?");
    let id = event.send().await.expect("told").id().expect("an id").to_owned();
    assert!(id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    let disconnect = client.disconnect_user().room_identifier(ROOM).user_id(user).reason("rude");
    disconnect.send().await.expect("told");
    let missing = client.delete_message().room_identifier(ROOM).id("00000000000z").send().await.expect_err("none");
    let DeleteMessageError::ResourceNotFoundException(missing) = missing.into_service_error() else { panic!("another error") };
    assert_eq!(missing.resource_id(), "00000000000z");
}

async fn meet_errors(client: &Client) {
    let wrong = client.create_room().name("a b").maximum_message_length(0).send().await.expect_err("wrong");
    let CreateRoomError::ValidationException(wrong) = wrong.into_service_error() else { panic!("another error") };
    assert_eq!(wrong.reason(), &ValidationExceptionReason::FieldValidationFailed);
    let fields: Vec<_> = wrong.field_list().iter().map(|field| field.name()).collect();
    assert_eq!(fields, ["name", "maximumMessageLength"]);
    let logging = client.list_logging_configurations().send().await.expect("none");
    assert!(logging.logging_configurations().is_empty());
    let missing = "arn:aws:ivschat:eu-west-1:123456789012:logging-configuration/none";
    let missing = client.get_logging_configuration().identifier(missing).send().await.expect_err("none");
    assert_eq!(missing.code(), Some("ResourceNotFoundException"));
    let unknown = client.send_event().room_identifier("arn:aws:ivschat:eu-west-1:1:room/none").event_name("x").send().await;
    assert_eq!(unknown.expect_err("none").code(), Some("ResourceNotFoundException"));
    let mut code = None;
    while code.is_none() {
        // More at once than are let through in a second.
        let asked: Vec<_> = (0..10).map(|_| tokio::spawn(client.list_rooms().send())).collect();
        for answer in asked {
            code = answer.await.expect("no panic").err().and_then(|error| error.code().map(str::to_owned)).or(code);
        }
    }
    assert_eq!(code.as_deref(), Some("ThrottlingException"));
}

async fn meet_signature_errors(endpoint: &str, id: &str, secret: &str) {
    let rows = [(id, "another secret access key", "SignatureDoesNotMatch"), ("AKIDOTHER", secret, "UnrecognizedClientException")];
    for (id, secret, name) in rows {
        let refused = client(endpoint, id, secret).list_tags_for_resource().resource_arn(ROOM).send().await.expect_err("refused");
        assert_eq!(refused.code(), Some(name));
    }
}
