use std::collections::BTreeMap;

use axum::{
    extract::{Form, Path, State},
    http::StatusCode,
    response::Response,
};
use leptos::prelude::*;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};

use super::{Owner, rooms::row, see};
use crate::{
    app::{AdminRoomPage, Control, FIELDS, RoomAdmin, SanctionRow, SettingField, SettingsForm},
    chat::{InvalidSetting, Kind, Measure, RoomId, RoomState, Sanction, Settings, SettingsChange, UserId},
    hub::{Authority, Decision, Refusal},
    protocol::moment::rfc3339,
    server::{
        asked::Asked,
        error,
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
    asked: Asked,
    params: Params,
) -> Response {
    let is_saved = params.find("saved").is_some();
    render_room(&state, &room, asked, StatusCode::OK, None, Vec::new(), is_saved).await
}

/// `POST /admin/rooms/{id}`: changes its settings.
pub(in crate::server) async fn configure(
    _: Owner,
    State(state): State<AppState>,
    Path(room): Path<String>,
    asked: Asked,
    Form(values): Form<BTreeMap<String, String>>,
) -> Response {
    let Ok(id) = room.parse() else { return not_found(&state, asked).await };
    let Ok(snapshot) = state.hub.snapshot_for_owner(id) else { return not_found(&state, asked).await };
    let form = Edits::of(values);
    let change = match form.change(&snapshot.room.settings) {
        Ok(change) => change,
        Err(conflicts) => return render_conflict(&state, &room, asked, form, &snapshot.room.settings, &conflicts).await,
    };
    match state.hub.configure(id, &Authority::Admin, change).await {
        Ok(_) => see(&format!("/admin/rooms/{room}?saved=")),
        Err(Refusal::Setting(InvalidSetting::Changed(_))) => {
            // Between the look at them and the change.
            let Ok(snapshot) = state.hub.snapshot_for_owner(id) else { return not_found(&state, asked).await };
            let settings = snapshot.room.settings;
            let conflicts = form.conflicts(&settings);
            render_conflict(&state, &room, asked, form, &settings, &conflicts).await
        }
        Err(refusal) => {
            let error = explain(asked.texts, &refusal);
            render_room(&state, &room, asked, error::status(&refusal), Some(form.values), vec![error], false).await
        }
    }
}

/// The form again, with what was typed and what others have changed meanwhile.
async fn render_conflict(
    state: &AppState,
    room: &str,
    asked: Asked,
    form: Edits,
    settings: &Settings,
    conflicts: &[&'static SettingField],
) -> Response {
    let texts = asked.texts;
    let (values, now) = (form.onto(settings), values(settings));
    let error = |field: &&SettingField| {
        let now = texts.fill(key::admin::CHANGED_MEANWHILE, &[("value", &in_words(texts, field, &now[field.name]))]);
        (field.name.to_owned(), now)
    };
    let whole = (String::new(), texts.text(key::admin::CHANGED_BY_OTHERS).to_owned());
    let errors = [whole].into_iter().chain(conflicts.iter().map(error)).collect();
    render_room(state, room, asked, StatusCode::CONFLICT, Some(values), errors, false).await
}

/// A setting's value as people read it.
fn in_words(texts: &'static Texts, field: &SettingField, value: &str) -> String {
    match &field.control {
        Control::Check => texts.text(if value.is_empty() { key::admin::OFF } else { key::admin::ON }).to_owned(),
        Control::Choice(choices) => {
            let chosen = choices.iter().find(|(choice, _)| *choice == value);
            chosen.map_or_else(|| value.to_owned(), |(_, label)| texts.text(*label).to_owned())
        }
        Control::Text | Control::Number | Control::Lines | Control::Pairs if value.is_empty() => {
            texts.text(key::admin::NOTHING).to_owned()
        }
        Control::Text | Control::Number | Control::Lines | Control::Pairs => value.lines().collect::<Vec<_>>().join(", "),
    }
}

/// `POST /admin/rooms/{id}/state`: prepares, starts or ends it.
pub(in crate::server) async fn step(
    _: Owner,
    State(state): State<AppState>,
    Path(room): Path<String>,
    asked: Asked,
    Form(Step { state: to }): Form<Step>,
) -> Response {
    let Ok(id) = room.parse() else { return not_found(&state, asked).await };
    done(&state, &room, asked, state.hub.set_state(id, to).await).await
}

/// `POST /admin/rooms/{id}/lift`: lets somebody write again.
pub(in crate::server) async fn lift(
    _: Owner,
    State(state): State<AppState>,
    Path(room): Path<String>,
    asked: Asked,
    Form(Lift { user }): Form<Lift>,
) -> Response {
    let Ok(id) = room.parse() else { return not_found(&state, asked).await };
    let lifted = state.hub.sanction(id, &Authority::Admin, user, Decision::Lift, false, String::new()).await;
    done(&state, &room, asked, lifted).await
}

/// Back to the room, or to what was wrong.
async fn done<T>(state: &AppState, room: &str, asked: Asked, result: Result<T, Refusal>) -> Response {
    match result {
        Ok(_) => see(&format!("/admin/rooms/{room}?saved=")),
        Err(refusal) => {
            let error = (String::new(), refusal.text(asked.texts));
            render_room(state, room, asked, error::status(&refusal), None, vec![error], false).await
        }
    }
}

/// The page of a room. The form shows what was `typed`, else what holds; each of the `errors` stands beside the setting that it names,
/// or above all.
async fn render_room(
    state: &AppState,
    room: &str,
    asked: Asked,
    status: StatusCode,
    typed: Option<BTreeMap<String, String>>,
    errors: Vec<(String, String)>,
    is_saved: bool,
) -> Response {
    let Some(snapshot) = room.parse().ok().and_then(|id: RoomId| state.hub.snapshot_for_owner(id).ok()) else {
        return not_found(state, asked).await;
    };
    let sanctions = match state.hub.sanctions(snapshot.room.id, &Authority::Admin).await {
        Ok(all) => all.into_iter().filter_map(|event| sanction_row(asked.texts, event.kind)).collect(),
        Err(refusal) => return fail(state, asked, &refusal).await,
    };
    let settings = SettingsForm { values: typed.unwrap_or_else(|| values(&snapshot.room.settings)), errors };
    let room = RoomAdmin { row: row(snapshot), settings, sanctions, is_saved };
    render(state, asked, status, move || view! { <AdminRoomPage view=room.clone() /> }).await
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
            (name.clone(), texts.text(key::admin::WHOLE_NUMBER).to_owned())
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

    /// What its user has changed: all else may have been changed by others since the form was opened.
    fn all(&self) -> impl Iterator<Item = Edit> {
        FIELDS.iter().filter_map(|field| {
            let before = field.before();
            let before = self.values.contains_key(&before).then(|| typed(&self.values, &before, &field.control)).flatten();
            let after = typed(&self.values, field.name, &field.control)?;
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
        Control::Number => text().map(|text| text.parse::<u64>().map_or(Value::String(text), Value::from)),
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
        let before: Vec<_> = FIELDS.iter().map(|field| (field.before(), form[field.name].clone())).collect();
        form.retain(|name, value| !value.is_empty() || !["paused", "ephemeral", "hold_newcomers"].contains(&name.as_str()));
        form.extend(before);
        form
    }

    fn stage() -> Settings {
        let blocked_words = vec!["a".into(), "b".into()];
        Settings { name: "Stage".into(), slug: "stage".into(), blocked_words, ..Settings::default() }
    }

    #[test]
    fn what_others_have_changed_since_the_form_was_opened_stays() {
        let mut form = opened(&stage());
        form.insert("blocked_words".into(), "a\r\nb".into());
        let meanwhile = Settings { paused: true, slow_mode_seconds: 30, blocked_words: vec!["c".into()], ..stage() };
        assert_eq!(sent(&form, &meanwhile), meanwhile, "nothing was changed in it");
        form.insert("ephemeral".into(), "on".into());
        form.insert("slow_mode_seconds".into(), "30".into());
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
        let change = Edits::of(form).change(&stage()).unwrap_or_else(|_| panic!("no conflict"));
        let meanwhile = Settings { slow_mode_seconds: 30, ..stage() };
        assert_eq!(change.apply(&meanwhile), Err(InvalidSetting::Changed("slow_mode_seconds".into())));
        let other = Settings { paused: true, ..stage() };
        assert_eq!(change.apply(&other), Ok(Settings { slow_mode_seconds: 5, ..other }));
    }
}
