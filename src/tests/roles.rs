//! Who may do what: each route that does or tells something that is not for everybody, by each role.

use std::collections::BTreeSet;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{
    Answer, Site,
    site::{ADMIN_KEY, WIDGET_KEY},
};
use crate::chat::{Capabilities, Capability, RoomId, UserId};

/// Who calls the API, from the weakest to the strongest.
const CALLERS: [&str; 6] =
    ["nobody", "a guest", "a moderator of another room", "a moderator", "an owner of the room", "the admin key"];

/// A route of `/v1`, the body that it is sent, and what each of the callers is answered.
const API: &[(&str, &str, [u16; 6])] = &[
    ("POST /streams/create", r#"{"name":"New"}"#, [401, 401, 401, 401, 401, 200]),
    (
        "POST /streams/import",
        r#"{"sent_at":"2026-01-01T00:00:00Z","author_id":"ann","message":{}}"#,
        [401, 401, 401, 401, 401, 200],
    ),
    ("GET /streams", "", [401, 401, 401, 401, 401, 200]),
    ("GET /streams/{id}", "", [401, 401, 401, 401, 401, 200]),
    ("POST /streams/{id}/prepare", "", [401, 401, 401, 401, 401, 409]),
    ("POST /streams/{id}/start", "", [401, 401, 401, 401, 401, 200]),
    ("POST /streams/{id}/end", "", [401, 401, 401, 401, 401, 200]),
    ("GET /streams/{id}/messages", "", [200, 200, 200, 200, 200, 200]),
    ("POST /streams/{id}/ticket", "", [401, 403, 401, 200, 200, 401]),
    ("GET /streams/{id}/replay", "", [200, 200, 200, 200, 200, 200]),
    ("GET /streams/{id}/export.jsonl", "", [401, 403, 401, 403, 200, 200]),
    ("GET /streams/{id}/export.csv", "", [401, 403, 401, 403, 200, 200]),
    ("GET /streams/{id}/messages/{message}", "", [200, 200, 200, 200, 200, 200]),
    ("DELETE /streams/{id}/messages/{message}", "", [401, 403, 401, 200, 200, 200]),
    ("PUT /streams/{id}/messages/{message}/reactions/{emoji}", "", [401, 200, 401, 200, 200, 401]),
    ("DELETE /streams/{id}/messages/{message}/reactions/{emoji}", "", [401, 200, 401, 200, 200, 401]),
    ("GET /streams/{id}/messages/{message}/deletion", "", [401, 404, 401, 404, 404, 404]),
    ("DELETE /streams/{id}/users/{user}/messages", "", [401, 403, 401, 200, 200, 200]),
    ("POST /streams/{id}/users/{user}/timeout", r#"{"seconds":60}"#, [401, 403, 401, 200, 200, 200]),
    ("POST /streams/{id}/users/{user}/ban", "{}", [401, 403, 401, 200, 200, 200]),
    ("GET /streams/{id}/users/{user}/address", "", [401, 403, 401, 200, 200, 200]),
    ("POST /streams/{id}/users/{user}/lift", "{}", [401, 403, 401, 200, 200, 200]),
    ("POST /streams/{id}/settings", r#"{"slow_mode_seconds":1}"#, [401, 403, 401, 200, 200, 200]),
    ("POST /streams/{id}/settings", r#"{"name":"Renamed"}"#, [401, 403, 401, 403, 200, 200]),
    ("GET /streams/{id}/search", "", [401, 403, 401, 200, 200, 200]),
    ("GET /streams/{id}/held", "", [401, 403, 401, 200, 200, 200]),
    ("POST /streams/{id}/held/{message}/approve", "", [401, 403, 401, 200, 200, 200]),
    ("POST /streams/{id}/held/{message}/decline", "", [401, 403, 401, 200, 200, 200]),
    ("POST /streams/{id}/audit/{act}/undo", "", [401, 403, 401, 200, 200, 200]),
    ("GET /streams/{id}/sanctions", "", [401, 403, 401, 200, 200, 200]),
    ("GET /streams/{id}/blocked", "", [401, 403, 401, 200, 200, 200]),
    ("GET /streams/{id}/audit", "", [401, 403, 401, 403, 200, 200]),
    ("GET /webhooks", "", [401, 401, 401, 401, 401, 200]),
    ("POST /webhooks", r#"{"url":"http://127.0.0.1:1/"}"#, [401, 401, 401, 401, 401, 200]),
    ("DELETE /webhooks/{id}", "", [401, 401, 401, 401, 401, 200]),
    ("POST /webhooks/{id}/enable", "", [401, 401, 401, 401, 401, 200]),
    ("GET /widget-keys", "", [401, 403, 403, 403, 403, 200]),
    ("POST /widget-keys", r#"{"name":"New","allowed_origins":["https://a.example"]}"#, [401, 403, 403, 403, 403, 200]),
    ("DELETE /widget-keys/{key}", "", [401, 403, 403, 403, 403, 200]),
    ("PUT /widget-keys/{key}/redirect-uris", r#"{"redirect_uris":["http://localhost:8080/"]}"#, [401, 403, 403, 403, 403, 200]),
    ("POST /widget-keys/{key}/game-token", r#"{"room":1}"#, [401, 403, 403, 403, 403, 200]),
    ("GET /appearance", "", [200, 200, 200, 200, 200, 200]),
    ("PATCH /appearance", r#"{"title":"Acme"}"#, [401, 403, 403, 403, 403, 200]),
    ("PUT /appearance", r##"{"accent":"#ff0055"}"##, [401, 403, 403, 403, 403, 200]),
    ("PUT /appearance/logo", "<svg/>", [401, 403, 403, 403, 403, 200]),
    ("DELETE /appearance/logo", "", [401, 403, 403, 403, 403, 200]),
    ("GET /streams/{id}/invites", "", [401, 403, 401, 403, 200, 200]),
    ("POST /streams/{id}/invites", r#"{"name":"Robin"}"#, [401, 403, 401, 403, 200, 200]),
    ("DELETE /streams/{id}/invites/{invite}", "", [401, 403, 401, 403, 200, 200]),
    ("POST /tokens/revoke", r#"{"user":"ann"}"#, [401, 401, 401, 401, 401, 200]),
];

/// Who posts forms and opens pages.
const VISITORS: [&str; 5] =
    ["nobody", "a moderator of another room", "a moderator", "whoever runs the chat", "they too, from another site"];

/// Stands for a redirection to the form to sign in, or to the rooms: 303 is one to somewhere else.
const TO_ADMIN: u16 = 0;

/// Routes that tell everybody the same, or for which what they ask for is proved by the tests of their protocols.
const OPEN: &[&str] = &[
    "GET /",
    "GET /rooms/{id}",
    "GET /rooms/{id}/replay",
    "GET /embed/{id}",
    "GET /overlay/{id}",
    "GET /subscribe/{id}",
    "POST /publish/{id}",
    "GET /apex",
    "GET /interactive-sync/",
    "GET /interactive-sync/user/interface/query",
    "GET /interactive-sync/action/query",
    "POST /interactive-sync/action/input",
    "POST /interactive-sync/action/mouse",
    "GET /oauth2/authorize",
    "POST /oauth2/authorize",
    "GET /ws/broadcast",
    "GET /ws/echo",
    "GET /ivschat/ws",
    "POST /ivschat/{operation}",
    "POST /ivschat//{operation}",
    "POST /ivschat/demo/auth",
    "POST /ivschat/demo/event",
    "GET /ivschat/demo/list",
    "GET /appearance/{file}",
    "GET /metrics",
    "GET /health/live",
    "GET /health/ready",
];

/// A page or a form of ours, what it is sent, and what each of the visitors is answered.
const PAGES: &[(&str, &str, [u16; 5])] = &[
    ("GET /admin", "", [200, 200, 200, 200, 200]),
    ("POST /admin", "password=a+password+for+tests", [TO_ADMIN, TO_ADMIN, TO_ADMIN, TO_ADMIN, 403]),
    ("POST /admin/sign-out", "", [TO_ADMIN, TO_ADMIN, TO_ADMIN, TO_ADMIN, 403]),
    ("POST /admin/rooms", "name=New", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 303, 403]),
    ("GET /admin/rooms/{id}", "", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 200, 200]),
    ("POST /admin/rooms/{id}", "name=Renamed", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 303, 403]),
    ("POST /admin/rooms/{id}/state", "state=ended", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 303, 403]),
    ("POST /admin/rooms/{id}/preset", "preset=busy", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 303, 403]),
    ("GET /admin/rooms/{id}/end", "", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 200, 200]),
    ("POST /admin/rooms/{id}/end", "", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 303, 403]),
    ("POST /admin/rooms/{id}/lift", "user=ann", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 303, 403]),
    ("GET /admin/rooms/{id}/queue", "", [TO_ADMIN, TO_ADMIN, 200, 200, 200]),
    ("POST /admin/rooms/{id}/queue", "message={message}&act=approve", [TO_ADMIN, TO_ADMIN, 303, 303, 403]),
    ("GET /admin/rooms/{id}/log", "", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 200, 200]),
    ("GET /admin/keys", "", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 200, 200]),
    ("POST /admin/keys", "name=New&room=&origins=https%3A%2F%2Fa.example", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 303, 403]),
    ("GET /admin/keys/{key}/revoke", "", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 200, 200]),
    ("POST /admin/keys/{key}/revoke", "", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 303, 403]),
    ("POST /admin/keys/{key}/redirects", "uris=http%3A%2F%2Flocalhost%3A8080", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 303, 403]),
    ("GET /admin/appearance", "", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 200, 200]),
    ("POST /admin/appearance", "title=Acme", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 400, 403]),
    ("GET /admin/people", "", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 200, 200]),
    ("POST /admin/people", "name=Robin&room=1", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 200, 403]),
    ("POST /admin/people/{id}/revoke", "", [TO_ADMIN, TO_ADMIN, TO_ADMIN, 303, 403]),
    ("POST /", "username=Ann&message=hello", [303, 303, 403, 303, 403]),
    ("POST /rooms/{id}", "username=Ann&message=hello", [303, 303, 403, 303, 403]),
    ("POST /rooms/{id}/enter", "token=none", [401, 401, 401, 401, 401]),
    ("POST /embed/{id}", "username=Ann&message=hello", [303, 303, 303, 303, 403]),
    ("GET /invites/{link}", "", [200, 200, 200, 200, 200]),
    ("POST /invites/{link}", "", [303, 303, 303, 303, 403]),
];

/// What a test asks for: in room 1 something was said and reacted to, and something waits; there are a webhook, a second key and an
/// invitation.
struct Things {
    site: Site,
    said: String,
    waits: String,
    act: String,
    webhook: String,
    key: String,
    invitation: String,
    link: String,
}

impl Things {
    async fn make() -> Self {
        let site = Site::open().await;
        site.administer("/v1/streams/create", &json!({ "name": "Two" })).await;
        let said = site.say_as(&token(&site, "ann", 1, &[Capability::SendMessage]), "Ann", "hello").await;
        site.administer("/v1/streams/1/settings", &json!({ "hold_newcomers": true })).await;
        let waits = site.say_as(&site.guest_token(RoomId::FIRST), "Eve", "a first word").await;
        let act = site.administer("/v1/streams/1/users/bob/ban", &json!({})).await;
        let webhook = site.administer("/v1/webhooks", &json!({ "url": "http://127.0.0.1:1/" })).await;
        let key =
            site.administer("/v1/widget-keys", &json!({ "name": "Fans", "allowed_origins": ["https://fans.example"] })).await;
        let invitation = site.administer("/v1/streams/1/invites", &json!({ "name": "Kim" })).await;
        let text = |answer: &Answer, key: &str| match &answer.json["data"][key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Self {
            said: text(&said, "id"),
            waits: text(&waits, "id"),
            act: text(&act, "id"),
            webhook: text(&webhook, "id"),
            key: text(&key, "key"),
            invitation: text(&invitation, "id"),
            link: text(&invitation, "link"),
            site,
        }
    }

    /// A template with the names of what there is.
    fn fill(&self, template: &str) -> String {
        let message = if template.contains("held") || template.contains("act=") { &self.waits } else { &self.said };
        let id = match template.split('/').find(|part| ["webhooks", "people"].contains(part)) {
            Some("webhooks") => &self.webhook,
            Some(_) => &self.invitation,
            None => "1",
        };
        let link = self.link.rsplit('/').next().unwrap_or_default();
        let values = [
            ("{id}", id),
            ("{message}", message),
            ("{act}", &self.act),
            ("{user}", "ann"),
            ("{emoji}", "%F0%9F%91%8D"),
            ("{key}", &self.key),
            ("{invite}", &self.invitation),
            ("{link}", link),
        ];
        values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

fn token(site: &Site, user: &str, room: u32, capabilities: &[Capability]) -> String {
    let capabilities: Capabilities = capabilities.iter().copied().collect();
    let user = UserId::try_from(user.to_owned()).expect("an id");
    site.hub.tokens().sign(user, room.to_string().parse().expect("a room"), capabilities, None)
}

/// What each of the callers shows.
fn keys(site: &Site) -> [String; CALLERS.len()] {
    use Capability::{DeleteMessage, DisconnectUser, ManageRoom, SendMessage};
    let moderator = [SendMessage, DeleteMessage, DisconnectUser];
    [
        String::new(),
        token(site, "gus", 1, &[SendMessage]),
        token(site, "mo", 2, &moderator),
        token(site, "mo", 1, &moderator),
        token(site, "olga", 1, &[SendMessage, DeleteMessage, DisconnectUser, ManageRoom]),
        ADMIN_KEY.to_owned(),
    ]
}

/// Whether it was done, so that the next one cannot do it again.
fn is_done(status: u16) -> bool {
    ![TO_ADMIN, 401, 403].contains(&status)
}

#[tokio::test]
async fn each_caller_of_the_api_may_do_what_its_role_may() {
    let mut things = Things::make().await;
    for (route, body, expected) in API {
        for (at, expected) in expected.iter().enumerate() {
            let (method, path) = route.split_once(' ').expect("a method and a path");
            let query = match path {
                "/streams/{id}/search" => "?q=hello",
                "/streams/import" => "?name=Imported",
                path if path.contains("{emoji}") => &format!("?widget_key={WIDGET_KEY}"),
                _ => "",
            };
            let mut request = Request::builder().method(method).uri(format!("/v1{}{query}", things.fill(path)));
            let key = &keys(&things.site)[at];
            if !key.is_empty() {
                request = request.header("authorization", format!("Bearer {key}"));
            }
            let request = request.header("content-type", "application/json").body(Body::from(*body));
            let answer = things.site.send(request.expect("a request")).await;
            assert_eq!(answer.status, *expected, "{route} by {}: {}", CALLERS[at], answer.text);
            if is_done(answer.status) {
                things = Things::make().await;
            }
        }
    }
}

#[tokio::test]
async fn each_visitor_of_a_page_may_do_what_its_role_may() {
    let mut things = Things::make().await;
    for (route, body, expected) in PAGES {
        for (at, expected) in expected.iter().enumerate() {
            let (method, path) = route.split_once(' ').expect("a method and a path");
            let path = things.fill(path);
            let cookie = cookies(&things.site).await[at].clone();
            let from_site = if at == VISITORS.len() - 1 { "cross-site" } else { "same-origin" };
            let answer = match method {
                "GET" => things.site.page(&path, &cookie).await,
                _ => things.site.submit(&path, &cookie, from_site, things.fill(body)).await,
            };
            let status = if answer.header("location") == "/admin" { TO_ADMIN } else { answer.status };
            assert_eq!(status, *expected, "{route} by {}: {}", VISITORS[at], answer.text);
            if is_done(status) {
                things = Things::make().await;
            }
        }
    }
}

/// What is forgotten here is open to all by mistake.
#[test]
fn every_route_is_in_one_of_the_tables() {
    let mut routed = routes("", include_str!("../server/router.rs"));
    routed.extend(routes("/ivschat", include_str!("../server/ivs/mod.rs")));
    assert_eq!(routed, every_route());
}

/// Every route of the main address with its method, such as `GET /rooms/{id}`.
pub fn every_route() -> BTreeSet<String> {
    let api = API.iter().map(|(route, ..)| route.replacen(' ', " /v1", 1));
    let pages = PAGES.iter().map(|(route, ..)| (*route).to_owned());
    api.chain(pages).chain(OPEN.iter().map(|&route| route.to_owned())).collect()
}

/// The routes that the source of a router names, which stand below `root`, each with its methods.
fn routes(root: &'static str, source: &'static str) -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    let mut prefix = root;
    for line in source.lines() {
        prefix = match line.trim() {
            "let streams = Router::new()" | "let reads = Router::new()" => "/v1",
            "let rooms = Router::new()" => root,
            "fn interactive_sync(state: &AppState) -> Router<AppState> {" => "/interactive-sync",
            "Router::new()" if prefix == "/v1" => root,
            line if line.contains("widget(\"/interactive-sync\"") => "/interactive-sync",
            line if line.contains("widget(\"/subscribe\"") => "/subscribe",
            line if line.contains("widget(\"/publish\"") => "/publish",
            _ => prefix,
        };
        let Some((path, handlers)) = line.split_once(".route(\"").and_then(|(_, rest)| rest.split_once('"')) else { continue };
        for method in ["get", "post", "put", "patch", "delete"] {
            if handlers.contains(&format!("{method}(")) {
                routes.insert(format!("{} {prefix}{path}", method.to_uppercase()));
            }
        }
        if line.contains("widget(") {
            prefix = root;
        }
    }
    routes
}

/// The cookies of each of the visitors.
async fn cookies(site: &Site) -> [String; VISITORS.len()] {
    let owner = format!("live-chat-admin={}", site.hub.sign_in());
    let mut moderators = Vec::new();
    for room in [2, 1] {
        let invited = site.administer(&format!("/v1/streams/{room}/invites"), &json!({ "name": "Robin" })).await;
        let link = invited.json["data"]["link"].as_str().expect("a link").to_owned();
        moderators.push(site.submit(&link, "", "same-origin", "").await.cookie().to_owned());
    }
    let [other, moderator] = moderators.try_into().expect("two");
    [String::new(), other, moderator, owner.clone(), owner]
}
