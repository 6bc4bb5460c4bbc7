use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use super::server::{Address, Server, command};

/// The same command under a umask that takes nothing away.
fn without_umask(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"umask 0; exec "$0" "$@""#]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// Everything below a folder, and the folder.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { all.extend(tree(&path)) } else { all.push(path) }
    }
    all
}

/// Nobody but the owner may do anything with what is below a folder.
fn assert_private(folder: &Path) {
    for path in tree(folder) {
        let mode = fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}: {mode:o}", path.display());
    }
}

#[test]
fn whatever_the_umask_says_files_are_for_their_owner_alone() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("above/data");
    fs::create_dir(home.path().join("above")).expect("created");
    let mut serve = without_umask(&command(&folder));
    serve.stdout(std::process::Stdio::piped());
    let server = Server::run(&mut serve, &Address::default()).expect("a start");
    assert!(tree(&folder).iter().any(|path| path.ends_with("live-chat.db-wal")), "{:?}", tree(&folder));
    assert_private(&folder);
    let backup = home.path().join("chat.backup");
    let mut back_up = Command::new(env!("CARGO_BIN_EXE_live-chat"));
    back_up.arg("backup").arg(&backup).arg("--data-dir").arg(&folder);
    assert!(without_umask(&back_up).output().expect("the program").status.success());
    server.kill();
    assert_private(&folder);
    assert_eq!(fs::metadata(&backup).expect("a backup").permissions().mode() & 0o777, 0o600);
}
