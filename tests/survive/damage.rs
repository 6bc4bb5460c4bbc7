use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
    thread,
};

use live_chat::{
    chat::{Draft, Payload, Profile, RoomId, UserId},
    engine::{Audience, End, Engine, EngineError, Entry, OpenError, Query, Reader, Sqlite},
};
use rusqlite::Connection;

use super::{
    client::{Publisher, history},
    random::Random,
    rounds,
    server::{Address, Server, command, log_of},
};

/// A message as it was stored: what it is known by, and what must not change.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    author: UserId,
    payload: String,
}

type Messages = BTreeMap<u64, Message>;

/// What became of a damaged folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fate {
    /// The start was refused.
    Refused,
    /// It started, and a reader is told that something is damaged.
    Told,
    /// It started, and everything is there.
    Intact,
}

#[test]
fn damage_to_a_file_is_told_or_has_changed_nothing() {
    let mut random = Random::from_environment();
    let mut fates = HashMap::new();
    for _ in 0..rounds(2, 40) {
        damage_one_log(&mut random, &mut fates);
    }
    println!("{fates:?}");
    assert!([Fate::Refused, Fate::Told, Fate::Intact].iter().all(|fate| fates.keys().any(|(_, seen)| seen == fate)), "{fates:?}");
}

#[test]
fn a_damaged_message_is_an_error_for_who_reads_it_and_the_documented_way_back_works() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("data");
    let acknowledged = fill(&folder, 50);
    let check = || {
        let output = command(&folder).arg("--check").output().expect("the program");
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
    };
    assert_eq!(check(), (Some(0), "ok\n".to_owned()));
    let sql = |sql| Connection::open(folder.join(Sqlite::FILE)).expect("opens").execute_batch(sql).expect("runs");
    sql("UPDATE events SET payload = replace(payload, 'survivor', 'altered') WHERE room = 1 AND seq = 7");
    assert_eq!(check().0, Some(1));
    assert!(log_of(&folder).contains("event 7 of room 1 is damaged"), "{}", log_of(&folder));

    let address = Address::default();
    let server = Server::start(&folder, &address);
    let (status, answer) = history(&address).expect_err("a damaged message");
    assert!(status == 500 && answer.contains("damaged") && !answer.contains("altered"), "{status}: {answer}");
    assert_eq!(log_of(&folder).matches("event 7 of room 1 is damaged").count(), 2, "one line for one request");
    server.kill();
    sql("UPDATE events SET checksum = NULL WHERE room = 1 AND seq = 7");
    assert_eq!(check(), (Some(0), "ok\n".to_owned()));
    let _server = Server::start(&folder, &address);
    assert!(history(&address).expect("a history").iter().map(|stored| &stored.id).eq(&acknowledged));
}

#[test]
fn a_backup_is_made_beside_the_running_program_and_the_documented_restore_works() {
    let home = tempfile::tempdir().expect("a folder");
    let (folder, backup) = (home.path().join("data"), home.path().join("live-chat.backup"));
    let acknowledged = fill(&folder, 50);
    let address = Address::default();
    let server = Server::start(&folder, &address);
    let back_up = || command(&folder).arg("backup").arg(&backup).output().expect("the program");
    let output = back_up();
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success() && said.contains("live-chat.backup"), "{said}{}", log_of(&folder));
    assert!(!back_up().status.success(), "it is not overwritten");
    assert!(log_of(&folder).contains("is there already"), "{}", log_of(&folder));
    server.kill();

    for file in ["live-chat.db-wal", "live-chat.db-shm", "live-chat.run"] {
        let _ = fs::remove_file(folder.join(file));
    }
    fs::copy(&backup, folder.join(Sqlite::FILE)).expect("restored");
    let _server = Server::start(&folder, &address);
    assert!(history(&address).expect("a history").iter().map(|stored| &stored.id).eq(&acknowledged));
}

/// Damages copies of one log again and again.
fn damage_one_log(random: &mut Random, fates: &mut HashMap<(&str, Fate), usize>) {
    let home = tempfile::tempdir().expect("a folder");
    let [crashed, stopped, damaged] = ["crashed", "stopped", "damaged"].map(|name| home.path().join(name));
    let acknowledged = fill(&crashed, random.below(250) as usize + 50);
    copy(&crashed, &stopped);
    let (messages, ids) = read(&stopped).expect("a log without damage");
    assert!(ids.iter().eq(&acknowledged), "all of them, before any damage");
    for _ in 0..rounds(75, 750) {
        let (from, file) = match random.below(3) {
            0 => (&stopped, "live-chat.db"),
            1 => (&crashed, "live-chat.db"),
            _ => (&crashed, "live-chat.db-wal"),
        };
        copy(from, &damaged);
        let damage = damage(&damaged.join(file), random);
        let fate = fate(&damaged, &messages, random);
        let fate = fate.unwrap_or_else(|wrong| panic!("{} {file}, {damage}: {wrong}", from.display()));
        *fates.entry((file, fate)).or_default() += 1;
    }
}

/// Runs the program under three publishers of so many messages, kills it, and gives the ids of what it acknowledged.
fn fill(folder: &Path, messages: usize) -> Vec<String> {
    let address = Address::default();
    let server = Server::start(folder, &address);
    let publish = |n: usize| {
        let mut publisher = Publisher::new(&address);
        (0..messages).map(|m| publisher.publish_until_stored(&format!("{n}:{m}:{}", "x".repeat(m % 40)))).collect::<Vec<_>>()
    };
    let mut ids = thread::scope(|scope| {
        let publishers = [0, 1, 2].map(|n| scope.spawn(move || publish(n)));
        publishers.into_iter().flat_map(|publisher| publisher.join().expect("a publisher")).collect::<Vec<_>>()
    });
    let order: HashMap<_, _> = history(&address).expect("a history").into_iter().map(|m| m.id).zip(0..).collect();
    ids.sort_by_key(|id| order[id]);
    server.kill();
    ids
}

/// Flips one bit, or cuts the end off.
fn damage(path: &Path, random: &mut Random) -> String {
    let file = File::options().read(true).write(true).open(path).expect("a file");
    let length = file.metadata().expect("a file").len();
    // Half of the cuts where a file system would leave them.
    let place = random.below(length);
    let place = if random.one_in(2) { place } else { place / 4_096 * 4_096 };
    if random.one_in(4) {
        file.set_len(place).expect("cut");
        return format!("cut at {place} of {length}");
    }
    let (mut byte, bit) = ([0], random.below(8));
    file.read_exact_at(&mut byte, place).expect("a byte");
    byte[0] ^= 1 << bit;
    file.write_all_at(&byte, place).expect("flipped");
    format!("bit {bit} of byte {place} of {length} flipped")
}

fn fate(folder: &Path, messages: &Messages, random: &mut Random) -> Result<Fate, String> {
    match read(folder) {
        Ok((found, _)) if found == *messages => repeat_one(folder, messages, random).map(|()| Fate::Intact),
        Ok((found, _)) => {
            let lost = messages.iter().filter(|(seq, message)| found.get(seq) != Some(message));
            Err(format!("{} of {} messages lost or altered in silence", lost.count(), messages.len()))
        }
        Err(Failure::Read(EngineError::DamagedEvent { .. } | EngineError::Store(_))) => Ok(Fate::Told),
        Err(Failure::Read(error)) => Err(format!("a reader is told {error}")),
        Err(Failure::Open(error)) if error.to_string().contains("live-chat.") => Ok(Fate::Refused),
        Err(Failure::Open(error)) => Err(format!("refused without a name: {error}")),
    }
}

#[derive(Debug)]
enum Failure {
    Open(OpenError),
    Read(EngineError),
}

/// Opens a log. A process that another test starts has our lock too, from its fork to its exec.
fn open(folder: &Path) -> Result<Sqlite, OpenError> {
    loop {
        match Sqlite::open(folder, None, Arc::new(|_: &[_]| {})) {
            Err(OpenError::InUse(_)) => thread::yield_now(),
            opened => return opened,
        }
    }
}

/// All messages in a folder by their places, and their ids in order.
fn read(folder: &Path) -> Result<(Messages, Vec<String>), Failure> {
    let engine = open(folder).map_err(Failure::Open)?;
    let (limit, bytes) = (usize::MAX >> 1, usize::MAX);
    let room = RoomId::FIRST;
    let query =
        Query { room, after: 0, before: None, reader: Reader::Public, messages_only: true, limit, bytes, end: End::Oldest };
    let events = wait(engine.read(query)).map_err(Failure::Read)?;
    let ids = events.iter().map(|event| event.id().to_string()).collect();
    let messages = events.iter().filter_map(|event| {
        let message = event.message()?;
        Some((event.seq, Message { author: message.author.clone(), payload: message.payload.get().to_owned() }))
    });
    Ok((messages.collect(), ids))
}

/// Sends one of them again under its name: it must be recognized.
fn repeat_one(folder: &Path, messages: &Messages, random: &mut Random) -> Result<(), String> {
    let (seq, message) = messages.iter().nth(random.below(messages.len() as u64) as usize).expect("a message");
    let payload = Payload::parse(&message.payload).expect("JSON");
    let text: serde_json::Value = serde_json::from_str(&message.payload).expect("JSON");
    let client_message_id = text["message_text"].as_str().map(str::to_owned);
    let entry = Entry {
        author: message.author.clone(),
        to: Audience::Everyone,
        profile: Profile::default(),
        draft: Draft { payload, video_time: 0.0, client_message_id, announces: false },
        name: None,
    };
    let engine = open(folder).map_err(|error| format!("the second start is refused: {error}"))?;
    match wait(engine.append(RoomId::FIRST, entry)) {
        Ok(stored) if stored.seq != *seq => Err(format!("message {seq} was stored again, as {}", stored.seq)),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).expect("a folder");
    for name in ["live-chat.db", "live-chat.db-wal", "live-chat.run"] {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).expect("a copy");
        }
    }
}
