/// The head of an answer, which may arrive in pieces.
#[derive(Default)]
pub struct Head {
    received: Vec<u8>,
}

/// What a head says so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its end has not come.
    Unfinished,
    /// A stream, which begins at this place in the last piece.
    Stream(usize),
    /// Anything but 200: a server that is stopping or full must not count as one that took everybody in.
    Refused,
}

impl Head {
    /// Takes the next piece.
    pub fn take(&mut self, piece: &[u8]) -> Answer {
        let before = self.received.len();
        self.received.extend_from_slice(piece);
        match memchr::memmem::find(&self.received, b"\r\n\r\n") {
            None => Answer::Unfinished,
            Some(end) if self.received.starts_with(b"HTTP/1.1 200 ") => Answer::Stream(end + 4 - before),
            Some(_) => Answer::Refused,
        }
    }
}
