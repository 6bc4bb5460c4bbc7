use std::collections::BTreeMap;

use leptos::prelude::*;

/// A setting of a room as the form shows it.
pub struct SettingField {
    /// Its name, as the API has it.
    pub name: &'static str,
    /// What it is called for people.
    pub label: &'static str,
    /// What to know about it; may be empty.
    pub help: &'static str,
    /// How it is changed.
    pub control: Control,
}

/// How a setting is changed.
pub enum Control {
    /// A line of text.
    Text,
    /// Several lines, each a value.
    Lines,
    /// A whole number from 0.
    Number,
    /// Yes or no.
    Check,
    /// One of these values, each with its label.
    Choice(&'static [(&'static str, &'static str)]),
}

const WHO: Control =
    Control::Choice(&[("everyone", "Everyone"), ("signed_in", "Users of your site"), ("moderators", "Moderators")]);

const REVIEW_FALLBACK: Control = Control::Choice(&[("allow", "The message is allowed"), ("deny", "The message is denied")]);

/// All settings, in the order of the form.
pub const FIELDS: [SettingField; 19] = {
    const fn field(name: &'static str, label: &'static str, help: &'static str, control: Control) -> SettingField {
        SettingField { name, label, help, control }
    }
    [
        field("name", "Name", "", Control::Text),
        field("slug", "Slug", "The name in addresses of the API: a-z, 0-9 and -.", Control::Text),
        field("description", "Description", "", Control::Text),
        field("paused", "Pause the chat", "Nobody but moderators writes until it goes on.", Control::Check),
        field(
            "pinned_message",
            "Pinned message",
            "The id of the message that stands above the chat; empty for none. In the chat it is pinned from its menu.",
            Control::Text,
        ),
        field(
            "slow_mode_seconds",
            "Slow mode",
            "Seconds that each person waits between two messages; 0 for none.",
            Control::Number,
        ),
        field("messages_per_minute", "Messages a minute", "Of all together; 0 for no limit.", Control::Number),
        field(
            "repeat_seconds",
            "Repeats",
            "For so many seconds nobody says the same again; 0 for no such rule.",
            Control::Number,
        ),
        field("message_chars", "Longest message", "In characters; 0 for what the installation allows.", Control::Number),
        field("speakers", "Who may write", "", WHO),
        field(
            "established_minutes",
            "Newcomers wait",
            "So many minutes after they have come for the first time; 0 to write at once.",
            Control::Number,
        ),
        field("links", "Who may write links", "", WHO),
        field(
            "blocked_words",
            "Blocked words",
            "One a line. Case, accents and characters that look alike make no difference. A * stands for any letters before or after.",
            Control::Lines,
        ),
        field(
            "retention_days",
            "Days kept",
            "What was said longer ago is removed for good; 0 to keep it for ever.",
            Control::Number,
        ),
        field(
            "retention_messages",
            "Messages kept",
            "So many of the newest messages and decisions on them; older ones are removed for good. 0 to keep all.",
            Control::Number,
        ),
        field("ephemeral", "Forget at the end", "All that was said is removed for good when the room ends.", Control::Check),
        field(
            "review_url",
            "Review",
            "The address of a server that is asked about each message before it is stored; empty for none.",
            Control::Text,
        ),
        field("review_fallback", "If the review says nothing", "", REVIEW_FALLBACK),
        field(
            "allowed_origins",
            "Allowed origins",
            "Sites whose pages may use the room and frame it, such as https://example.com, one a line; none for those of the installation.",
            Control::Lines,
        ),
    ]
};

/// The form of a room's settings.
#[derive(Clone, Debug, Default)]
pub struct SettingsForm {
    /// What stands in it, by the settings' names. Of a [`Control::Check`], nothing or `on`.
    pub values: BTreeMap<String, String>,
    /// The setting that could not be changed, and why; the name is empty if it is about the form as a whole.
    pub error: Option<(String, String)>,
}

/// The form, sent to `action`.
pub fn settings(SettingsForm { values, error }: SettingsForm, action: String) -> impl IntoView {
    let (wrong, error) = error.unwrap_or_default();
    let whole = FIELDS.iter().all(|field| field.name != wrong) && !error.is_empty();
    let fields = FIELDS
        .iter()
        .map(|field| {
            let error = if wrong == field.name { error.clone() } else { String::new() };
            setting(field, values.get(field.name).cloned().unwrap_or_default(), error)
        })
        .collect_view();
    view! {
        <form class="fields" method="post" action=action aria-labelledby="settings">
            <p class="error" role="alert" hidden=!whole>{if whole { error } else { String::new() }}</p>
            {fields}
            <button class="button" type="submit">"Save"</button>
        </form>
    }
}

fn setting(field: &SettingField, value: String, error: String) -> impl IntoView + use<> {
    let &SettingField { name, label, help, ref control } = field;
    let is_wrong = !error.is_empty();
    let invalid = is_wrong.then_some("true");
    let described = format!("{name}-help {name}-error");
    let control = match control {
        Control::Text => view! {
            <input id=name name=name type="text" dir="auto" autocomplete="off" value=value autofocus=is_wrong aria-invalid=invalid aria-describedby=described />
        }
        .into_any(),
        Control::Number => view! {
            <input id=name name=name type="number" min="0" step="1" inputmode="numeric" required value=value autofocus=is_wrong aria-invalid=invalid aria-describedby=described />
        }
        .into_any(),
        Control::Lines => view! {
            <textarea id=name name=name rows="4" dir="auto" autofocus=is_wrong aria-invalid=invalid aria-describedby=described>{value}</textarea>
        }
        .into_any(),
        Control::Check => view! {
            <input id=name name=name type="checkbox" checked=!value.is_empty() aria-invalid=invalid aria-describedby=described />
        }
        .into_any(),
        Control::Choice(choices) => {
            let option = |&(choice, label): &(&'static str, &'static str)| {
                view! { <option value=choice selected=choice == value>{label}</option> }
            };
            let options = choices.iter().map(option).collect_view();
            view! { <select id=name name=name aria-invalid=invalid aria-describedby=described>{options}</select> }.into_any()
        }
    };
    view! {
        <p class="field"><label for=name>{label}</label>{control}</p>
        <p id=format!("{name}-help") class="help" hidden=help.is_empty()>{help}</p>
        <p id=format!("{name}-error") class="error" role="alert" hidden=!is_wrong>{error}</p>
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
