//! WebSocket connections, whatever is spoken over them: RFC 6455, and how they end.

use super::{
    Site,
    web_socket::{BINARY, CLOSE, FIN, PING, PONG, Received, TEXT, WebSocket, frame, request},
};

/// Where every frame comes back, with no greeting.
const ECHO: &str = "/ws/echo?greeting=off";

/// Sends `bytes` to the echo and reads all that comes until the connection ends.
async fn answers(site: &Site, bytes: &[u8]) -> Vec<Received> {
    let mut client = WebSocket::open(site.addr, ECHO).await;
    client.write(bytes).await;
    let mut received = Vec::new();
    while let Some(frame) = client.next().await {
        received.push(frame);
    }
    received
}

fn close(code: u16) -> Vec<u8> {
    frame(FIN | CLOSE, &code.to_be_bytes())
}

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
        let answer = WebSocket::ask(site.addr, &request).await;
        assert!(answer.head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}{}", answer.head);
        if let Some((name, value)) = header {
            assert_eq!(answer.header(name), Some(value), "{}", answer.head);
        }
    }
}

#[tokio::test]
async fn what_is_sent_comes_back_before_the_close_is_answered() {
    let site = Site::open().await;
    let sent = [frame(FIN | TEXT, "ünï".as_bytes()), frame(FIN | BINARY, &[0, 255, 1]), close(1000)].concat();
    let received = answers(&site, &sent).await;
    let expected = [(TEXT, "ünï".as_bytes().to_vec()), (BINARY, vec![0, 255, 1]), (CLOSE, 1000_u16.to_be_bytes().to_vec())];
    assert_eq!(received, expected.map(|(opcode, payload)| Received { opcode, payload }));
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
async fn pings_are_answered_with_what_they_hold() {
    let site = Site::open().await;
    let received = answers(&site, &[frame(FIN | PING, b"are you there"), close(1000)].concat()).await;
    assert_eq!(received[0], Received { opcode: PONG, payload: b"are you there".to_vec() });
}
