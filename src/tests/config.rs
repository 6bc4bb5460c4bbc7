use clap::Parser;

use crate::server::{Command, Config};

fn parse(args: &[&str]) -> Result<Config, String> {
    Config::try_parse_from(std::iter::once("live-chat").chain(args.iter().copied())).map_err(|error| error.to_string())
}

#[test]
fn a_wrong_value_is_refused_with_the_name_of_its_setting() {
    let rows = [
        ("--addr", "nowhere"),
        ("--addr", "127.0.0.1"),
        ("--relay-addr", "8080"),
        ("--echo-addr", "8081"),
        ("--relay-rate-limit", "-1"),
        ("--apex-addr", "localhost"),
        ("--interactive-sync-addr", "0.0.0.0"),
        ("--interactive-sync-twitch-channels", "12345"),
        ("--interactive-sync-twitch-channels", ""),
        ("--interactive-sync-twitch-url", "id.twitch.tv"),
        ("--interactive-sync-twitch-url", "ftp://id.twitch.tv"),
        ("--interactive-sync-twitch-url", "https://ann@id.twitch.tv"),
        ("--interactive-sync-twitch-url", "https://id.twitch.tv?x"),
        ("--engine", "postgres"),
        ("--engine", "nats://"),
        ("--engine", "http://127.0.0.1:4222"),
        ("--nats-replicas", "0"),
        ("--nats-replicas", "6"),
        ("--nats-stream", "a.b"),
        ("--nats-stream", ""),
        ("--widget-key", ""),
        ("--widget-key", "a b"),
        ("--token-secret", "short"),
        ("--admin-key", "short"),
        ("--review-secret", "a secret that is none of a webhook"),
        ("--token-hours", "0"),
        ("--allowed-origins", "example.com"),
        ("--allowed-origins", "https://example.com/"),
        ("--allowed-origins", "https://*.example.com"),
        ("--rate-limit", "-1"),
        ("--admin-password", "too short"),
        ("--ivs-access-key-id", "a b"),
        ("--ivs-secret-access-key", "short"),
        ("--ivs-quotas", "rooms"),
        ("--interactive-sync-limits", "frame"),
        ("--interactive-sync-limits", "frame=20001"),
        ("--interactive-sync-limits", "warnings=0"),
        ("--interactive-sync-limits", "speed=1"),
        ("--trusted-proxies", "proxy.example"),
        ("--trusted-proxies", ""),
        ("--trusted-proxies", "10.0.0.1,,"),
        ("--trusted-proxies", "10.0.0.0/33"),
        ("--allow-private-hooks", "hooks.example"),
        ("--allow-private-hooks", ""),
        ("--rate-limit", "fast"),
        ("--rate-limit", "NaN"),
        ("--rate-burst", "0"),
        ("--min-free-disk", "-1"),
        ("--min-free-disk", "1GB"),
        ("--user-limits", "messages=1"),
        ("--user-limits", "tokens"),
        ("--address-limits", "messages=-1"),
        ("--address-limits", "everything=1"),
        ("--max-username-length", "0"),
        ("--max-message-length", "99999"),
        ("--max-body-bytes", "1"),
        ("--history-limit", "0"),
        ("--log-level", ""),
        ("--log-level", "live_chat=loud"),
        ("--log-format", "xml"),
    ];
    for (flag, value) in rows {
        let error = parse(&[&format!("{flag}={value}")]).expect_err(value);
        assert!(error.contains(flag), "{flag}={value}: {error}");
    }
}

#[test]
fn a_key_of_ivs_has_two_parts() {
    let id = "--ivs-access-key-id=AKID";
    assert!(parse(&[id]).expect_err("half of it").contains("--ivs-secret-access-key"));
    assert!(parse(&[id, "--ivs-secret-access-key=0123456789abcdef"]).is_ok());
}

#[test]
fn what_is_given_counts() {
    let config =
        parse(&["--rate-limit=0", "--allowed-origins=https://a.example,http://b.example:8080", "--max-message-length=9"]);
    let config = config.expect("valid");
    assert_eq!((config.limits().rate_per_second, config.limits().text_chars), (0.0, 9));
    let origins: Vec<_> = config.allowed_origins.iter().map(|origin| origin.as_str()).collect();
    assert_eq!(origins, ["https://a.example", "http://b.example:8080"]);
    let proxies = |text: &str| {
        let proxies = parse(&[&format!("--trusted-proxies={text}")]).expect("valid").trusted_proxies.expect("given");
        proxies.0.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(proxies("10.0.0.0/8, 2001:db8::1"), ["10.0.0.0/8", "2001:db8::1/128"]);
    assert!(proxies("none").is_empty() && parse(&[]).expect("defaults").trusted_proxies.is_none());
    let address = crate::hub::Rates::per_address();
    assert_eq!(parse(&[]).expect("defaults").address_limits, address, "the documented defaults");
    let given = parse(&["--address-limits=messages=40", "--user-limits=none"]).expect("valid");
    assert_eq!(given.address_limits, address.with(crate::hub::Activity::Message, 40.0));
    assert_eq!(given.user_limits, crate::hub::Rates::none());
    let twitch = |args: &[&str]| parse(args).expect("valid").interactive_sync_twitch_url.to_string();
    assert_eq!(twitch(&[]), "https://id.twitch.tv/oauth2/validate");
    assert_eq!(twitch(&["--interactive-sync-twitch-url=http://[::1]:8080/id/"]), "http://[::1]:8080/id/oauth2/validate");
    assert_eq!(parse(&[]).expect("defaults").limits(), crate::chat::Limits::default(), "the documented defaults");
}

#[test]
fn a_command_takes_the_folder_before_and_after_it() {
    for args in [["--data-dir", "d", "backup", "f"], ["backup", "f", "--data-dir", "d"]] {
        let Config { command, data_dir, .. } = parse(&args).expect("valid");
        assert_eq!(data_dir.to_str(), Some("d"));
        assert!(matches!(command, Some(Command::Backup { file }) if file.to_str() == Some("f")));
    }
    assert!(parse(&["backup"]).is_err(), "a file must be named");
}

#[test]
fn a_body_that_nats_would_not_take_is_not_allowed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (servers, folder) = (format!("nats://{}", super::nats::servers()), folder.path().display().to_string());
    // As much as NATS takes by default, with nothing around it.
    let config = parse(&["--engine", &servers, "--data-dir", &folder, "--max-body-bytes", "1048576"]).expect("valid");
    let refused = crate::server::run(config);
    assert!(matches!(refused, Err(crate::server::RunError::MaxPayload { body: 1_048_576, most: 1_032_192 })), "{refused:?}");
}

#[test]
fn a_log_in_nats_has_no_file_to_be_checked_or_backed_up() {
    let config = parse(&["--engine", "nats://127.0.0.1:1", "--data-dir", "/nowhere"]).expect("valid");
    for refused in [crate::server::check(&config), crate::server::back_up(&config, std::path::Path::new("/nowhere/file"))] {
        assert!(matches!(refused, Err(crate::server::RunError::InNats)), "{refused:?}");
    }
    let config = parse(&["copy", "--from", "sqlite", "--to", "sqlite"]).expect("valid");
    let Some(Command::Copy { from, to }) = &config.command else { panic!("{config:?}") };
    let refused = crate::server::copy(&config, from, to);
    assert!(matches!(refused, Err(crate::server::RunError::SameEngine)), "{refused:?}");
}
