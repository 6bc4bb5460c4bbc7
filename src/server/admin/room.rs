use std::collections::BTreeMap;

use axum::{
    extract::{Form, Path, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Owner, rooms::row, see};
use crate::{
    app::{Control, FIELDS, Page, RoomAdmin, SanctionRow, SettingField, SettingsForm},
    chat::{InvalidSetting, Kind, Measure, RoomId, RoomState, Sanction, Settings, SettingsChange, UserId},
    hub::{Authority, Decision, Refusal},
    protocol::moment::rfc3339,
    server::{
        asked::Asked,
        error,
        page::{not_found, render},
        router::Params,
        state::AppState,
    },
    texts::Texts,
};

/// What the button for the room's state posts.
#[derive(Deserialize)]
pub(in crate::server) struct Step {
    state: RoomState,
}

/// Whose right to write is given back.
#[derive(Deserialize)]
pub(in crate::server) struct Lift {
    user: UserId,
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
    render_room(&state, &room, asked, StatusCode::OK, None, None, is_saved).await
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
    match state.hub.configure(id, &Authority::Admin, change(&values)).await {
        Ok(_) => see(&format!("/admin/rooms/{room}?saved=")),
        Err(refusal) => {
            let error = explain(asked.texts, &refusal);
            render_room(&state, &room, asked, error::status(&refusal), Some(values), Some(error), false).await
        }
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
            render_room(state, room, asked, error::status(&refusal), None, Some(error), false).await
        }
    }
}

/// The page of a room. In the form stands what was `typed`, else what holds; beside the setting that it names, or above all, stands
/// the `error`.
async fn render_room(
    state: &AppState,
    room: &str,
    asked: Asked,
    status: StatusCode,
    typed: Option<BTreeMap<String, String>>,
    error: Option<(String, String)>,
    is_saved: bool,
) -> Response {
    let Some(snapshot) = room.parse().ok().and_then(|id: RoomId| state.hub.snapshot(id).ok()) else {
        return not_found(state, asked).await;
    };
    let sanctions = match state.hub.sanctions(snapshot.room.id, &Authority::Admin).await {
        Ok(all) => all.into_iter().filter_map(|event| sanction_row(asked.texts, event.kind)).collect(),
        Err(refusal) => return render(&state.options, asked, error::status(&refusal), Page::Failed).await,
    };
    let settings = SettingsForm { values: typed.unwrap_or_else(|| values(&snapshot.room.settings)), error };
    let room = RoomAdmin { row: row(snapshot), settings, sanctions, is_saved };
    render(&state.options, asked, status, Page::AdminRoom(Box::new(room))).await
}

fn sanction_row(texts: &'static Texts, kind: Kind) -> Option<SanctionRow> {
    let Kind::Sanction(Sanction { user, measure, addresses, reason, .. }) = kind else { return None };
    let measure = match measure {
        Measure::Timeout { until } => texts.fill("admin.until", &[("time", &rfc3339(until))]),
        Measure::Ban => texts.text("admin.for_good").to_owned(),
        Measure::Lift => return None,
    };
    Some(SanctionRow { user: user.to_string(), measure, reason, addresses: addresses.len() })
}

/// The setting that a refusal is about, empty if it is about none; and what is wrong, in words that stand beside it.
fn explain(texts: &'static Texts, refusal: &Refusal) -> (String, String) {
    match refusal {
        Refusal::Setting(InvalidSetting::Value { name, rule }) => {
            let said = rule_of(name).map_or_else(|| format!("This must {rule}."), |key| texts.text(key).to_owned());
            ((*name).to_owned(), said)
        }
        Refusal::Setting(InvalidSetting::Unreadable { name, .. }) => (name.clone(), texts.text("admin.whole_number").to_owned()),
        Refusal::SlugTaken(_) => ("slug".to_owned(), refusal.text(texts)),
        Refusal::ReviewUrl(why) => ("review_url".to_owned(), format!("This {why}.")),
        _ => (String::new(), refusal.text(texts)),
    }
}

/// The key of what must hold for a setting.
fn rule_of(setting: &str) -> Option<&'static str> {
    let keys = [
        ("name", "rule.name"),
        ("slug", "rule.slug"),
        ("description", "rule.description"),
        ("retention_days", "rule.retention_days"),
        ("slow_mode_seconds", "rule.slow_mode_seconds"),
        ("messages_per_minute", "rule.messages_per_minute"),
        ("blocked_words", "rule.blocked_words"),
        ("established_minutes", "rule.established_minutes"),
        ("repeat_seconds", "rule.repeat_seconds"),
        ("allowed_origins", "rule.allowed_origins"),
        ("tags", "rule.tags"),
        ("pinned_message", "rule.pinned_message"),
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

/// What its user has changed in the form: all else may have been changed by others since it was opened. A browser sends nothing for
/// a box that is not checked.
fn change(values: &BTreeMap<String, String>) -> SettingsChange {
    let value = |name: &str, control: &Control| {
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
    };
    let changed = |field: &SettingField| {
        let now = value(field.name, &field.control)?;
        let is_same = values.contains_key(&field.before()) && value(&field.before(), &field.control).as_ref() == Some(&now);
        (!is_same).then(|| (field.name.to_owned(), now))
    };
    FIELDS.iter().filter_map(changed).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(change(&form).apply(&before), Ok(before.clone()), "as it came");
        form.remove("paused");
        form.insert("slow_mode_seconds".into(), " 7 ".into());
        form.insert("blocked_words".into(), "\r\n  c*\r\n\r\n".into());
        form.insert("tags".into(), " stage = b \r\nnew".into());
        let tags = [("stage".into(), "b".into()), ("new".into(), String::new())].into();
        let blocked_words = vec!["c*".into()];
        let after = Settings { paused: false, slow_mode_seconds: 7, blocked_words, tags, ..before.clone() };
        assert_eq!(change(&form).apply(&before), Ok(after));
        form.insert("slow_mode_seconds".into(), "-7".into());
        assert!(change(&form).apply(&before).is_err());
    }

    #[test]
    fn what_others_have_changed_since_the_form_was_opened_stays() {
        let opened = Settings {
            name: "Stage".into(),
            slug: "stage".into(),
            blocked_words: vec!["a".into(), "b".into()],
            ..Settings::default()
        };
        let mut form = values(&opened);
        let before: Vec<_> = FIELDS.iter().map(|field| (field.before(), form[field.name].clone())).collect();
        form.extend(before);
        // As a browser sends them.
        form.retain(|_, value| !value.is_empty());
        form.extend(
            ["paused-before", "ephemeral-before", "hold_newcomers-before", "unique_names-before"]
                .map(|name| (name.into(), String::new())),
        );
        form.insert("blocked_words".into(), "a\r\nb".into());
        let meanwhile = Settings { paused: true, slow_mode_seconds: 30, blocked_words: vec!["c".into()], ..opened };
        assert_eq!(change(&form).apply(&meanwhile), Ok(meanwhile.clone()), "nothing was changed in it");
        form.insert("slow_mode_seconds".into(), "5".into());
        form.insert("ephemeral".into(), "on".into());
        let after = Settings { slow_mode_seconds: 5, ephemeral: true, ..meanwhile.clone() };
        assert_eq!(change(&form).apply(&meanwhile), Ok(after), "the later change counts");
    }
}
