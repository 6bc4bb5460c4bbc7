//! What the game of a room shows to its viewers, and what became of their presses.
//!
//! Only [`build_game`] is used from elsewhere, so that all of it is loaded once a game shows anything.

use std::{collections::BTreeMap, time::Duration};

use leptos::{
    either::{Either, EitherOf3},
    ev::{KeyboardEvent, MouseEvent, PointerEvent},
    html,
    mount::mount_to_renderer,
    prelude::*,
};
use wasm_bindgen::JsCast;
use web_sys::{Element, FormData, HtmlElement, HtmlFormElement};

use super::{LiveText, game::ID, on_demand::part};
use crate::{
    app::{
        clock::monotonic_ms,
        net::{publish, request},
        session::Session,
        state::{
            game::{self, Game, Openness, Outcome, Wait},
            game_inbox::{GameInbox, Told},
        },
        task::{follow, spawn},
        wire::{
            self,
            interface::{
                Component, Dialog, Entered, Field, GameNews, Input, Interface, Kind, Mouse, Part, Styles, Title,
                is_picture_address,
            },
        },
    },
    texts::{Texts, key},
};

/// How long a viewer waits between two presses of whatever component, as the server has it, in milliseconds.
const BETWEEN_PRESSES: f64 = 3_000.0;

/// How often a countdown moves.
const TICK: Duration = Duration::from_millis(250);

/// What a label is that a game leaves out, as the protocol fills it in. It says nothing of a picture.
const NO_LABEL: &str = "A label";

/// Where components stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Beside the video.
    Panel,
    /// On a phone.
    Mobile,
    /// At an edge of the video: left, right, top, bottom.
    Edge(usize),
}

/// The edges of a video, as their elements' classes name them.
const EDGES: [&str; 4] = ["left", "right", "top", "bottom"];

impl Place {
    /// What the game is told where a component was pressed.
    fn view(self) -> &'static str {
        match self {
            Self::Panel => "panel",
            Self::Mobile => "mobile",
            Self::Edge(_) => "video_overlay",
        }
    }

    fn part(self, interface: &Interface) -> Option<&Part> {
        let overlay = interface.video_overlay.as_ref();
        match self {
            Self::Panel => interface.panel.as_ref(),
            Self::Mobile => interface.mobile.as_ref(),
            Self::Edge(edge) => {
                overlay.and_then(|overlay| [&overlay.left, &overlay.right, &overlay.top, &overlay.bottom][edge].as_ref())
            }
        }
    }
}

/// The game of the page's room. A handle; copies share it.
#[derive(Clone, Copy)]
struct Play {
    session: Session,
    game: RwSignal<Game>,
    interface: Memo<Option<Interface>>,
    /// The time when the game was looked at last, in milliseconds since the page was opened.
    now: RwSignal<f64>,
    /// Whether that moves by itself, because something is closed.
    ticks: StoredValue<bool>,
}

part! {
    /// Builds what the room's game shows into its place on the page.
    ///
    /// # Errors
    /// If this part of the page cannot be loaded.
    pub fn build_game(session: Session) {
        // Two may have asked for it.
        if let Some(place) = document().get_element_by_id(ID)
            && session.game.try_update_untracked(GameInbox::begin) == Some(true)
        {
            mount_to_renderer(&place, move || panel(session)).forget();
        }
    }
}

/// Beside the chat it is the game's panel, on small screens its part for phones; if a game has only the one, that. A game that shows
/// nothing but what lies over a video has that shown in a column. Over a video it is what the game puts at the edges, and the mouse.
///
/// Nothing of it is an `AnyView`: for each of those a browser would download code that takes over HTML of the server.
fn panel(session: Session) -> impl IntoView {
    let game = RwSignal::new(Game::default());
    let interface = Memo::new(move |_| game.with(|game| game.interface().cloned()));
    let play = Play { session, game, interface, now: RwSignal::new(monotonic_ms()), ticks: StoredValue::new(false) };
    follow(Box::new(move || play.hear()));
    follow(Box::new(move || play.count_down()));
    let class = move || {
        interface.with(|interface| {
            let Some(interface) = interface else { return "game" };
            match (interface.config.transparent, interface.config.ripple) {
                (false, false) => "game",
                (false, true) => "game ripple",
                (true, false) => "game transparent",
                (true, true) => "game transparent ripple",
            }
        })
    };
    let theme = move || interface.with(|interface| interface.as_ref()?.config.force_theme.clone());
    let has = move |place: fn(&Interface) -> bool| interface.with(|interface| interface.as_ref().is_some_and(place));
    let only = move |is_there: bool| (!is_there).then_some("only");
    let parts = if session.is_overlay {
        Either::Left(view! {
            {mouse(play)}
            {edges(play)}
        })
    } else {
        Either::Right(view! {
            <div class="game-wide" data-part=move || only(has(|one| one.mobile.is_some()))>{part(play, Place::Panel)}</div>
            <div class="game-narrow" data-part=move || only(has(|one| one.panel.is_some()))>{part(play, Place::Mobile)}</div>
            <div class="game-column" hidden=move || has(|one| one.panel.is_some() || one.mobile.is_some())>{edges(play)}</div>
        })
    };
    let said = move |session: Session| game.with(|game| game.outcome().map(|one| said(session.texts, one)).unwrap_or_default());
    view! {
        <section
            class=class
            data-theme=theme
            aria-label=session.texts.text(key::page::GAME)
            hidden=move || interface.with(Option::is_none)
        >
            {parts}
            <p class="game-said" role="status">{session.words(said)}</p>
        </section>
    }
}

/// The components at each edge of a video.
fn edges(play: Play) -> impl IntoView {
    let edge = |edge: usize| view! { <div class=["game-edge ", EDGES[edge]].concat()>{part(play, Place::Edge(edge))}</div> };
    (0..EDGES.len()).map(edge).collect_view()
}

/// Components, each with a number of its own.
type Numbered = Vec<(u32, Component)>;

/// Numbers components. One that stays as it was where it was keeps its number, and with it its element, the focus and an open dialog.
fn numbered(components: &[Component], before: Option<&Numbered>) -> Numbered {
    let before = before.map_or(&[][..], Vec::as_slice);
    let mut next = before.iter().map(|(number, _)| number + 1).max().unwrap_or_default();
    let mut number = |at: usize, component: &Component| match before.get(at) {
        Some((number, same)) if same == component => *number,
        _ => {
            next += 1;
            next - 1
        }
    };
    components.iter().enumerate().map(|(at, component)| (number(at, component), component.clone())).collect()
}

/// The components of one place.
fn part(play: Play, place: Place) -> impl IntoView {
    let part = Memo::new(move |_| play.interface.with(|interface| interface.as_ref().and_then(|one| place.part(one)).cloned()));
    let element = NodeRef::<html::Div>::new();
    follow(Box::new(move || {
        if let Some(element) = element.get() {
            let styles = part.with(|part| part.as_ref().map(|part| part.style.clone()).unwrap_or_default());
            dress(&element, &[&styles]);
        }
    }));
    let components = Memo::new(move |before: Option<&Numbered>| {
        part.with(|part| numbered(part.as_ref().map_or(&[], |part| &part.components), before))
    });
    view! {
        <div class="game-part" node_ref=element hidden=move || part.with(Option::is_none)>
            {move || part.with(|part| part.as_ref().and_then(|part| part.title.clone()).map(title))}
            <For each=move || components.get() key=|(number, _)| *number let((_, component))>{self::component(play, place, component)}</For>
        </div>
    }
}

fn title(Title { label, style }: Title) -> impl IntoView {
    view! { <h2 class="game-title" use:dressed=style dir="auto">{label}</h2> }
}

fn component(play: Play, place: Place, component: Component) -> impl IntoView {
    if component.is_pressable() {
        return Either::Left(pressable(play, place, component));
    }
    let Component { kind, label, src, text, style, .. } = component;
    Either::Right(content(kind, label, src, text, style))
}

/// What only shows something.
fn content(kind: Kind, label: String, src: String, text: String, style: Styles) -> Option<impl IntoView> {
    match kind {
        Kind::Title => Some(EitherOf3::A(title(Title { label, style }))),
        Kind::Text => Some(EitherOf3::B(view! { <p class="game-text" use:dressed=style dir="auto">{text}</p> })),
        Kind::Image => image(label, src, style).map(EitherOf3::C),
        Kind::Button | Kind::Input | Kind::Radio | Kind::Checkbox | Kind::Other => None,
    }
}

fn image(label: String, src: String, style: Styles) -> Option<impl IntoView> {
    let alt = if label == NO_LABEL { String::new() } else { label };
    is_picture_address(&src)
        .then(|| view! { <img class="game-image" use:dressed=style src=src alt=alt referrerpolicy="no-referrer" /> })
}

/// A component that can be pressed. While it is closed it says for how long, and keeps the focus.
fn pressable(play: Play, place: Place, component: Component) -> impl IntoView {
    let Play { session, game, now, .. } = play;
    let Component { kind, name, label, src, text, style, cooldown, extension } = component;
    let element = NodeRef::<html::Button>::new();
    let dialog_element = NodeRef::<html::Dialog>::new();
    let action = StoredValue::new(name);
    let openness = Memo::new(move |_| {
        let now = now.get();
        game.with(|game| action.with_value(|action| game.openness(action, now)))
    });
    let is_open = move || openness.get() == Openness::Open;
    // A closed component has the page's colours, or those that the game has for it meanwhile.
    let closed = (style.without_colours(), cooldown.style);
    let is_closed = Memo::new(move |_| matches!(openness.get(), Openness::Closed { .. }));
    follow(Box::new(move || {
        if let Some(element) = element.get() {
            if is_closed.get() { dress(&element, &[&closed.0, &closed.1]) } else { dress(&element, &[&style]) }
        }
    }));
    let dialog = extension.map(|extension| dialog(play, place, action, extension, &label, dialog_element));
    let asks = dialog.is_some();
    let press = move |_| {
        if !is_open() {
            return;
        }
        match dialog_element.get_untracked().filter(|_| asks) {
            Some(dialog) => drop(dialog.show_modal()),
            None => play.send(place, action.get_value(), None),
        }
    };
    let left = move || match openness.get() {
        Openness::Closed { left, .. } => session.texts.fill(key::page::GAME_OPENS_IN, &[("seconds", &seconds(left))]),
        Openness::Sending => "…".to_owned(),
        Openness::Open => String::new(),
    };
    let progress = move || match openness.get() {
        Openness::Closed { left, of } if of > 0.0 => ((1_000.0 * left / of) as u32).to_string(),
        _ => String::new(),
    };
    let face = match kind {
        Kind::Image => Either::Left(image(label, src, Styles::default())),
        _ => Either::Right(view! { <span dir="auto">{if kind == Kind::Text { text } else { label }}</span> }),
    };
    view! {
        <button
            class="game-button"
            type="button"
            node_ref=element
            aria-disabled=move || (!is_open()).then_some("true")
            aria-haspopup=asks.then_some("dialog")
            on:click=press
        >
            {face}
            <span class="game-left" inner_html=LiveText(session.text(move |_| left()))></span>
            <progress aria-hidden="true" max="1000" value=progress hidden=move || !is_closed.get()></progress>
        </button>
        {dialog}
    }
}

/// What is asked before a press is sent.
fn dialog(
    play: Play,
    place: Place,
    action: StoredValue<String>,
    dialog: Dialog,
    label: &str,
    element: NodeRef<html::Dialog>,
) -> impl IntoView + use<> {
    let Dialog { title, submit, style, components } = dialog;
    let name = title.as_ref().map_or_else(|| label.to_owned(), |title| title.label.clone());
    let heading = title.filter(|title| !title.label.is_empty()).map(self::title);
    let several: Vec<String> = components.iter().filter(|one| one.kind == Kind::Checkbox).map(|one| one.name.clone()).collect();
    let close = move || element.get_untracked().iter().for_each(|dialog| dialog.close());
    let form = NodeRef::<html::Form>::new();
    // Of the click, which Enter in an input makes too: some frames allow no form to be submitted.
    let send = move |event: MouseEvent| {
        event.prevent_default();
        if let Some(form) = form.get_untracked() {
            play.send(place, action.get_value(), Some(values(&form, &several)));
            form.reset();
        }
        close();
    };
    view! {
        <dialog class="game-dialog" node_ref=element aria-label=name use:dressed=style>
            <form node_ref=form>
                {heading}
                {components.into_iter().map(field).collect_view()}
                <p class="game-confirm">
                    <button class="button" type="submit" on:click=send use:dressed=submit.style>{submit.label}</button>
                    <button class="button quiet" type="button" on:click=move |_| close()>{play.session.texts.text(key::page::CANCEL)}</button>
                </p>
            </form>
        </dialog>
    }
}

fn field(field: Field) -> impl IntoView {
    let Field { kind, name, label, src, text, template, values, placeholder, style, style_values } = field;
    let kind_of_input = match kind {
        Kind::Input => {
            return EitherOf3::A(view! {
                <label class="game-field" use:dressed=style>
                    <span dir="auto">{label}</span>
                    <input type="text" name=name placeholder=placeholder maxlength="128" autocomplete="off" dir="auto" />
                </label>
            });
        }
        Kind::Radio => "radio",
        Kind::Checkbox => "checkbox",
        Kind::Title | Kind::Text | Kind::Image | Kind::Button | Kind::Other => {
            return EitherOf3::B(content(kind, label, src, text, style));
        }
    };
    let choice = |(value, label): (String, String)| {
        view! {
            <label use:dressed=style_values.clone()>
                <input type=kind_of_input name=name.clone() value=value />
                <span dir="auto">{label}</span>
            </label>
        }
    };
    let choices = values.0.into_iter().map(choice).collect_view();
    let class = if template == "button" { "game-choices as-buttons" } else { "game-choices" };
    EitherOf3::C(view! {
        <fieldset class=class use:dressed=style>
            <legend dir="auto">{label}</legend>
            {choices}
        </fieldset>
    })
}

/// What somebody has entered: of each field a text, or a list where several may be chosen. What is not chosen is left out.
fn values(form: &HtmlFormElement, several: &[String]) -> BTreeMap<String, Entered> {
    let mut values = BTreeMap::new();
    let Ok(data) = FormData::new_with_form(form) else { return values };
    for entry in data.entries().into_iter().flatten() {
        let pair = js_sys::Array::from(&entry);
        let (Some(name), Some(value)) = (pair.get(0).as_string(), pair.get(1).as_string()) else { continue };
        if several.contains(&name) {
            if let Entered::List(list) = values.entry(name).or_insert_with(|| Entered::List(Vec::new())) {
                list.push(value);
            }
        } else {
            values.insert(name, Entered::Text(value));
        }
    }
    values
}

/// The whole screen over a video, if the game hears of the mouse. By the keyboard it is pressed in its middle.
fn mouse(play: Play) -> impl IntoView {
    let areas = Memo::new(move |_| {
        play.interface.with(|one| {
            one.as_ref().and_then(|one| one.video_overlay.as_ref()).map(|overlay| overlay.mouse.clone()).unwrap_or_default()
        })
    });
    let hears = move |kind: &str| areas.with(|areas| areas.iter().any(|area| area.kind == kind));
    let element = NodeRef::<html::Div>::new();
    follow(Box::new(move || {
        if let Some(element) = element.get() {
            let styles = areas.with(|areas| areas.first().map(|area| area.style.clone()).unwrap_or_default());
            dress(&element, &[&styles]);
        }
    }));
    let at = move |kind: &'static str, event: &PointerEvent| {
        if hears(kind) && event.is_primary() && event.button() == 0 {
            play.point(kind, f64::from(event.client_x()), f64::from(event.client_y()));
        }
    };
    let by_key = move |event: KeyboardEvent| {
        if matches!(&*event.key(), "Enter" | " ") && !event.repeat() {
            event.prevent_default();
            let (width, height) = size();
            let kinds = ["mousedown", "mouseup"].into_iter().filter(|kind| hears(kind));
            kinds.for_each(|kind| play.point(kind, width / 2.0, height / 2.0));
        }
    };
    view! {
        <div
            class="game-mouse"
            node_ref=element
            role="button"
            tabindex="0"
            aria-label=play.session.texts.text(key::page::GAME_MOUSE)
            hidden=move || areas.with(Vec::is_empty)
            on:pointerdown=move |event| at("mousedown", &event)
            on:pointerup=move |event| at("mouseup", &event)
            on:keydown=by_key
        ></div>
    }
}

/// The size of the screen, in CSS pixels.
fn size() -> (f64, f64) {
    let pixels = |size: Result<wasm_bindgen::JsValue, _>| size.ok().and_then(|size| size.as_f64()).unwrap_or_default();
    (pixels(window().inner_width()), pixels(window().inner_height()))
}

/// What is pressed.
struct Press {
    /// What the page knows it by.
    action: String,
    /// Where the press is posted to.
    path: &'static str,
    /// How long this viewer waits then before any component is open to them, in milliseconds.
    pause: f64,
}

impl Play {
    /// Takes over what the page was told.
    fn hear(self) {
        self.session.game.track();
        let told = self.session.game.try_update_untracked(GameInbox::take).unwrap_or_default();
        for Told { data, at } in told {
            if let Some(news) = GameNews::read(&data) {
                self.game.update(|game| game.hear(news, at));
            }
        }
    }

    /// Has the clock move while something is closed.
    fn count_down(self) {
        self.game.track();
        if self.look() && !self.ticks.get_value() {
            self.ticks.set_value(true);
            self.tick();
        }
    }

    fn tick(self) {
        let tick = move || {
            if self.look() {
                self.tick();
            } else {
                self.ticks.set_value(false);
            }
        };
        set_timeout(tick, TICK);
    }

    /// Looks at the clock. Returns whether something is closed.
    fn look(self) -> bool {
        let now = monotonic_ms();
        self.now.set(now);
        self.game.try_update_untracked(|game| game.tick(now)).unwrap_or_default()
    }

    /// Sends a press of a component.
    fn send(self, place: Place, action: String, values: Option<BTreeMap<String, Entered>>) {
        let body = wire::write(&Input { id: &action, view: place.view(), values, username: self.username() });
        self.submit(Press { action, path: "/interactive-sync/action/input", pause: BETWEEN_PRESSES }, body);
    }

    /// Sends a press of the mouse.
    fn point(self, kind: &'static str, x: f64, y: f64) {
        let (width, height) = size();
        let pixels = |value: f64, most: f64| (value.round() as u32).min(most as u32);
        let body = wire::write(&Mouse {
            kind,
            client_width: pixels(width, 7_680.0),
            client_height: pixels(height, 7_680.0),
            client_x: pixels(x, width),
            client_y: pixels(y, height),
            username: self.username(),
        });
        self.submit(Press { action: game::mouse(kind), path: "/interactive-sync/action/mouse", pause: 0.0 }, body);
    }

    /// The name that the viewer goes by, if they have one.
    fn username(self) -> Option<String> {
        Some(self.session.name.get_untracked()).filter(|name| !name.is_empty())
    }

    /// Sends a press once, and shows what became of it.
    fn submit(self, Press { action, path, pause }: Press, body: String) {
        if !self.game.try_update(|game| game.press(&action, monotonic_ms())).unwrap_or_default() {
            return;
        }
        let session = self.session;
        spawn(async move {
            let token = session.token.get_untracked();
            let mut answer = request::post(path, &token, &body).await;
            if answer.as_ref().is_ok_and(|answer| answer.status == 401) {
                publish::renew(session, &token).await;
                answer = request::post(path, &session.token.get_untracked(), &body).await;
            }
            let outcome = answer.map_or(Outcome::NoAnswer, |answer| Outcome::read(answer.status, &answer.text, pause));
            let now = monotonic_ms();
            self.now.set(now);
            self.game.update(|game| game.answer(&action, outcome, now));
        });
    }
}

/// What became of a press, in words.
fn said(texts: &'static Texts, outcome: &Outcome) -> String {
    let key = match outcome {
        Outcome::Received { .. } => key::page::GAME_RECEIVED,
        Outcome::Wait(Wait::Everybody, left) => return texts.fill(key::page::GAME_WAIT, &[("seconds", &seconds(*left))]),
        Outcome::Wait(Wait::Own, left) => return texts.fill(key::page::GAME_WAIT_OWN, &[("seconds", &seconds(*left))]),
        Outcome::Wait(Wait::TooFast, left) => return texts.fill(key::page::GAME_TOO_FAST, &[("seconds", &seconds(*left))]),
        Outcome::NoGame => key::page::NO_GAME,
        Outcome::Busy => key::page::GAME_BUSY,
        Outcome::Gone => key::page::GAME_GONE,
        Outcome::NoAnswer => key::page::GAME_NOT_SENT,
        Outcome::Refused(message) => return message.clone(),
    };
    texts.text(key).to_owned()
}

/// Whole seconds, and never less than the wait.
fn seconds(left: f64) -> String {
    ((left / 1_000.0).ceil().max(1.0) as u32).to_string()
}

/// Sets the styles of an element once.
fn dressed(element: Element, styles: Styles) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        dress(element, &[&styles]);
    }
}

/// Sets the styles of an element in place of those that it had.
fn dress(element: &HtmlElement, styles: &[&Styles]) {
    let declared = element.style();
    declared.set_css_text("");
    for (property, value) in styles.iter().flat_map(|styles| styles.declarations()) {
        let _ = declared.set_property(property, &value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_that_stays_keeps_its_number() {
        let component = |label: &str| Component { label: label.to_owned(), ..Component::default() };
        let numbers = |numbered: &Numbered| numbered.iter().map(|(number, _)| *number).collect::<Vec<_>>();
        let first = numbered(&[component("a"), component("b"), component("b")], None);
        assert_eq!(numbers(&first), [0, 1, 2]);
        let second = numbered(&[component("a"), component("c"), component("b")], Some(&first));
        assert_eq!(numbers(&second), [0, 3, 2]);
        assert_eq!(numbers(&numbered(&[], Some(&second))), [0; 0]);
    }
}
