//! What the characters of a text mean for its links.
//!
//! The page runs this in the browser, so it knows no Unicode tables but the few ranges that matter.

/// What a character is to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A letter, digit or mark that one label may have beside ASCII letters: Latin, Greek, Cyrillic, and what browsers read as
    /// ASCII (`ｗｗｗ`, `𝐰𝐰𝐰`).
    Joining,
    /// Any other letter or symbol of a host: Chinese, Arabic, emoji. A sentence may have it directly before and after a host.
    Apart,
    /// No part of a label.
    Other,
}

impl Class {
    pub(super) fn of(c: char) -> Self {
        match c {
            '0'..='9' | 'A'..='Z' | 'a'..='z' | '-' | '_' => Self::Joining,
            '\0'..='\u{7f}' => Self::Other,
            c if is_transparent(c) => Self::Other,
            'ª' | '²' | '³' | 'µ' | '¹' | 'º' => Self::Joining,
            '\u{80}'..='\u{bf}' | '×' | '÷' | '\u{37e}' | '\u{387}' | '\u{55a}'..='\u{55f}' => Self::Other,
            '\u{c0}'..='\u{588}' | '\u{10a0}'..='\u{10fa}' | '\u{10fc}'..='\u{10ff}' | '\u{13a0}'..='\u{13ff}' => Self::Joining,
            '\u{1c80}'..='\u{1cbf}' | '\u{1d00}'..='\u{1fff}' | '\u{2070}'..='\u{209f}' | '\u{20d0}'..='\u{20f0}' => {
                Self::Joining
            }
            '\u{2100}'..='\u{2188}' | '\u{2460}'..='\u{24ff}' | '\u{2c00}'..='\u{2dff}' | '\u{a640}'..='\u{a69f}' => {
                Self::Joining
            }
            '\u{a720}'..='\u{a7ff}' | '\u{ab30}'..='\u{abbf}' | '\u{fb00}'..='\u{fb17}' | '\u{3250}' => Self::Joining,
            '\u{32cc}'..='\u{32cf}' | '\u{3371}'..='\u{33df}' | '\u{33ff}' | '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => {
                Self::Joining
            }
            '\u{107a5}'
            | '\u{1ccd6}'..='\u{1ccf9}'
            | '\u{1d400}'..='\u{1d7ff}'
            | '\u{1df95}'
            | '\u{1f100}'..='\u{1f1ac}'
            | '\u{1fbf0}'..='\u{1fbf9}' => Self::Joining,
            '\u{589}' | '\u{58a}' | '\u{60c}' | '\u{61b}'..='\u{61f}' | '\u{66a}'..='\u{66d}' | '\u{6d4}' => Self::Other,
            '\u{1680}' | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{206f}' | '\u{20a0}'..='\u{20cf}' => Self::Other,
            '\u{2e00}'..='\u{2e7f}' | '\u{3000}'..='\u{3004}' | '\u{3008}'..='\u{3020}' | '\u{3030}' => Self::Other,
            '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe1f}' | '\u{fe30}'..='\u{fe6f}' | '\u{feff}'..='\u{ff65}' => Self::Other,
            '\u{fff0}'..='\u{ffff}' | '\u{e0000}'.. => Self::Other,
            _ => Self::Apart,
        }
    }
}

/// Characters that browsers leave out of a host (UTS #46, 4: `ignored`).
pub(super) fn is_transparent(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}')
        || matches!(c, '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
        || matches!(c, '\u{ffa0}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0100}'..='\u{e01ef}')
}

/// Characters that browsers take for the dot of a host, but for the ASCII one (UTS #46, 4).
pub(super) fn is_stop(c: char) -> bool {
    matches!(c, '\u{2024}' | '\u{3002}' | '\u{fe52}' | '\u{ff0e}' | '\u{ff61}')
}

/// Returns whether an address ends before `c`: white space, what no address holds unescaped, quotes and brackets that are not
/// ASCII, dashes, symbols and emoji, and invisible characters, which would make an address look like another.
pub(super) fn ends_address(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || is_transparent(c)
        || matches!(c, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^' | '«' | '»' | '\u{61c}')
        || matches!(c, '\u{200c}'..='\u{200f}' | '\u{2013}'..='\u{206f}' | '\u{2190}'..='\u{2bff}')
        || matches!(c, '\u{2e00}'..='\u{2e7f}' | '\u{3000}'..='\u{3003}' | '\u{3008}'..='\u{301f}' | '\u{fe00}'..='\u{fe1f}')
        || matches!(c, '\u{fe30}'..='\u{fe6f}' | '\u{feff}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' | '\u{ff3b}'..='\u{ff40}')
        || matches!(c, '\u{ff5b}'..='\u{ff65}' | '\u{fff0}'..='\u{ffff}' | '\u{1f000}'..='\u{1faff}' | '\u{e0000}'..)
}

/// Returns whether `c` at the end of an address ends the sentence instead.
pub(super) fn ends_sentence(c: char) -> bool {
    matches!(c, '.' | ',' | ':' | ';' | '!' | '?' | '\'' | '*' | '_' | '~' | '،' | '؛' | '؟' | '۔' | '।' | '॥' | '։' | '፡' | '።')
}

/// Returns the ASCII characters that browsers take `c` for in a host (UTS #46, 4: `mapped`), if it is not ASCII already.
pub(super) fn ascii_of(c: char) -> Option<&'static str> {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
    const DIGITS: &str = "0123456789";
    let code = c as usize;
    let (letters, at) = match c {
        'Ａ'..='Ｚ' => (LETTERS, code - 0xff21),
        'ａ'..='ｚ' => (LETTERS, code - 0xff41),
        '０'..='９' => (DIGITS, code - 0xff10),
        'Ⓐ'..='ⓩ' => (LETTERS, (code - 0x24b6) % 26),
        '\u{1ccd6}'..='\u{1ccef}' => (LETTERS, code - 0x1ccd6),
        '\u{1ccf0}'..='\u{1ccf9}' => (DIGITS, code - 0x1ccf0),
        '\u{1f130}'..='\u{1f149}' => (LETTERS, code - 0x1f130),
        '\u{1d400}'..='\u{1d6a3}' => (LETTERS, (code - 0x1d400) % 26),
        '\u{1d7ce}'..='\u{1d7ff}' => (DIGITS, (code - 0x1d7ce) % 10),
        '\u{1fbf0}'..='\u{1fbf9}' => (DIGITS, code - 0x1fbf0),
        _ => return rare_ascii_of(c),
    };
    letters.get(at..=at)
}

/// Letters that stand alone in Unicode, each followed by the ASCII character that it is.
const SINGLE: &str = "ªa²2³3¹1ºoſsʰhʲjʳrʷwʸyˡlˢsˣxᴬaᴮbᴰdᴱeᴳgᴴhᴵiᴶjᴷkᴸlᴹmᴺnᴼoᴾpᴿrᵀtᵁuᵂwᵃaᵇbᵈdᵉeᵍgᵏkᵐmᵒoᵖpᵗtᵘuᵛvᵢiᵣrᵤuᵥvᶜcᶠfᶻz⁰0ⁱi⁴4⁵5\
    ⁶6⁷7⁸8⁹9ⁿn₀0₁1₂2₃3₄4₅5₆6₇7₈8₉9ₐaₑeₒoₓxₕhₖkₗlₘmₙnₚpₛsₜtℂcℊgℋhℌhℍhℎhℐiℑiℒlℓlℕnℙpℚqℛrℜrℝrℤzℨzKkℬbℭcℯeℰeℱfℳmℴoℹiⅅd\
    ⅆdⅇeⅈiⅉjⅠiⅤvⅩxⅬlⅭcⅮdⅯmⅰiⅴvⅹxⅼlⅽcⅾdⅿm①1②2③3④4⑤5⑥6⑦7⑧8⑨9⓪0ⱼjⱽvꟲcꟳfꟴq𐞥q🄫c🄬r₝w₞y₟z꟱s";

/// Characters that are several ASCII letters.
const SEVERAL: &str = "Ĳij ĳij Ǉlj ǈlj ǉlj Ǌnj ǋnj ǌnj Ǳdz ǲdz ǳdz ₨rs №no ℠sm ℡tel ™tm ℻fax Ⅱii Ⅲiii Ⅳiv Ⅵvi Ⅶvii Ⅷviii Ⅸix \
    Ⅺxi Ⅻxii ⅱii ⅲiii ⅳiv ⅵvi ⅶvii ⅷviii ⅸix ⅺxi ⅻxii ㉐pte ㋌hg ㋍erg ㋎ev ㋏ltd ㍱hpa ㍲da ㍳au ㍴bar ㍵ov ㍶pc ㍷dm \
    ㍺iu ㎀pa ㎁na ㎃ma ㎄ka ㎅kb ㎆mb ㎇gb ㎈cal ㎉kcal ㎊pf ㎋nf ㎎mg ㎏kg ㎐hz ㎑khz ㎒mhz ㎓ghz ㎔thz ㎖ml ㎗dl ㎘kl ㎙fm ㎚nm \
    ㎜mm ㎝cm ㎞km ㎩pa ㎪kpa ㎫mpa ㎬gpa ㎭rad ㎰ps ㎱ns ㎳ms ㎴pv ㎵nv ㎷mv ㎸kv ㎹mv ㎺pw ㎻nw ㎽mw ㎾kw ㎿mw ㏃bq ㏄cc ㏅cd ㏈db \
    ㏉gy ㏊ha ㏋hp ㏌in ㏍kk ㏎km ㏏kt ㏐lm ㏑ln ㏒log ㏓lx ㏔mb ㏕mil ㏖mol ㏗ph ㏙ppm ㏚pr ㏛sr ㏜sv ㏝wb ㏿gal ﬀff ﬁfi ﬂfl \
    ﬃffi ﬄffl ﬅst ﬆst 🄭cd 🄮wz 🅊hv 🅋mv 🅌sd 🅍ss 🅎ppv 🅏wc 🅪mc 🅫md 🅬mr 🆐dj 𝚦ss 𝾕ss";

fn rare_ascii_of(c: char) -> Option<&'static str> {
    // Most letters of most scripts.
    if c.is_ascii()
        || matches!(c, '\u{370}'..='\u{1cff}' | '\u{1e00}'..='\u{1fff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
    {
        return None;
    }
    if let Some(at) = SINGLE.find(c) {
        let at = at + c.len_utf8();
        return SINGLE.get(at..=at);
    }
    SEVERAL.split(' ').find_map(|entry| entry.strip_prefix(c))
}
