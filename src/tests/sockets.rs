//! WebSocket connections, whatever is spoken over them: how they begin, and how they end.

use std::time::Duration;

use super::{
    Site,
    web_socket::{ECHO, FIN, PING, PONG, TEXT, WebSocket, close, frame, request},
};

#[tokio::test]
async fn the_handshake_is_the_one_of_the_rfc() {
    let site = Site::open().await;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: chat\r\n";
    let client = WebSocket::open_with(site.addr, "/ws/echo", offer).await;
    assert_eq!(client.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "RFC 6455 1.3");
    assert_eq!(client.header("connection"), Some("Upgrade"), "{}", client.head);
    assert_eq!(client.header("upgrade"), Some("websocket"));
    assert_eq!(client.header("sec-websocket-extensions"), None, "compression is declined");
    assert_eq!(client.header("sec-websocket-protocol"), None, "and nothing chosen that nobody speaks");
    assert_eq!(client.header("content-length"), None);
}

#[tokio::test]
async fn whoever_asks_for_no_connection_is_told_what_this_address_is_for() {
    let site = Site::open().await;
    let good = request("/ws/echo", "");
    let rows = [
        (good.replace("Upgrade: websocket\r\n", ""), 426, Some(("upgrade", "websocket"))),
        (good.replace("keep-alive, Upgrade", "keep-alive"), 426, Some(("upgrade", "websocket"))),
        (good.replace("Version: 13", "Version: 8"), 426, Some(("sec-websocket-version", "13"))),
        (good.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400, None),
        (good.replace("GET", "POST"), 405, None),
    ];
    for (request, status, header) in rows {
        let answer = WebSocket::ask(site.addr, request.as_bytes()).await;
        assert!(answer.head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}{}", answer.head);
        if let Some((name, value)) = header {
            assert_eq!(answer.header(name), Some(value), "{}", answer.head);
        }
    }
}

#[tokio::test]
async fn the_echo_greets_unless_it_is_told_not_to() {
    let site = Site::open().await;
    let greeted = async |path, headers| {
        let mut client = WebSocket::open_with(site.addr, path, headers).await;
        client.say("x").await;
        client.text().await
    };
    assert_eq!(greeted("/ws/echo", "").await, "Request served by live-chat");
    assert_eq!(greeted("/ws/echo?greeting=off", "").await, "x");
    assert_eq!(greeted("/ws/echo", "X-Send-Server-Hostname: false\r\n").await, "x");
}

#[tokio::test]
async fn the_server_s_stop_closes_connections_as_their_dialect_has_it() {
    let site = Site::open().await;
    let mut client = WebSocket::open(site.addr, ECHO).await;
    client.say("x").await;
    assert_eq!(client.text().await, "x");
    site.end_streams();
    assert_eq!(client.next().await.expect("a close").close(), (1001, "The server is stopping."));
    client.write(&close(1001)).await;
    assert_eq!(client.next().await, None);
    site.stop().await;
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_cut_off() {
    let site = Site::open().await;
    let mut client = WebSocket::open(site.addr, ECHO).await;
    let pinged = async |client: &mut WebSocket| {
        tokio::time::advance(Duration::from_secs(30)).await;
        client.next().await.map(|received| received.opcode)
    };
    tokio::time::pause();
    for _ in 0..5 {
        assert_eq!(pinged(&mut client).await, Some(PING));
        client.write(&[frame(FIN | PONG, b""), frame(FIN | TEXT, b"here")].concat()).await;
        assert_eq!(client.text().await, "here");
    }
    assert_eq!(pinged(&mut client).await, Some(PING));
    assert_eq!(pinged(&mut client).await, Some(PING));
    assert_eq!(pinged(&mut client).await, None, "no close frame: nobody is there to read it");
}

#[tokio::test]
async fn a_client_that_does_not_answer_a_close_does_not_hold_up_the_stop() {
    let site = Site::open().await;
    let mut client = WebSocket::open(site.addr, ECHO).await;
    client.say("x").await;
    assert_eq!(client.text().await, "x");
    site.stop().await;
}

#[tokio::test]
async fn what_came_with_the_request_is_heard() {
    let site = Site::open().await;
    let sent = [request(ECHO, "").as_bytes(), &frame(FIN | TEXT, b"early"), &close(1000)].concat();
    let mut client = WebSocket::ask(site.addr, &sent).await;
    assert_eq!(client.text().await, "early");
}
