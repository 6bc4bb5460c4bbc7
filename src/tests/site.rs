use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use leptos::config::LeptosOptions;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};
use tower::ServiceExt;

use super::{Answer, Events, panics::PanicWatch};
use crate::{
    chat::{Limits, RoomId, UserId},
    engine::{Engine, Sqlite},
    hub::{self, ConnectionId, Hub, Intake, Rates, ReservedNames, RingSize, Setup, Tokens, Wake},
    protocol::{interactive_sync::GameLimits, webhook::Secret},
    server::{
        AdminKey, Admission, ApexSessions, AppState, Assets, Backlog, ConnectionLimits, Guard, HEARTBEAT, HookClient, Ivs,
        IvsAccess, IvsQuotas, Looks, MetricsAddress, Password, RelayRate, Reviews, Schedule, Screens, Sockets, Streams,
        TrustedProxies, Twitch, Webhooks, bind, collect_metrics, hash_password, ops_router, router, serve, system_trust,
    },
};

pub const ADMIN_KEY: &str = "an-admin-key-for-tests";
pub const PASSWORD: &str = "a password for tests";
pub const REVIEW_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub const SITE_SECRET: &str = "the secret of a site, for tests alone";
pub const WIDGET_KEY: &str = "widget-key";

/// A client that shows that key, and is no browser.
pub const KEYED: hub::Site<'_> = hub::Site { widget_key: hub::Key::Shown(WIDGET_KEY), origin: None };

/// Made once: it takes a third of a second, unoptimized.
fn password_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash_password(PASSWORD).expect("random numbers"))
}

/// Made once: to read the system's certificates takes as long.
pub fn tls() -> rustls::ClientConfig {
    static TLS: OnceLock<rustls::ClientConfig> = OnceLock::new();
    TLS.get_or_init(system_trust).clone()
}

/// Somebody who serves subscribers by hand, when the test wants it.
pub struct ByHand;

impl Wake for ByHand {
    fn room(&self, _: RoomId) {}
    fn subscriber(&self, _: ConnectionId) {}
}

/// A whole chat in a folder of its own, on a free port. What is one request and one answer goes past the socket.
pub struct Site {
    pub folder: Arc<TempDir>,
    pub hub: Hub,
    pub addr: SocketAddr,
    pub backlog: Backlog,
    engine: Arc<dyn Engine>,
    streams: Arc<Streams>,
    sockets: Sockets,
    pub webhooks: Webhooks,
    app: Router,
    pub state: AppState,
    _watch: PanicWatch,
    ops: Router,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

/// What a chat for a test has other than the default.
pub struct Setting {
    /// Where the page's files are.
    pub site_root: &'static str,
    pub limits: Limits,
    pub per_user: Rates,
    pub per_address: Rates,
    pub connections: ConnectionLimits,
    pub ring_size: RingSize,
    /// Bytes that may wait for all clients together.
    pub backlog_bytes: usize,
    pub heartbeat: Duration,
    pub origins: &'static [&'static str],
    pub trusted_proxies: TrustedProxies,
    pub metrics_address: MetricsAddress,
    pub guard: Guard,
    pub ivs: IvsAccess,
    pub ivs_demo: bool,
    pub ivs_single_use_tokens: bool,
    pub ivs_quotas: IvsQuotas,
    pub game_limits: GameLimits,
    pub schedule: Schedule,
    pub review_within: Duration,
    pub relay_rate: RelayRate,
    pub apex_sessions: Option<ApexSessions>,
    pub twitch: Option<Twitch>,
    /// Whom it trusts, where it calls others.
    pub tls: rustls::ClientConfig,
}

impl Default for Setting {
    /// Users may send as fast as they like.
    fn default() -> Self {
        Self {
            site_root: "target/no-site",
            limits: Limits { rate_per_second: 0.0, ..Limits::default() },
            per_user: Rates::none(),
            per_address: Rates::none(),
            connections: ConnectionLimits::of(10_000),
            ring_size: RingSize::default(),
            backlog_bytes: 64 << 20,
            heartbeat: HEARTBEAT,
            origins: &["*"],
            trusted_proxies: TrustedProxies::new(Some([].into())),
            metrics_address: MetricsAddress::Main,
            guard: Guard::allowing(["127.0.0.1/32".parse().expect("a network")].into()),
            ivs: IvsAccess::Anybody,
            ivs_demo: true,
            ivs_single_use_tokens: true,
            ivs_quotas: IvsQuotas::none(),
            game_limits: GameLimits::default(),
            schedule: Schedule { first_wait: Duration::from_millis(1), ..Schedule::default() },
            review_within: Duration::from_secs(20),
            relay_rate: RelayRate(0.0),
            apex_sessions: None,
            twitch: None,
            tls: tls(),
        }
    }
}

impl Site {
    /// A new chat whose users may send as fast as they like.
    pub async fn open() -> Self {
        Self::with(Setting::default()).await
    }

    pub async fn with(setting: Setting) -> Self {
        Self::start(tempfile::tempdir().expect("a folder").into(), setting).await
    }

    pub async fn limited(limits: Limits) -> Self {
        Self::with(Setting { limits, ..Setting::default() }).await
    }

    async fn start(folder: Arc<TempDir>, setting: Setting) -> Self {
        let intake = Intake::default();
        let log = Arc::new(Sqlite::open(folder.path(), Some(WIDGET_KEY), intake.sink()).expect("a usable folder"));
        Self::on(log, folder, intake, setting).await
    }

    /// A chat on an `engine`, which keeps everything in a `log` in that folder.
    pub async fn on(engine: Arc<dyn Engine>, folder: Arc<TempDir>, intake: Intake, setting: Setting) -> Self {
        let tokens = Tokens::new(b"a secret for tests", Duration::from_secs(3_600)).trusting(SITE_SECRET.as_bytes());
        let backlog = Backlog::new(setting.backlog_bytes);
        let client = HookClient::new(setting.guard, setting.tls);
        let review_secret = Secret::parse(REVIEW_SECRET).expect("a secret");
        let reviews = Arc::new(Reviews::new(client.clone(), review_secret, setting.review_within));
        let setup = Setup {
            engine: engine.clone(),
            intake,
            ring_size: setting.ring_size,
            tokens,
            limits: setting.limits,
            per_user: setting.per_user,
            per_address: setting.per_address,
            allowed_origins: setting.origins.iter().map(|origin| origin.parse().expect("an origin")).collect(),
            reserved_names: ReservedNames::new(["admin", "support"]),
            review: reviews,
        };
        let hub = Hub::start(setup).await.expect("a readable log");
        let password = Password::of(password_hash().to_owned());
        hub.admit_owners_by(password.fingerprint());
        let streams = Arc::new(Streams::start(&hub, setting.heartbeat, &backlog).expect("threads"));
        let sockets = Sockets::new(backlog.clone());
        let webhooks = Webhooks::start(engine.clone(), hub.clone(), client, setting.schedule).await.expect("a readable log");
        let options = LeptosOptions::builder().output_name("live-chat").site_root(setting.site_root).build();
        let state = AppState {
            hub: hub.clone(),
            streams: Arc::clone(&streams),
            screens: Screens::start(&hub),
            game_limits: setting.game_limits,
            apex_sessions: setting.apex_sessions,
            twitch: setting.twitch,
            relay_rate: setting.relay_rate,
            sockets: sockets.clone(),
            webhooks: webhooks.clone(),
            metrics: collect_metrics(),
            metrics_address: setting.metrics_address,
            assets: Assets::read(Path::new(&*options.site_root)).expect("a readable folder"),
            options: Arc::new(options),
            looks: Looks::default(),
            admin_key: AdminKey(ADMIN_KEY.into()),
            ivs: Ivs::new(setting.ivs, setting.ivs_demo, setting.ivs_single_use_tokens, setting.ivs_quotas),
            password,
            trusted_proxies: setting.trusted_proxies.clone(),
        };
        let admission = Admission::new(setting.connections, setting.trusted_proxies);
        let (ops, app) = (ops_router(state.clone()), router(state.clone()));
        let listener = bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let (stop, stopping) = watch::channel(false);
        let server = tokio::spawn(serve(listener, app.clone(), admission, backlog.clone(), stopping));
        Self {
            folder,
            hub,
            addr,
            backlog,
            engine,
            streams,
            sockets,
            webhooks,
            app,
            ops,
            state,
            _watch: PanicWatch::start(),
            stop,
            server,
        }
    }

    /// Stops the chat and starts it again on the same folder.
    pub async fn restart(self) -> Self {
        let limits = *self.hub.limits();
        let folder = self.stop().await;
        Self::start(folder, Setting { limits, ..Setting::default() }).await
    }

    /// Stops the chat; its folder stays.
    pub async fn stop(self) -> Arc<TempDir> {
        self.end_streams();
        self.stop.send_replace(true);
        self.server.await.expect("the server never panics");
        self.sockets.ended().await;
        self.webhooks.stop().await;
        self.engine.close();
        self.folder
    }

    /// The first half of a stop.
    pub fn end_streams(&self) {
        self.hub.stop();
        self.sockets.stop();
        self.streams.stop();
    }

    pub fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        Answer::read(self.app.clone().oneshot(request).await.expect("the router never fails")).await
    }

    /// What the operator's own address answers.
    pub async fn get_from_ops(&self, uri: &str) -> Answer {
        let request = Request::get(uri).body(Body::empty()).expect("a request");
        Answer::read(self.ops.clone().oneshot(request).await.expect("the router never fails")).await
    }

    /// What Prometheus gets.
    pub async fn metrics(&self) -> String {
        self.get_from_ops("/metrics").await.text
    }

    /// Sends a request whose answer may have no end. Only its status is read.
    pub async fn send_for_head(&self, request: Request<Body>) -> StatusCode {
        self.app.clone().oneshot(request).await.expect("the router never fails").status()
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.send(Request::get(uri).body(Body::empty()).expect("a request")).await
    }

    /// A page, as a browser with that cookie gets it.
    pub async fn page(&self, uri: &str, cookie: &str) -> Answer {
        self.send(Request::get(uri).header("cookie", cookie).body(Body::empty()).expect("a request")).await
    }

    /// Posts a form as a browser does, from a page that is `from_site` (Fetch Metadata).
    pub async fn submit(&self, uri: &str, cookie: &str, from_site: &str, body: impl Into<String>) -> Answer {
        let request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded").header("cookie", cookie);
        self.send(request.header("sec-fetch-site", from_site).body(Body::from(body.into())).expect("a request")).await
    }

    /// Signs in to run the chat.
    pub async fn sign_in(&self, password: &str) -> Answer {
        self.submit("/admin", "", "same-origin", format!("password={}", password.replace(' ', "+"))).await
    }

    /// `POST` with a JSON body and the admin key.
    pub async fn administer(&self, uri: &str, body: &Value) -> Answer {
        let request =
            Request::post(uri).header("content-type", "application/json").header("authorization", format!("Bearer {ADMIN_KEY}"));
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// `POST /publish/{room}` with any body.
    pub async fn publish_raw(&self, room: u32, token: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(format!("/publish/{room}?token={token}")).header("content-type", "application/json");
        self.send(request.body(body.into()).expect("a request")).await
    }

    pub async fn publish(&self, token: &str, body: &Value) -> Answer {
        self.publish_raw(1, token, body.to_string()).await
    }

    /// Says `text` in room 1 under a name that nobody else has.
    pub async fn say(&self, token: &str, text: &str) -> Answer {
        self.say_as(token, &format!("user {}", token.rsplit('.').next().unwrap_or_default()), text).await
    }

    /// Says `text` in room 1.
    pub async fn say_as(&self, token: &str, username: &str, text: &str) -> Answer {
        let message = json!({ "type": "chat", "username": username, "message_text": text });
        self.publish(token, &json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": message })).await
    }

    pub async fn request(&self, token: &str) -> Answer {
        self.publish(token, &json!({ "type": "request", "widget_key": WIDGET_KEY })).await
    }

    /// Subscribes to room 1 as a new client.
    pub async fn subscribe(&self) -> Events {
        self.subscribe_with("/subscribe/1", None).await
    }

    /// Comes back to room 1 as an `EventSource` does, with what it saw last.
    pub async fn resume(&self, last_event_id: &str) -> Events {
        self.subscribe_with("/subscribe/1", Some(last_event_id)).await
    }

    pub async fn subscribe_with(&self, uri: &str, last_event_id: Option<&str>) -> Events {
        let header = last_event_id.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        Events::open(self.addr, &format!("GET {uri} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n")).await
    }

    /// A token of a guest who is not connected.
    pub fn guest_token(&self, room: RoomId) -> String {
        self.hub.tokens().sign(self.guest(), room, crate::chat::Capabilities::guest(), None)
    }

    /// Somebody new.
    pub fn guest(&self) -> UserId {
        UserId::try_from(uuid::Uuid::new_v4().to_string()).expect("a valid id")
    }

    /// Waits until room 1 has that many connections.
    pub async fn viewers(&self, count: usize) {
        let now = || self.hub.snapshot(RoomId::FIRST).expect("room 1").viewer_count;
        while now() != count {
            tokio::task::yield_now().await;
        }
    }

    pub async fn history(&self) -> Vec<String> {
        let answer = self.get("/v1/streams/1/messages?limit=500").await;
        texts(answer.json["data"].as_array().expect("a list"))
    }
}

/// The texts of envelopes.
pub fn texts(envelopes: &[Value]) -> Vec<String> {
    envelopes.iter().map(|envelope| envelope["message"]["message_text"].as_str().expect("a chat message").to_owned()).collect()
}
