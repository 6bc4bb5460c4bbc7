//! What WebSocket dialects are written in.

use bytes::Bytes;
use tungstenite::{
    Utf8Bytes,
    protocol::frame::{
        Frame as RawFrame,
        coding::{Data, OpCode},
    },
};

/// A whole message of a WebSocket connection (RFC 6455 5.6). Clones share its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Text.
    Text(Utf8Bytes),
    /// Any bytes.
    Binary(Bytes),
}

impl Frame {
    /// A text.
    pub fn text(text: impl Into<Utf8Bytes>) -> Self {
        Self::Text(text.into())
    }

    /// The frame as a server sends it: one frame, not masked (RFC 6455 5.1), the same for all who get it.
    pub fn encode(self) -> Bytes {
        let (payload, opcode) = match self {
            Self::Text(text) => (text.into(), Data::Text),
            Self::Binary(bytes) => (bytes, Data::Binary),
        };
        let frame = RawFrame::message(payload, OpCode::Data(opcode), true);
        let mut encoded = Vec::with_capacity(frame.len());
        frame.format(&mut encoded).expect("memory takes everything");
        encoded.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written_as_a_server_writes_them() {
        let check = |frame: Frame, head: &[u8]| {
            let payload = match &frame {
                Frame::Text(text) => text.as_bytes().to_vec(),
                Frame::Binary(bytes) => bytes.to_vec(),
            };
            assert_eq!(frame.encode(), [head, &payload].concat());
        };
        // RFC 6455 5.7, and the lengths at which the head's form changes (5.2).
        check(Frame::text("Hello"), &[0x81, 5]);
        check(Frame::text(""), &[0x81, 0]);
        check(Frame::Binary(Bytes::from_static(&[0, 255])), &[0x82, 2]);
        check(Frame::text("x".repeat(125)), &[0x81, 125]);
        check(Frame::text("x".repeat(126)), &[0x81, 126, 0, 126]);
        check(Frame::text("x".repeat(65_535)), &[0x81, 126, 255, 255]);
        check(Frame::Binary(vec![1; 65_536].into()), &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
