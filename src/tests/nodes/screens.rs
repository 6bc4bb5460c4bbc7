use serde_json::json;

use super::super::{
    interactive_sync::{ask, game, interface, next, show},
    node,
};
use crate::chat::RoomId;

#[tokio::test]
async fn viewers_of_another_node_see_what_a_game_shows_and_it_hears_what_they_do() {
    let [one, other] = node::two().await;
    let ann = other.guest_token(RoomId::FIRST);
    let seen = async || ask(&other, &ann, "GET", "/interactive-sync/user/interface/query", &json!(null)).await;
    let press = async |id: &str| {
        let input = json!({ "id": id, "view": "panel", "values": { "how": "high" } });
        ask(&other, &ann, "POST", "/interactive-sync/action/input", &input).await
    };
    assert_eq!((seen().await.status, press("jump").await.status), (204, 403));
    let mut game = game(&one).await;
    assert_eq!(show(&mut game, &interface("1")).await["status"], "ok");
    assert_eq!(seen().await.json["panel"]["components"][0]["label"], "A label");
    assert_eq!(press("fly").await.status, 403);
    assert_eq!(press("jump").await.json, json!({ "duration": 5_000, "broadcast": true }));
    let told = next(&mut game).await["data"]["payload"].clone();
    assert_eq!((&told["id"], &told["values"]), (&json!("jump"), &json!({ "how": "high" })));
    assert_eq!(press("jump").await.status, 429);
    let open_at = ask(&other, &ann, "GET", "/interactive-sync/action/query", &json!(null)).await;
    assert!(open_at.json["jump"].as_i64().is_some_and(|at| at > 1_600_000_000_000), "{}", open_at.text);
}
