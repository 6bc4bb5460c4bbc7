use std::sync::Arc;

use super::super::{
    Site, nats,
    node::{self, RELAYED_BYTES},
    site::Setting,
    web_socket::{BINARY, FIN, TEXT, WebSocket, frame},
};
use crate::hub::Intake;

/// Sends messages and frames that are none on one node, which clients of both get in this order.
async fn check_order(one: &Site, other: &Site) {
    let mut here = WebSocket::open(one.addr, "/ws/broadcast").await;
    let mut there = WebSocket::open(other.addr, "/ws/broadcast").await;
    // Both nodes know of each other then.
    for site in [one, other] {
        site.viewers(2).await;
    }
    for (sender, text) in [(0, "one"), (1, "other")] {
        let both = [&mut here, &mut there];
        both[sender].say(text).await;
        for client in both {
            assert_eq!(client.text().await, text);
        }
    }
    let sent: Vec<_> = (0..60_u8).map(|n| (if n % 3 == 0 { TEXT } else { BINARY }, n.to_string().into_bytes())).collect();
    let all: Vec<_> = sent.iter().flat_map(|(opcode, payload)| frame(FIN | opcode, payload)).collect();
    here.write(&all).await;
    for (opcode, payload) in &sent {
        for client in [&mut here, &mut there] {
            let received = client.next().await.expect("an open connection");
            assert_eq!((received.opcode, &received.payload), (*opcode, payload));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_reach_all_nodes_in_order_with_the_messages() {
    let [one, other] = node::two().await;
    check_order(&one, &other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_go_through_nats_in_order_with_the_messages() {
    let stream = uuid::Uuid::new_v4().simple().to_string();
    let open = async || {
        let (folder, intake) = (Arc::new(tempfile::tempdir().expect("a folder")), Intake::default());
        let engine = Arc::new(nats::open(folder.path(), &stream, intake.sink()).await);
        Site::on(engine, folder, intake, Setting::default()).await
    };
    let (one, other) = (open().await, open().await);
    for (one, other) in [(&one, &other), (&other, &one)] {
        check_order(one, other).await;
        one.viewers(0).await;
    }
    let mut client = WebSocket::open(one.addr, "/ws/broadcast").await;
    let most = vec![7; one.engine().peers().expect("nodes").relayed_bytes() - 10];
    client.write(&frame(FIN | BINARY, &most)).await;
    assert!(client.next().await.expect("it fits").payload == most);
}

#[tokio::test]
async fn a_frame_that_is_too_large_for_other_nodes_is_refused() {
    let [one, other] = node::two().await;
    let mut here = WebSocket::open(one.addr, "/ws/broadcast").await;
    let mut there = WebSocket::open(other.addr, "/ws/broadcast").await;
    let longest = vec![1; RELAYED_BYTES - 10];
    there.write(&frame(FIN | BINARY, &longest)).await;
    assert!(here.next().await.expect("it fits").payload == longest);
    there.next().await.expect("its own");
    there.write(&frame(FIN | BINARY, &vec![1; RELAYED_BYTES])).await;
    let (code, reason) = {
        let refused = there.next().await.expect("a close");
        let (code, reason) = refused.close();
        (code, reason.to_owned())
    };
    assert!(code == 1009 && reason.contains("100000 bytes"), "{reason}");
}
