//! How all pages look: what owners have chosen, as pages use it. Rendered on the server alone.

use super::{
    look::{Look, Theme},
    palette::{Faint, Palette},
    title,
};
use crate::chat::{
    Appearance, Colour,
    appearance::{FIELDS, GENERIC_FONTS, Kind, Scheme, TITLE},
};

/// What stands before and after the fonts that owners have chosen, as in the stylesheet.
const FONTS: [&str; 2] =
    ["\"Colour emoji\"", "system-ui,sans-serif,\"Apple Color Emoji\",\"Segoe UI Emoji\",\"Noto Color Emoji\""];

/// How wide an embed is at least that shows the logo: in a narrower one the room's name needs the place.
const EMBED_WITH_LOGO: &str = "25rem";

/// How all pages look.
#[derive(Clone, Debug)]
pub struct SiteLook {
    /// What the site is called, if its owners have said it.
    title: Option<String>,
    logo: Option<LogoView>,
    /// The rules that the stylesheet lacks.
    style: String,
    appearance: Appearance,
    palettes: [Palette; 2],
}

/// The logo, as pages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoView {
    /// The path of its address.
    pub path: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Whether other programs show it as the picture of a link, which they do with no SVG.
    pub is_raster: bool,
}

impl SiteLook {
    /// Returns how pages look; the logo, if there is one, is at the given address.
    pub fn of(appearance: &Appearance, logo: Option<LogoView>) -> Self {
        let palettes = Scheme::ALL.map(|scheme| Palette::of(appearance, scheme));
        let title = appearance.find(TITLE).map(str::to_owned);
        Self { title, logo, style: style(appearance, &palettes), appearance: appearance.clone(), palettes }
    }

    /// Returns what the site is called.
    pub fn title(&self) -> &str {
        self.title.as_deref().unwrap_or(title::SITE)
    }

    /// Returns what the site is called, if its owners have said it.
    pub(super) fn own_title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Returns its logo.
    pub fn logo(&self) -> Option<&LogoView> {
        self.logo.as_ref()
    }

    /// Returns the rules that the stylesheet lacks; empty if nothing was chosen.
    pub fn style(&self) -> &str {
        &self.style
    }

    /// Returns what a browser paints around a page in a scheme: a colour of CSS.
    pub(super) fn theme_colour(&self, scheme: Scheme) -> String {
        format!("#{}", self.palette(scheme).surface())
    }

    /// Returns the rules of an embed whose address says how it looks: of the logo, and of an accent that counts before that of the site.
    pub(super) fn style_of_embed(&self, look: Look) -> String {
        let logo = self.logo.as_ref().map(|logo| {
            format!("@media(min-width:{EMBED_WITH_LOGO}){{.embed .site-logo{{display:block;content:url(\"{}\")}}}}", logo.path)
        });
        [logo, look.accent.map(|accent| self.style_of_accent(accent, look.theme))].into_iter().flatten().collect()
    }

    fn style_of_accent(&self, accent: Colour, theme: Option<Theme>) -> String {
        // As specific as the rules of the site's style, and behind them.
        let rule = |scheme| format!(":root:root{{{}}}", self.palette(scheme).accent_declarations(accent));
        match theme {
            Some(Theme::Light) => rule(Scheme::Light),
            Some(Theme::Dark) => rule(Scheme::Dark),
            None => format!("{}@media(prefers-color-scheme:dark){{{}}}", rule(Scheme::Light), rule(Scheme::Dark)),
        }
    }

    /// Returns the rules of a sample in each scheme: elements with the scheme's name as `data-sample`.
    pub(super) fn style_of_samples(&self) -> String {
        let rule = |scheme: Scheme| format!("[data-sample={}]{{{}}}", scheme.name(), self.palette(scheme).all_declarations());
        Scheme::ALL.map(rule).concat()
    }

    /// Returns the texts that are hard to read, among those for which owners have chosen something.
    pub fn faint(&self) -> Vec<Faint> {
        Scheme::ALL.iter().flat_map(|scheme| self.palette(*scheme).faint(&self.appearance)).collect()
    }

    fn palette(&self, scheme: Scheme) -> &Palette {
        &self.palettes[scheme as usize]
    }
}

/// Returns the rules for all pages. An overlay lies over a video, whatever its reader's scheme is: it has the colours of the light one.
fn style(appearance: &Appearance, palettes: &[Palette; 2]) -> String {
    let mut css = String::new();
    let both: Vec<_> = FIELDS.iter().filter(|field| field.is_property() && field.scheme.is_none()).collect();
    let both = both.iter().filter_map(|field| {
        let value = appearance.find(field.key)?;
        let value = match field.name {
            _ if field.kind == Kind::Fonts => fonts(value),
            // What is little beside a wide list takes half of a phone.
            "--gutter" => format!("min({value},6vw)"),
            _ => value.to_owned(),
        };
        Some(format!("{}:{value};", field.name))
    });
    push_rule(&mut css, ":root", &both.collect::<String>());
    let [light, dark] = Scheme::ALL.map(|scheme| palettes[scheme as usize].declarations());
    let in_media = |css: &mut String, media: &str, selector: &str, declarations: &str| {
        if !declarations.is_empty() {
            css.push_str(&format!("@media {media}{{{selector}{{{declarations}}}}}"));
        }
    };
    in_media(&mut css, "not all and (prefers-color-scheme:dark)", ":root:not([data-theme=dark])", &light);
    push_rule(&mut css, ":root:is([data-theme=light],.overlay)", &light);
    in_media(&mut css, "(prefers-color-scheme:dark)", ":root:not([data-theme=light],.overlay)", &dark);
    push_rule(&mut css, ":root[data-theme=dark]", &dark);
    css
}

fn push_rule(css: &mut String, selector: &str, declarations: &str) {
    if !declarations.is_empty() {
        css.push_str(&format!("{selector}{{{declarations}}}"));
    }
}

/// Returns a list of fonts as CSS writes it: names of kinds as they are, all others in quotes.
fn fonts(names: &str) -> String {
    let quoted = |name: &str| if GENERIC_FONTS.contains(&name) { name.to_owned() } else { format!("\"{name}\"") };
    let names: Vec<_> = names.split(", ").map(quoted).collect();
    format!("{},{},{}", FONTS[0], names.join(","), FONTS[1])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::chat::AppearanceChange;

    fn site(patch: Value) -> SiteLook {
        let change = AppearanceChange::patch(patch.as_object().expect("an object")).expect("valid");
        SiteLook::of(&Appearance::default().changed(&change), None)
    }

    #[test]
    fn a_site_without_a_look_adds_nothing() {
        let site = site(json!({}));
        assert_eq!((site.style(), site.title(), site.own_title()), ("", title::SITE, None));
        assert_eq!(site.theme_colour(Scheme::Dark), "#16171b");
    }

    #[test]
    fn each_scheme_has_its_own_rules() {
        let site = site(json!({ "title": "Acme", "properties": {
            "--page": { "light": "#ffffff", "dark": "#000000" }, "--radius": "4px", "--font": "Comic Neue, serif",
        } }));
        assert_eq!(site.title(), "Acme");
        let css = site.style();
        assert!(css.starts_with(":root{--radius:4px;--font:\"Colour emoji\",\"Comic Neue\",serif,system-ui,"), "{css}");
        let counts = |text: &str| css.matches(text).count();
        assert_eq!((counts("--page:#ffffff;"), counts("--page:#000000;"), counts("color-scheme:")), (2, 2, 2), "{css}");
        assert!(css.contains(":root[data-theme=dark]{--page:#000000;--own:var(--hover);"), "{css}");
    }

    #[test]
    fn an_embed_s_accent_counts_before_the_site_s() {
        let site = site(json!({ "accent": "#00aa00" }));
        assert!(site.style().contains("--accent:#"), "{}", site.style());
        let counts = |theme| {
            let style = site.style_of_embed(Look { theme, accent: "ff0055".parse().ok(), read_only: false });
            (style.matches(":root:root{--accent:#").count(), style.matches("@media").count())
        };
        assert_eq!((counts(None), counts(Some(Theme::Light)), counts(Some(Theme::Dark))), ((2, 1), (1, 0), (1, 0)));
        assert_eq!(site.style_of_embed(Look::default()), "");
        let logo = LogoView { path: "/appearance/00.png".to_owned(), media_type: "image/png", is_raster: true };
        let site = SiteLook::of(&Appearance::default(), Some(logo));
        let style = site.style_of_embed(Look::default());
        assert_eq!(style, "@media(min-width:25rem){.embed .site-logo{display:block;content:url(\"/appearance/00.png\")}}");
    }
}
