use serde_json::{Value, json};

use super::super::{
    interactive_sync::{ask, game, interface, next, notice, show},
    node,
};
use crate::{chat::RoomId, tests::web_socket::WebSocket};

#[tokio::test]
async fn viewers_of_another_node_see_what_a_game_shows_and_it_hears_what_they_do() {
    let [one, other] = node::two().await;
    let ann = other.guest_token(RoomId::FIRST);
    let seen = async || ask(&other, &ann, "GET", "/interactive-sync/user/interface/query", &json!(null)).await;
    let press = async |id: &str| {
        let input = json!({ "id": id, "view": "panel", "values": { "how": "high" } });
        ask(&other, &ann, "POST", "/interactive-sync/action/input", &input).await
    };
    assert_eq!((seen().await.status, press("jump").await.status), (204, 409));
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

/// Whom the next thing that the game hears is from.
async fn presser(game: &mut WebSocket) -> Value {
    next(game).await["data"]["payload"]["username"].clone()
}

#[tokio::test]
async fn streams_of_another_node_are_told_what_is_shown_and_what_is_not_open() {
    let [one, other] = node::two().await;
    let mut events = other.subscribe().await;
    let mut game = game(&one).await;
    show(&mut game, &interface("1")).await;
    tokio::time::resume();
    assert_eq!(notice(&mut events, "interface").await["interface"]["id"], "1");
    let input = json!({ "id": "jump", "view": "panel", "username": "Ann" });
    let pressed = ask(&other, events.token(), "POST", "/interactive-sync/action/input", &input).await;
    assert_eq!(pressed.status, 200, "{}", pressed.text);
    assert_eq!(presser(&mut game).await, "Ann");
    assert_eq!(notice(&mut events, "cooldown").await["action"], "jump");
    assert!(other.subscribe().await.init["message"]["cooldowns"]["jump"].is_u64());
    game.end().await;
    assert_eq!(notice(&mut events, "interface").await["interface"], json!(null));
}

#[tokio::test]
async fn games_of_one_room_on_two_nodes_hear_each_press_once() {
    let sites = node::two().await;
    let mut games = [game(&sites[0]).await, {
        tokio::time::resume();
        game(&sites[1]).await
    }];
    show(&mut games[0], &interface("1")).await;
    for (at, name) in ["Ann", "Bea"].into_iter().enumerate() {
        tokio::time::advance(std::time::Duration::from_secs(5)).await;
        let input = json!({ "id": "jump", "view": "panel", "username": name });
        let token = sites[at].guest_token(RoomId::FIRST);
        let pressed = ask(&sites[at], &token, "POST", "/interactive-sync/action/input", &input).await;
        assert_eq!(pressed.status, 200, "{}", pressed.text);
        for game in &mut games {
            assert_eq!(presser(game).await, name, "the next that it hears");
        }
    }
}
