//! The load generator counts exactly, or what it says of a server is worth nothing.

use super::load::{
    head::{Answer, Head},
    mark::{Mark, Scanner, finder},
    tally::Tally,
};

#[test]
fn marks_are_found_however_the_stream_is_cut() {
    let marks: Vec<_> = (0..5).map(|n| Mark { publisher: n as u8 + 9, number: n * 77, due_ns: u64::from(n) << 40 }).collect();
    let text: String = marks.iter().map(|mark| format!("~ma~mark{}~", mark.write())).collect();
    let text = format!("{text}~~{}{}~mark:00", marks[0].write(), marks[1].write()).into_bytes();
    let expected: Vec<_> = marks.iter().chain(&marks[..2]).copied().collect();
    for size in 1..text.len() {
        let (mut scanner, mut found) = (Scanner::default(), Vec::new());
        text.chunks(size).for_each(|piece| scanner.scan(&finder(), piece, |mark| found.push(mark)));
        assert_eq!(found, expected, "in pieces of {size}");
    }
}

fn check(numbers: &[u32], sent: u32, expected: [u64; 4]) {
    let mut tally = Tally::default();
    numbers.iter().for_each(|&number| tally.take(1, number));
    let found = [tally.delivered, tally.lost(&[0, sent]), tally.doubled, tally.out_of_order];
    assert_eq!(found, expected, "delivered, lost, doubled, out of order of {numbers:?}");
}

#[test]
fn nothing_escapes_the_count() {
    check(&[0, 1, 2], 3, [3, 0, 0, 0]);
    check(&[], 3, [0, 3, 0, 0]);
    check(&[0, 2], 4, [2, 2, 0, 0]);
    check(&[0, 1, 1, 0, 2], 3, [3, 0, 2, 0]);
    check(&[0, 2, 1, 3], 4, [4, 0, 0, 1]);
    check(&[3, 0], 4, [2, 2, 0, 1]);
}

#[test]
fn only_a_whole_head_that_says_200_opens_a_stream() {
    let check = |head: &str, expected: fn(usize) -> Answer| {
        for cut in 0..head.len() {
            let mut taken = Head::default();
            assert_eq!(taken.take(&head.as_bytes()[..cut]), Answer::Unfinished, "{cut} bytes of {head}");
            let last = format!("{}data: 1", &head[cut..]);
            assert_eq!(taken.take(last.as_bytes()), expected(head.len() - cut), "cut at {cut}: {head}");
        }
    };
    check("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", Answer::Stream);
    check("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n", |_| Answer::Refused);
    check("HTTP/1.1 204 No Content\r\n\r\n", |_| Answer::Refused);
}
