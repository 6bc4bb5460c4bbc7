use std::{path::Path, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request};
use leptos::config::LeptosOptions;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::{Answer, Events};
use crate::{
    chat::{Limits, RoomId},
    engine::Sqlite,
    hub::{Hub, Rooms, Tokens},
    server::{AdminKey, AppState, router},
};

pub const ADMIN_KEY: &str = "an-admin-key-for-tests";
pub const WIDGET_KEY: &str = "widget-key";

/// A whole chat in a folder of its own, without a socket.
pub struct Site {
    pub folder: TempDir,
    pub hub: Hub,
    engine: Arc<Sqlite>,
    app: Router,
}

impl Site {
    /// A new chat whose users may send as fast as they like.
    pub async fn open() -> Self {
        Self::with(Limits { rate_per_second: 0.0, ..Limits::default() }).await
    }

    pub async fn with(limits: Limits) -> Self {
        Self::start(tempfile::tempdir().expect("a folder"), limits, &["*"]).await
    }

    pub async fn for_origins(origins: &[&'static str]) -> Self {
        Self::start(tempfile::tempdir().expect("a folder"), Limits::default(), origins).await
    }

    async fn start(folder: TempDir, limits: Limits, origins: &[&'static str]) -> Self {
        let rooms = Rooms::default();
        let engine = Arc::new(Sqlite::open(folder.path(), Some(WIDGET_KEY), rooms.sink()).expect("a usable folder"));
        let tokens = Tokens::new(b"a secret for tests", Duration::from_secs(3_600));
        let hub = Hub::start(engine.clone(), rooms, tokens, limits).await.expect("a readable log");
        let options = LeptosOptions::builder().output_name("live-chat").site_root("target/no-site").build();
        let state = AppState { hub: hub.clone(), options, admin_key: AdminKey(ADMIN_KEY.into()) };
        let origins: Vec<_> = origins.iter().map(|origin| axum::http::HeaderValue::from_static(origin)).collect();
        Self { folder, hub, engine, app: router(state, &origins) }
    }

    /// Stops the chat and starts it again on the same folder.
    pub async fn restart(self) -> Self {
        let limits = *self.hub.limits();
        let folder = self.stop();
        Self::start(folder, limits, &["*"]).await
    }

    /// Stops the chat; its folder stays.
    pub fn stop(self) -> TempDir {
        self.hub.stop();
        self.engine.close();
        self.folder
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        Answer::read(self.app.clone().oneshot(request).await.expect("the router never fails")).await
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.send(Request::get(uri).body(Body::empty()).expect("a request")).await
    }

    /// `POST` with a JSON body and the admin key.
    pub async fn administer(&self, uri: &str, body: &Value) -> Answer {
        let request =
            Request::post(uri).header("content-type", "application/json").header("authorization", format!("Bearer {ADMIN_KEY}"));
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// `POST /publish/{room}` with any body.
    pub async fn publish_raw(&self, room: u32, token: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(format!("/publish/{room}?token={token}")).header("content-type", "application/json");
        self.send(request.body(body.into()).expect("a request")).await
    }

    pub async fn publish(&self, token: &str, body: &Value) -> Answer {
        self.publish_raw(1, token, body.to_string()).await
    }

    /// Says `text` in room 1 as a guest.
    pub async fn say(&self, token: &str, text: &str) -> Answer {
        let message = json!({ "type": "chat", "username": "ann", "message_text": text });
        self.publish(token, &json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": message })).await
    }

    pub async fn request(&self, token: &str) -> Answer {
        self.publish(token, &json!({ "type": "request", "widget_key": WIDGET_KEY })).await
    }

    /// Subscribes to room 1 as a new client.
    pub async fn subscribe(&self) -> Events {
        self.subscribe_with("/subscribe/1", None).await
    }

    /// Comes back to room 1 as an `EventSource` does, with what it saw last.
    pub async fn resume(&self, last_event_id: &str) -> Events {
        self.subscribe_with("/subscribe/1", Some(last_event_id)).await
    }

    pub async fn subscribe_with(&self, uri: &str, last_event_id: Option<&str>) -> Events {
        let mut request = Request::get(uri);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = self.app.clone().oneshot(request.body(Body::empty()).expect("a request")).await;
        Events::open(response.expect("the router never fails")).await
    }

    /// A token of a guest who is not connected.
    pub fn guest_token(&self, room: RoomId) -> String {
        let guest = crate::chat::UserId::try_from(uuid::Uuid::new_v4().to_string()).expect("a valid id");
        self.hub.tokens().sign(guest, room, crate::chat::Capabilities::guest(), None)
    }

    pub async fn history(&self) -> Vec<String> {
        let answer = self.get("/v1/streams/1/messages?limit=500").await;
        texts(answer.json["data"].as_array().expect("a list"))
    }
}

/// The texts of envelopes.
pub fn texts(envelopes: &[Value]) -> Vec<String> {
    envelopes.iter().map(|envelope| envelope["message"]["message_text"].as_str().expect("a chat message").to_owned()).collect()
}
