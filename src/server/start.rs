use std::{
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use leptos::config::LeptosOptions;
use rustls::ClientConfig;
use tokio::{net::TcpListener, signal::unix::SignalKind, sync::watch};

use super::{
    ApexSessions, Config, HEARTBEAT, Screens, Sockets, Streams, Twitch,
    admission::{Admission, ConnectionLimits, HELD},
    appearance::Looks,
    assets::Assets,
    backend::Backend,
    client_address::TrustedProxies,
    disk::Disk,
    hooks::{Client, Guard, Reviews, Schedule, Webhooks, system_trust},
    ivs::{Access as IvsAccess, Ivs},
    listen,
    password::Password,
    relay::RelayRate,
    router::{apex_router, echo_router, interactive_sync_router, ops_router, relay_router, router},
    secrets,
    state::{AdminKey, AppState},
    telemetry::{self, MetricsAddress},
    transport::Backlog,
};
use crate::{
    chat::RoomId,
    engine::{BackupError, CopyError, EngineError, NatsError, OpenError},
    hub::{Hub, Intake, ReservedNames, RingSize, Setup, Tokens},
    protocol::{sigv4::Credentials, webhook::Secret},
};

/// How long a stop waits for connections that do not end by themselves.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Files that are open beside the connections: those that wait for a place, the database's, the page's, connections to hooks, and some
/// to spare.
const OTHER_FILES: usize = HELD + 256;

/// Connections to `--ops-addr` that may be open at once.
const OPS_CONNECTIONS: usize = 64;

/// Why the server could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The log could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The log of a cluster could not be opened.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// What may be published is more than the servers take.
    #[error(
        "--max-body-bytes is {body}, and these servers of NATS take messages of {most} bytes at most: make it less, or their max_payload more"
    )]
    MaxPayload {
        /// What is configured.
        body: u32,
        /// What would do.
        most: usize,
    },
    /// The check that was asked for found damage.
    #[error("the database is damaged: {0}. Restore it from a backup, or recover what can be read (see README)")]
    Damaged(String),
    /// The backup that was asked for was not made.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The copy that was asked for was not made.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// What is asked for is done with a log in a file.
    #[error("the log is in NATS (--engine), and not in a file: see `nats stream backup` and `nats stream report`")]
    InNats,
    /// It is no copy from one engine into another that was asked for.
    #[error(
        "a log is copied from sqlite to nats://... or back: for a copy of a SQLite log see `live-chat backup`; a stream of NATS is copied by way of sqlite"
    )]
    SameEngine,
    /// The engine failed at the start.
    #[error("the log cannot be read: {0}")]
    Engine(#[from] EngineError),
    /// A secret could not be read or made.
    #[error("cannot use the secret in {path}: {source}")]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Whoever may sign for the users of a site could sign for everybody.
    #[error("the site's secret (--site-secret) is the token secret: it must be another one")]
    SameSecret,
    /// The address is not ours to listen on.
    #[error("cannot listen on {addr} ({flag}): {source}")]
    Listen {
        /// The setting that says so.
        flag: &'static str,
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A thread has ended unexpectedly. A service manager should start the program again.
    #[error("the server cannot go on: {0}")]
    Failed(Arc<str>),
    /// The operating system gave no threads or no signals.
    #[error("the server failed: {0}")]
    Serve(#[from] io::Error),
}

/// Runs the server until it is told to stop (SIGTERM, SIGINT); a second signal ends it at once.
///
/// # Errors
/// See [`RunError`].
pub fn run(config: Config) -> Result<(), RunError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), RunError> {
    let metrics = telemetry::collect();
    let intake = Intake::default();
    let backend = Backend::open(&config, &intake).await?;
    let engine = Arc::clone(&backend.engine);
    let token_secret = secret(&backend, config.token_secret.as_ref(), &config.data_dir.join("token-secret")).await?;
    let admin_key = secret(&backend, config.admin_key.as_ref(), &config.data_dir.join("admin-key")).await?;
    let mut tokens = Tokens::new(token_secret.as_bytes(), config.token_lifetime());
    if let Some(site_secret) = &config.site_secret {
        if *site_secret == token_secret {
            return Err(RunError::SameSecret);
        }
        tokens = tokens.trusting(site_secret.as_bytes());
    }
    let tls = system_trust();
    let hooks = Client::new(Guard::allowing(Arc::clone(&config.allow_private_hooks.0)), tls.clone());
    let reviews = Reviews::new(hooks.clone(), review_secret(&backend, &config).await?, Reviews::ANSWER_WITHIN);
    let hub = Hub::start(Setup {
        engine: engine.clone(),
        intake,
        ring_size: RingSize::default(),
        tokens,
        limits: config.limits(),
        per_user: config.user_limits,
        per_address: config.address_limits,
        allowed_origins: config.allowed_origins.iter().cloned().collect(),
        reserved_names: ReservedNames::new(&config.reserved_names),
        review: Arc::new(reviews),
    })
    .await?;
    let disk = Disk { folder: config.data_dir.clone(), least_bytes: u64::from(config.min_free_disk) * 1024 * 1024 };
    disk.check(&hub);
    tokio::spawn(disk.watch(hub.clone()));
    let webhooks = Webhooks::start(engine.clone(), hub.clone(), hooks, Schedule::default()).await?;

    let limits = connection_limits(&config)?;
    let listener = bind("--addr", config.addr)?;
    let relay = config.relay_addr.map(|addr| bind("--relay-addr", addr)).transpose()?;
    let echo = config.echo_addr.map(|addr| bind("--echo-addr", addr)).transpose()?;
    let apex = config.apex_addr.map(|addr| bind("--apex-addr", addr)).transpose()?;
    let games = config.interactive_sync_addr.map(|addr| bind("--interactive-sync-addr", addr)).transpose()?;
    let ops = config.ops_addr.map(|addr| bind("--ops-addr", addr)).transpose()?;
    let addr = listener.local_addr()?;
    // Not before it is sure that it can be printed.
    let (password, new_password) = password(&backend, &config).await?;
    hub.admit_owners_by(password.fingerprint());
    greet(&hub, backend.is_new.then_some(config.data_dir.as_path()), new_password.as_deref())?;
    say_where(addr, &[("the relay", &relay), ("the echo", &echo), ("Apex", &apex), ("Interactive Sync", &games)], ops.as_ref())?;

    let options = LeptosOptions::builder().output_name("live-chat").site_root(site_root()).site_addr(addr).build();
    let options = Arc::new(options);
    let trusted_proxies = TrustedProxies::new(config.trusted_proxies.as_ref().map(|proxies| Arc::clone(&proxies.0)));
    let backlog = Backlog::new(Some(config.max_waiting_bytes).filter(|&bytes| bytes > 0).unwrap_or(usize::MAX));
    let (streams, sockets) = (Arc::new(Streams::start(&hub, HEARTBEAT, &backlog)?), Sockets::new(backlog.clone()));
    let state = AppState {
        hub: hub.clone(),
        streams: Arc::clone(&streams),
        screens: Screens::start(&hub),
        game_limits: config.interactive_sync_limits,
        apex_sessions: apex_sessions(&config, tls.clone()),
        twitch: twitch(&config, tls),
        relay_rate: RelayRate(config.relay_rate_limit),
        sockets: sockets.clone(),
        webhooks: webhooks.clone(),
        metrics,
        metrics_address: if ops.is_some() { MetricsAddress::Ops } else { MetricsAddress::Main },
        assets: Assets::read(Path::new(&*options.site_root))?,
        options,
        looks: Looks::default(),
        admin_key: AdminKey(admin_key.into()),
        ivs: Ivs::new(ivs_access(&config), config.ivs_demo, config.ivs_single_use_tokens, config.ivs_quotas),
        password,
        trusted_proxies: trusted_proxies.clone(),
    };
    let one_protocol = [
        relay.map(|listener| (listener, relay_router(state.clone()))),
        echo.map(|listener| (listener, echo_router(state.clone()))),
        apex.map(|listener| (listener, apex_router(state.clone()))),
        games.map(|listener| (listener, interactive_sync_router(state.clone()))),
    ];
    let ops = ops.map(|listener| (listener, ops_router(state.clone())));
    let listeners: Vec<_> = one_protocol.into_iter().flatten().chain([(listener, router(state))]).collect();
    let (stop, stopping) = watch::channel(false);
    let (signal, all_sockets) = (stop_signal()?, sockets.clone());
    tokio::spawn(async move {
        let has_failed = tokio::select! {
            () = signal => false,
            _ = hub.supervisor().failed() => true,
        };
        tracing::info!("stopping: streams end, accepted messages are stored");
        hub.stop();
        stop.send_replace(true);
        tokio::spawn(end_late(i32::from(has_failed)));
        all_sockets.stop();
        streams.stop();
    });
    let admission = Admission::new(limits, trusted_proxies);
    let serve = |(listener, app)| listen::serve(listener, app, admission.clone(), backlog.clone(), stopping.clone());
    // The operator gets an answer also when the chat has no place left.
    let ops_admission = Admission::new(ConnectionLimits::of(OPS_CONNECTIONS), TrustedProxies::default());
    let serve_ops = ops.map(|(listener, app)| listen::serve(listener, app, ops_admission, backlog.clone(), stopping.clone()));
    futures::future::join(
        futures::future::join_all(listeners.into_iter().map(serve)),
        futures::future::OptionFuture::from(serve_ops),
    )
    .await;
    sockets.ended().await;
    webhooks.stop().await;
    tokio::task::block_in_place(|| engine.close());
    tracing::info!("stopped");
    match engine.supervisor().failure() {
        Some(failure) => Err(RunError::Failed(failure)),
        None => Ok(()),
    }
}

/// How many connections there may be: as many as are configured, else as there are files to open. The limit of those is raised
/// first, for it is low by default (1,024) and each connection is one.
fn connection_limits(config: &Config) -> io::Result<ConnectionLimits> {
    let files = rlimit::increase_nofile_limit(u64::MAX)?;
    let possible = usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(OTHER_FILES);
    let total = config.max_connections.map_or(possible, |wanted| wanted.min(possible));
    if config.max_connections.is_some_and(|wanted| wanted > possible) {
        tracing::warn!(
            files,
            connections = total,
            "fewer connections than configured: raise the limit of open files (ulimit -n)"
        );
    }
    tracing::info!(files, connections = total, "limits of this process");
    let per_address = Some(config.max_connections_per_address).filter(|&limit| limit > 0);
    Ok(ConnectionLimits { per_address, ..ConnectionLimits::of(total) })
}

fn bind(flag: &'static str, addr: SocketAddr) -> Result<TcpListener, RunError> {
    listen::bind(addr).map_err(|source| RunError::Listen { flag, addr, source })
}

/// Says at the first start what the owner of the chat must know.
fn greet(hub: &Hub, first_start_in: Option<&Path>, new_password: Option<&str>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if let Some(folder) = first_start_in {
        writeln!(out, "First start: everything is kept in {}", folder.display())?;
        writeln!(out, "Widget key: {}", hub.widget_key(RoomId::FIRST))?;
        writeln!(out, "Admin key: in {}, unless you set one", folder.join("admin-key").display())?;
    }
    if let Some(password) = new_password {
        writeln!(out, "Password for /admin, not shown again: {password}")?;
    }
    out.flush()
}

/// Says where the chat is, and which of its protocols have a port of their own.
fn say_where(addr: SocketAddr, protocols: &[(&str, &Option<TcpListener>)], ops: Option<&TcpListener>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if let Some(listener) = ops {
        writeln!(out, "live-chat serves metrics on {}", listener.local_addr()?)?;
    }
    for (protocol, listener) in protocols {
        if let Some(listener) = listener {
            writeln!(out, "live-chat serves {protocol} on ws://{}", listener.local_addr()?)?;
        }
    }
    writeln!(out, "live-chat is listening on http://{addr}")?;
    out.flush()
}

async fn password(backend: &Backend, config: &Config) -> Result<(Password, Option<String>), RunError> {
    let path = config.data_dir.join("admin-password");
    match &config.admin_password {
        Some(password) => match Password::configured(password) {
            Ok(password) => Ok((password, None)),
            Err(source) => Err(RunError::Secret { path, source }),
        },
        None => backend.secret(&path, Password::load_or_make).await,
    }
}

async fn secret(backend: &Backend, configured: Option<&String>, path: &Path) -> Result<String, RunError> {
    match configured {
        Some(configured) => Ok(configured.clone()),
        None => backend.secret(path, |path| secrets::load_or_make(path, secrets::hex)).await,
    }
}

/// Who knows the sessions of Apex. Where it is asked is the operator's word, so it may be anywhere.
fn apex_sessions(config: &Config, tls: ClientConfig) -> Option<ApexSessions> {
    Some(ApexSessions::new(Client::new(Guard::anywhere(), tls), config.apex_auth_url.clone()?))
}

/// Twitch, if channels of its are rooms. Where it is asked is the operator's word, so it may be anywhere.
fn twitch(config: &Config, tls: ClientConfig) -> Option<Twitch> {
    let channels = config.interactive_sync_twitch_channels.clone()?;
    Some(Twitch::new(Client::new(Guard::anywhere(), tls), config.interactive_sync_twitch_url.clone(), channels))
}

/// Who may run rooms as Amazon IVS Chat has it.
fn ivs_access(config: &Config) -> IvsAccess {
    match (&config.ivs_access_key_id, &config.ivs_secret_access_key) {
        _ if config.ivs_unsigned => {
            tracing::warn!("anybody may run the rooms by the IVS control plane (--ivs-unsigned)");
            IvsAccess::Anybody
        }
        (Some(id), Some(secret)) => {
            IvsAccess::Holder(Credentials { access_key_id: id.clone(), secret_access_key: secret.clone() })
        }
        _ => IvsAccess::Nobody,
    }
}

/// What review handlers are asked is signed with.
async fn review_secret(backend: &Backend, config: &Config) -> Result<Secret, RunError> {
    let path = config.data_dir.join("review-secret");
    let text = match &config.review_secret {
        Some(text) => text.clone(),
        None => backend.secret(&path, |path| secrets::load_or_make(path, Secret::text)).await?,
    };
    let is_none = || io::Error::new(io::ErrorKind::InvalidData, "it is no secret of a webhook; delete it to have a new one made");
    Secret::parse(&text).ok_or_else(|| RunError::Secret { path, source: is_none() })
}

/// Where the page's files are: as the development tool says, else beside the program.
fn site_root() -> String {
    std::env::var("LEPTOS_SITE_ROOT").unwrap_or_else(|_| {
        let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("site")));
        beside.filter(|site| site.is_dir()).unwrap_or_else(|| "target/site".into()).to_string_lossy().into_owned()
    })
}

/// Resolves at the first signal; ends the process at the second.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(SignalKind::interrupt())?;
    let (first, stop) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut first = Some(first);
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            match first.take() {
                Some(first) => drop(first.send(())),
                None => std::process::exit(1),
            }
        }
    });
    Ok(async { drop(stop.await) })
}

/// Ends the process when connections hold up the stop. What was acknowledged is durable all the same.
async fn end_late(status: i32) {
    tokio::time::sleep(STOP_WITHIN).await;
    tracing::warn!("connections did not end in time");
    std::process::exit(status);
}
