use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr, time::Duration};

use async_nats::{Client, ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

use super::NatsError;

/// How often a server is asked whether it is there; after two questions without an answer, another is taken.
const PING_EVERY: Duration = Duration::from_secs(2);

/// How long the servers are tried at a start.
const CONNECT_WITHIN: Duration = Duration::from_secs(60);

/// The first servers whose copies of the log were never seen to differ: see the README, "More than one machine".
const SOUND_SINCE: (i64, i64, i64) = (2, 10, 0);

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where the log of a cluster is, and how it is kept.
#[derive(Clone, Debug)]
pub struct Nats {
    /// The servers, any of which leads to all.
    pub servers: NatsServers,
    /// A file of credentials (`.creds`), if that is how we sign in.
    pub credentials: Option<PathBuf>,
    /// The stream's name, by which several chats share the servers: 1 to 32 characters of `[0-9A-Za-z_-]`.
    pub stream: String,
    /// On how many servers each entry is: 1, or 3 or 5 of as many servers.
    pub replicas: usize,
    /// Whether servers on other machines may do without a password.
    pub insecure: bool,
}

/// One or more servers: `nats://host:port,host:port`, each with a user and a password before it if it wants them; `tls://` for TLS.
#[derive(Clone)]
pub struct NatsServers(Vec<ServerAddr>);

/// Why a text names no servers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no server of NATS: nats://host:port,host:port is expected")]
pub struct InvalidServers(String);

impl FromStr for NatsServers {
    type Err = InvalidServers;

    /// What stands before the first one's host, and nowhere else, is meant for all.
    fn from_str(text: &str) -> Result<Self, InvalidServers> {
        let invalid = |one: &str| InvalidServers(without_password(one));
        let first = text.split(',').next().unwrap_or_default();
        let (scheme, rest) = first.split_once("://").ok_or_else(|| invalid(first))?;
        let user = rest.rsplit_once('@').map_or(String::new(), |(user, _)| format!("{user}@"));
        let address = |one: &str| {
            let one = one.trim();
            let url = match (one.contains("://"), one.contains('@')) {
                (true, _) => one.to_owned(),
                (false, true) => format!("{scheme}://{one}"),
                (false, false) => format!("{scheme}://{user}{one}"),
            };
            let is_one = |server: &ServerAddr| !server.host().is_empty() && ["nats", "tls"].contains(&server.scheme());
            url.parse().ok().filter(is_one).ok_or_else(|| invalid(one))
        };
        text.split(',').map(address).collect::<Result<_, _>>().map(Self)
    }
}

impl NatsServers {
    /// The user and the password that stand before the first host. The client does not look for them there.
    fn user(&self) -> Option<(String, String)> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let first = self.0.first()?;
        Some((decoded(first.username()?), decoded(first.password().unwrap_or_default())))
    }
}

/// What keeps others from the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    /// All of them are on this machine.
    Local,
    /// A password, over TLS.
    Full,
    /// A password, in clear text.
    Password,
    /// Nothing, or TLS alone, which lets everybody in.
    None,
}

impl NatsServers {
    fn protection(&self, has_credentials: bool) -> Protection {
        let has_password = has_credentials || self.user().is_some_and(|(_, password)| !password.is_empty());
        let is_encrypted = |server: &ServerAddr| server.scheme() == "tls" || is_loopback(server.host());
        match self.0.iter().all(|server| is_loopback(server.host())) {
            true => Protection::Local,
            false if !has_password => Protection::None,
            false if self.0.iter().all(is_encrypted) => Protection::Full,
            false => Protection::Password,
        }
    }
}

/// Whether a host is this machine, whatever a resolver says of names.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

impl fmt::Display for NatsServers {
    /// Without users and passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<_> = self.0.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
        f.write_str(&named.join(", "))
    }
}

impl fmt::Debug for NatsServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn without_password(url: &str) -> String {
    url.rsplit_once('@').map_or(url, |(_, host)| host).to_owned()
}

impl Nats {
    /// Connects to one of the servers. While none can be reached it is tried again, for a minute.
    ///
    /// # Errors
    /// [`NatsError::Insecure`] before anything is sent, [`NatsError::Connect`], or [`NatsError::Credentials`].
    pub(super) async fn connect(&self) -> Result<Client, NatsError> {
        self.check_protection()?;
        let began = tokio::time::Instant::now();
        loop {
            match self.options()?.connect(self.servers.0.clone()).await {
                Ok(client) => {
                    self.judge(&client);
                    return Ok(client);
                }
                Err(error) if began.elapsed() < CONNECT_WITHIN => {
                    tracing::warn!(servers = %self.servers, %error, "NATS cannot be reached yet");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(source) => return Err(NatsError::Connect { servers: self.servers.to_string(), cause: source.to_string() }),
            }
        }
    }

    /// Refuses servers on other machines that ask for no password, and warns of connections that others can listen to.
    fn check_protection(&self) -> Result<(), NatsError> {
        let servers = || self.servers.to_string();
        match self.servers.protection(self.credentials.is_some()) {
            Protection::Local | Protection::Full => {}
            Protection::Password => tracing::warn!(
                servers = servers(),
                "the connection to NATS is not encrypted: keep it on a network of your own, or use tls://"
            ),
            Protection::None if self.insecure => tracing::warn!(
                servers = servers(),
                "NATS asks for no password (--nats-insecure): anybody who reaches it can read the chat's secrets and write into its log"
            ),
            Protection::None => return Err(NatsError::Insecure { servers: servers() }),
        }
        Ok(())
    }

    /// Says so where the servers are ones that were seen to lose what they had acknowledged.
    fn judge(&self, client: &Client) {
        let (major, minor, patch) = SOUND_SINCE;
        if self.replicas > 1 && !client.is_server_compatible(major, minor, patch) {
            let version = client.server_info().version;
            tracing::warn!(
                version,
                "this NATS may lose acknowledged messages when the server that leads is silent for a while: use a newer one"
            );
        }
    }

    fn options(&self) -> Result<ConnectOptions, NatsError> {
        let options = ConnectOptions::new()
            .name("live-chat")
            // What is told to all nodes is told to the others.
            .no_echo()
            .ping_interval(PING_EVERY)
            .connection_timeout(Duration::from_secs(2))
            .reconnect_delay_callback(|attempts| Duration::from_millis(100 * attempts.min(10) as u64))
            .event_callback(async |event| tracing::info!("NATS: {event}"));
        match &self.credentials {
            None => Ok(match self.servers.user() {
                Some((user, password)) => options.user_and_password(user, password),
                None => options,
            }),
            Some(path) => {
                let unusable = |source| NatsError::Credentials { path: path.clone(), source };
                options.credentials(&std::fs::read_to_string(path).map_err(unusable)?).map_err(unusable)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_on_other_machines_need_a_password() {
        let rows = [
            ("nats://127.0.0.1", false, Protection::Local),
            ("nats://127.8.9.10:4223,localhost", false, Protection::Local),
            ("nats://[::1]:4222", false, Protection::Local),
            ("nats://[::ffff:127.0.0.1]", false, Protection::Local),
            ("nats://10.0.0.5", false, Protection::None),
            ("nats://127.0.0.1,10.0.0.5", false, Protection::None),
            ("nats://chat-1,chat-2", false, Protection::None),
            ("nats://localhost.example.com", false, Protection::None),
            ("nats://0.0.0.0", false, Protection::None),
            ("tls://10.0.0.5", false, Protection::None),
            ("nats://user@10.0.0.5", false, Protection::None),
            ("nats://user:@10.0.0.5", false, Protection::None),
            ("nats://user:secret@10.0.0.5", false, Protection::Password),
            ("nats://10.0.0.5", true, Protection::Password),
            ("tls://user:secret@10.0.0.5,nats://chat-2", false, Protection::Password),
            ("tls://user:secret@10.0.0.5,chat-2", false, Protection::Full),
            ("tls://10.0.0.5", true, Protection::Full),
        ];
        for (text, has_credentials, expected) in rows {
            let servers: NatsServers = text.parse().expect("servers");
            assert_eq!(servers.protection(has_credentials), expected, "{text}");
        }
    }

    #[test]
    fn servers_share_what_stands_before_the_first() {
        let rows = [
            ("nats://a", Ok("a:4222")),
            ("nats://a:1,b:2, c", Ok("a:1, b:2, c:4222")),
            ("nats://user:secret@a,b", Ok("a:4222, b:4222")),
            ("tls://a,nats://b:5", Ok("a:4222, b:5")),
            ("", Err("")),
            ("sqlite", Err("sqlite")),
            ("nats://", Err("nats://")),
            ("nats://a,", Err("")),
            ("http://a", Err("http://a")),
            ("nats://user:secret@a:port", Err("a:port")),
        ];
        for (text, expected) in rows {
            let read = text.parse::<NatsServers>().map(|servers| servers.to_string());
            assert_eq!(read, expected.map(str::to_owned).map_err(|one: &str| InvalidServers(one.into())), "{text}");
        }
        let all: NatsServers = "nats://user:secret@a,b".parse().expect("two");
        assert!(all.0.iter().all(|server| (server.username(), server.password()) == (Some("user"), Some("secret"))));
        let with_user = |text: &str| text.parse::<NatsServers>().expect("one").user();
        assert_eq!(with_user("nats://us%40er:se%2Fcret@a,b"), Some(("us@er".into(), "se/cret".into())));
        assert_eq!(with_user("nats://a"), None);
    }
}
