//! Which hosts without a scheme are domains, and which are IP addresses.
//!
//! The table is the top level of the ICANN section of the public suffix list, version 2.1.247 of the crate `psl`;
//! `suffixes.sh` makes it. The levels below are not needed: every suffix of the list ends in one of the table, a browser opens
//! `co.uk` as it opens `example.co.uk`, and thousands of second-level suffixes would be a third of what a browser downloads.

use super::letters::{ascii_of, is_stop, is_transparent};
use crate::chat::lowercase;

/// One suffix a line, sorted by its bytes; `*` after a suffix below whose second level names are registered.
const SUFFIXES: &str = include_str!("suffixes.txt");

/// Suffixes that are extensions of files (`README.md`, `deploy.sh`) or words that follow a full stop without a space, in prose
/// (`fun.So`) or in code (`user.name`). With `www.`, a port or a path they are links all the same.
const WORDS: &str = " am as at be best by call cool data date do docs dot eat et fail fast foo fun how im in is it java je joy la like lol love \
    man map md me mom mov my name ne new next ni no now one open play pm post properties pub py read rs run save sc search select sh \
    show so style tab talk target tf to today total us world wow wtf you zero zip ";

/// Second levels under which many countries register names: `example.co.in` has more than a word after its dot.
const REGISTRIES: &str = " ac co com edu go gov ne net or org ";

/// The longest label of a domain, in bytes (RFC 1035, 2.3.4).
const LABEL_BYTES: usize = 63;

/// Returns whether the host has a suffix of the public suffix list.
pub(super) fn is_known(host: &str) -> bool {
    labels(host).next_back().and_then(normal).is_some_and(|suffix| find(&suffix).is_some())
}

/// Returns whether a host without a scheme is a domain. `is_address` says whether a port or a path follows it.
pub(super) fn is_domain(host: &str, is_address: bool) -> bool {
    let mut from_last = labels(host).rev();
    let Some(suffix) = from_last.next().and_then(normal) else { return false };
    let (Some(below_second_level), Some(name)) = (find(&suffix), from_last.next()) else { return false };
    let third = from_last.next();
    if below_second_level && third.is_none() {
        return false;
    }
    let name = normal(name).unwrap_or_default();
    let is_registry = third.is_some() && holds(REGISTRIES, &name);
    // `9.99` of something, or a unit after a number.
    let is_amount = name.len() < 3 && name.bytes().all(|byte| byte.is_ascii_digit());
    let is_doubtful = is_amount || (holds(WORDS, &suffix) && !is_registry);
    !is_doubtful || is_address || labels(host).next().and_then(normal).as_deref() == Some("www")
}

/// Returns whether a browser takes the host for an IPv4 address (WHATWG URL, 3.5), and if so, whether it can hardly be anything
/// else: four numbers of a byte, or one in hexadecimal.
pub(super) fn ipv4(host: &str) -> Option<bool> {
    let (mut count, mut bytes, mut is_hexadecimal) = (0, 0, false);
    for label in labels(host) {
        let label = normal(label)?;
        let hexadecimal = label.strip_prefix("0x").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if hexadecimal.is_none() && !label.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let radix = if label.len() > 1 && label.starts_with('0') { 8 } else { 10 };
        let number = hexadecimal.map_or_else(|| u32::from_str_radix(&label, radix), |digits| u32::from_str_radix(digits, 16));
        count += 1;
        bytes += usize::from(number.is_ok_and(|number| number <= 255));
        is_hexadecimal |= hexadecimal.is_some();
    }
    (count <= 4).then_some(is_hexadecimal || (count == 4 && bytes == 4))
}

pub(super) fn labels(host: &str) -> impl DoubleEndedIterator<Item = &str> {
    host.split(|c| c == '.' || is_stop(c)).filter(|label| !label.is_empty())
}

/// Returns a label as a browser reads it, or `None` if it is too long for a domain.
pub(super) fn normal(label: &str) -> Option<String> {
    let mut read = String::new();
    for c in label.chars().filter(|c| !is_transparent(*c)) {
        match ascii_of(c) {
            Some(ascii) => read.push_str(ascii),
            None => read.push(lowercase(c)),
        }
        if read.len() > LABEL_BYTES {
            return None;
        }
    }
    match read.strip_prefix("xn--") {
        Some(punycode) => decode(punycode),
        None => Some(read),
    }
}

fn holds(list: &str, word: &str) -> bool {
    list.split(' ').any(|listed| listed == word)
}

/// Finds a suffix in the table. Returns whether names are registered below its second level only.
fn find(suffix: &str) -> Option<bool> {
    let (mut from, mut to) = (0, SUFFIXES.len());
    while from < to {
        let middle = from + (to - from) / 2;
        // The line that holds the middle byte. A line end belongs to the line before it.
        let start = SUFFIXES.as_bytes()[..middle].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let end = middle + SUFFIXES.as_bytes()[middle..].iter().position(|byte| *byte == b'\n')?;
        let line = &SUFFIXES[start..end];
        let listed = line.trim_end_matches('*');
        match suffix.cmp(listed) {
            std::cmp::Ordering::Less => to = start,
            std::cmp::Ordering::Equal => return Some(listed.len() < line.len()),
            std::cmp::Ordering::Greater => from = end + 1,
        }
    }
    None
}

/// Decodes Punycode (RFC 3492, 6.2).
fn decode(encoded: &str) -> Option<String> {
    const BASE: u32 = 36;
    let (basic, digits) = encoded.rsplit_once('-').unwrap_or(("", encoded));
    let mut decoded: Vec<char> = basic.chars().collect();
    let (mut code, mut index, mut bias) = (128_u32, 0_u32, 72);
    let mut digits = digits.chars();
    while !digits.as_str().is_empty() {
        let (before, mut weight, mut step) = (index, 1_u32, BASE);
        loop {
            // `to_digit` has the digits before the letters.
            let digit = digits.next()?.to_digit(BASE)?;
            let digit = if digit < 10 { digit + 26 } else { digit - 10 };
            index = index.checked_add(digit.checked_mul(weight)?)?;
            let threshold = step.saturating_sub(bias).clamp(1, 26);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            step += BASE;
        }
        let count = decoded.len() as u32 + 1;
        bias = adapted(index - before, count, before == 0);
        code = code.checked_add(index / count)?;
        index %= count;
        decoded.insert(index as usize, char::from_u32(code)?);
        index += 1;
    }
    Some(decoded.into_iter().collect())
}

/// Encodes in Punycode (RFC 3492, 6.3). A label has no more than 63 characters, so that nothing overflows.
pub(super) fn punycode(label: &str) -> String {
    const BASE: u32 = 36;
    let digit = |digit: u32| char::from_digit((digit + 10) % BASE, BASE).unwrap_or_default();
    let mut encoded: String = label.chars().filter(char::is_ascii).collect();
    let basic = encoded.len() as u32;
    if basic > 0 {
        encoded.push('-');
    }
    let (mut code, mut delta, mut bias, mut handled) = (128_u32, 0_u32, 72, basic);
    while let Some(next) = label.chars().map(u32::from).filter(|c| *c >= code).min() {
        delta += (next - code) * (handled + 1);
        code = next;
        for c in label.chars().map(u32::from) {
            delta += u32::from(c < code);
            if c == code {
                let (mut rest, mut step) = (delta, BASE);
                loop {
                    let threshold = step.saturating_sub(bias).clamp(1, 26);
                    if rest < threshold {
                        break;
                    }
                    encoded.push(digit(threshold + (rest - threshold) % (BASE - threshold)));
                    rest = (rest - threshold) / (BASE - threshold);
                    step += BASE;
                }
                encoded.push(digit(rest));
                bias = adapted(delta, handled + 1, handled == basic);
                (delta, handled) = (0, handled + 1);
            }
        }
        delta += 1;
        code += 1;
    }
    encoded
}

/// Adapts the bias of Punycode (RFC 3492, 6.1).
fn adapted(delta: u32, count: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / count;
    let mut step = 0;
    while delta > 455 {
        delta /= 35;
        step += 36;
    }
    step + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_suffix_is_found() {
        let lines: Vec<&str> = SUFFIXES.lines().collect();
        assert!(lines.len() > 1_400);
        let suffix = |line: &str| line.trim_end_matches('*').to_owned();
        for pair in lines.windows(2) {
            assert!(suffix(pair[0]) < suffix(pair[1]), "{pair:?}");
        }
        for line in &lines {
            assert_eq!(find(&suffix(line)), Some(line.ends_with('*')), "{line}");
            assert_eq!(find(&format!("{}q0", suffix(line))), None, "{line}");
        }
        for unknown in ["", "a", "zzzzzz", "\u{10ffff}", "example", "js"] {
            assert_eq!(find(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_words_are_suffixes() {
        for word in WORDS.split_whitespace() {
            assert_eq!(find(word), Some(false), "{word}");
        }
    }

    #[test]
    fn punycode_is_read_as_browsers_read_it() {
        for suffix in SUFFIXES.lines().filter(|line| !line.is_ascii()).chain(["bücher", "παράδειγμα", "例え", "a-b-é"])
        {
            let (ascii, result) = (idna::domain_to_ascii(suffix), suffix);
            assert_eq!(normal(&ascii.expect("a label")).as_deref(), Some(result), "{suffix}");
        }
        for label in ["bücher", "παράδειγμα", "例え", "a-b-é", "gооgle", "аррӏе", "한국abc漢", "é", "\u{10ffff}"]
        {
            assert_eq!(decode(&punycode(label)).as_deref(), Some(label));
        }
        let ascii = idna::domain_to_ascii("bücher").expect("a label");
        assert_eq!(format!("xn--{}", punycode("bücher")), ascii);
        for broken in ["xn--", "xn--99999999", "xn--a-ecp.ru", "xn--é"] {
            let _ = normal(broken);
        }
    }

    #[test]
    fn letters_are_read_as_browsers_read_them() {
        for c in '\u{80}'..=char::MAX {
            let read = idna::domain_to_unicode(&format!("x{c}x")).0;
            let is_alphanumeric = read.len() > 2 && read.bytes().all(|byte| byte.is_ascii_alphanumeric());
            assert_eq!(is_transparent(c), read == "xx", "{:x}", u32::from(c));
            assert!(is_stop(c) || read != "x.x", "{c}");
            match ascii_of(c) {
                // Among the mathematical letters are places that Unicode leaves empty.
                Some(ascii) => assert!(read == format!("x{ascii}x") || !read.is_ascii(), "{c} {:x} {read}", u32::from(c)),
                // No suffix has digits: numbers of several digits are left out, and units with an exponent.
                None => {
                    assert!(!is_alphanumeric || read.bytes().any(|byte| byte.is_ascii_digit()), "{c} {:x} {read}", u32::from(c))
                }
            }
        }
    }

    #[test]
    fn ipv4_addresses_are_told_as_browsers_tell_them() {
        let rows = [
            ("1.2.3.4", Some(true)),
            ("１.２.３.４", Some(true)),
            ("0177.0.0.1", Some(true)),
            ("0x7f.1", Some(true)),
            ("0x7f000001", Some(true)),
            ("2130706433", Some(false)),
            ("127.1", Some(false)),
            ("1.2.3.999", Some(false)),
            ("1.2.3.4.5", None),
            ("1.2.3.x", None),
            ("0x7g.1", None),
        ];
        for (host, expected) in rows {
            assert_eq!(ipv4(host), expected, "{host}");
        }
    }
}
