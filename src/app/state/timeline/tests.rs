use super::*;
use crate::{
    app::mention::Person,
    chat::{ChatText, Reaction, Recount},
};

fn message(seq: u64) -> ChatMessage {
    said(seq, "ann", "2026-11-21T03:00:00.123Z")
}

fn said(seq: u64, author: &str, sent_at: &str) -> ChatMessage {
    let chat = ChatText { username: author.into(), text: format!("text {seq}") };
    ChatMessage {
        seq,
        id: format!("id{seq}"),
        author: author.into(),
        chat,
        sent_at: sent_at.into(),
        private: false,
        waits: false,
        role: String::new(),
        picture: String::new(),
        announces: false,
        reactions: Vec::new(),
        quote: None,
    }
}

/// Messages of one author, one after the other.
pub fn messages(range: std::ops::RangeInclusive<u64>) -> Vec<ChatMessage> {
    range.map(message).collect()
}

fn extract(range: std::ops::RangeInclusive<u64>, has_more: bool, end: u64) -> HistoryPage {
    let messages = messages(range);
    let bounds = messages.first().zip(messages.last()).map(|(first, last)| (first.id.clone(), last.id.clone()));
    HistoryPage { messages, bounds, has_more, position: format!("e-{end}") }
}

fn seqs(timeline: &Timeline) -> Vec<u64> {
    timeline.entries.iter().map(|entry| entry.message.seq).collect()
}

fn ends(timeline: &Timeline) -> (u64, u64, usize) {
    let seqs = seqs(timeline);
    assert!(seqs.is_sorted_by(|a, b| a < b), "in order, each once");
    assert!(seqs.len() <= MOST_MESSAGES);
    (seqs[0], seqs[seqs.len() - 1], seqs.len())
}

/// What stands above each message: a gap, a day, a name.
fn above(timeline: &Timeline) -> Vec<String> {
    let mark = |shown, mark| if shown { mark } else { "" };
    timeline
        .rows("", "", None)
        .iter()
        .map(|row| [mark(row.gap, "gap "), mark(row.day, "day "), mark(row.name, "name")].concat())
        .collect()
}

#[test]
fn what_was_offered_before_is_passed_over() {
    let mut timeline = Timeline::new(&messages(3..=5), true, "e-0");
    timeline.append(messages(4..=7), Reader::AtEnd);
    timeline.append(messages(1..=7), Reader::AtEnd);
    assert_eq!(seqs(&timeline), [3, 4, 5, 6, 7]);
    assert_eq!(timeline.unread(), 0);
}

#[test]
fn who_follows_keeps_the_newest() {
    let mut timeline = Timeline::new(&messages(1..=50), false, "e-0");
    timeline.append(messages(51..=1_050), Reader::AtEnd);
    assert_eq!(ends(&timeline), (751, 1_050, 300));
    assert!(timeline.has_older() && !timeline.has_newer());
}

#[test]
fn what_was_said_before_a_time_is_taken_out_and_not_offered_again() {
    let at = |seq| said(seq, "ann", &format!("2026-11-21T03:00:{seq:02}.900Z"));
    let start = clock::seconds("2026-11-21T03:00:00Z");
    let mut timeline = Timeline::new(&(1..=5).map(at).collect::<Vec<_>>(), false, "e-0");
    for (seconds, expected) in [(0, vec![1, 2, 3, 4, 5]), (1, vec![1, 2, 3, 4, 5]), (3, vec![3, 4, 5]), (60, vec![])] {
        timeline.begin_at(start + seconds);
        assert_eq!(seqs(&timeline), expected, "{seconds}");
        assert!(!timeline.begins_before(start + seconds));
    }
    timeline.append((4..=6).map(at).collect(), Reader::AtEnd);
    assert_eq!(seqs(&timeline), [6]);
    assert!(!timeline.has_newer());
}

#[test]
fn who_looks_a_little_up_keeps_what_they_see() {
    let mut timeline = Timeline::new(&messages(1..=300), false, "e-0");
    timeline.append(messages(301..=310), Reader::InNewerHalf);
    assert_eq!(ends(&timeline), (11, 310, 300));
    assert_eq!((timeline.unread(), timeline.has_newer()), (10, false));
    timeline.mark_read();
    assert_eq!(timeline.unread(), 0);
}

#[test]
fn who_reads_history_keeps_it_and_comes_back() {
    let mut timeline = Timeline::new(&messages(101..=400), true, "e-0");
    timeline.append(messages(401..=450), Reader::InOlderHalf);
    assert_eq!(ends(&timeline), (101, 400, 300));
    assert_eq!((timeline.unread(), timeline.has_newer()), (50, true));

    timeline.prepend(extract(51..=100, true, 450));
    assert_eq!(ends(&timeline), (51, 350, 300));
    assert!(timeline.has_older());
    timeline.append(messages(451..=460), Reader::AtEnd);
    assert_eq!(ends(&timeline), (51, 350, 300), "no hole behind a cut");
    assert_eq!(timeline.unread(), 60);

    timeline.extend(extract(351..=400, true, 460));
    assert_eq!(ends(&timeline), (101, 400, 300));
    assert!(timeline.has_newer());
    assert_eq!((timeline.older_from(), timeline.newer_from()), ("id101", "id400"));
    timeline.extend(extract(401..=460, false, 460));
    assert_eq!(ends(&timeline), (161, 460, 300));
    assert!(!timeline.has_newer());
    timeline.append(messages(455..=461), Reader::AtEnd);
    assert_eq!(ends(&timeline), (162, 461, 300));
}

#[test]
fn what_comes_while_an_extract_is_under_way_is_not_lost() {
    let mut timeline = Timeline::new(&messages(101..=400), true, "e-0");
    timeline.append(messages(401..=450), Reader::InOlderHalf);
    // Read when the log ended at 450; 451 came before the answer did.
    timeline.append(messages(451..=451), Reader::AtEnd);
    timeline.replace(extract(401..=450, true, 450));
    assert_eq!(ends(&timeline), (401, 451, 51));
    assert_eq!((timeline.older_from(), timeline.has_newer()), ("id401", false));
    timeline.append(messages(450..=452), Reader::AtEnd);
    assert_eq!(ends(&timeline), (401, 452, 52));
}

#[test]
fn what_waits_is_bounded_and_the_rest_is_fetched() {
    let mut timeline = Timeline::new(&messages(101..=400), true, "e-0");
    timeline.append(messages(401..=1_000), Reader::InOlderHalf);
    assert_eq!((ends(&timeline), timeline.unread()), ((101, 400, 300), 600));
    // Read when the log ended at 600: it does not reach 701, where what waits begins.
    timeline.replace(extract(551..=600, true, 600));
    assert_eq!(ends(&timeline), (551, 600, 50));
    assert_eq!((timeline.has_newer(), timeline.newer_from()), (true, "e-600"));
    timeline.append(messages(1_001..=1_001), Reader::AtEnd);
    timeline.extend(extract(601..=650, true, 1_001));
    assert_eq!((timeline.has_newer(), timeline.newer_from()), (true, "id650"));
    timeline.extend(extract(651..=701, false, 701));
    assert_eq!(ends(&timeline), (702, 1_001, 300));
    assert!(!timeline.has_newer());

    // Of another log, nothing that waits counts.
    timeline.append(messages(1_002..=1_003), Reader::InOlderHalf);
    timeline.restart(extract(3..=5, false, 5));
    assert_eq!(ends(&timeline), (3, 5, 3));
    assert!(!timeline.has_newer());
}

#[test]
fn a_replay_that_goes_to_another_moment_shows_that_one_alone() {
    let mut timeline = Timeline::new(&messages(40..=60), true, "e-900");
    timeline.become_replay();
    timeline.append(messages(61..=62), Reader::InNewerHalf);
    timeline.rewind(extract(10..=15, true, 900));
    assert_eq!((seqs(&timeline), timeline.unread(), timeline.has_older()), ((10..=15).collect(), 0, true));
    timeline.append(messages(15..=18), Reader::AtEnd);
    assert_eq!(seqs(&timeline), (10..=18).collect::<Vec<_>>(), "what was shown before comes again");
    timeline.rewind(HistoryPage { position: "e-900".into(), ..HistoryPage::default() });
    assert!(timeline.is_empty() && !timeline.has_older());
    timeline.append(messages(1..=1), Reader::AtEnd);
    assert_eq!(seqs(&timeline), [1]);
}

#[test]
fn a_replay_shows_nothing_before_it_is_due() {
    let most = MOST_MESSAGES as u64;
    let mut timeline = Timeline::new(&messages(501..=500 + most), true, "e-2000");
    timeline.become_replay();
    timeline.prepend(extract(401..=500, true, 2_000));
    timeline.append(messages(501 + most..=502 + most), Reader::InOlderHalf);
    assert!(timeline.has_newer() && timeline.unread() == 2);
    timeline.extend(extract(401 + most..=600 + most, true, 2_000));
    assert_eq!(seqs(&timeline).last(), Some(&(502 + most)));
    assert!(!timeline.has_newer());
    timeline.append(messages(503 + most..=503 + most), Reader::AtEnd);
    assert_eq!(seqs(&timeline).last(), Some(&(503 + most)));
}

#[test]
fn older_extracts_join_without_a_seam() {
    let mut timeline = Timeline::new(&messages(51..=100), true, "e-0");
    timeline.prepend(extract(1..=55, false, 100));
    assert_eq!(ends(&timeline), (1, 100, 100));
    assert!(!timeline.has_older() && !timeline.has_newer());
}

#[test]
fn a_gap_is_said_in_front_of_what_follows_it() {
    let mut timeline = Timeline::new(&messages(901..=950), true, "e-0");
    timeline.restart(extract(3..=5, false, 5));
    assert_eq!(ends(&timeline), (3, 5, 3));
    assert_eq!(above(&timeline), ["gap day name", "", ""]);
    timeline.append(messages(5..=6), Reader::AtEnd);
    assert_eq!(ends(&timeline), (3, 6, 4), "the new log counts from its own beginning");

    timeline.restart(HistoryPage { position: "e-7".into(), ..HistoryPage::default() });
    assert!(timeline.is_empty());
    timeline.append(messages(8..=8), Reader::AtEnd);
    assert_eq!(above(&timeline), ["gap day name"]);
}

#[test]
fn names_and_days_stand_once() {
    let said = [
        said(1, "ann", "2026-11-20T23:58:00Z"),
        said(2, "ann", "2026-11-20T23:59:00Z"),
        said(3, "ann", "2026-11-21T00:00:00Z"),
        said(4, "bob", "2026-11-21T00:00:01Z"),
        said(5, "bob", "2026-11-21T00:05:00Z"),
        said(6, "bob", "2026-11-21T00:10:00Z"),
    ];
    let timeline = Timeline::new(&said, false, "e-0");
    assert_eq!(above(&timeline), ["day name", "", "day name", "name", "", "name"]);
    // What is loaded above joins the day that is there.
    for seam in 1..said.len() {
        let mut loaded = Timeline::new(&said[seam..], true, "e-0");
        assert_eq!(above(&loaded)[0], "day name", "{seam}");
        loaded.prepend(HistoryPage { messages: said[..seam].to_vec(), position: "e-6".into(), ..HistoryPage::default() });
        assert_eq!(above(&loaded), above(&timeline), "{seam}");
    }
}

#[test]
fn an_empty_room_has_no_rows() {
    let timeline = Timeline::new(&[], false, "e-0");
    assert!(timeline.is_empty() && timeline.rows("", "", None).is_empty());
    assert_eq!(timeline.older_from(), "e-0");
}

#[test]
fn extracts_without_chat_messages_lead_on() {
    let mut timeline = Timeline::new(&messages(51..=100), true, "e-100");
    let bounds = Some(("id1".to_owned(), "id50".to_owned()));
    timeline.prepend(HistoryPage { messages: vec![], bounds, has_more: true, position: "e-100".into() });
    assert_eq!((timeline.older_from(), timeline.has_older()), ("id1", true));
}

#[test]
fn what_was_deleted_is_gone_but_for_its_author() {
    let at = "2026-11-21T03:00:00.123Z";
    let said = |author: &'static str, seqs: [u64; 2]| seqs.map(|seq| said(seq, author, at));
    let mut all: Vec<_> = said("ann", [1, 4]).into_iter().chain(said("bob", [2, 5])).chain(said("eve", [3, 6])).collect();
    all.sort_by_key(|message| message.seq);
    let shown = |timeline: &Timeline, reader: &str| {
        timeline.rows(reader, "", None).iter().map(|row| (row.message.seq, row.deleted.is_some())).collect::<Vec<_>>()
    };
    let mut timeline = Timeline::new(&all, false, "e-6");
    timeline.remove(Removal::Message(2), "eve");
    timeline.remove(Removal::Message(3), "eve");
    assert_eq!(shown(&timeline, "eve"), [(1, false), (3, true), (4, false), (5, false), (6, false)]);
    timeline.remove(Removal::AllOf { author: "ann".into(), before: 4 }, "eve");
    assert_eq!(shown(&timeline, "eve"), [(3, true), (4, false), (5, false), (6, false)], "what was said later stays");
}

#[test]
fn why_is_said_to_the_author() {
    let at = "2026-11-21T03:00:00.123Z";
    let mut timeline = Timeline::new(&[said(1, "eve", at), said(2, "eve", at), said(3, "eve", at)], false, "e-3");
    let removal = Removal::AllOf { author: "eve".into(), before: 3 };
    assert_eq!((timeline.own(&removal, "ann"), timeline.own(&removal, "eve").is_some()), (None, true));
    timeline.remove(removal.clone(), "eve");
    let before = timeline.rows("eve", "", None);
    timeline.explain(&removal, "adverts");
    let why: Vec<_> = timeline.rows("eve", "", None).iter().map(|row| row.deleted.clone()).collect();
    assert_eq!(why, [Some("adverts".to_owned()), Some("adverts".to_owned()), None]);
    let after = timeline.rows("eve", "", None);
    assert!(before.iter().zip(&after).map(|(before, after)| before == after).eq([false, false, true]), "they look different");
    // A second deletion of the same takes the reason of the first not away.
    timeline.remove(Removal::Message(1), "eve");
    assert_eq!(timeline.rows("eve", "", None)[0].deleted.as_deref(), Some("adverts"));
}

#[test]
fn what_was_deleted_does_not_come_back_with_an_older_answer() {
    let mut timeline = Timeline::new(&messages(51..=100), true, "e-100");
    timeline.remove(Removal::Message(40), "");
    timeline.prepend(extract(1..=50, false, 100));
    assert_eq!(seqs(&timeline).len(), 99);
    timeline.remove(Removal::Message(60), "");
    timeline.replace(extract(51..=100, true, 100));
    assert!(!seqs(&timeline).contains(&60));
    timeline.restart(extract(51..=100, true, 100));
    assert!(seqs(&timeline).contains(&60), "of another log");
}

#[test]
fn unread_messages_that_are_deleted_are_not_counted() {
    let mut timeline = Timeline::new(&messages(1..=50), false, "e-50");
    timeline.append(messages(51..=55), Reader::InNewerHalf);
    timeline.remove(Removal::Message(10), "");
    timeline.remove(Removal::Message(52), "");
    timeline.remove(Removal::Message(52), "");
    assert_eq!(timeline.unread(), 4);
    timeline.mark_read();
    timeline.remove(Removal::Message(53), "");
    assert_eq!(timeline.unread(), 0);
}

fn speaking(seq: u64, author: &str, username: &str, text: &str) -> ChatMessage {
    let chat = ChatText { username: username.into(), text: text.into() };
    ChatMessage { chat, ..said(seq, author, "2026-11-21T03:00:00.123Z") }
}

#[test]
fn people_are_named_once_who_spoke_last_first() {
    let all = [
        speaking(1, "a", "Ann", "hi"),
        speaking(2, "b", "Bob", "hi"),
        speaking(3, "r", "Rae", "hi"),
        speaking(4, "a", " Ann ", "hi"),
    ];
    let timeline = Timeline::new(&all, false, "e-4");
    let people = |user_id: &str, name: &str| {
        timeline.people(user_id, name).into_iter().map(|Person { name, own, .. }| (name, own)).collect::<Vec<_>>()
    };
    let named = |name: &str, own| (name.to_owned(), own);
    assert_eq!(people("r", ""), [named("Ann", false), named("Rae", true), named("Bob", false)]);
    assert_eq!(people("new", "Nik").last(), Some(&named("Nik", true)), "the reader counts before they have said anything");
    assert_eq!(people("new", "Bob").last(), Some(&named("Bob", true)));
}

#[test]
fn rows_for_the_reader_are_marked_and_look_different_when_that_changes() {
    let all = [speaking(1, "a", "Ann", "@Rae hi"), speaking(2, "r", "Rae", "@Rae me"), speaking(3, "a", "Ann", "@Bob")];
    let mut timeline = Timeline::new(&all, false, "e-3");
    let marked = |timeline: &Timeline, user_id: &str, name: &str| {
        timeline.rows(user_id, name, None).iter().map(|row| row.for_reader).collect::<Vec<_>>()
    };
    assert_eq!(marked(&timeline, "r", ""), [true, false, false], "one's own words do not count");
    assert_eq!(marked(&timeline, "new", "bob"), [false, false, true]);
    let before = timeline.rows("r", "Rae", None);
    timeline.append(vec![speaking(4, "b", "Bob", "here I am")], Reader::AtEnd);
    let after = timeline.rows("r", "Rae", None);
    assert_eq!(after[..2], before[..2]);
    assert_ne!(after[2], before[2], "a name that is known now");
}

#[test]
fn what_is_missed_is_what_is_for_the_reader() {
    let mut timeline = Timeline::new(&[speaking(1, "a", "Ann Smith", "hi")], false, "e-1");
    let said = [
        speaking(2, "a", "Ann Smith", "@rae!"),
        speaking(3, "r", "Rae", "@Rae, says Rae"),
        speaking(4, "a", "Ann Smith", "Rae"),
        speaking(5, "b", "Bob", "and @Rae"),
    ];
    timeline.append(said.to_vec(), Reader::AtEnd);
    assert_eq!(timeline.missed(), 0, "whoever looks misses nothing");
    timeline.miss(said.to_vec(), "r", "Rae");
    assert_eq!(timeline.missed(), 2);
    timeline.remove(Removal::Message(2), "r");
    assert_eq!(timeline.missed(), 1, "what was deleted");
    timeline.mark_seen();
    assert_eq!(timeline.missed(), 0);
    timeline.miss((10..1_000).map(|seq| speaking(seq, "b", "Bob", "@Rae")).collect(), "r", "Rae");
    assert_eq!(timeline.missed(), MOST_MISSED);
    // The reader's name is the beginning of another's.
    timeline.mark_seen();
    timeline.miss(vec![speaking(6, "b", "Bob", "@Ann Smith")], "n", "Ann");
    assert_eq!(timeline.missed(), 0);
}

fn counted(message: u64, counts: &[(&str, u64, bool)]) -> Recount {
    let reactions = counts.iter().map(|&(emoji, count, own)| Reaction { emoji: emoji.into(), count, own });
    Recount { message, reactions: reactions.collect() }
}

fn reactions(timeline: &mut Timeline, seq: u64) -> Vec<(String, u64, bool)> {
    let all = timeline.find(seq).expect("in the list").reactions.clone();
    all.into_iter().map(|Reaction { emoji, count, own }| (emoji, count, own)).collect()
}

#[test]
fn reactions_are_the_newest_that_are_known() {
    let mut timeline = Timeline::new(&messages(1..=3), false, "e-3");
    assert!(timeline.recount(4, counted(2, &[("a", 1, false)]), false));
    assert_eq!(timeline.toggle(2, "a"), Some(false));
    assert_eq!(reactions(&mut timeline, 2), [("a".into(), 2, true)], "at once");
    assert!(timeline.recount(5, counted(2, &[("a", 3, true)]), true), "the answer");
    assert!(!timeline.recount(5, counted(2, &[("a", 2, false)]), false), "what the answer knew already");
    assert!(timeline.recount(6, counted(2, &[("b", 1, false), ("a", 4, false)]), false));
    assert_eq!(reactions(&mut timeline, 2), [("a".into(), 4, true), ("b".into(), 1, false)], "whose they are is not told");
    assert_eq!(timeline.toggle(2, "a"), Some(true));
    assert!(!timeline.recount(5, counted(2, &[("a", 4, true)]), true), "a late answer");
    assert_eq!(reactions(&mut timeline, 2), [("a".into(), 3, false), ("b".into(), 1, false)]);
    assert!(timeline.recount(8, counted(2, &[("c", 2, true), ("b", 1, false)]), true));
    let shown = [("a".into(), 0, false), ("b".into(), 1, false), ("c".into(), 2, true)];
    assert_eq!(reactions(&mut timeline, 2), shown, "an emoji that nobody uses keeps its place");
    assert!(timeline.recount(9, counted(2, &[("c", 2, false), ("a", 1, false)]), false));
    assert_eq!(reactions(&mut timeline, 2), [("a".into(), 1, false), ("b".into(), 0, false), ("c".into(), 2, true)]);
    assert!(!timeline.recount(7, counted(9, &[("a", 1, false)]), false), "of a message that is not there");
    timeline.toggle(3, "c");
    timeline.toggle(3, "c");
    assert_eq!(reactions(&mut timeline, 3), [("c".into(), 0, false)], "nobody's");
}

fn replying(seq: u64, to: u64) -> ChatMessage {
    ChatMessage { quote: Some(Quote { seq: to, id: format!("id{to}"), ..Quote::default() }), ..message(seq) }
}

/// What each row quotes: a text, that it was deleted, or nothing.
fn quotes(timeline: &Timeline) -> Vec<String> {
    let quote = |row: Row| row.quote.map_or(String::new(), |quote| if quote.is_deleted { "deleted".into() } else { quote.text });
    timeline.rows("", "", None).into_iter().map(quote).collect()
}

#[test]
fn a_reply_quotes_what_is_in_the_list_or_asks_for_it() {
    let mut timeline = Timeline::new(&messages(11..=12), true, "e-12");
    timeline.append(vec![replying(13, 11), replying(14, 3), replying(15, 4)], Reader::AtEnd);
    assert_eq!(quotes(&timeline), ["", "", "text 11", "", ""]);
    assert_eq!(timeline.unknown_quote(), Some((15, "id4".into())));
    timeline.resolve(15, None);
    assert_eq!(timeline.unknown_quote(), Some((14, "id3".into())));
    timeline.resolve(14, Some(Quote::of(&message(3))));
    assert_eq!((timeline.unknown_quote(), quotes(&timeline)), (None, ["", "", "text 11", "text 3", ""].map(String::from).into()));
    assert!(timeline.rows("ann", "", None).iter().all(|row| !row.for_reader));

    let before = timeline.rows("", "", None);
    timeline.append(vec![ChatMessage { author: "bob".into(), ..replying(17, 12) }], Reader::AtEnd);
    assert!(timeline.rows("ann", "", None).iter().map(|row| row.for_reader).eq([false, false, false, false, false, true]));
    timeline.miss(vec![ChatMessage { author: "bob".into(), ..replying(17, 12) }], "ann", "");
    assert_eq!(timeline.missed(), 1, "whoever does not look is called back");
    timeline.remove(Removal::Message(17), "");
    timeline.remove(Removal::Message(11), "");
    assert_eq!(quotes(&timeline), ["", "deleted", "text 3", ""]);
    assert_ne!(timeline.rows("", "", None)[1], before[2], "the row looks different");
    timeline.append(vec![replying(18, 11)], Reader::AtEnd);
    assert_eq!(timeline.unknown_quote(), Some((18, "id11".into())), "nothing that was deleted is quoted from the list");
    timeline.remove(Removal::AllOf { author: "ann".into(), before: 4 }, "");
    assert_eq!(quotes(&timeline), ["", "deleted", "deleted", "", ""]);
}

#[test]
fn keys_lead_from_row_to_row_and_stop_at_the_ends() {
    let mut timeline = Timeline::new(&messages(11..=14), false, "e-14");
    let step = |timeline: &Timeline, from: u64, step| timeline.step((0, from), step).map(|((_, seq), id)| (seq, id));
    let row = |seq: u64| Some((seq, format!("id{seq}")));
    for (from, way, to) in [
        (13, Step::Back, 12),
        (11, Step::Back, 11),
        (13, Step::On, 14),
        (14, Step::On, 14),
        (13, Step::First, 11),
        (11, Step::Last, 14),
        (9, Step::Back, 11),
        (9, Step::On, 11),
        (20, Step::On, 14),
    ] {
        assert_eq!(step(&timeline, from, way), row(to), "{way:?} from {from}");
    }
    assert!(timeline.has((0, 12)) && !timeline.has((1, 12)) && !timeline.has((0, 15)));
    // The row that the keys were at is taken out: the one in its place comes next.
    timeline.remove(Removal::Message(12), "");
    assert_eq!(timeline.at_or_after((0, 12)).map(|((_, seq), _)| seq), Some(13));
    timeline.remove(Removal::Message(14), "");
    assert_eq!(timeline.at_or_after((0, 14)).map(|((_, seq), _)| seq), Some(13));
    assert_eq!(Timeline::default().step((0, 1), Step::On), None);
    assert!(timeline.rows("", "", Some((0, 13))).iter().map(|row| row.is_current).eq([false, true]));
}

#[test]
fn days_are_counted_by_the_clock_that_is_set() {
    // A place where it is midnight at 18:15 of universal time.
    let nepal = |sent_at: &str| clock::utc_day(sent_at) * 2 + u32::from(sent_at[11..16] >= *"18:15");
    let said = ["18:14:59.9", "18:15:00.1", "23:59:59.9"].map(|time| format!("2026-10-25T{time}Z"));
    let all: Vec<_> = said.iter().zip(11..).map(|(at, seq)| said_at(seq, at)).collect();
    let mut timeline = Timeline::new(&all[..2], true, "e-13");
    assert_eq!(above(&timeline), ["day name", ""]);
    timeline.set_days(Days(nepal));
    assert_eq!(above(&timeline), ["day name", "day name"]);
    timeline.append(all[2..].to_vec(), Reader::AtEnd);
    assert_eq!(above(&timeline)[2], "name", "the same day there, and hours later");
    // What is loaded above takes the day along, and what waits behind a cut has days too.
    timeline.prepend(HistoryPage {
        messages: vec![said_at(1, "2026-10-25T10:00:00.0Z")],
        position: "e-13".into(),
        ..HistoryPage::default()
    });
    assert_eq!(above(&timeline), ["day name", "name", "day name", "name"]);
}

fn said_at(seq: u64, sent_at: &str) -> ChatMessage {
    said(seq, "ann", sent_at)
}

#[test]
fn what_is_restored_is_back_in_its_place() {
    let mut timeline = Timeline::new(&messages(1..=5), false, "e-5");
    timeline.append(vec![said(6, "eve", "2026-11-21T03:00:00Z")], Reader::AtEnd);
    let before = timeline.rows("eve", "", None);
    let all = Removal::AllOf { author: "ann".into(), before: 7 };
    for removal in [Removal::Message(3), Removal::Message(6), all] {
        timeline.remove(removal.clone(), "eve");
        assert_ne!(timeline.rows("eve", "", None), before, "{removal:?}");
        timeline.restore(&removal, Reader::AtEnd);
        assert_eq!(timeline.rows("eve", "", None), before, "{removal:?}");
        timeline.restore(&removal, Reader::AtEnd);
        assert_eq!(timeline.rows("eve", "", None), before, "{removal:?} twice");
    }
}

#[test]
fn what_two_have_removed_comes_back_when_both_have_restored_it() {
    let mut timeline = Timeline::new(&messages(1..=3), false, "e-3");
    let (one, all) = (Removal::Message(2), Removal::AllOf { author: "ann".into(), before: 5 });
    timeline.remove(one.clone(), "");
    timeline.remove(all.clone(), "");
    timeline.restore(&one, Reader::AtEnd);
    assert_eq!(seqs(&timeline), [0; 0]);
    timeline.remove(one.clone(), "");
    timeline.restore(&all, Reader::AtEnd);
    assert_eq!(seqs(&timeline), [1, 3], "the other deletion stands");
    timeline.restore(&one, Reader::AtEnd);
    assert_eq!(seqs(&timeline), [1, 2, 3]);
}

#[test]
fn reactions_and_quotes_come_back_with_a_message() {
    let mut timeline = Timeline::new(&messages(1..=3), false, "e-3");
    timeline.append(vec![replying(4, 2)], Reader::AtEnd);
    let thumbs = [("👍", 2, true)];
    timeline.recount(3, counted(2, &thumbs), true);
    timeline.remove(Removal::Message(2), "ann");
    assert_eq!(timeline.rows("ann", "", None)[1].reactions, []);
    timeline.restore(&Removal::Message(2), Reader::AtEnd);
    assert_eq!(reactions(&mut timeline, 2), [("👍".to_owned(), 2, true)]);
    assert_eq!(timeline.unknown_quote().map(|(seq, _)| seq), Some(4), "it is asked for again");
}

#[test]
fn what_is_restored_outside_of_the_list_comes_with_its_extract() {
    let mut timeline = Timeline::new(&messages(10..=12), true, "e-12");
    timeline.remove(Removal::Message(5), "");
    timeline.restore(&Removal::Message(5), Reader::AtEnd);
    timeline.prepend(extract(4..=9, false, 12));
    assert_eq!(ends(&timeline), (4, 12, 9), "an extract that comes later has it");
}

#[test]
fn a_restored_message_that_nobody_has_read_counts_again() {
    let mut timeline = Timeline::new(&messages(1..=3), false, "e-3");
    timeline.append(messages(4..=5), Reader::InNewerHalf);
    timeline.remove(Removal::Message(4), "");
    assert_eq!(timeline.unread(), 1);
    timeline.restore(&Removal::Message(4), Reader::InNewerHalf);
    assert_eq!(timeline.unread(), 2);
}

#[test]
fn what_a_room_has_forgotten_is_nowhere_in_the_list() {
    let mut timeline = Timeline::new(&messages(1..=300), true, "e-300");
    timeline.append(messages(301..=700), Reader::InOlderHalf);
    timeline.rewind(HistoryPage::default());
    assert_eq!((seqs(&timeline), timeline.has_older(), timeline.has_newer(), timeline.unread()), (vec![], false, false, 0));
    timeline.append(messages(701..=702), Reader::AtEnd);
    assert_eq!(seqs(&timeline), [701, 702]);
}
