use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use super::{
    PATIENCE,
    client::{Attempt, Publisher, next_event, subscribe},
    link::Traffic,
    machines::{Machines, Node},
    random::Random,
    rounds,
    talk::Talk,
    wait_until,
};

#[test]
fn a_node_whose_packets_to_nats_are_lost_says_so_and_catches_up() {
    Talk::during(|machines, talk, random| {
        (0..rounds(1, 5)).for_each(|round| cut_off(machines, talk, random, Traffic::Stalls, round));
    });
}

#[test]
fn a_node_that_nats_refuses_says_so_and_catches_up() {
    Talk::during(|machines, talk, random| {
        (0..rounds(1, 5)).for_each(|round| cut_off(machines, talk, random, Traffic::IsRefused, round));
    });
}

/// Meanwhile the node is not ready, refuses what is published, and keeps its streams, which go on afterwards.
fn cut_off(machines: &mut Machines, talk: &Talk, random: &mut Random, traffic: Traffic, round: u64) {
    let node = machines.node(random);
    let mut publisher = Publisher::new(&node.address());
    let (_, mut stream) = subscribe(node.address().get(), None).expect("a stream");
    let text = format!("cut-off:{round}");
    node.link.set(traffic);
    wait_until("the node is not ready", || !node.is_ready());
    let refused = answer(node, &publisher.request(&text, &text));
    assert!(refused.starts_with("http/1.1 503 ") && refused.contains("\r\nretry-after: "), "{refused}");
    talk.goes_on();
    thread::sleep(Duration::from_secs(rounds(3, 30)));
    assert!(!node.is_ready(), "it is still cut off");
    node.link.set(Traffic::Flows);
    wait_until("the node is ready again", || node.is_ready());
    match publisher.publish(&text, &text) {
        Attempt::Stored(id) => talk.also(&text, &id),
        other => panic!("{other:?}"),
    }
    while next_event(&mut stream).expect("the stream of before goes on").1["message"]["message_text"] != *text {}
}

/// The head of an answer, and what comes with it, in lower case.
fn answer(node: &Node, request: &str) -> String {
    let mut socket = TcpStream::connect(node.address().get()).expect("a node");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time");
    socket.write_all(request.as_bytes()).expect("sent");
    let mut text = Vec::new();
    while !text.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut piece = [0; 1_024];
        let read @ 1.. = socket.read(&mut piece).expect("an answer") else { panic!("no answer: {text:?}") };
        text.extend_from_slice(&piece[..read]);
    }
    String::from_utf8_lossy(&text).to_lowercase()
}
