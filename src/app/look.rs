//! How a room looks where another site shows it in a frame, and over a video. Read from the address and rendered on the server
//! alone: all of it is the stylesheet's work.
//!
//! A value that cannot be read is passed over: a slip in the address that somebody put on their site must not take the chat away.

use crate::chat::Colour;

/// Seconds for which a message stays over a video, if the address does not say.
const FADE_SECONDS: u32 = 30;

/// Longest that it may say: an hour.
const LONGEST_FADE_SECONDS: u32 = 3_600;

/// What the address of an embed asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Light or dark; as the reader has it, if it does not say.
    pub theme: Option<Theme>,
    /// The colour of what can be pressed, and of links.
    pub accent: Option<Colour>,
    /// Whether there is no form.
    pub read_only: bool,
}

/// What the reader's own choice is passed over for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark words on a light ground.
    Light,
    /// Light words on a dark ground.
    Dark,
}

/// What the address of an overlay asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fade {
    /// Seconds after which a message is gone; 0 for never.
    pub seconds: u32,
}

impl Theme {
    /// Its name in the address and in the stylesheet.
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Look {
    /// What the parts of a query say: `theme`, `accent` and `readonly`.
    pub fn read(find: impl Fn(&str) -> Option<String>) -> Self {
        let theme = match find("theme").as_deref() {
            Some("light") => Some(Theme::Light),
            Some("dark") => Some(Theme::Dark),
            _ => None,
        };
        let accent = find("accent").and_then(|accent| accent.parse().ok());
        let read_only = find("readonly").is_some_and(|said| matches!(&*said, "" | "1" | "true"));
        Self { theme, accent, read_only }
    }

    /// A query that says the same, for links that stay in the frame: empty, or with an `&` at its end.
    pub fn query(self) -> String {
        let theme = self.theme.map(|theme| format!("theme={}&", theme.name())).unwrap_or_default();
        let accent = self.accent.map(|accent| format!("accent={accent}&")).unwrap_or_default();
        [&*theme, &accent, if self.read_only { "readonly=1&" } else { "" }].concat()
    }
}

impl Fade {
    /// What the query's `fade` says: 0 to 3,600 seconds.
    pub fn read(said: Option<String>) -> Self {
        let seconds = said.and_then(|said| said.parse().ok()).filter(|seconds| *seconds <= LONGEST_FADE_SECONDS);
        Self { seconds: seconds.unwrap_or(FADE_SECONDS) }
    }

    /// The rules that the stylesheet lacks.
    pub(super) fn style(self) -> String {
        match self.seconds {
            0 => String::new(),
            seconds => format!(":root{{--fade-after:{seconds}s}}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(query: &[(&str, &str)]) -> Look {
        Look::read(|key| query.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn an_address_says_the_look_and_links_keep_it() {
        let rows: [(&[(&str, &str)], &str); 8] = [
            (&[], ""),
            (&[("theme", "dark"), ("accent", "#FF0055"), ("readonly", "1")], "theme=dark&accent=ff0055&readonly=1&"),
            (&[("theme", "light"), ("readonly", "")], "theme=light&readonly=1&"),
            (&[("theme", "auto"), ("readonly", "0")], ""),
            (&[("theme", "Dark"), ("readonly", "no")], ""),
            (&[("theme", "\"><b>"), ("accent", "red;}*{}")], ""),
            (&[("readonly", "true")], "readonly=1&"),
            (&[("accent", "00ff00")], "accent=00ff00&"),
        ];
        for (query, expected) in rows {
            assert_eq!(look(query).query(), expected, "{query:?}");
        }
    }

    #[test]
    fn a_fade_is_a_number_of_seconds() {
        let rows = [
            (None, 30),
            (Some("0"), 0),
            (Some("5"), 5),
            (Some("3600"), 3_600),
            (Some("3601"), 30),
            (Some("-1"), 30),
            (Some("x"), 30),
        ];
        for (said, seconds) in rows {
            assert_eq!(Fade::read(said.map(str::to_owned)).seconds, seconds, "{said:?}");
        }
    }
}
