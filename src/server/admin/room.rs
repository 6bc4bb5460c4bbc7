use std::collections::BTreeMap;

use axum::{
    extract::{Form, Path, State},
    http::StatusCode,
    response::Response,
};
use leptos::prelude::*;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use qrcode::{QrCode, render::svg};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};

use super::{Owner, rooms::row, see, snapshot};
use crate::{
    app::{
        AdminRoomPage, Control, EndRoomPage, EndRoomView, GROUPS, Preset, RoomAdmin, SanctionRow, SettingField, SettingsForm,
        Share, fields,
    },
    chat::{InvalidSetting, Kind, Measure, Room, RoomId, RoomState, Sanction, Settings, SettingsChange, UserId},
    hub::{Authority, Decision, Hub, Refusal, Snapshot},
    protocol::moment::rfc3339,
    server::{
        asked::Asked,
        error,
        extract::own_address::OwnAddress,
        page::{fail, not_found, render},
        router::Params,
        state::AppState,
    },
    texts::{Text, Texts, key},
};

/// What the button for the room's state posts.
#[derive(Deserialize)]
pub(in crate::server) struct Step {
    state: RoomState,
}

/// What the buttons of several settings post.
#[derive(Deserialize)]
pub(in crate::server) struct Choice {
    preset: Option<String>,
    shield: Option<String>,
}

/// What the form to end a room posts.
#[derive(Deserialize)]
pub(in crate::server) struct Confirmation {
    #[serde(default)]
    name: String,
}

/// Whose right to write is given back.
#[derive(Deserialize)]
pub(in crate::server) struct Lift {
    /// Percent-encoded.
    #[serde(deserialize_with = "encoded_user")]
    user: UserId,
}

fn encoded_user<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UserId, D::Error> {
    let encoded = String::deserialize(deserializer)?;
    let user = percent_decode_str(&encoded).decode_utf8().map_err(D::Error::custom)?;
    UserId::try_from(user.into_owned()).map_err(D::Error::custom)
}

/// `GET /admin/rooms/{id}`.
pub(in crate::server) async fn show(
    _: Owner,
    State(state): State<AppState>,
    Path(room): Path<String>,
    own: OwnAddress,
    asked: Asked,
    params: Params,
) -> Response {
    let saved = params.find("saved");
    render_room(&state, &room, own, asked, StatusCode::OK, Shown { saved, ..Shown::default() }).await
}

/// `POST /admin/rooms/{id}`: changes its settings.
pub(in crate::server) async fn configure(
    _: Owner,
    State(state): State<AppState>,
    Path(room): Path<String>,
    own: OwnAddress,
    asked: Asked,
    Form(values): Form<BTreeMap<String, String>>,
) -> Response {
    let Some(snapshot) = snapshot(&state.hub, &room) else { return not_found(&state, asked).await };
    let id = snapshot.room.id;
    let form = Edits::of(values);
    let (status, shown) = match form.change(&snapshot.room.settings) {
        Err(conflicts) => (StatusCode::CONFLICT, conflict(asked.texts, &form, &snapshot.room.settings, &conflicts)),
        Ok(change) => match state.hub.configure(id, &Authority::Admin, change).await {
            Ok(_) => return see(&format!("/admin/rooms/{room}?saved={0}#{0}", form.group())),
            Err(Refusal::Setting(InvalidSetting::Changed(_))) => {
                // Between the look at them and the change.
                let Ok(snapshot) = state.hub.snapshot_for_owner(id) else { return not_found(&state, asked).await };
                let settings = snapshot.room.settings;
                (StatusCode::CONFLICT, conflict(asked.texts, &form, &settings, &form.conflicts(&settings)))
            }
            Err(refusal) => {
                let errors = vec![explain(asked.texts, &refusal)];
                (error::status(&refusal), Shown { typed: Some(form.onto(&snapshot.room.settings)), errors, saved: None })
            }
        },
    };
    render_room(&state, &room, own, asked, status, shown).await
}

/// What was typed, and what others have changed meanwhile.
fn conflict(texts: &'static Texts, form: &Edits, settings: &Settings, conflicts: &[&'static SettingField]) -> Shown {
    let now = values(settings);
    let error = |field: &&SettingField| {
        let now = texts.fill(key::admin::CHANGED_MEANWHILE, &[("value", &in_words(texts, field, &now[field.name]))]);
        (field.name.to_owned(), now)
    };
    let whole = (String::new(), texts.text(key::admin::CHANGED_BY_OTHERS).to_owned());
    Shown {
        typed: Some(form.onto(settings)),
        errors: [whole].into_iter().chain(conflicts.iter().map(error)).collect(),
        saved: None,
    }
}

/// A setting's value as people read it.
fn in_words(texts: &'static Texts, field: &SettingField, value: &str) -> String {
    match &field.control {
        Control::Check => texts.text(if value.is_empty() { key::admin::OFF } else { key::admin::ON }).to_owned(),
        Control::Choice(choices) => {
            let chosen = choices.iter().find(|(choice, _)| *choice == value);
            chosen.map_or_else(|| value.to_owned(), |(_, label)| texts.text(*label).to_owned())
        }
        Control::Amount { .. } if value == "0" => texts.text(key::admin::OFF).to_owned(),
        Control::Amount { unit, .. } => format!("{value} {}", texts.text(*unit)),
        Control::Text | Control::Lines | Control::Pairs if value.is_empty() => texts.text(key::admin::NOTHING).to_owned(),
        Control::Text | Control::Lines | Control::Pairs => value.lines().collect::<Vec<_>>().join(", "),
    }
}

/// `POST /admin/rooms/{id}/preset`: changes several settings that fit together, or the shield.
pub(in crate::server) async fn preset(
    _: Owner,
    State(state): State<AppState>,
    Path(room): Path<String>,
    own: OwnAddress,
    asked: Asked,
    Form(choice): Form<Choice>,
) -> Response {
    let Ok(id) = room.parse() else { return not_found(&state, asked).await };
    let settings: Map<String, Value> = match choice {
        Choice { shield: Some(shield), .. } => [("shield".to_owned(), Value::Bool(shield == "on"))].into_iter().collect(),
        Choice { preset, .. } => {
            let chosen = Preset::ALL.into_iter().find(|known| Some(known.name) == preset.as_deref());
            let Some(chosen) = chosen else { return not_found(&state, asked).await };
            chosen.settings.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect()
        }
    };
    done(&state, &room, own, asked, state.hub.configure(id, &Authority::Admin, settings.into()).await).await
}

/// `POST /admin/rooms/{id}/state`: prepares or starts it. One that was not prepared is prepared first.
pub(in crate::server) async fn step(
    _: Owner,
    State(state): State<AppState>,
    Path(room): Path<String>,
    own: OwnAddress,
    asked: Asked,
    Form(Step { state: to }): Form<Step>,
) -> Response {
    let Ok(id) = room.parse() else { return not_found(&state, asked).await };
    done(&state, &room, own, asked, go(&state.hub, id, to).await).await
}

/// Brings a room into a state, by way of those that lie between.
pub(super) async fn go(hub: &Hub, room: RoomId, to: RoomState) -> Result<Room, Refusal> {
    let is_unprepared = matches!(hub.snapshot_for_owner(room)?.room.state, RoomState::Created | RoomState::Ended);
    if to == RoomState::Live && is_unprepared {
        hub.set_state(room, RoomState::Prepared).await?;
    }
    hub.set_state(room, to).await
}

/// `GET /admin/rooms/{id}/end`: asks whether it is to be ended.
pub(in crate::server) async fn confirm_end(
    _: Owner,
    State(state): State<AppState>,
    Path(room): Path<String>,
    asked: Asked,
) -> Response {
    let Some(snapshot) = snapshot(&state.hub, &room) else { return not_found(&state, asked).await };
    end_page(&state, asked, StatusCode::OK, snapshot, false).await
}

/// `POST /admin/rooms/{id}/end`: ends it. Where this deletes its messages, its name has to be typed.
pub(in crate::server) async fn end(
    _: Owner,
    State(state): State<AppState>,
    Path(room): Path<String>,
    own: OwnAddress,
    asked: Asked,
    Form(Confirmation { name }): Form<Confirmation>,
) -> Response {
    let Some(snapshot) = snapshot(&state.hub, &room) else { return not_found(&state, asked).await };
    let Room { id, ref settings, .. } = snapshot.room;
    if settings.ephemeral && name.trim() != settings.name.trim() {
        return end_page(&state, asked, StatusCode::BAD_REQUEST, snapshot, true).await;
    }
    done(&state, &room, own, asked, state.hub.set_state(id, RoomState::Ended).await).await
}

async fn end_page(state: &AppState, asked: Asked, status: StatusCode, snapshot: Snapshot, is_wrong: bool) -> Response {
    let Snapshot { room, viewer_count, .. } = snapshot;
    let Settings { name, ephemeral, .. } = room.settings;
    let view = EndRoomView { room: room.id, name, viewer_count, deletes: ephemeral, is_wrong };
    render(state, asked, status, move || view! { <EndRoomPage view=view.clone() /> }).await
}

/// `POST /admin/rooms/{id}/lift`: lets somebody write again.
pub(in crate::server) async fn lift(
    _: Owner,
    State(state): State<AppState>,
    Path(room): Path<String>,
    own: OwnAddress,
    asked: Asked,
    Form(Lift { user }): Form<Lift>,
) -> Response {
    let Ok(id) = room.parse() else { return not_found(&state, asked).await };
    let lifted = state.hub.sanction(id, &Authority::Admin, user, Decision::Lift, false, String::new()).await;
    done(&state, &room, own, asked, lifted).await
}

/// Back to the room, or to what was wrong.
async fn done<T>(state: &AppState, room: &str, own: OwnAddress, asked: Asked, result: Result<T, Refusal>) -> Response {
    match result {
        Ok(_) => see(&format!("/admin/rooms/{room}?saved=")),
        Err(refusal) => {
            let errors = vec![(String::new(), refusal.text(asked.texts))];
            render_room(state, room, own, asked, error::status(&refusal), Shown { errors, ..Shown::default() }).await
        }
    }
}

/// What the page of a room shows beside what holds.
#[derive(Default)]
struct Shown {
    /// What was typed.
    typed: Option<BTreeMap<String, String>>,
    /// Each stands beside the setting that it names, or above all.
    errors: Vec<(String, String)>,
    /// What was just saved: the name of a group of settings, or nothing for something else.
    saved: Option<String>,
}

async fn render_room(
    state: &AppState,
    room: &str,
    OwnAddress(server): OwnAddress,
    asked: Asked,
    status: StatusCode,
    Shown { typed, errors, saved }: Shown,
) -> Response {
    let Some(snapshot) = snapshot(&state.hub, room) else { return not_found(state, asked).await };
    let id = snapshot.room.id;
    let sanctions = match state.hub.sanctions(id, &Authority::Admin).await {
        Ok(all) => all.into_iter().filter_map(|event| sanction_row(asked.texts, event.kind)).collect(),
        Err(refusal) => return fail(state, asked, &refusal).await,
    };
    let values = typed.unwrap_or_else(|| values(&snapshot.room.settings));
    let is_saved = saved.as_deref() == Some("");
    let settings = SettingsForm { values, errors, saved: saved.unwrap_or_default() };
    let key = state.hub.widget_keys().into_iter().find(|key| key.opens(id)).map(|key| key.key);
    let share = Share { qr_code: qr_code(&format!("{server}/rooms/{id}")), server, room: id, key };
    let is_shielded = snapshot.room.settings.shield;
    let room = RoomAdmin { row: row(snapshot), settings, is_shielded, sanctions, share, is_saved };
    render(state, asked, status, move || view! { <AdminRoomPage view=room.clone() /> }).await
}

/// Returns a text as a QR code, an `svg` element; empty if the text is too long for one.
fn qr_code(text: &str) -> String {
    let Ok(code) = QrCode::new(text) else { return String::new() };
    let svg = code.render::<svg::Color<'_>>().min_dimensions(160, 160).build();
    // What comes before the element belongs to a file of its own.
    svg.find("<svg").map(|start| svg[start..].to_owned()).unwrap_or_default()
}

fn sanction_row(texts: &'static Texts, kind: Kind) -> Option<SanctionRow> {
    let Kind::Sanction(Sanction { user, measure, addresses, reason, .. }) = kind else { return None };
    let measure = match measure {
        Measure::Timeout { until } => texts.fill(key::admin::UNTIL, &[("time", &rfc3339(until))]),
        Measure::Ban => texts.text(key::admin::FOR_GOOD).to_owned(),
        Measure::Lift => return None,
    };
    let user_in_form = utf8_percent_encode(user.as_str(), NON_ALPHANUMERIC).to_string();
    Some(SanctionRow { user: user.to_string(), user_in_form, measure, reason, addresses: addresses.len() })
}

/// The setting that a refusal is about, empty if it is about none; and what is wrong, in words that stand beside it.
fn explain(texts: &'static Texts, refusal: &Refusal) -> (String, String) {
    match refusal {
        Refusal::Setting(InvalidSetting::Value { name, rule }) => {
            let said = rule_of(name).map_or_else(|| format!("This must {rule}."), |key| texts.text(key).to_owned());
            ((*name).to_owned(), said)
        }
        Refusal::Setting(InvalidSetting::Unreadable { name, .. }) => {
            let is_amount = |field: &SettingField| field.name == *name && matches!(field.control, Control::Amount { .. });
            let rule = rule_of(name).filter(|_| !fields().any(is_amount)).unwrap_or(key::admin::WHOLE_NUMBER);
            (name.clone(), texts.text(rule).to_owned())
        }
        Refusal::SlugTaken(_) => ("slug".to_owned(), refusal.text(texts)),
        Refusal::ReviewUrl(why) => ("review_url".to_owned(), format!("This {why}.")),
        _ => (String::new(), refusal.text(texts)),
    }
}

/// The key of what must hold for a setting.
fn rule_of(setting: &str) -> Option<Text> {
    let keys = [
        ("name", key::rule::NAME),
        ("slug", key::rule::SLUG),
        ("description", key::rule::DESCRIPTION),
        ("retention_days", key::rule::RETENTION_DAYS),
        ("slow_mode_seconds", key::rule::SLOW_MODE_SECONDS),
        ("messages_per_minute", key::rule::MESSAGES_PER_MINUTE),
        ("blocked_words", key::rule::BLOCKED_WORDS),
        ("established_minutes", key::rule::ESTABLISHED_MINUTES),
        ("repeat_seconds", key::rule::REPEAT_SECONDS),
        ("allowed_origins", key::rule::ALLOWED_ORIGINS),
        ("tags", key::rule::TAGS),
        ("pinned_message", key::rule::PINNED_MESSAGE),
    ];
    keys.into_iter().find(|(name, _)| *name == setting).map(|(_, key)| key)
}

/// Settings as they stand in the form.
fn values(settings: &Settings) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Bool(is_on) => if is_on { "on" } else { "" }.to_owned(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        Value::Object(pairs) => {
            let pair = |(name, value): (&String, &Value)| Some(format!("{name}={}", value.as_str()?));
            pairs.iter().filter_map(pair).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    };
    settings.by_name().into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// What the form was sent with.
struct Edits {
    values: BTreeMap<String, String>,
}

/// What the user of the form has done to a setting.
struct Edit {
    field: &'static SettingField,
    /// What it was when the form was opened, if the form says so.
    before: Option<Value>,
    after: Value,
}

impl Edits {
    fn of(values: BTreeMap<String, String>) -> Self {
        Self { values }
    }

    /// The name of the group that it is about; empty if it names none that there is.
    fn group(&self) -> &'static str {
        let named = self.values.get("group");
        GROUPS.iter().find(|group| named.is_some_and(|named| named == group.name)).map_or("", |group| group.name)
    }

    /// What its user has changed: all else may have been changed by others since the form was opened.
    fn all(&self) -> impl Iterator<Item = Edit> {
        fields().filter_map(|field| {
            let before = field.before();
            let before = self.values.contains_key(&before).then(|| typed(&self.values, &before, &field.control)).flatten();
            let after = match field.control {
                // A browser sends nothing for a box that is not checked: the form has it if it says what it was.
                Control::Check if before.is_none() && !self.values.contains_key(field.name) => return None,
                Control::Amount { .. } if before.is_some() && !field.is_on(&self.values) => Value::from(0),
                _ => typed(&self.values, field.name, &field.control)?,
            };
            (before.as_ref() != Some(&after)).then_some(Edit { field, before, after })
        })
    }

    /// The settings that others have changed to something else, among those that its user has changed.
    fn conflicts(&self, settings: &Settings) -> Vec<&'static SettingField> {
        let now = values(settings);
        let is_conflict = |edit: &Edit| {
            let now = typed(&now, edit.field.name, &edit.field.control);
            edit.before.is_some() && now != edit.before && now.as_ref() != Some(&edit.after)
        };
        self.all().filter(is_conflict).map(|edit| edit.field).collect()
    }

    /// The change to be made of `settings`, which must stay as they are until then.
    ///
    /// # Errors
    /// The [conflicts](Self::conflicts), if there are any.
    fn change(&self, settings: &Settings) -> Result<SettingsChange, Vec<&'static SettingField>> {
        let conflicts = self.conflicts(settings);
        if !conflicts.is_empty() {
            return Err(conflicts);
        }
        let now = settings.by_name();
        let seen = self.all().filter(|edit| edit.before.is_some());
        let seen = seen.filter_map(|edit| Some((edit.field.name.to_owned(), now.get(edit.field.name)?.clone()))).collect();
        let change = self.all().map(|edit| (edit.field.name.to_owned(), edit.after)).collect::<Map<_, _>>();
        Ok(SettingsChange::from(change).only_if(seen))
    }

    /// What was typed, in a form of `settings` as they are now.
    fn onto(&self, settings: &Settings) -> BTreeMap<String, String> {
        let mut form = values(settings);
        for Edit { field, .. } in self.all() {
            let after = self.values.get(field.name).cloned().unwrap_or_default();
            let now = form.insert(field.name.to_owned(), after).unwrap_or_default();
            form.insert(field.before(), now);
            if let Some(on) = self.values.get(&field.switch()) {
                form.insert(field.switch(), on.clone());
            }
        }
        form
    }
}

/// The setting that a form has under that name. A browser sends nothing for a box that is not checked.
fn typed(values: &BTreeMap<String, String>, name: &str, control: &Control) -> Option<Value> {
    let value = values.get(name);
    let text = || value.map(|text| text.trim().to_owned());
    match control {
        Control::Check => Some(Value::Bool(value.is_some_and(|value| !value.is_empty()))),
        Control::Text | Control::Choice(_) => text().map(Value::from),
        Control::Amount { .. } => text().map(|text| text.parse::<u64>().map_or(Value::String(text), Value::from)),
        Control::Lines => {
            let lines = |text: String| text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Value::from).collect();
            text().map(lines)
        }
        Control::Pairs => {
            let pair = |line: &str| {
                line.split_once('=').map_or((line.to_owned(), "".into()), |(a, b)| (a.trim().into(), b.trim().into()))
            };
            let lines = |text: String| text.lines().map(str::trim).filter(|line| !line.is_empty()).map(pair).collect();
            text().map(|text| Value::Object(lines(text)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings after a form is sent, if nothing that it changes was changed by others.
    fn sent(form: &BTreeMap<String, String>, settings: &Settings) -> Settings {
        let change = Edits::of(form.clone()).change(settings).unwrap_or_else(|_| panic!("no conflict"));
        change.apply(settings).expect("valid settings")
    }

    fn conflicts(form: &BTreeMap<String, String>, settings: &Settings) -> Vec<&'static str> {
        Edits::of(form.clone()).conflicts(settings).iter().map(|field| field.name).collect()
    }

    #[test]
    fn a_form_changes_what_stands_in_it() {
        let before = Settings {
            name: "Stage".into(),
            slug: "stage".into(),
            slow_mode_seconds: 5,
            paused: true,
            blocked_words: vec!["a b".into(), "c*".into()],
            tags: [("stage".into(), "x=y".into()), ("z".into(), String::new())].into(),
            ..Settings::default()
        };
        let mut form = values(&before);
        assert_eq!(sent(&form, &before), before, "as it came");
        form.insert("paused-before".into(), "on".into());
        form.remove("paused");
        form.insert("slow_mode_seconds".into(), " 7 ".into());
        form.insert("blocked_words".into(), "\r\n  c*\r\n\r\n".into());
        form.insert("tags".into(), " stage = b \r\nnew".into());
        let tags = [("stage".into(), "b".into()), ("new".into(), String::new())].into();
        let blocked_words = vec!["c*".into()];
        let after = Settings { paused: false, slow_mode_seconds: 7, blocked_words, tags, ..before.clone() };
        assert_eq!(sent(&form, &before), after);
        form.insert("slow_mode_seconds".into(), "-7".into());
        assert!(Edits::of(form).change(&before).is_ok_and(|change| change.apply(&before).is_err()));
    }

    /// The form of settings as a browser sends it back.
    fn opened(settings: &Settings) -> BTreeMap<String, String> {
        let mut form = values(settings);
        let before: Vec<_> = fields().map(|field| (field.before(), form[field.name].clone())).collect();
        let on: Vec<_> = fields().filter(|field| field.is_on(&form)).map(|field| (field.switch(), "on".to_owned())).collect();
        form.retain(|name, value| !value.is_empty() || !["paused", "ephemeral", "hold_newcomers"].contains(&name.as_str()));
        form.extend(before);
        form.extend(on);
        form
    }

    fn stage() -> Settings {
        let blocked_words = vec!["a".into(), "b".into()];
        Settings { name: "Stage".into(), slug: "stage".into(), blocked_words, ..Settings::default() }
    }

    #[test]
    fn a_form_of_some_settings_leaves_the_others_and_a_switch_that_is_off_means_none() {
        let before = Settings { slow_mode_seconds: 5, repeat_seconds: 9, paused: true, ephemeral: true, ..stage() };
        let pace = |fields: &[(&str, &str)]| -> BTreeMap<String, String> {
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let off = pace(&[("slow_mode_seconds-before", "5"), ("slow_mode_seconds", "5"), ("repeat_seconds-before", "9")]);
        let after = sent(&off, &before);
        assert_eq!(after, Settings { slow_mode_seconds: 0, repeat_seconds: 0, ..before.clone() });
        let on = pace(&[("slow_mode_seconds-before", "5"), ("slow_mode_seconds", "5"), ("slow_mode_seconds-on", "on")]);
        assert_eq!(sent(&on, &before), before);
        let unchecked = pace(&[("ephemeral-before", "on")]);
        assert_eq!(sent(&unchecked, &before), Settings { ephemeral: false, ..before });
    }

    #[test]
    fn what_others_have_changed_since_the_form_was_opened_stays() {
        let mut form = opened(&stage());
        form.insert("blocked_words".into(), "a\r\nb".into());
        let meanwhile = Settings { paused: true, slow_mode_seconds: 30, blocked_words: vec!["c".into()], ..stage() };
        assert_eq!(sent(&form, &meanwhile), meanwhile, "nothing was changed in it");
        form.insert("ephemeral".into(), "on".into());
        form.insert("slow_mode_seconds".into(), "30".into());
        form.insert("slow_mode_seconds-on".into(), "on".into());
        assert_eq!(
            sent(&form, &meanwhile),
            Settings { ephemeral: true, ..meanwhile.clone() },
            "both have changed it to the same"
        );
    }

    #[test]
    fn what_both_have_changed_is_a_conflict_until_its_author_has_seen_both() {
        let mut form = opened(&stage());
        form.insert("slow_mode_seconds".into(), "5".into());
        form.insert("slow_mode_seconds-on".into(), "on".into());
        form.insert("blocked_words".into(), "a\r\nb\r\nd".into());
        form.insert("ephemeral".into(), "on".into());
        form.insert("description".into(), "mine".into());
        let meanwhile = Settings { paused: true, slow_mode_seconds: 30, blocked_words: vec!["c".into()], ..stage() };
        assert_eq!(conflicts(&form, &meanwhile), ["slow_mode_seconds", "blocked_words"]);
        assert!(Edits::of(form.clone()).change(&meanwhile).is_err());
        let again = Edits::of(form).onto(&meanwhile);
        let shown =
            ["slow_mode_seconds", "slow_mode_seconds-before", "paused", "description", "ephemeral"].map(|name| &*again[name]);
        assert_eq!(shown, ["5", "30", "on", "mine", "on"]);
        let blocked_words = ["a", "b", "d"].map(String::from).to_vec();
        let description = "mine".to_owned();
        let after = Settings { slow_mode_seconds: 5, ephemeral: true, blocked_words, description, ..meanwhile.clone() };
        assert_eq!(sent(&again, &meanwhile), after, "whoever sends it again has seen both");
        assert_eq!(
            conflicts(&again, &Settings { slow_mode_seconds: 7, ..meanwhile }),
            ["slow_mode_seconds"],
            "changed once more"
        );
    }

    #[test]
    fn what_changes_between_the_look_and_the_change_is_refused() {
        let mut form = opened(&stage());
        form.insert("slow_mode_seconds".into(), "5".into());
        form.insert("slow_mode_seconds-on".into(), "on".into());
        let change = Edits::of(form).change(&stage()).unwrap_or_else(|_| panic!("no conflict"));
        let meanwhile = Settings { slow_mode_seconds: 30, ..stage() };
        assert_eq!(change.apply(&meanwhile), Err(InvalidSetting::Changed("slow_mode_seconds".into())));
        let other = Settings { paused: true, ..stage() };
        assert_eq!(change.apply(&other), Ok(Settings { slow_mode_seconds: 5, ..other }));
    }
}
