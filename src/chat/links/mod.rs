//! Finds the links in a text.
//!
//! One finder serves everything that treats links: the page and the overlay show these links, and a room's rule about links
//! refuses a text that has one. So what is refused is what readers would have got as a link.
//!
//! A link is an `http` or `https` address; a domain whose suffix is in the ICANN section of the public suffix list; or an IP
//! address followed by a path or a port. Strangers write these texts: the search takes a time linear in the text, because nothing
//! that was read as a link, or as none, is read again.

mod letters;
mod scripts;
mod suffix;

use letters::{Class, ends_address, ends_sentence, is_stop, is_transparent};

/// A link in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// Where it starts, in bytes.
    pub start: usize,
    /// The link as written.
    pub text: &'a str,
    /// Where it leads.
    pub target: Target,
    /// Where its host stands in its text, in bytes, if letters of that imitate another's.
    imitating: Option<(usize, usize)>,
}

/// Where a link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To the address as written.
    Written,
    /// To the address as written with this before it.
    Under(&'static str),
    /// Elsewhere than it seems: to a host after an `@`. A page shows it as plain text; a rule takes it for a link.
    Disguised,
}

impl Link<'_> {
    /// Returns the text that a page shows, if it is not the link as written: labels that mix scripts as `xn--…`.
    pub fn shown(&self) -> Option<String> {
        let (start, end) = self.imitating?;
        Some([&self.text[..start], &scripts::undisguised(&self.text[start..end]), &self.text[end..]].concat())
    }

    /// Returns where the link ends in its text, in bytes.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Returns what precedes the link's text in its address, or `None` if it must not be followed.
    pub fn prefix(&self) -> Option<&'static str> {
        match self.target {
            Target::Written => Some(""),
            Target::Under(prefix) => Some(prefix),
            Target::Disguised => None,
        }
    }
}

/// Returns the links in `text`, in order. They do not overlap.
pub fn links(text: &str) -> Links<'_> {
    Links { text, at: 0, after_scheme: None }
}

/// The links in a text. [`links`] creates it.
#[derive(Clone, Debug)]
pub struct Links<'a> {
    text: &'a str,
    /// Everything before it has been read.
    at: usize,
    /// A place that follows a scheme without its two slashes. Browsers open `http:/\host` as they open `http://host`.
    after_scheme: Option<usize>,
}

/// Where a link starts and ends, and where it leads.
type Found = Option<(usize, usize, Target)>;

/// Characters that may be a host: labels, joined by dots.
struct Run {
    start: usize,
    end: usize,
    /// Where its last label starts.
    last: usize,
}

/// What follows a host: how many bytes a final dot and a port take, and whether a path comes next.
struct Rest {
    bytes: usize,
    has_port: bool,
    has_path: bool,
}

impl<'a> Iterator for Links<'a> {
    type Item = Link<'a>;

    fn next(&mut self) -> Option<Link<'a>> {
        while let Some(c) = self.char_at(self.at) {
            let found = match Class::of(c) {
                Class::Joining | Class::Apart => self.run(),
                Class::Other => {
                    let at = self.at;
                    self.at += c.len_utf8();
                    if c == '[' { self.bare_ipv6(at) } else { None }
                }
            };
            if let Some((start, end, target)) = found {
                self.at = end;
                let text = &self.text[start..end];
                return Some(Link { start, text, target, imitating: imitating(text) });
            }
        }
        None
    }
}

impl Links<'_> {
    fn char_at(&self, at: usize) -> Option<char> {
        self.text[at..].chars().next()
    }

    /// Returns the class of the next character that a host does not ignore.
    fn class_at(&self, at: usize) -> Class {
        self.text[at..].chars().find(|c| !is_transparent(*c)).map_or(Class::Other, Class::of)
    }

    /// Reads the run that starts here. Returns the link that it begins, if any.
    fn run(&mut self) -> Found {
        let run = self.read_run();
        self.at = run.end;
        let last = &self.text[run.last..run.end];
        let label = run.end - last.len() + last.trim_end_matches(|c: char| c.is_ascii_alphanumeric()).len();
        let is_scheme = ["http", "https"].iter().any(|scheme| self.text[label..run.end].eq_ignore_ascii_case(scheme));
        match &self.text[run.end..] {
            rest if is_scheme && rest.starts_with("://") => {
                self.at += "://".len();
                self.authority(self.at).map(|(end, target)| (label, end, target))
            }
            rest if is_scheme && rest.starts_with(':') => {
                let slashes = rest[1..].find(|c| !matches!(c, '/' | '\\'));
                self.after_scheme = slashes.map(|slashes| run.end + 1 + slashes);
                None
            }
            _ => self.bare(&run),
        }
    }

    /// Reads labels and the dots between them. A label ends where letters of one class meet those of another: `看example.com` is
    /// two runs.
    fn read_run(&self) -> Run {
        let text = &self.text[self.at..];
        // As emphasis these surround a host, and no host starts with them.
        let start = self.at + text.len() - text.trim_start_matches(['-', '_']).len();
        let mut run = Run { start, end: start, last: start };
        // `Other` between two labels.
        let mut label = Class::Other;
        for (at, c) in self.text[start..].char_indices().map(|(at, c)| (start + at, c)) {
            let end = at + c.len_utf8();
            match Class::of(c) {
                Class::Other if is_transparent(c) && run.end > start => {}
                Class::Other if self.is_dot(c, label, end) => label = Class::Other,
                Class::Other => break,
                class if label == Class::Other => (label, run.last, run.end) = (class, at, end),
                class if class == label => run.end = end,
                _ => break,
            }
        }
        run.end = run.last + self.text[run.last..run.end].trim_end_matches(['-', '_']).len();
        run
    }

    /// Returns whether `c`, which ends at `end`, is a dot between a label and another one. Full stops of Chinese and Japanese are
    /// dots to a browser, and end a sentence unless they join two words in letters of the other class.
    fn is_dot(&self, c: char, label: Class, end: usize) -> bool {
        match c {
            '.' => label != Class::Other && self.class_at(end) != Class::Other,
            _ => is_stop(c) && label == Class::Joining && self.class_at(end) == Class::Joining,
        }
    }

    /// Reads what follows `https://`. Returns where the address ends.
    fn authority(&self, from: usize) -> Option<(usize, Target)> {
        match self.char_at(from)? {
            '[' => {
                let host = from + ipv6_bytes(&self.text[from..])?;
                let end = host + port_bytes(&self.text[host..]);
                return Some((self.tail(from, end), Target::Written));
            }
            '%' => {}
            c if Class::of(c) == Class::Other => return None,
            _ => {}
        }
        let authority = &self.text[from..self.authority_end(from)];
        if authority.contains('@') {
            return Some((self.tail(from, from + authority.len()), Target::Disguised));
        }
        let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
        let whole = whole_host(host);
        let digits = port.bytes().skip(1).take_while(u8::is_ascii_digit).count();
        let is_whole = whole.len() == host.len() && port.len() == digits + usize::from(!port.is_empty());
        let end = match is_whole {
            // An empty port is one if a path follows.
            true if digits > 0 || port.is_empty() || self.text[from + authority.len()..].starts_with('/') => {
                self.tail(from, from + authority.len())
            }
            _ if digits > 0 && whole.len() == host.len() => from + host.len() + 1 + digits,
            _ => self.trimmed(from, from + 1, from + whole.len()),
        };
        Some((end, Target::Written))
    }

    /// Returns where a host, what precedes it and its port end.
    fn authority_end(&self, from: usize) -> usize {
        let mut label = Class::Other;
        let mut seen = from;
        for (at, c) in self.text[from..].char_indices().map(|(at, c)| (from + at, c)) {
            let goes_on = match c {
                '/' | '?' | '#' => false,
                c if is_transparent(c) => continue,
                c => !ends_address(c) || self.is_dot(c, label, at + c.len_utf8()),
            };
            if !goes_on {
                break;
            }
            (label, seen) = (Class::of(c), at + c.len_utf8());
        }
        seen
    }

    /// Returns the link that is a run without a scheme, if it is one.
    fn bare(&self, run: &Run) -> Found {
        let (before, host, after) = (&self.text[..run.start], &self.text[run.start..run.end], &self.text[run.end..]);
        // Of a mail address the part before the `@`.
        if after.starts_with('@') && self.class_at(run.end + 1) != Class::Other {
            return None;
        }
        let rest = Rest::of(after);
        let follows_scheme = self.after_scheme == Some(run.start);
        let is_address = rest.has_port || rest.has_path || follows_scheme;
        let is_of_mail = before.ends_with('@');
        let ip = suffix::ipv4(host);
        let scheme = match ip {
            Some(is_full) => (follows_scheme || (is_full && is_address)).then_some("http://")?,
            None if suffix::is_domain(host, is_address) => {
                if rest.has_port {
                    "http://"
                } else {
                    "https://"
                }
            }
            None => return None,
        };
        let target = match is_of_mail {
            true if is_address => Target::Disguised,
            true => return None,
            false => Target::Under(scheme),
        };
        Some((run.start, self.tail(run.start, run.end + rest.bytes), target))
    }

    /// Returns the link that is an IPv6 address in brackets without a scheme.
    fn bare_ipv6(&self, start: usize) -> Found {
        let end = start + ipv6_bytes(&self.text[start..])?;
        let Rest { bytes, has_port, has_path } = Rest::of(&self.text[end..]);
        let is_address = has_port || has_path || self.after_scheme == Some(start);
        is_address.then(|| (start, self.tail(start, end + bytes), Target::Under("http://")))
    }

    /// Returns where a link that starts at `start` ends, if its host and port end at `end`.
    fn tail(&self, start: usize, end: usize) -> usize {
        let rest = &self.text[end..];
        let mut chars = rest.chars();
        let goes_on = match chars.next() {
            Some('/') => true,
            Some('?' | '#') => chars.next().is_some_and(|c| Class::of(c) != Class::Other || matches!(c, '/' | '!')),
            _ => false,
        };
        match goes_on {
            true => self.trimmed(start, end, end + rest.find(ends_address).unwrap_or(rest.len())),
            false => self.trimmed(start, start + 1, end),
        }
    }

    /// Leaves out what ends the sentence and not the link, and brackets that were opened before the link. Leaves all up to `least`.
    fn trimmed(&self, start: usize, least: usize, mut end: usize) -> usize {
        let link = &self.text[start..end];
        let unopened = |open, close| link.matches(close).count().saturating_sub(link.matches(open).count());
        let (mut round, mut square) = (unopened('(', ')'), unopened('[', ']'));
        while let Some(c) = self.text[start..end].chars().next_back().filter(|c| end - c.len_utf8() >= least) {
            match c {
                ')' if round > 0 => round -= 1,
                ']' if square > 0 => square -= 1,
                c if ends_sentence(c) => {}
                _ => break,
            }
            end -= c.len_utf8();
        }
        end
    }
}

/// Returns where the host of a link stands in it, if letters of that imitate another's.
fn imitating(link: &str) -> Option<(usize, usize)> {
    let start = link.find("://").map_or(0, |scheme| scheme + "://".len());
    let end = link[start..].find([':', '/', '?', '#']).map_or(link.len(), |length| start + length);
    scripts::is_disguised(&link[start..end]).then_some((start, end))
}

impl Rest {
    fn of(text: &str) -> Self {
        let dot = usize::from(text.starts_with('.'));
        let port = port_bytes(&text[dot..]);
        let has_path = text[dot + port..].starts_with('/');
        let bytes = if port > 0 || has_path { dot + port } else { 0 };
        Self { bytes, has_port: port > 0, has_path }
    }
}

/// Returns how many bytes a port takes, with its colon. `main.rs:7:2` has a line and a column, and no port.
fn port_bytes(text: &str) -> usize {
    let Some(digits) = text.strip_prefix(':') else { return 0 };
    let count = digits.bytes().take_while(u8::is_ascii_digit).take(6).count();
    let is_place = digits[count..].starts_with(':');
    if (1..=5).contains(&count) && !is_place { 1 + count } else { 0 }
}

/// Returns how many bytes an IPv6 address in brackets takes, with its brackets.
fn ipv6_bytes(text: &str) -> Option<usize> {
    /// `[`, eight groups of four digits, the last two as an IPv4 address, and `]`.
    const MOST: usize = 1 + 6 * 5 + 15 + 1;
    let end = text.bytes().take(MOST).position(|byte| byte == b']')?;
    let address = text.get(1..end)?;
    let is_address = address.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
    (is_address && address.matches(':').count() >= 2).then_some(end + 1)
}

/// Leaves out what a sentence goes on with directly after a host: no suffix has letters of both classes, and after a full stop
/// comes a suffix or another sentence.
fn whole_host(host: &str) -> &str {
    let host = match host.find(is_stop) {
        Some(stop) if !suffix::is_known(host) => &host[..stop],
        _ => host,
    };
    let last = host.rfind('.').map_or(0, |dot| dot + 1);
    let mut before = Class::Other;
    for (at, c) in host[last..].char_indices() {
        match Class::of(c) {
            Class::Apart if before == Class::Joining => return &host[..last + at],
            class => before = class,
        }
    }
    host
}

#[cfg(test)]
mod tests;
