use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Form, Path, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use leptos::{nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    api, asked::Asked, client_address::ClientAddress, error, extract::cookies::Cookies, identity::Visitor, policy::Policy,
    router::Params, state::AppState,
};
use crate::{
    app::{
        ChatMessage, ChatPayload, EmbedPage, EntrancePage, EntranceView, Fade, FailedPage, FormError, FormInput, FormView,
        LOADER, Look, NotFoundPage, NoticePage, OverlayPage, PageContext, PageUrl, Quote, RoomPage, RoomView, SettingsView,
        Standing, document, wire,
    },
    chat::{
        Capabilities, Capability, ChatText, Command, Draft, Event, Kind, Measure, Payload, RoomId, RoomState, Sanction, Settings,
        UserId, reply_to,
    },
    engine::{self, ANSWER_BYTES, End, Query, cut, now},
    hub::{Activity, Caller, Hub, Identity, Key, Quoting, Refusal, Site, Snapshot, TokenError, Tokens},
    protocol::moment::rfc3339,
    texts::{Text, key},
};

/// Messages that stand in the server's HTML.
const MESSAGES: usize = 50;

/// The cookies that keep the name of somebody who posts without JavaScript: of a browser's guest, and of an owner who has signed in there.
const NAME_COOKIES: [&str; 2] = ["live-chat-name", "live-chat-owner-name"];
const NAME_KEPT: Duration = Duration::from_secs(365 * 86_400);

/// What the page's form posts.
#[derive(Deserialize)]
pub(super) struct Post {
    username: String,
    message: String,
    #[serde(default)]
    client_message_id: Option<String>,
    /// There if the box is checked.
    announcement: Option<String>,
}

/// Where a room is shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// On a page of its own.
    Page,
    /// In another site's frame.
    Embed(Look),
    /// Over a video.
    Overlay(Fade),
}

impl Place {
    /// Renders the room there; `url` is the absolute address of its page.
    fn page(self, view: RoomView, url: Option<PageUrl>) -> AnyView {
        match self {
            Self::Page => view! { <RoomPage view url /> }.into_any(),
            Self::Embed(look) => view! { <EmbedPage view look /> }.into_any(),
            Self::Overlay(fade) => view! { <OverlayPage view fade /> }.into_any(),
        }
    }

    fn policy(self, hub: &Hub, room: Option<RoomId>) -> Policy {
        match self {
            Self::Page => Policy::alone(),
            Self::Embed(_) => Policy::framed_by(hub.allowed_origins(room)),
            Self::Overlay(_) => Policy::overlay(),
        }
    }

    /// What keeps a visitor who they are there.
    fn cookies(self, cookies: &Cookies, tokens: &Tokens, room: RoomId, visitor: &Visitor) -> Vec<HeaderValue> {
        match self {
            Self::Page => vec![visitor.cookie(cookies, tokens, room)],
            // A browser takes the one that is good where the frame stands.
            Self::Embed(_) => vec![visitor.cookie(cookies, tokens, room), visitor.framed_cookie(cookies, tokens, room)],
            Self::Overlay(_) => Vec::new(),
        }
    }

    /// Whether people write there.
    fn takes_messages(self) -> bool {
        match self {
            Self::Page => true,
            Self::Embed(look) => !look.read_only,
            Self::Overlay(_) => false,
        }
    }

    /// Whether a message is still shown.
    fn shows(self, event: &Event) -> bool {
        match self {
            Self::Overlay(Fade { seconds }) if seconds > 0 => event.sent_at.0 + i64::from(seconds) * 1_000 > now().0,
            Self::Page | Self::Embed(_) | Self::Overlay(_) => true,
        }
    }
}

/// Who asks for a page.
pub(super) struct Reader {
    place: Place,
    visitor: Visitor,
    /// What links keep of the language that the address names.
    language_query: String,
    /// As whom they act.
    identity: Identity,
    capabilities: Capabilities,
    /// Where they come from, if that is known.
    from: Option<IpAddr>,
    /// Whether nobody knew them before.
    is_new: bool,
}

impl Reader {
    pub(super) fn of(
        state: &AppState,
        room: RoomId,
        place: Place,
        asked: &Asked,
        cookies: &Cookies,
        ClientAddress(from): ClientAddress,
    ) -> Self {
        let known = match place {
            // Who was sent away comes back as a new guest.
            Place::Page => Visitor::from_cookie(cookies, &state.hub, room).and_then(Result::ok),
            Place::Embed(_) => Visitor::in_frame(cookies, &state.hub, room),
            // Everybody sees it: what is private to whoever set it up must not be there.
            Place::Overlay(_) => None,
        };
        let is_new = known.is_none();
        let visitor = known.unwrap_or_else(|| match place {
            Place::Page | Place::Embed(_) => Visitor::new(),
            Place::Overlay(_) => Visitor::passing(),
        });
        let (identity, capabilities) = match place {
            Place::Page => visitor.acting(cookies, &state.hub),
            // Nobody's click in another site's frame takes anything out.
            // Over a video they write nothing, and may press what a game shows there.
            Place::Embed(_) | Place::Overlay(_) if visitor.own.allow(Capability::SendMessage) => {
                (visitor.identity.clone(), Capabilities::guest())
            }
            Place::Embed(_) | Place::Overlay(_) => (visitor.identity.clone(), Capabilities::none()),
        };
        Self { place, visitor, language_query: asked.query(), identity, capabilities, from, is_new }
    }

    /// Counts the guest that this makes, if it does.
    ///
    /// # Errors
    /// [`Refusal::AddressTooFast`].
    pub(super) fn count_guest(&self, hub: &Hub, room: RoomId) -> Result<(), Refusal> {
        if self.is_new { hub.count(room, None, self.from, Activity::Token) } else { Ok(()) }
    }

    /// Counts the reading of a page.
    ///
    /// # Errors
    /// [`Refusal::AddressTooFast`].
    pub(super) fn count_read(&self, hub: &Hub, room: RoomId) -> Result<(), Refusal> {
        hub.count(room, None, self.from, Activity::Read)
    }

    /// What tabs and frames that share a stream have in common.
    fn shares_as(&self) -> String {
        let is_guest = !self.identity.user.is_of_site() && self.identity.origin.role(&self.capabilities).name().is_none();
        let what = match self.place {
            _ if !is_guest => self.identity.user.as_str(),
            Place::Overlay(_) => "overlay",
            Place::Embed(look) if look.read_only => "reader",
            Place::Page | Place::Embed(_) => "guest",
        };
        what.to_owned()
    }

    /// Whether they take out messages, and go by another name than the guest who uses the same browser.
    fn moderates(&self) -> bool {
        self.capabilities.allow(Capability::DeleteMessage)
    }

    /// The only name that they may use, if their site has given them one.
    fn name(&self) -> Option<String> {
        self.identity.origin.name.clone()
    }
}

/// `GET /rooms/{id}`.
pub(super) async fn room(
    State(state): State<AppState>,
    Path(id): Path<String>,
    asked: Asked,
    from: ClientAddress,
    params: Params,
    cookies: Cookies,
) -> Response {
    match id.parse() {
        Ok(room) => show(&state, room, Place::Page, asked, from, &params, &cookies).await,
        Err(_) => not_found(&state, asked).await,
    }
}

/// `POST /rooms/{id}`: a message from a page without JavaScript.
pub(super) async fn post_to_room(
    State(state): State<AppState>,
    Path(id): Path<String>,
    asked: Asked,
    from: ClientAddress,
    headers: HeaderMap,
    cookies: Cookies,
    form: Result<Form<Post>, FormRejection>,
) -> Response {
    match id.parse() {
        Ok(room) => post(&state, room, Place::Page, asked, from, (&headers, &cookies), form).await,
        Err(_) => not_found(&state, asked).await,
    }
}

/// What a site posts to bring a user of its own.
#[derive(Deserialize)]
pub(super) struct Entrance {
    token: String,
}

/// `POST /rooms/{id}/enter`: takes a site's token, in the body and so in no address, log or history, for a cookie.
///
/// A page of a site that the operator has not named could make somebody write as another user than they think (login CSRF). Whoever
/// comes from such a page is asked first.
pub(super) async fn enter(
    State(state): State<AppState>,
    Path(id): Path<String>,
    asked: Asked,
    (headers, cookies): (HeaderMap, Cookies),
    ClientAddress(from): ClientAddress,
    form: Result<Form<Entrance>, FormRejection>,
) -> Response {
    let Some((room, about)) = id.parse().ok().and_then(|room| Some((room, state.hub.snapshot(room).ok()?.room))) else {
        return not_found(&state, asked).await;
    };
    let entered = form.map_err(|_| TokenError::Missing).and_then(|Form(Entrance { token })| {
        let claims = state.hub.check(&token, room)?;
        // A guest's token could be planted on somebody, to read along in their name.
        if claims.is_of_a_site() { Ok((claims, token)) } else { Err(TokenError::Invalid) }
    });
    let path = format!("/rooms/{room}");
    match entered {
        Ok((claims, token)) if !may_bring(&state.hub, room, &headers) => {
            let name = claims.origin.name.unwrap_or_else(|| claims.user.own().to_owned());
            let view = EntranceView { name, to: about.settings.name, path, token };
            render(&state, asked, StatusCode::OK, move || view! { <EntrancePage view=view.clone() /> }).await
        }
        Ok((claims, _)) => {
            if let Err(refusal) = state.hub.count(room, Some(&claims.user), from, Activity::Token) {
                return refuse(&state, asked, &refusal).await;
            }
            let cookie = Visitor::from(claims).cookie(&cookies, state.hub.tokens(), room);
            let to = HeaderValue::from_str(&path).expect("a number");
            (StatusCode::SEE_OTHER, [(header::LOCATION, to), (header::SET_COOKIE, cookie)]).into_response()
        }
        Err(error) => {
            let why = error.text(asked.texts);
            say(&state, asked, StatusCode::UNAUTHORIZED, key::notice::NOT_ADMITTED, why).await
        }
    }
}

/// Whether the page that sent a request may bring its users without asking them: one of ours, or of a site that the operator has named.
/// Browsers name the origin of every form that another site posts; a program that is none has nobody to deceive.
fn may_bring(hub: &Hub, room: RoomId, headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    !is_cross_site(headers) || origin.is_some_and(|origin| hub.names_origin(Some(room), origin))
}

pub(super) async fn not_found(state: &AppState, asked: Asked) -> Response {
    not_found_in(state, Place::Page, asked).await
}

/// There is no such room to be shown in that place.
pub(super) async fn not_found_in(state: &AppState, place: Place, asked: Asked) -> Response {
    render_under(place.policy(&state.hub, None), state, asked, StatusCode::NOT_FOUND, || view! { <NotFoundPage /> }).await
}

/// A room, in that place.
pub(super) async fn show(
    state: &AppState,
    room: RoomId,
    place: Place,
    asked: Asked,
    from: ClientAddress,
    params: &Params,
    cookies: &Cookies,
) -> Response {
    let reader = Reader::of(state, room, place, &asked, cookies, from);
    if let Err(refusal) = reader.count_guest(&state.hub, room) {
        return refuse(state, asked, &refusal).await;
    }
    // A browser that keeps nothing is still the same guest.
    let spoken_name = || state.hub.spoken_name(room, &reader.identity.user);
    let username = reader.name().or_else(spoken_name).unwrap_or_else(|| kept_name(cookies, reader.moderates()));
    let form = FormView { username, ..FormView::default() };
    show_as(state, room, &reader, asked, (params, cookies), StatusCode::OK, form).await
}

/// The page for somebody whose address asks for too much.
pub(super) async fn refuse(state: &AppState, asked: Asked, refusal: &Refusal) -> Response {
    let why = refusal.text(asked.texts);
    let mut response = say(state, asked, error::status(refusal), key::notice::NOT_ADMITTED, why).await;
    response.headers_mut().extend(error::retry_after(refusal).map(|wait| (header::RETRY_AFTER, wait)));
    response
}

/// The page of `room` as a visitor sees it.
async fn show_as(
    state: &AppState,
    room: RoomId,
    reader: &Reader,
    asked: Asked,
    (params, cookies): (&Params, &Cookies),
    status: StatusCode,
    form: FormView,
) -> Response {
    let place = reader.place;
    if let Err(refusal) = reader.count_read(&state.hub, room) {
        return refuse(state, asked, &refusal).await;
    }
    let policy = place.policy(&state.hub, Some(room));
    // A place that cannot be used shows the newest page, as if it had not been given.
    let before = api::place(params, "before", room, &state.hub.position(0)).ok().flatten();
    let view = match view(&state.hub, room, reader, before, form).await {
        Ok(view) => view,
        Err(Refusal::UnknownRoom(_)) => return not_found_in(state, place, asked).await,
        Err(refusal) => return render_under(policy, state, asked, error::status(&refusal), || view! { <FailedPage /> }).await,
    };
    let url = asked.url(cookies.scheme(), &format!("/rooms/{room}"));
    let mut response = render_under(policy, state, asked, status, move || place.page(view.clone(), url.clone())).await;
    for cookie in place.cookies(cookies, state.hub.tokens(), room, &reader.visitor) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// What a room's page shows: its newest messages, or the newest of those before a place, to be read alone.
pub(super) async fn view(
    hub: &Hub,
    room: RoomId,
    reader: &Reader,
    before: Option<u64>,
    form: FormView,
) -> Result<RoomView, Refusal> {
    let Reader { place, language_query, identity, capabilities, from, .. } = reader;
    let user = &identity.user;
    let Snapshot { room: about, position, viewer_count, waiting, .. } = hub.snapshot(room)?;
    let query = Query {
        room,
        after: 0,
        before: Some(before.unwrap_or(position.seq + 1)),
        reader: engine::Reader::User(user.clone()),
        messages_only: true,
        limit: MESSAGES + 1,
        bytes: ANSWER_BYTES,
        end: End::Newest,
    };
    let mut has_older = false;
    let take = |events: &mut Vec<Event>| has_older = cut(events, MESSAGES, End::Newest, Event::payload_bytes);
    let quoting = hub.read_quoting(query, take).await?;
    let limits = hub.limits();
    Ok(RoomView {
        room,
        settings: settings_view(&about.settings),
        state: about.state,
        widget_key: hub.widget_key(room),
        token: hub.tokens().sign(identity.clone(), room, capabilities.clone(), None),
        may_react: place.takes_messages()
            && before.is_none()
            && about.state == RoomState::Live
            && capabilities.allow(Capability::SendMessage),
        role: identity.origin.role(capabilities).name().unwrap_or_default().to_owned(),
        configures: capabilities.allow(Capability::ManageRoom),
        moderates: reader.moderates(),
        waiting: if capabilities.allow(Capability::DisconnectUser) { waiting } else { 0 },
        user_id: user.to_string(),
        shares_as: reader.shares_as(),
        position: position.to_string(),
        pinned: match about.settings.pinned(room) {
            Some(id) => hub.message(id).await.ok().and_then(|event| chat_message(&event, &Quoting::default())),
            None => None,
        },
        messages: quoting
            .events
            .iter()
            .filter(|event| place.shows(event))
            .filter_map(|event| chat_message(event, &quoting))
            .collect(),
        has_older,
        archive: before.is_some(),
        replays: false,
        link_query: match place {
            Place::Embed(look) => [&**language_query, &look.query()].concat(),
            Place::Page | Place::Overlay(_) => language_query.clone(),
        },
        is_overlay: matches!(place, Place::Overlay(_)),
        viewer_count,
        username_chars: limits.username_chars,
        text_chars: limits.text_chars,
        standing: hub
            .sanction_on(room, user, *from)?
            .filter(|_| !capabilities.allow(Capability::DisconnectUser))
            .and_then(|sanction| standing(sanction, user)),
        now: rfc3339(now()),
        is_named: identity.origin.name.is_some(),
        form: FormView { client_message_id: uuid::Uuid::new_v4().to_string(), ..form },
        game: if before.is_some() { String::new() } else { game(hub, room) },
        description: about.settings.description,
    })
}

/// Writes what the room's game shows, as the stream's `init` has it; empty for nothing.
fn game(hub: &Hub, room: RoomId) -> String {
    #[derive(Serialize)]
    struct Told {
        message: Message,
    }
    #[derive(Serialize)]
    struct Message {
        interface: Box<RawValue>,
        cooldowns: BTreeMap<String, u64>,
    }
    let Some(interface) = hub.interface(room) else { return String::new() };
    let milliseconds = |(action, left): (String, Duration)| (action, left.as_millis() as u64);
    let cooldowns = hub.cooldowns(room).into_iter().map(milliseconds).collect();
    wire::write(&Told { message: Message { interface: interface.to_json(), cooldowns } })
}

fn settings_view(settings: &Settings) -> SettingsView {
    SettingsView {
        name: settings.name.clone(),
        slow_mode_seconds: settings.in_force().slow_mode_seconds,
        message_chars: settings.message_chars as usize,
        speakers: settings.speakers,
        paused: settings.paused,
        ephemeral: settings.ephemeral,
        pinned_message: settings.pinned_message.clone(),
    }
}

/// What keeps somebody from speaking. Why is told to the person alone, not to whoever else comes from their address.
fn standing(sanction: Sanction, reader: &UserId) -> Option<Standing> {
    let Sanction { user, measure, reason, .. } = sanction;
    let reason = if user == *reader { reason } else { String::new() };
    match measure {
        Measure::Timeout { until } => Some(Standing { until: rfc3339(until), seconds_left: until.seconds_left(now()), reason }),
        Measure::Ban => Some(Standing { until: String::new(), seconds_left: 0, reason }),
        Measure::Lift => None,
    }
}

/// The part of an event that people read, if it has one.
fn chat_message(event: &Event, quoting: &Quoting) -> Option<ChatMessage> {
    let message = event.message()?;
    let chat = match message.payload.readable() {
        Some(_) => ChatText::of(&message.payload)?,
        None => ChatText::default(),
    };
    let quote = reply_to(&message.payload, event.room).and_then(|seq| match quoting.quoted.get(&seq)? {
        Some(quoted) => chat_message(quoted, &Quoting::default()).map(|quoted| Quote::of(&quoted)),
        None => Some(Quote::deleted(seq)),
    });
    Some(ChatMessage {
        seq: event.seq,
        id: event.id().to_string(),
        author: message.author.to_string(),
        chat,
        sent_at: rfc3339(event.sent_at),
        private: matches!(event.kind, Kind::Private { .. }),
        waits: matches!(event.kind, Kind::Held(_)),
        role: message.profile.role.name().unwrap_or_default().to_owned(),
        reactions: message.reactions.clone(),
        quote,
        picture: message.profile.picture.clone().unwrap_or_default(),
        announces: message.profile.announces,
    })
}

/// Takes a message from a form, and shows the room again.
pub(super) async fn post(
    state: &AppState,
    room: RoomId,
    place: Place,
    asked: Asked,
    from: ClientAddress,
    (headers, cookies): (&HeaderMap, &Cookies),
    form: Result<Form<Post>, FormRejection>,
) -> Response {
    let reader = Reader::of(state, room, place, &asked, cookies, from);
    let texts = asked.texts;
    let none = Params::none();
    let refuse =
        async |status, form: FormView| show_as(state, room, &reader, asked.clone(), (&none, cookies), status, form).await;
    let Form(said) = match form {
        Ok(form) => form,
        Err(rejection) => {
            let message = texts.text(key::notice::FORM_UNREADABLE).to_owned();
            let form = FormView { error: Some(FormError { input: None, message }), ..FormView::default() };
            return refuse(rejection.status(), form).await;
        }
    };
    let typed = |error| FormView {
        username: said.username.clone(),
        text: said.message.clone(),
        is_announcement: said.announcement.is_some(),
        error: Some(error),
        ..FormView::default()
    };
    if is_cross_site(headers) {
        let message = texts.text(key::notice::FORM_OF_ANOTHER_SITE).to_owned();
        return refuse(StatusCode::FORBIDDEN, typed(FormError { input: None, message })).await;
    }
    if let Err(refusal) = reader.count_guest(&state.hub, room) {
        return self::refuse(state, asked, &refusal).await;
    }
    match publish(&state.hub, room, &reader, &said).await {
        Ok(()) => {
            // The query too: how the room looks there.
            let location = asked.uri.path_and_query().map_or("/", |same| same.as_str());
            let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
            let own = place.cookies(cookies, state.hub.tokens(), room, &reader.visitor);
            for cookie in own.into_iter().chain([name_cookie(cookies, reader.moderates(), &said.username)]) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(Refusal::UnknownRoom(_)) => not_found_in(state, place, asked).await,
        Err(refusal) => {
            let input = if refusal.is_about_name() { FormInput::Username } else { FormInput::Message };
            let error = FormError { input: Some(input), message: refusal.text(texts) };
            let mut response = refuse(error::status(&refusal), typed(error)).await;
            response.headers_mut().extend(error::retry_after(&refusal).map(|wait| (header::RETRY_AFTER, wait)));
            response
        }
    }
}

/// Publishes what was typed, by the same way as every client.
async fn publish(
    hub: &Hub,
    room: RoomId,
    Reader { identity, capabilities, from, .. }: &Reader,
    Post { username, message, client_message_id, announcement }: &Post,
) -> Result<(), Refusal> {
    // What a form sends has CRLF for each line break (WHATWG HTML 4.10.22.4), and the page's script sends what stands in the field.
    let text = message.replace("\r\n", "\n");
    let payload = Payload::of(&ChatPayload::of(username, text.trim_end()));
    // A browser that goes back shows a form with its old id: other words under it are another message.
    let form = client_message_id.as_ref().and_then(|id| uuid::Uuid::parse_str(id).ok());
    let client_message_id = form.map(|form| uuid::Uuid::new_v5(&form, payload.get().as_bytes()).to_string());
    let token = hub.tokens().sign(identity.clone(), room, capabilities.clone(), None);
    let widget_key = hub.widget_key(room);
    let site = Site { widget_key: Key::Shown(&widget_key), origin: None };
    let draft = Draft { payload, video_time: 0.0, client_message_id, announces: announcement.is_some() };
    hub.publish(room, Caller { token: &token, site, from: *from }, Command::Broadcast(draft)).await.map(drop)
}

/// Whether a browser says that another site made it send this: by Fetch Metadata (`Sec-Fetch-Site`), which none sends over plain
/// HTTP, else by the origin (RFC 6454 7).
pub(super) fn is_cross_site(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    match (headers.get("sec-fetch-site"), headers.get(header::ORIGIN)) {
        (Some(site), _) => site != "same-origin" && site != "none",
        (None, Some(_)) => text("origin").and_then(|origin| origin.split_once("://")).map(|(_, host)| host) != text("host"),
        (None, None) => false,
    }
}

fn kept_name(cookies: &Cookies, moderates: bool) -> String {
    let encoded = cookies.find(NAME_COOKIES[usize::from(moderates)]).unwrap_or_default();
    percent_decode_str(encoded).decode_utf8().unwrap_or_default().into_owned()
}

fn name_cookie(cookies: &Cookies, moderates: bool, username: &str) -> HeaderValue {
    let encoded = utf8_percent_encode(username, NON_ALPHANUMERIC).to_string();
    cookies.set(NAME_COOKIES[usize::from(moderates)], &encoded, NAME_KEPT)
}

/// Renders a page that says one thing.
pub(super) async fn say(state: &AppState, asked: Asked, status: StatusCode, heading: Text, text: String) -> Response {
    let heading = asked.texts.text(heading);
    render(state, asked, status, move || view! { <NoticePage heading=heading.to_owned() text=text.clone() /> }).await
}

/// Renders the page that says that something could not be done for that reason.
pub(super) async fn fail(state: &AppState, asked: Asked, refusal: &Refusal) -> Response {
    fail_with(state, asked, error::status(refusal)).await
}

/// Renders the page that says that something could not be done.
pub(super) async fn fail_with(state: &AppState, asked: Asked, status: StatusCode) -> Response {
    render(state, asked, status, || view! { <FailedPage /> }).await
}

/// Renders a page that stands alone.
pub(super) async fn render<V: IntoView + 'static>(
    state: &AppState,
    asked: Asked,
    status: StatusCode,
    page: impl Fn() -> V + Send + Sync + 'static,
) -> Response {
    render_under(Policy::alone(), state, asked, status, page).await
}

/// Renders a page under another policy.
pub(super) async fn render_under<V: IntoView + 'static>(
    policy: Policy,
    state: &AppState,
    asked: Asked,
    status: StatusCode,
    page: impl Fn() -> V + Send + Sync + 'static,
) -> Response {
    // Boxed, so that the renderer is compiled once and not for each page.
    respond(policy, state, asked, status, Arc::new(move || page().into_any())).await
}

async fn respond(
    policy: Policy,
    state: &AppState,
    Asked { uri, texts, .. }: Asked,
    status: StatusCode,
    page: Arc<dyn Fn() -> AnyView + Send + Sync>,
) -> Response {
    let site = state.looks.now(&state.hub);
    let policy = if site.style().is_empty() { policy } else { policy.with_styles() };
    let context = PageContext {
        options: Arc::clone(&state.options),
        assets: state.assets.base().into(),
        is_split: state.assets.has(&format!("{}/{LOADER}", state.options.site_pkg_dir)),
        texts,
        site,
    };
    let headers = policy.clone();
    let set_headers = move || {
        if let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) {
            response.insert_header(header::CONTENT_SECURITY_POLICY, headers.content_security(&nonce));
        }
    };
    let render = leptos_axum::render_app_async_with_context(set_headers, move || document(context.clone(), &*page));
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri;
    let mut response = render(request).await;
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(texts.language()));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    policy.add_to(headers);
    response
}
