//! The one parser of payloads: it checks them, removes insignificant whitespace and finds their strings.

use std::{borrow::Cow, fmt};

use super::PAYLOAD_DEPTH;

/// Longest integer that is not worth a look at its size: a double holds 308 digits.
const SAFE_DIGITS: usize = 300;

/// Characters of a key, and of a whole path, that an error repeats.
const SHOWN_CHARS: usize = 40;

/// How many objects deep an error's path goes.
const SHOWN_STEPS: usize = 8;

/// Why a JSON text is refused, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadError {
    /// What is wrong.
    pub fault: PayloadFault,
    /// Where, from the outermost value: `message.list[3]`. Empty for the outermost value itself.
    pub path: String,
    /// Where, in bytes from the begin of the text.
    pub byte: usize,
}

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadFault {
    /// It is not JSON (RFC 8259).
    Syntax,
    /// It is nested deeper than [`PAYLOAD_DEPTH`].
    Depth,
    /// A number is beyond the range of a double.
    Number,
    /// A string or a key has half of a surrogate pair, which is no Unicode text.
    LoneSurrogate,
    /// An object has the same key twice, whatever way it is escaped.
    DuplicateKey,
}

impl PayloadError {
    pub(super) fn syntax(byte: usize) -> Self {
        Self { fault: PayloadFault::Syntax, path: String::new(), byte }
    }
}

impl fmt::Display for PayloadError {
    /// The end of a sentence: `a number is too large for a double, at "message.z" (byte 40)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            PayloadFault::Syntax => f.write_str("it is not JSON")?,
            PayloadFault::Depth => write!(f, "it is nested more than {PAYLOAD_DEPTH} levels deep")?,
            PayloadFault::Number => f.write_str("a number is too large for a double")?,
            PayloadFault::LoneSurrogate => f.write_str("a \\u escape is half of a surrogate pair")?,
            PayloadFault::DuplicateKey => f.write_str("a key stands twice in an object")?,
        }
        match &*self.path {
            "" => write!(f, ", at byte {}", self.byte),
            path => write!(f, ", at \"{path}\" (byte {})", self.byte),
        }
    }
}

impl std::error::Error for PayloadError {}

/// The text without insignificant whitespace.
pub(super) fn compact(text: &str, depth: usize) -> Result<Cow<'_, str>, PayloadError> {
    let mut scanner = Scanner::new(text, depth);
    scanner.document()?;
    Ok(scanner.compacted())
}

/// The strings in a text that was checked before, without what stands under a key `type`. Keys are among them if `with_keys`.
pub(super) fn texts(text: &str, depth: usize, with_keys: bool) -> Vec<Cow<'_, str>> {
    let mut scanner = Scanner { texts: Some(Vec::new()), with_keys, ..Scanner::new(text, depth) };
    match scanner.document() {
        Ok(()) => scanner.texts.unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

/// A step from a value to one inside it.
enum Step<'a> {
    /// The key, with its quotes and escapes.
    Key(&'a str),
    Index(usize),
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Levels that may yet be opened.
    depth: usize,
    path: Vec<Step<'a>>,
    /// The keys of all objects that are open, each with its place.
    keys: Vec<(Cow<'a, str>, usize)>,
    /// Whitespace that is left out so far: where each run begins and ends.
    blanks: Vec<(usize, usize)>,
    texts: Option<Vec<Cow<'a, str>>>,
    /// Whether keys are among the texts.
    with_keys: bool,
    /// How many of the open values stand under a key `type`.
    types: usize,
}

type Scanned<T = ()> = Result<T, PayloadError>;

impl<'a> Scanner<'a> {
    fn new(text: &'a str, depth: usize) -> Self {
        Self {
            text,
            at: 0,
            depth,
            path: Vec::new(),
            keys: Vec::new(),
            blanks: Vec::new(),
            texts: None,
            with_keys: false,
            types: 0,
        }
    }

    fn document(&mut self) -> Scanned {
        self.blank();
        self.value()?;
        self.blank();
        if self.at < self.text.len() { Err(self.fault(PayloadFault::Syntax, self.at)) } else { Ok(()) }
    }

    fn compacted(&self) -> Cow<'a, str> {
        if self.blanks.is_empty() {
            return self.text.into();
        }
        let (mut compact, mut copied) = (String::with_capacity(self.text.len()), 0);
        for &(begin, end) in &self.blanks {
            compact.push_str(&self.text[copied..begin]);
            copied = end;
        }
        compact.push_str(&self.text[copied..]);
        compact.into()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over whitespace (RFC 8259 2).
    fn blank(&mut self) {
        let begin = self.at;
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        if self.at > begin {
            self.blanks.push((begin, self.at));
        }
    }

    fn value(&mut self) -> Scanned {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => {
                let string = self.string()?;
                if self.types == 0
                    && let Some(texts) = &mut self.texts
                {
                    texts.push(unescaped(string));
                }
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(_) | None => Err(self.fault(PayloadFault::Syntax, self.at)),
        }
    }

    fn nested(&mut self, members: fn(&mut Self) -> Scanned) -> Scanned {
        let left = self.depth.checked_sub(1);
        self.depth = left.ok_or_else(|| self.fault(PayloadFault::Depth, self.at))?;
        self.at += 1;
        self.blank();
        members(self)?;
        self.depth += 1;
        Ok(())
    }

    fn array(&mut self) -> Scanned {
        if self.take(b']') {
            return Ok(());
        }
        for index in 0.. {
            self.path.push(Step::Index(index));
            self.value()?;
            self.path.pop();
            self.blank();
            if self.take(b']') {
                break;
            }
            self.expect(b',')?;
            self.blank();
        }
        Ok(())
    }

    fn object(&mut self) -> Scanned {
        if self.take(b'}') {
            return Ok(());
        }
        let first = self.keys.len();
        loop {
            self.member()?;
            self.blank();
            if self.take(b'}') {
                break;
            }
            self.expect(b',')?;
            self.blank();
        }
        self.check_keys(first)
    }

    fn member(&mut self) -> Scanned {
        let begin = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.fault(PayloadFault::Syntax, begin));
        }
        let raw = self.string()?;
        let key = unescaped(raw);
        let is_type = key == "type";
        if let Some(texts) = self.texts.as_mut().filter(|_| self.with_keys) {
            texts.push(key.clone());
        }
        self.path.push(Step::Key(raw));
        self.keys.push((key, begin));
        self.blank();
        self.expect(b':')?;
        self.blank();
        self.types += usize::from(is_type);
        self.value()?;
        self.types -= usize::from(is_type);
        self.path.pop();
        Ok(())
    }

    /// Whether the keys of an object, which begin at that place among all, differ.
    fn check_keys(&mut self, first: usize) -> Scanned {
        self.keys[first..].sort_unstable();
        let twice = self.keys[first..].windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1).min();
        match twice {
            Some(at) => {
                let from = self.at;
                self.at = at;
                let key = self.string()?;
                self.at = from;
                self.path.push(Step::Key(key));
                Err(self.fault(PayloadFault::DuplicateKey, at))
            }
            None => {
                self.keys.truncate(first);
                Ok(())
            }
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, byte: u8) -> Scanned {
        if self.take(byte) { Ok(()) } else { Err(self.fault(PayloadFault::Syntax, self.at)) }
    }

    fn word(&mut self, word: &str) -> Scanned {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.fault(PayloadFault::Syntax, self.at));
        }
        self.at += word.len();
        Ok(())
    }

    /// A string (RFC 8259 7), with its quotes and escapes.
    fn string(&mut self) -> Scanned<&'a str> {
        let begin = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(&self.text[begin..self.at]);
                }
                Some(b'\\') => self.escape()?,
                Some(0..=0x1f) | None => return Err(self.fault(PayloadFault::Syntax, self.at)),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Scanned {
        let begin = self.at;
        match self.text.as_bytes().get(begin + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => self.unicode_escape(begin),
            Some(_) | None => Err(self.fault(PayloadFault::Syntax, begin)),
        }
    }

    fn unicode_escape(&mut self, begin: usize) -> Scanned {
        match self.unit(begin) {
            None => Err(self.fault(PayloadFault::Syntax, begin)),
            Some(0xd800..=0xdbff) => match self.unit(begin + 6) {
                Some(0xdc00..=0xdfff) => {
                    self.at = begin + 12;
                    Ok(())
                }
                Some(_) | None => Err(self.fault(PayloadFault::LoneSurrogate, begin)),
            },
            Some(0xdc00..=0xdfff) => Err(self.fault(PayloadFault::LoneSurrogate, begin)),
            Some(_) => {
                self.at = begin + 6;
                Ok(())
            }
        }
    }

    /// The UTF-16 code unit of a `\u` escape at that place, if there is one.
    fn unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.as_bytes().get(at..at + 6)?.strip_prefix(b"\\u")?;
        let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
        u16::from_str_radix(digits, 16).ok()
    }

    /// A number (RFC 8259 6).
    fn number(&mut self) -> Scanned {
        let begin = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        let mut may_be_large = self.at - begin > SAFE_DIGITS;
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            may_be_large = true;
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let is_too_large = may_be_large && self.text[begin..self.at].parse().is_ok_and(f64::is_infinite);
        if is_too_large { Err(self.fault(PayloadFault::Number, begin)) } else { Ok(()) }
    }

    fn digits(&mut self) -> Scanned {
        let begin = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > begin { Ok(()) } else { Err(self.fault(PayloadFault::Syntax, self.at)) }
    }

    fn fault(&self, fault: PayloadFault, byte: usize) -> PayloadError {
        let mut path = String::new();
        for step in self.path.iter().take(SHOWN_STEPS) {
            match step {
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Key(raw) => {
                    let key: String = raw[1..raw.len() - 1].chars().take(SHOWN_CHARS).collect();
                    let dot = if path.is_empty() { "" } else { "." };
                    path.push_str(&format!("{dot}{key}"));
                }
            }
        }
        if self.path.len() > SHOWN_STEPS {
            path.push('…');
        }
        PayloadError { fault, path, byte }
    }
}

/// The text of a string that was checked.
fn unescaped(string: &str) -> Cow<'_, str> {
    let inner = &string[1..string.len() - 1];
    if inner.contains('\\') { serde_json::from_str(string).unwrap_or_default() } else { Cow::Borrowed(inner) }
}
