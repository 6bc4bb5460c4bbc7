//! The cases of RFC 6455 that matter, on the echo: what is right comes back, and what is not ends the connection with the right code.

use super::{
    Site,
    web_socket::{BINARY, CLOSE, CONTINUATION, ECHO, FIN, PING, PONG, Received, TEXT, WebSocket, close, frame},
};

/// What it is about, what is sent, and what comes back: opcodes and payloads.
type Case<'a> = (&'a str, Vec<u8>, &'a [(u8, &'a [u8])]);

/// The longest message that the echo takes.
const LONGEST: usize = 1 << 20;

/// Sends `bytes` and reads all that comes until the connection ends.
async fn answers(site: &Site, bytes: &[u8]) -> Vec<Received> {
    let mut client = WebSocket::open(site.addr, ECHO).await;
    client.write(bytes).await;
    let mut received = Vec::new();
    while let Some(frame) = client.next().await {
        received.push(frame);
    }
    received
}

/// Checks what comes back to `bytes` and a good close, before the close.
async fn check(site: &Site, what: &str, bytes: &[u8], expected: &[(u8, &[u8])]) {
    let mut received = answers(site, &[bytes, &close(1000)].concat()).await;
    assert_eq!(received.pop().expect("an answer to the close").close().0, 1000, "{what}");
    let received: Vec<_> = received.iter().map(|frame| (frame.opcode, &*frame.payload)).collect();
    assert_eq!(received, expected, "{what}");
}

/// Checks that `bytes` end the connection with that code, and that nothing is done after them.
async fn check_failure(site: &Site, what: &str, bytes: &[u8], code: u16) {
    let received = answers(site, &[bytes, &frame(FIN | TEXT, b"too late")].concat()).await;
    assert_eq!(received.iter().map(|frame| frame.close().0).collect::<Vec<_>>(), [code], "{what}");
}

#[tokio::test]
async fn messages_come_back_however_they_are_cut() {
    let site = Site::open().await;
    let e_acute = "é".as_bytes();
    let long = vec![b'x'; LONGEST];
    let half = LONGEST / 2;
    let rows: [Case<'_>; 9] = [
        ("a text", frame(FIN | TEXT, "ünï".as_bytes()), &[(TEXT, "ünï".as_bytes())]),
        ("bytes", frame(FIN | BINARY, &[0, 255, 1]), &[(BINARY, &[0, 255, 1])]),
        ("nothing", frame(FIN | TEXT, b""), &[(TEXT, b"")]),
        (
            "fragments, some of them empty",
            [
                frame(TEXT, b""),
                frame(CONTINUATION, b"a"),
                frame(CONTINUATION, b""),
                frame(CONTINUATION, b"b"),
                frame(FIN | CONTINUATION, b""),
            ]
            .concat(),
            &[(TEXT, b"ab")],
        ),
        (
            "a letter cut in two",
            [frame(TEXT, &e_acute[..1]), frame(FIN | CONTINUATION, &e_acute[1..])].concat(),
            &[(TEXT, e_acute)],
        ),
        (
            "a ping inside of a message is answered at once",
            [frame(BINARY, b"a"), frame(FIN | PING, b"?"), frame(FIN | CONTINUATION, b"b")].concat(),
            &[(PONG, b"?"), (BINARY, b"ab")],
        ),
        ("a pong that nobody asked for", [frame(FIN | PONG, b"!"), frame(FIN | TEXT, b"a")].concat(), &[(TEXT, b"a")]),
        ("the longest message", frame(FIN | BINARY, &long), &[(BINARY, &long)]),
        (
            "the longest message in two",
            [frame(BINARY, &long[half..]), frame(FIN | CONTINUATION, &long[..half])].concat(),
            &[(BINARY, &long)],
        ),
    ];
    for (what, bytes, expected) in rows {
        check(&site, what, &bytes, expected).await;
    }
    let ping = [b'p'; 125];
    check(&site, "the longest ping", &frame(FIN | PING, &ping), &[(PONG, &ping)]).await;
}

#[tokio::test]
async fn bytes_that_come_one_by_one_are_the_same_frames() {
    let site = Site::open().await;
    let mut client = WebSocket::open(site.addr, ECHO).await;
    for byte in frame(FIN | TEXT, "slow, ünï".as_bytes()) {
        client.write(&[byte]).await;
    }
    assert_eq!(client.text().await, "slow, ünï");
}

#[tokio::test]
async fn what_is_no_frame_ends_the_connection() {
    let site = Site::open().await;
    let mut unmasked = vec![FIN | TEXT, 1, b'x'];
    unmasked.extend([0; 4]);
    let rows = [
        ("not masked (5.1)", unmasked),
        ("a reserved bit (5.2)", frame(FIN | 0x40 | TEXT, b"x")),
        ("an unknown data frame (5.2)", frame(FIN | 3, b"x")),
        ("an unknown control frame (5.2)", frame(FIN | 11, b"x")),
        ("a continuation of nothing (5.4)", frame(FIN | CONTINUATION, b"x")),
        ("a message inside of another (5.4)", [frame(TEXT, b"a"), frame(FIN | TEXT, b"b")].concat()),
        ("a cut control frame (5.5)", frame(PING, b"x")),
        ("a control frame that is too long (5.5)", frame(FIN | PING, &[b'x'; 126])),
        ("half a close code (5.5.1)", frame(FIN | CLOSE, &[3])),
    ];
    for (what, bytes) in rows {
        check_failure(&site, what, &bytes, 1002).await;
    }
}

#[tokio::test]
async fn text_that_is_not_utf_8_ends_the_connection() {
    let site = Site::open().await;
    // An overlong form, a surrogate, more than Unicode has, and one that is cut off.
    for bad in [&[0xc0, 0xaf][..], &[0xed, 0xa0, 0x80], &[0xf4, 0x90, 0x80, 0x80], &[0xe2, 0x82]] {
        check_failure(&site, "in a text (8.1)", &frame(FIN | TEXT, bad), 1007).await;
        let cut = [frame(TEXT, b"good"), frame(FIN | CONTINUATION, bad)].concat();
        check_failure(&site, "in a fragment (8.1)", &cut, 1007).await;
        check_failure(&site, "in a close's reason (5.5.1)", &frame(FIN | CLOSE, &[&[3, 232], bad].concat()), 1007).await;
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_connection_unread() {
    let site = Site::open().await;
    // Only the head of it: nothing is waited for.
    let endless = [FIN | BINARY, 0x80 | 127, 0x7f, 255, 255, 255, 255, 255, 255, 255];
    let one_more = frame(FIN | BINARY, &vec![0; LONGEST + 1]);
    let in_pieces = [frame(BINARY, &vec![0; LONGEST]), frame(CONTINUATION, b"x")].concat();
    for (what, bytes) in [("one byte", &one_more[..]), ("a fragment", &in_pieces), ("8 EiB", &endless)] {
        check_failure(&site, what, bytes, 1009).await;
    }
}

#[tokio::test]
async fn a_close_is_answered_with_its_code_if_it_is_one() {
    let site = Site::open().await;
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        let received = answers(&site, &close(code)).await;
        assert_eq!(received.iter().map(|frame| frame.close()).collect::<Vec<_>>(), [(code, "")]);
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        check_failure(&site, &code.to_string(), &close(code), 1002).await;
    }
    let received = answers(&site, &frame(FIN | CLOSE, b"")).await;
    assert_eq!(received, [Received { opcode: CLOSE, payload: Vec::new() }], "no code (5.5.1)");
    let received = answers(&site, &frame(FIN | CLOSE, &[&[3, 232], "bye, ünï".as_bytes()].concat())).await;
    assert_eq!(received.iter().map(|frame| frame.close()).collect::<Vec<_>>(), [(1000, "bye, ünï")]);
}
