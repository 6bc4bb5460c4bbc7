use std::collections::BTreeMap;

use leptos::prelude::*;

use super::fields;
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
}

/// How a setting is changed.
pub enum Control {
    /// A line of text.
    Text,
    /// Several lines, each a value.
    Lines,
    /// Several lines, each a name, `=` and a value.
    Pairs,
    /// A whole number from 0.
    Number,
    /// Yes or no.
    Check,
    /// One of these values, each with the key of its label.
    Choice(&'static [(&'static str, Text)]),
}

const WHO: Control = Control::Choice(&[
    ("everyone", key::setting::EVERYONE),
    ("signed_in", key::setting::SIGNED_IN),
    ("moderators", key::setting::MODERATORS),
]);

const REVIEW_FALLBACK: Control = Control::Choice(&[("allow", key::setting::REVIEW_ALLOW), ("deny", key::setting::REVIEW_DENY)]);

/// All settings, in the order of the form.
pub const FIELDS: [SettingField; 22] = {
    const fn field(name: &'static str, label: Text, help: Option<Text>, control: Control) -> SettingField {
        SettingField { name, label, help, control }
    }
    [
        field("name", key::setting::NAME, None, Control::Text),
        field("slug", key::setting::SLUG, Some(key::setting::SLUG_HELP), Control::Text),
        field("description", key::setting::DESCRIPTION, None, Control::Text),
        field("paused", key::setting::PAUSED, Some(key::setting::PAUSED_HELP), Control::Check),
        field("pinned_message", key::page::PINNED_MESSAGE, Some(key::setting::PINNED_MESSAGE_HELP), Control::Text),
        field("slow_mode_seconds", key::setting::SLOW_MODE_SECONDS, Some(key::setting::SLOW_MODE_SECONDS_HELP), Control::Number),
        field(
            "messages_per_minute",
            key::setting::MESSAGES_PER_MINUTE,
            Some(key::setting::MESSAGES_PER_MINUTE_HELP),
            Control::Number,
        ),
        field("repeat_seconds", key::setting::REPEAT_SECONDS, Some(key::setting::REPEAT_SECONDS_HELP), Control::Number),
        field("message_chars", key::setting::MESSAGE_CHARS, Some(key::setting::MESSAGE_CHARS_HELP), Control::Number),
        field("speakers", key::setting::SPEAKERS, None, WHO),
        field(
            "established_minutes",
            key::setting::ESTABLISHED_MINUTES,
            Some(key::setting::ESTABLISHED_MINUTES_HELP),
            Control::Number,
        ),
        field("hold_newcomers", key::setting::HOLD_NEWCOMERS, Some(key::setting::HOLD_NEWCOMERS_HELP), Control::Check),
        field("unique_names", key::setting::UNIQUE_NAMES, Some(key::setting::UNIQUE_NAMES_HELP), Control::Check),
        field("links", key::setting::LINKS, None, WHO),
        field("blocked_words", key::setting::BLOCKED_WORDS, Some(key::setting::BLOCKED_WORDS_HELP), Control::Lines),
        field("retention_days", key::setting::RETENTION_DAYS, Some(key::setting::RETENTION_DAYS_HELP), Control::Number),
        field(
            "retention_messages",
            key::setting::RETENTION_MESSAGES,
            Some(key::setting::RETENTION_MESSAGES_HELP),
            Control::Number,
        ),
        field("ephemeral", key::setting::EPHEMERAL, Some(key::setting::EPHEMERAL_HELP), Control::Check),
        field("review_url", key::setting::REVIEW_URL, Some(key::setting::REVIEW_URL_HELP), Control::Text),
        field("review_fallback", key::setting::REVIEW_FALLBACK, None, REVIEW_FALLBACK),
        field("allowed_origins", key::setting::ALLOWED_ORIGINS, Some(key::setting::ALLOWED_ORIGINS_HELP), Control::Lines),
        field("tags", key::setting::TAGS, Some(key::setting::TAGS_HELP), Control::Pairs),
    ]
};

/// The form of a room's settings.
#[derive(Clone, Debug, Default)]
pub struct SettingsForm {
    /// What stands in it, by the settings' names; of a [`Control::Check`], nothing or `on`. And what stood in it when it was opened,
    /// by [`SettingField::before`], where that is another thing.
    pub values: BTreeMap<String, String>,
    /// The settings that could not be changed, each with the reason; the name is empty if it is about the form as a whole.
    pub errors: Vec<(String, String)>,
}

/// The form, sent to `action`.
pub fn settings(texts: &'static Texts, SettingsForm { values, errors }: SettingsForm, action: String) -> impl IntoView {
    let error_of = |field: &SettingField| errors.iter().find(|(name, _)| name == field.name).map(|(_, error)| error.clone());
    let is_of_field = |name: &str| FIELDS.iter().any(|field| field.name == name);
    let whole: Vec<_> = errors.iter().filter(|(name, _)| !is_of_field(name)).map(|(_, error)| error.as_str()).collect();
    let whole = whole.join(" ");
    let fields = FIELDS
        .iter()
        .map(|field| {
            let error = error_of(field).unwrap_or_default();
            let value = values.get(field.name).cloned().unwrap_or_default();
            let before = values.get(&field.before()).unwrap_or(&value).clone();
            setting(texts, field, value, before, error)
        })
        .collect_view();
    view! {
        <form class="fields" method="post" action=action aria-labelledby="settings">
            <p class="error" role="alert" hidden=whole.is_empty()>{whole.clone()}</p>
            {fields}
            <button class="button" type="submit">{texts.text(key::admin::SAVE)}</button>
        </form>
    }
}

fn setting(
    texts: &'static Texts,
    field: &'static SettingField,
    value: String,
    before: String,
    error: String,
) -> impl IntoView + use<> {
    let &SettingField { name, label, help, ref control } = field;
    let name_before = field.before();
    let field = fields::Field { id: name, label: texts.text(label), help: help.map(|help| texts.text(help)), error };
    let control = field.with(move |fields::Control { is_wrong, invalid, described_by: described, .. }| match control {
        Control::Text => view! {
            <input id=name name=name type="text" dir="auto" autocomplete="off" value=value autofocus=is_wrong aria-invalid=invalid aria-describedby=described />
        }
        .into_any(),
        Control::Number => view! {
            <input id=name name=name type="number" min="0" step="1" inputmode="numeric" required value=value autofocus=is_wrong aria-invalid=invalid aria-describedby=described />
        }
        .into_any(),
        Control::Lines | Control::Pairs => view! {
            <textarea id=name name=name rows="4" dir="auto" autofocus=is_wrong aria-invalid=invalid aria-describedby=described inner_html=escaped(&value)></textarea>
        }
        .into_any(),
        Control::Check => view! {
            <input id=name name=name type="checkbox" checked=!value.is_empty() aria-invalid=invalid aria-describedby=described />
        }
        .into_any(),
        Control::Choice(choices) => {
            let option = |&(choice, label): &(&'static str, Text)| {
                view! { <option value=choice selected=choice == value>{texts.text(label)}</option> }
            };
            let options = choices.iter().map(option).collect_view();
            view! { <select id=name name=name aria-invalid=invalid aria-describedby=described>{options}</select> }.into_any()
        }
    });
    view! {
        <input type="hidden" name=name_before value=before autocomplete="off" />
        {control}
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
        let mut fields: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
        settings.sort_unstable();
        fields.sort_unstable();
        assert_eq!(fields, settings);
    }
}
