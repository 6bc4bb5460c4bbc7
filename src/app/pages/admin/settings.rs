use std::collections::BTreeMap;

use leptos::prelude::*;

use super::fields::{self, Field};
use crate::{
    app::escape::escaped,
    texts::{Text, Texts, key},
};

/// A setting of a room as the form shows it.
pub struct SettingField {
    /// Its name, as the API has it.
    pub name: &'static str,
    /// The key of what it is called for people.
    pub label: Text,
    /// The key of what to know about it, if there is something.
    pub help: Option<Text>,
    /// How it is changed.
    pub control: Control,
}

impl SettingField {
    /// Under which name the form says what the setting was when it was opened, so that it changes nothing but what its user does.
    pub fn before(&self) -> String {
        format!("{}-before", self.name)
    }

    /// Under which name the form says that a [`Control::Amount`] is not 0.
    pub fn switch(&self) -> String {
        format!("{}-on", self.name)
    }

    /// Returns whether a [`Control::Amount`] is on: in a form that was sent its switch decides, elsewhere its value.
    pub fn is_on(&self, values: &BTreeMap<String, String>) -> bool {
        match values.contains_key(&self.before()) {
            true => values.contains_key(&self.switch()),
            false => values.get(self.name).is_some_and(|value| value != "0"),
        }
    }
}

/// How a setting is changed.
pub enum Control {
    /// A line of text.
    Text,
    /// Several lines, each a value.
    Lines,
    /// Several lines, each a name, `=` and a value.
    Pairs,
    /// A whole number behind a switch, which is off for 0.
    Amount {
        /// The key of what is counted.
        unit: Text,
        /// What stands there when the switch is turned on.
        suggested: u32,
    },
    /// Yes or no.
    Check,
    /// One of these values, each with the key of its label.
    Choice(&'static [(&'static str, Text)]),
}

/// Settings that are shown, and saved, together.
pub struct SettingGroup {
    /// What it is called in addresses.
    pub name: &'static str,
    /// The key of its heading.
    pub label: Text,
    /// The settings, in the order of the form.
    pub fields: &'static [SettingField],
}

const WHO: Control = Control::Choice(&[
    ("everyone", key::setting::EVERYONE),
    ("signed_in", key::setting::SIGNED_IN),
    ("moderators", key::setting::MODERATORS),
]);

const REVIEW_FALLBACK: Control = Control::Choice(&[("allow", key::setting::REVIEW_ALLOW), ("deny", key::setting::REVIEW_DENY)]);

const fn field(name: &'static str, label: Text, help: Option<Text>, control: Control) -> SettingField {
    SettingField { name, label, help, control }
}

const fn amount(unit: Text, suggested: u32) -> Control {
    Control::Amount { unit, suggested }
}

/// All settings but the shield, which has a button of its own.
pub const GROUPS: [SettingGroup; 6] = {
    use key::setting as text;
    [
        SettingGroup {
            name: "general",
            label: text::GROUP_GENERAL,
            fields: &[
                field("name", text::NAME, None, Control::Text),
                field("slug", text::SLUG, Some(text::SLUG_HELP), Control::Text),
                field("description", text::DESCRIPTION, None, Control::Text),
                field("pinned_message", key::page::PINNED_MESSAGE, Some(text::PINNED_MESSAGE_HELP), Control::Text),
            ],
        },
        SettingGroup {
            name: "who",
            label: text::GROUP_WHO,
            fields: &[
                field("paused", text::PAUSED, Some(text::PAUSED_HELP), Control::Check),
                field("speakers", text::SPEAKERS, None, WHO),
                field(
                    "established_minutes",
                    text::ESTABLISHED_MINUTES,
                    Some(text::ESTABLISHED_MINUTES_HELP),
                    amount(text::UNIT_MINUTES, 10),
                ),
                field("hold_newcomers", text::HOLD_NEWCOMERS, Some(text::HOLD_NEWCOMERS_HELP), Control::Check),
                field("unique_names", text::UNIQUE_NAMES, Some(text::UNIQUE_NAMES_HELP), Control::Check),
            ],
        },
        SettingGroup {
            name: "pace",
            label: text::GROUP_PACE,
            fields: &[
                field(
                    "slow_mode_seconds",
                    text::SLOW_MODE_SECONDS,
                    Some(text::SLOW_MODE_SECONDS_HELP),
                    amount(text::UNIT_SECONDS, 10),
                ),
                field(
                    "messages_per_minute",
                    text::MESSAGES_PER_MINUTE,
                    Some(text::MESSAGES_PER_MINUTE_HELP),
                    amount(text::UNIT_MESSAGES_PER_MINUTE, 300),
                ),
                field("repeat_seconds", text::REPEAT_SECONDS, Some(text::REPEAT_SECONDS_HELP), amount(text::UNIT_SECONDS, 60)),
            ],
        },
        SettingGroup {
            name: "filters",
            label: text::GROUP_FILTERS,
            fields: &[
                field("links", text::LINKS, None, WHO),
                field("blocked_words", text::BLOCKED_WORDS, Some(text::BLOCKED_WORDS_HELP), Control::Lines),
                field("message_chars", text::MESSAGE_CHARS, Some(text::MESSAGE_CHARS_HELP), amount(text::UNIT_CHARACTERS, 200)),
            ],
        },
        SettingGroup {
            name: "retention",
            label: text::GROUP_RETENTION,
            fields: &[
                field("retention_days", text::RETENTION_DAYS, Some(text::RETENTION_DAYS_HELP), amount(text::UNIT_DAYS, 30)),
                field(
                    "retention_messages",
                    text::RETENTION_MESSAGES,
                    Some(text::RETENTION_MESSAGES_HELP),
                    amount(text::UNIT_MESSAGES, 10_000),
                ),
                field("ephemeral", text::EPHEMERAL, Some(text::EPHEMERAL_HELP), Control::Check),
            ],
        },
        SettingGroup {
            name: "integrations",
            label: text::GROUP_INTEGRATIONS,
            fields: &[
                field("allowed_origins", text::ALLOWED_ORIGINS, Some(text::ALLOWED_ORIGINS_HELP), Control::Lines),
                field("review_url", text::REVIEW_URL, Some(text::REVIEW_URL_HELP), Control::Text),
                field("review_fallback", text::REVIEW_FALLBACK, None, REVIEW_FALLBACK),
                field("tags", text::TAGS, Some(text::TAGS_HELP), Control::Pairs),
            ],
        },
    ]
};

/// Returns all settings, in the order of the form.
pub fn fields() -> impl Iterator<Item = &'static SettingField> {
    GROUPS.iter().flat_map(|group| group.fields)
}

/// Several settings that fit together.
pub struct Preset {
    /// What it is called in forms.
    pub name: &'static str,
    /// The key of its name.
    pub label: Text,
    /// The key of what it does.
    pub help: Text,
    /// The settings, by name, with their values.
    pub settings: &'static [(&'static str, u32)],
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 2] = [
        Self {
            name: "calm",
            label: key::setting::PRESET_CALM,
            help: key::setting::PRESET_CALM_HELP,
            settings: &[("slow_mode_seconds", 0), ("messages_per_minute", 0), ("repeat_seconds", 0), ("message_chars", 0)],
        },
        Self {
            name: "busy",
            label: key::setting::PRESET_BUSY,
            help: key::setting::PRESET_BUSY_HELP,
            settings: &[("slow_mode_seconds", 5), ("messages_per_minute", 300), ("repeat_seconds", 30), ("message_chars", 200)],
        },
    ];
}

/// The form of a room's settings.
#[derive(Clone, Debug, Default)]
pub struct SettingsForm {
    /// What stands in it, by the settings' names; of a [`Control::Check`], nothing or `on`. And what stood in it when it was opened,
    /// by [`SettingField::before`], where that is another thing.
    pub values: BTreeMap<String, String>,
    /// The settings that could not be changed, each with the reason; the name is empty if it is about the form as a whole.
    pub errors: Vec<(String, String)>,
    /// The name of the group whose button was just pressed; empty if none was.
    pub saved: String,
}

/// The form, sent to `action`. Whichever of its buttons is pressed, all that was changed is saved.
pub fn settings(texts: &'static Texts, form: SettingsForm, action: &str) -> impl IntoView + use<> {
    view! {
        <form class="groups fields" method="post" action=action.to_owned() aria-labelledby="settings" novalidate>
            {GROUPS.iter().map(|group| fields_of(texts, group, &form)).collect_view()}
        </form>
    }
}

fn fields_of(texts: &'static Texts, group: &SettingGroup, form: &SettingsForm) -> impl IntoView + use<> {
    let SettingsForm { values, errors, saved } = form;
    let error_of = |name: &str| errors.iter().find(|(known, _)| known == name).map(|(_, error)| error.clone());
    let is_wrong = group.fields.iter().any(|field| error_of(field.name).is_some());
    let whole = is_wrong.then(|| error_of("")).flatten();
    let heading = format!("group-{}", group.name);
    let labelled = heading.clone();
    let fields =
        group.fields.iter().map(|field| setting(texts, field, values, error_of(field.name).unwrap_or_default())).collect_view();
    let is_saved = *saved == group.name;
    view! {
        <section class="settings" id=group.name role="group" aria-labelledby=labelled data-edited="">
            <h3 id=heading>{texts.text(group.label)}</h3>
            {whole.map(|whole| view! { <p class="error" role="alert">{whole}</p> })}
            {fields}
            <p class="save">
                <button class="button" type="submit" name="group" value=group.name>{texts.text(key::admin::SAVE)}</button>
                <span class="done" role="status">{is_saved.then(|| texts.text(key::admin::SAVED))}</span>
                <span class="unsaved" role="status" data-unsaved=texts.text(key::admin::UNSAVED)></span>
            </p>
        </section>
    }
}

fn setting(
    texts: &'static Texts,
    field: &'static SettingField,
    values: &BTreeMap<String, String>,
    error: String,
) -> impl IntoView + use<> {
    let &SettingField { name, label, help, ref control } = field;
    let value = values.get(name).cloned().unwrap_or_default();
    let name_before = field.before();
    let before = values.get(&name_before).unwrap_or(&value).clone();
    let (is_on, on) = (field.is_on(values), field.switch());
    let label = texts.text(label);
    let frame = Field { id: name, label, help: help.map(|help| texts.text(help)), error };
    let view = match control {
        Control::Text => frame
            .with(move |fields::Control { is_wrong, invalid, described_by, .. }| {
                view! { <input id=name name=name type="text" dir="auto" autocomplete="off" value=value autofocus=is_wrong aria-invalid=invalid aria-describedby=described_by /> }
            })
            .into_any(),
        &Control::Amount { unit, suggested } => frame
            .around(move |fields::Control { is_wrong, invalid, described_by, .. }| {
                let value = if is_on { value } else { suggested.to_string() };
                let unit = texts.text(unit);
                view! {
                    <label class="switch">
                        <input name=on type="checkbox" role="switch" checked=is_on aria-describedby=described_by.clone() />
                        {label}
                    </label>
                    <span class="amount">
                        <input id=name name=name type="number" min="1" step="1" inputmode="numeric" value=value autofocus=is_wrong aria-label=format!("{label} ({unit})") aria-invalid=invalid aria-describedby=described_by />
                        <span aria-hidden="true">{unit}</span>
                    </span>
                }
            })
            .into_any(),
        Control::Lines | Control::Pairs => frame
            .with(move |fields::Control { is_wrong, invalid, described_by, .. }| {
                view! { <textarea id=name name=name rows="4" dir="auto" autofocus=is_wrong aria-invalid=invalid aria-describedby=described_by inner_html=escaped(&value)></textarea> }
            })
            .into_any(),
        Control::Check => frame
            .around(move |fields::Control { invalid, described_by, .. }| {
                view! {
                    <label class="switch">
                        <input id=name name=name type="checkbox" role="switch" checked=!value.is_empty() aria-invalid=invalid aria-describedby=described_by />
                        {label}
                    </label>
                }
            })
            .into_any(),
        Control::Choice(choices) => frame
            .with(move |fields::Control { invalid, described_by, .. }| {
                let option = |&(choice, label): &(&'static str, Text)| {
                    view! { <option value=choice selected=choice == value>{texts.text(label)}</option> }
                };
                let options = choices.iter().map(option).collect_view();
                view! { <select id=name name=name aria-invalid=invalid aria-describedby=described_by>{options}</select> }
            })
            .into_any(),
    };
    view! {
        <input type="hidden" name=name_before value=before autocomplete="off" />
        {view}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Settings;

    #[test]
    fn every_setting_has_a_field() {
        let settings = serde_json::to_value(Settings::default()).expect("plain data");
        let mut settings: Vec<_> = settings.as_object().expect("a struct").keys().map(String::as_str).collect();
        let mut fields: Vec<_> = fields().map(|field| field.name).collect();
        fields.push("shield");
        settings.sort_unstable();
        fields.sort_unstable();
        assert_eq!(fields, settings);
    }
}
