use std::{
    io::IsTerminal,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use axum::http::Uri;
use clap::{ArgAction, Parser, Subcommand, ValueEnum, builder::BoolishValueParser};
use ipnet::IpNet;

use super::{
    ApexSessions, RunError,
    interactive_sync::{Twitch, TwitchChannels},
    ivs::Quotas,
    transport::DEFAULT_BACKLOG_BYTES,
};
use crate::{
    chat::{Limits, Origin},
    engine::{InvalidServers, Nats, NatsServers},
    hub::{Activity, Rates},
    protocol::{interactive_sync::GameLimits, webhook::Secret},
};

/// A self-hosted live chat for streams and events.
///
/// Each setting is a flag or an environment variable; the flag wins.
#[derive(Clone, Debug, Parser)]
#[command(name = "live-chat", version)]
pub struct Config {
    /// What to do other than to serve the chat
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Check the database from end to end, say whether all is well, and exit
    #[arg(long)]
    pub check: bool,

    /// Address and port to listen on
    #[arg(long, env = "LIVE_CHAT_ADDR", default_value = "127.0.0.1:3000")]
    pub addr: SocketAddr,

    /// Address and port on which everything is the relay, as /ws/broadcast is; its clients expect port 8080 [default: none]
    #[arg(long, env = "LIVE_CHAT_RELAY_ADDR")]
    pub relay_addr: Option<SocketAddr>,

    /// Address and port on which everything is the relay's echo, as /ws/echo is [default: none]
    #[arg(long, env = "LIVE_CHAT_ECHO_ADDR")]
    pub echo_addr: Option<SocketAddr>,

    /// Frames a second that one connection may send over the relay, twice as many at once; above it the server reads no further. 0 = no limit
    #[arg(long, env = "LIVE_CHAT_RELAY_RATE_LIMIT", default_value_t = 100.0, value_parser = rate)]
    pub relay_rate_limit: f64,

    /// Address and port on which everything is Apex, as /apex is; its clients expect port 4863 [default: none]
    #[arg(long, env = "LIVE_CHAT_APEX_ADDR")]
    pub apex_addr: Option<SocketAddr>,

    /// Server that is asked who has a session of Armor that a client of Apex shows: GET with `Authorization: Bearer <session>`, answered
    /// with {"uuid", "username"}, or 401 for nobody [default: only the chat's own tokens count]
    #[arg(long, env = "LIVE_CHAT_APEX_AUTH_URL", value_parser = ApexSessions::url)]
    pub apex_auth_url: Option<Uri>,

    /// Address and port on which everything is Interactive Sync, as /interactive-sync is; its games expect port 8081 [default: none]
    #[arg(long, env = "LIVE_CHAT_INTERACTIVE_SYNC_ADDR")]
    pub interactive_sync_addr: Option<SocketAddr>,

    /// Address and port for the operator: /metrics, which is then served there only and to everybody who can connect, and /health/*
    /// [default: none; /metrics is on --addr, for this machine and the admin key]
    #[arg(long, env = "LIVE_CHAT_OPS_ADDR")]
    pub ops_addr: Option<SocketAddr>,

    /// What a game of Interactive Sync may send, where that is other than the original's: `frame=2094` UTF-16 code units (20,000 at most),
    /// `pause=1000` and `spam=100` milliseconds, `warnings=5`, comma-separated
    #[arg(long, env = "LIVE_CHAT_INTERACTIVE_SYNC_LIMITS", default_value = "", value_parser = game_limits, hide_default_value = true)]
    pub interactive_sync_limits: GameLimits,

    /// Rooms that are channels of Twitch, by the numbers of their Twitch users, comma-separated: `12345=1,67890=stage`. Their games may
    /// show a token of Twitch's [default: none is]
    #[arg(long, env = "LIVE_CHAT_INTERACTIVE_SYNC_TWITCH_CHANNELS", value_parser = twitch_channels)]
    pub interactive_sync_twitch_channels: Option<TwitchChannels>,

    /// Who answers for Twitch when a token is validated: below it, /oauth2/validate is asked
    #[arg(long, env = "LIVE_CHAT_INTERACTIVE_SYNC_TWITCH_URL", default_value = "https://id.twitch.tv", value_parser = Twitch::url)]
    pub interactive_sync_twitch_url: Uri,

    /// Folder for the database, the token secret and the admin key; made if it is not there
    #[arg(long, env = "LIVE_CHAT_DATA_DIR", default_value = "data", global = true)]
    pub data_dir: PathBuf,

    /// Free space that the disk of the data folder must have, in MiB, for anything to be published; 0 = no such rule
    #[arg(long, env = "LIVE_CHAT_MIN_FREE_DISK", default_value_t = 256, value_parser = clap::value_parser!(u32))]
    pub min_free_disk: u32,

    /// Where the log is: `sqlite` for a file in the data folder, or the servers of NATS JetStream that several of these programs share:
    /// `nats://host:port,host:port`, with `user:password@` before the first host if they want it; `tls://` for TLS
    #[arg(long, env = "LIVE_CHAT_ENGINE", default_value = "sqlite", hide_env_values = true, value_parser = engine)]
    pub engine: EngineChoice,

    /// On how many servers of NATS each entry of the log is: 1, 3 or 5, of at least as many
    #[arg(long, env = "LIVE_CHAT_NATS_REPLICAS", default_value_t = 1, global = true, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub nats_replicas: u8,

    /// Name of the log among the streams of NATS, where several chats share the servers
    #[arg(long, env = "LIVE_CHAT_NATS_STREAM", default_value = "live-chat", global = true, value_parser = stream)]
    pub nats_stream: String,

    /// File of credentials for NATS (.creds) [default: none, or the user and password of --engine]
    #[arg(long, env = "LIVE_CHAT_NATS_CREDENTIALS", global = true)]
    pub nats_credentials: Option<PathBuf>,

    /// Accept servers of NATS on other machines that ask for no password; only where nobody else can reach them
    #[arg(long, env = "LIVE_CHAT_NATS_INSECURE", global = true)]
    pub nats_insecure: bool,

    /// Widget key that opens every room: 1 to 128 printable ASCII characters [default: made at the first start]
    #[arg(long, env = "LIVE_CHAT_WIDGET_KEY", value_parser = printable)]
    pub widget_key: Option<String>,

    /// Secret that signs tokens, at least 32 characters [default: made at the first start, kept in the data folder]
    #[arg(long, env = "LIVE_CHAT_TOKEN_SECRET", hide_env_values = true, value_parser = secret)]
    pub token_secret: Option<String>,

    /// Secret with which a site of yours signs tokens for its users, at least 32 characters [default: none is trusted]
    #[arg(long, env = "LIVE_CHAT_SITE_SECRET", hide_env_values = true, value_parser = secret)]
    pub site_secret: Option<String>,

    /// Key for the stream API, at least 16 characters [default: made at the first start, kept in the data folder]
    #[arg(long, env = "LIVE_CHAT_ADMIN_KEY", hide_env_values = true, value_parser = admin_key)]
    pub admin_key: Option<String>,

    /// Secret that signs what review handlers are asked: `whsec_` and 24 to 64 bytes in base64 [default: made at the first start, kept in the data folder]
    #[arg(long, env = "LIVE_CHAT_REVIEW_SECRET", hide_env_values = true, value_parser = review_secret)]
    pub review_secret: Option<String>,

    /// Password for /admin, at least 10 characters [default: made and printed at the first start, its hash kept in the data folder]
    #[arg(long, env = "LIVE_CHAT_ADMIN_PASSWORD", hide_env_values = true, value_parser = password)]
    pub admin_password: Option<String>,

    /// Hours for which a token is good
    #[arg(long, env = "LIVE_CHAT_TOKEN_HOURS", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=24 * 365))]
    pub token_hours: u32,

    /// Origins whose pages may use the widget API and frame the embed, comma-separated: `https://example.com`, or `*` for any
    #[arg(long, env = "LIVE_CHAT_ALLOWED_ORIGINS", default_value = "*", value_delimiter = ',')]
    pub allowed_origins: Vec<Origin>,

    /// Messages a second per user, 0 = no limit
    #[arg(long, env = "LIVE_CHAT_RATE_LIMIT", default_value_t = 5.0, value_parser = rate)]
    pub rate_limit: f64,

    /// Messages that a user may send at once before the rate limit counts
    #[arg(long, env = "LIVE_CHAT_RATE_BURST", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate_burst: u32,

    /// What else one user of a room may do, where it differs from the default, 0 = no limit, comma-separated: `tokens=120` and
    /// `names=30` a minute, `bytes=16384` and `reads=20` a second; or `none` for no limits
    #[arg(long, env = "LIVE_CHAT_USER_LIMITS", default_value = "", value_parser = user_limits, hide_default_value = true)]
    pub user_limits: Rates,

    /// What all clients of one address (of IPv6, one /64) may do together, where it differs from the default, 0 = no limit,
    /// comma-separated: `tokens=4000` and `names=2000` a minute, `messages=20`, `bytes=65536`, `reactions=100` and `reads=200` a second; or
    /// `none` for no limits
    #[arg(long, env = "LIVE_CHAT_ADDRESS_LIMITS", default_value = "", value_parser = address_limits, hide_default_value = true)]
    pub address_limits: Rates,

    /// Names for those who moderate alone, with all that look like them, comma-separated
    #[arg(
        long,
        env = "LIVE_CHAT_RESERVED_NAMES",
        default_value = "admin,administrator,moderator,mod,owner,host,staff,support,system,bot,live chat",
        value_delimiter = ','
    )]
    pub reserved_names: Vec<String>,

    /// Longest user name, in characters (Unicode code points)
    #[arg(long, env = "LIVE_CHAT_MAX_USERNAME_LENGTH", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub max_username_length: u32,

    /// Longest message text, in characters (Unicode code points)
    #[arg(long, env = "LIVE_CHAT_MAX_MESSAGE_LENGTH", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub max_message_length: u32,

    /// Largest request body, in bytes
    #[arg(long, env = "LIVE_CHAT_MAX_BODY_BYTES", default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1_024..=1_048_576))]
    pub max_body_bytes: u32,

    /// Most messages in the answer to one request for history
    #[arg(long, env = "LIVE_CHAT_HISTORY_LIMIT", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub history_limit: u32,

    /// Most connections open at once [default: as many as the operating system allows files to be open]
    #[arg(long, env = "LIVE_CHAT_MAX_CONNECTIONS", value_parser = connections)]
    pub max_connections: Option<usize>,

    /// Most connections open at once from one address (of IPv6, from one /64) that is no trusted proxy; 0 for no limit
    #[arg(long, env = "LIVE_CHAT_MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 4_000)]
    pub max_connections_per_address: usize,

    /// Bytes that may wait in memory for all clients together; beyond it the connections that hold most are closed. 0 for no limit
    #[arg(long, env = "LIVE_CHAT_MAX_WAITING_BYTES", default_value_t = DEFAULT_BACKLOG_BYTES)]
    pub max_waiting_bytes: usize,

    /// Proxies whose X-Forwarded-For or Forwarded is believed, comma-separated: addresses or networks such as `10.0.0.7`; or `none`
    #[arg(long, env = "LIVE_CHAT_TRUSTED_PROXIES", value_parser = networks)]
    pub trusted_proxies: Option<Networks>,

    /// Access key id whose signed requests run rooms as Amazon IVS Chat has it [default: none may]
    #[arg(long, env = "LIVE_CHAT_IVS_ACCESS_KEY_ID", requires = "ivs_secret_access_key", value_parser = access_key_id)]
    pub ivs_access_key_id: Option<String>,

    /// Secret access key of --ivs-access-key-id, at least 16 characters
    #[arg(long, env = "LIVE_CHAT_IVS_SECRET_ACCESS_KEY", hide_env_values = true, requires = "ivs_access_key_id", value_parser = admin_key)]
    pub ivs_secret_access_key: Option<String>,

    /// For development alone: take all requests to run rooms as Amazon IVS Chat has it, whoever has signed them or not
    #[arg(long, env = "LIVE_CHAT_IVS_UNSIGNED", value_parser = BoolishValueParser::new())]
    pub ivs_unsigned: bool,

    /// For development alone: answer at /ivschat/demo/ as the backend of Amazon's sample apps does, to anybody
    #[arg(long, env = "LIVE_CHAT_IVS_DEMO", value_parser = BoolishValueParser::new())]
    pub ivs_demo: bool,

    /// `on` if a chat token of Amazon IVS Chat's CreateChatToken opens one connection only, as Amazon's do; `off` lets each open any
    /// number until it ends
    #[arg(long, env = "LIVE_CHAT_IVS_SINGLE_USE_TOKENS", default_value = "on", action = ArgAction::Set, hide_possible_values = true, value_parser = BoolishValueParser::new())]
    pub ivs_single_use_tokens: bool,

    /// Requests a second as Amazon IVS Chat counts them, other than the default, 0 = no limit, comma-separated:
    /// `messages=10,events=100,tokens=200,rooms=5,tags=10,logging=3`; messages are of each connection
    #[arg(long, env = "LIVE_CHAT_IVS_QUOTAS", default_value = "", value_parser = quotas)]
    pub ivs_quotas: Quotas,

    /// Addresses or networks that are not public, comma-separated, to which webhooks and review handlers may lead all the same; or `none`
    #[arg(long, env = "LIVE_CHAT_ALLOW_PRIVATE_HOOKS", default_value = "none", value_parser = networks)]
    pub allow_private_hooks: Networks,

    /// What to log: error, warn, info, debug, trace, or a filter such as `info,live_chat=debug`
    #[arg(long, env = "LIVE_CHAT_LOG_LEVEL", default_value = "info", value_parser = filter)]
    pub log_level: String,

    /// How to write the log, to standard error
    #[arg(long, env = "LIVE_CHAT_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// Where the log is.
#[derive(Clone, Debug)]
pub enum EngineChoice {
    /// In a file in the data folder.
    Sqlite,
    /// On these servers.
    Nats(NatsServers),
}

/// Something to be done once.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Copy the database into a new file and check the copy, also while the chat runs
    Backup {
        /// The file to make; one that is there is not overwritten
        file: PathBuf,
    },
    /// Copy rooms, history, settings and secrets from one engine into another, and compare; a copy that was interrupted goes on. No chat
    /// may run on either. The file of `sqlite` is the one in the data folder
    Copy {
        /// Engine to copy from: `sqlite` or `nats://host:port,host:port`
        #[arg(long, value_parser = engine)]
        from: EngineChoice,
        /// Engine to copy to, where there is no log yet
        #[arg(long, value_parser = engine)]
        to: EngineChoice,
    },
}

/// Networks of the Internet protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks(pub Arc<[IpNet]>);

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// What one client may send.
    pub fn limits(&self) -> Limits {
        Limits {
            username_chars: self.max_username_length as usize,
            text_chars: self.max_message_length as usize,
            body_bytes: self.max_body_bytes as usize,
            rate_per_second: self.rate_limit,
            burst: f64::from(self.rate_burst),
            history_events: self.history_limit as usize,
        }
    }

    /// The cluster's log, if that is where it is.
    pub fn nats(&self) -> Option<Nats> {
        match &self.engine {
            EngineChoice::Sqlite => None,
            EngineChoice::Nats(servers) => Some(self.nats_at(servers)),
        }
    }

    /// Whether the log is in a file of the data folder, for what is done with that.
    pub(super) fn is_in_a_file(&self) -> Result<(), RunError> {
        if self.nats().is_some() { Err(RunError::InNats) } else { Ok(()) }
    }

    /// The log of a cluster on these servers.
    pub fn nats_at(&self, servers: &NatsServers) -> Nats {
        let (stream, replicas) = (self.nats_stream.clone(), usize::from(self.nats_replicas));
        Nats {
            servers: servers.clone(),
            credentials: self.nats_credentials.clone(),
            stream,
            replicas,
            insecure: self.nats_insecure,
        }
    }

    /// How long a token is good.
    pub fn token_lifetime(&self) -> Duration {
        Duration::from_secs(u64::from(self.token_hours) * 3_600)
    }

    /// Begins to log as configured. Once a process.
    pub fn start_log(&self) {
        // A line that cannot be written must not be complained of on standard error: that would panic, and when a disk is full,
        // the log file is often on it.
        let log = tracing_subscriber::fmt().log_internal_errors(false);
        let log = log.with_env_filter(self.log_level.as_str()).with_writer(std::io::stderr);
        let log = log.with_ansi(std::io::stderr().is_terminal());
        match self.log_format {
            LogFormat::Text => log.init(),
            LogFormat::Json => log.json().init(),
        }
    }
}

fn printable(text: &str) -> Result<String, String> {
    let valid = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if valid { Ok(text.to_owned()) } else { Err("must be 1 to 128 printable ASCII characters without spaces".into()) }
}

fn engine(text: &str) -> Result<EngineChoice, String> {
    match text {
        "sqlite" => Ok(EngineChoice::Sqlite),
        servers => servers
            .parse()
            .map(EngineChoice::Nats)
            .map_err(|error: InvalidServers| format!("must be sqlite, or servers of NATS: {error}")),
    }
}

fn stream(text: &str) -> Result<String, String> {
    let valid = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if valid { Ok(text.to_owned()) } else { Err("must be 1 to 32 characters of [0-9A-Za-z_-]".into()) }
}

fn secret(text: &str) -> Result<String, String> {
    if text.len() >= 32 { Ok(text.to_owned()) } else { Err("must have at least 32 characters".into()) }
}

fn review_secret(text: &str) -> Result<String, String> {
    let valid = Secret::parse(text).is_some();
    if valid { Ok(text.to_owned()) } else { Err("must be whsec_ and 24 to 64 bytes in base64".into()) }
}

fn admin_key(text: &str) -> Result<String, String> {
    let text = printable(text)?;
    if text.len() >= 16 { Ok(text) } else { Err("must have at least 16 characters".into()) }
}

fn password(text: &str) -> Result<String, String> {
    if text.chars().count() >= 10 { Ok(text.to_owned()) } else { Err("must have at least 10 characters".into()) }
}

fn connections(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&count| count > 0).ok_or_else(|| "must be a whole number of connections, at least 1".to_owned())
}

fn networks(text: &str) -> Result<Networks, String> {
    let address = |text: &str| text.parse::<IpAddr>().map(IpNet::from).ok();
    let network = |text: &str| text.parse().ok().or_else(|| address(text));
    let networks = match text.trim() {
        "none" => Some([].into()),
        list => list.split(',').map(|text| network(text.trim())).collect(),
    };
    networks.map(Networks).ok_or_else(|| "must be addresses or networks such as 10.0.0.7, comma-separated, or none".to_owned())
}

fn access_key_id(text: &str) -> Result<String, String> {
    let valid = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if valid { Ok(text.to_owned()) } else { Err("must be 1 to 128 characters of [a-zA-Z0-9_]".into()) }
}

fn quotas(text: &str) -> Result<Quotas, String> {
    Quotas::parse(text).ok_or_else(|| "must be such as rooms=5,tokens=200: see --help for their names".to_owned())
}

fn twitch_channels(text: &str) -> Result<TwitchChannels, String> {
    let must = "must be numbers of Twitch users and their rooms' numbers or slugs, such as 12345=1,67890=stage, each user once";
    TwitchChannels::parse(text).ok_or_else(|| must.to_owned())
}

fn game_limits(text: &str) -> Result<GameLimits, String> {
    let must =
        || "must be some of frame=1..20000, pause=0..60000, spam=0..60000 and warnings=1..1000, comma-separated".to_owned();
    let mut limits = GameLimits::default();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, number) = part.split_once('=').ok_or_else(must)?;
        let number: u32 = number.trim().parse().map_err(|_| must())?;
        match (name.trim(), number) {
            ("frame", 1..=20_000) => limits.frame_units = number as usize,
            ("pause", 0..=60_000) => limits.pause = Duration::from_millis(number.into()),
            ("spam", 0..=60_000) => limits.spam = Duration::from_millis(number.into()),
            ("warnings", 1..=1_000) => limits.warnings = number,
            _ => return Err(must()),
        }
    }
    Ok(limits)
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "must be a number of messages a second".to_owned())?;
    let sensible = rate == 0.0 || (0.01..=10_000.0).contains(&rate);
    if sensible { Ok(rate) } else { Err("must be 0 (no limit), or between 0.01 and 10000 messages a second".into()) }
}

fn user_limits(text: &str) -> Result<Rates, String> {
    let must = || "must be none, or some of tokens, names, bytes and reads, such as reads=40,names=0".to_owned();
    Rates::per_user().parse(text, &[Activity::Token, Activity::Name, Activity::Byte, Activity::Read]).ok_or_else(must)
}

fn address_limits(text: &str) -> Result<Rates, String> {
    let must = || {
        "must be none, or some of tokens, names, messages, bytes, reactions and reads, such as messages=40,tokens=0".to_owned()
    };
    Rates::per_address().parse(text, &Activity::ALL).ok_or_else(must)
}

fn filter(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("must not be empty".into());
    }
    tracing_subscriber::EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}
