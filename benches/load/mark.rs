use memchr::memmem::Finder;

/// What every message carries: who sent it, its number, and when it was due, in fixed places.
///
/// `~mark:` then two digits of publisher, eight of number, sixteen of nanoseconds, all hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub publisher: u8,
    pub number: u32,
    pub due_ns: u64,
}

const PREFIX: &[u8] = b"~mark:";
const LENGTH: usize = PREFIX.len() + 2 + 8 + 16;

impl Mark {
    pub fn write(self) -> String {
        format!("~mark:{:02x}{:08x}{:016x}", self.publisher, self.number, self.due_ns)
    }

    fn read(text: &[u8]) -> Option<Self> {
        let hex = |from: usize, to: usize| {
            let digits = std::str::from_utf8(text.get(from..to)?).ok()?;
            u64::from_str_radix(digits, 16).ok()
        };
        let (publisher, number) = (u8::try_from(hex(6, 8)?).ok()?, u32::try_from(hex(8, 16)?).ok()?);
        Some(Self { publisher, number, due_ns: hex(16, 32)? })
    }
}

/// Finds marks in a stream that arrives in pieces. The framing around them is of no interest, as long as none is inside one.
#[derive(Default)]
pub struct Scanner {
    /// The end of the last piece, which may be the beginning of a mark.
    tail: Vec<u8>,
}

impl Scanner {
    /// Calls `found` for every mark that ends in `piece`, in order.
    pub fn scan(&mut self, finder: &Finder<'_>, piece: &[u8], mut found: impl FnMut(Mark)) {
        let mut rest = piece;
        if !self.tail.is_empty() {
            let taken = piece.len().min(LENGTH - 1);
            let kept = self.tail.len();
            self.tail.extend_from_slice(&piece[..taken]);
            let seam = std::mem::take(&mut self.tail);
            if let Some(at) = finder.find(&seam).filter(|&at| at < kept) {
                match seam.get(at..at + LENGTH) {
                    Some(mark) => {
                        found(Mark::read(mark).expect("a whole mark"));
                        rest = &piece[at + LENGTH - kept..];
                    }
                    // Not even this piece brings its end.
                    None => {
                        self.tail = seam[at..].to_vec();
                        return;
                    }
                }
            } else if taken == piece.len() && piece.len() < LENGTH {
                self.tail = seam[seam.len().saturating_sub(LENGTH - 1)..].to_vec();
                return;
            }
        }
        let mut end = 0;
        for at in finder.find_iter(rest) {
            let Some(mark) = rest.get(at..at + LENGTH) else { break };
            found(Mark::read(mark).expect("a whole mark"));
            end = at + LENGTH;
        }
        self.tail.extend_from_slice(&rest[rest.len().saturating_sub(LENGTH - 1).max(end)..]);
    }
}

pub fn finder() -> Finder<'static> {
    Finder::new(PREFIX)
}
