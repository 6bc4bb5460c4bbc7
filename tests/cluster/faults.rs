use std::{thread, time::Duration};

use super::{machines::Machines, random::Random, rounds, talk::Talk, wait_until};

#[test]
fn a_killed_node_loses_nothing() {
    Talk::during(|machines, talk, random| (0..rounds(3, 30)).for_each(|_| kill_a_node(machines, talk, random)));
}

#[test]
fn a_node_without_its_index_makes_it_anew() {
    Talk::during(|machines, talk, random| (0..rounds(1, 10)).for_each(|_| forget_an_index(machines, talk, random)));
}

#[test]
fn a_killed_follower_of_nats_loses_nothing() {
    Talk::during(|machines, talk, random| (0..rounds(1, 15)).for_each(|_| kill_a_follower(machines, talk, random)));
}

#[test]
fn a_killed_leader_of_nats_loses_nothing() {
    Talk::during(|machines, talk, random| (0..rounds(2, 15)).for_each(|_| kill_the_leader(machines, talk, random)));
}

#[test]
fn a_silent_leader_of_nats_loses_nothing() {
    Talk::during(|machines, talk, _| (0..rounds(1, 8)).for_each(|_| silence_the_leader(machines, talk, 10)));
}

#[test]
fn a_restart_of_all_of_nats_loses_nothing() {
    Talk::during(|machines, talk, random| (0..rounds(1, 10)).for_each(|_| restart_nats(machines, talk, random)));
}

#[test]
fn without_most_of_nats_every_node_says_so() {
    Talk::during(|machines, _, random| {
        let stays = random.below(3) as usize;
        let goes: Vec<_> = (0..3).filter(|&number| number != stays).collect();
        goes.iter().for_each(|&number| machines.nats[number].kill());
        wait_until("no node is ready", || machines.nodes.iter().all(|node| !node.is_ready()));
        goes.iter().for_each(|&number| machines.nats[number].start_again());
        machines.wait_for_nats();
        machines.wait_for_nodes();
    });
}

/// Whatever order shows what one fault after another does not.
#[test]
fn faults_in_any_order_lose_nothing() {
    let silence = |machines: &mut Machines, talk: &Talk, _: &mut Random| silence_the_leader(machines, talk, rounds(3, 10));
    let faults = [kill_a_node, forget_an_index, kill_a_follower, kill_the_leader, silence, restart_nats];
    Talk::during(|machines, talk, random| {
        for _ in 0..rounds(2, 60) {
            let fault = faults[random.below(faults.len() as u64) as usize];
            fault(machines, talk, random);
        }
    });
}

fn kill_a_node(machines: &mut Machines, talk: &Talk, random: &mut Random) {
    machines.node(random).kill();
    talk.goes_on();
    machines.start_nodes();
}

fn forget_an_index(machines: &mut Machines, talk: &Talk, random: &mut Random) {
    let node = machines.node(random);
    node.kill();
    node.forget();
    talk.goes_on();
    machines.start_nodes();
}

fn kill_a_follower(machines: &mut Machines, talk: &Talk, random: &mut Random) {
    let (_, followers) = machines.leader_and_followers();
    kill_one_of_nats(machines, talk, followers[random.below(2) as usize]);
}

fn kill_the_leader(machines: &mut Machines, talk: &Talk, _: &mut Random) {
    let (leader, _) = machines.leader_and_followers();
    kill_one_of_nats(machines, talk, leader);
}

fn kill_one_of_nats(machines: &mut Machines, talk: &Talk, number: usize) {
    machines.nats[number].kill();
    talk.goes_on();
    machines.nats[number].start_again();
    machines.wait_for_nats();
}

fn silence_the_leader(machines: &mut Machines, talk: &Talk, seconds: u64) {
    let (leader, _) = machines.leader_and_followers();
    machines.nats[leader].pause();
    thread::sleep(Duration::from_secs(seconds));
    machines.nats[leader].resume();
    machines.wait_for_nats();
    talk.goes_on();
}

fn restart_nats(machines: &mut Machines, talk: &Talk, random: &mut Random) {
    machines.nats.iter_mut().for_each(super::nats::Nats::kill);
    thread::sleep(Duration::from_millis(random.below(2_000)));
    machines.nats.iter_mut().for_each(super::nats::Nats::start_again);
    machines.wait_for_nats();
    talk.goes_on();
}
