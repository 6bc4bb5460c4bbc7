/// Bytes of a frame's head before the payload's length in a longer form, and before its mask (RFC 6455 5.2).
const SHORT_HEAD: usize = 2;
const MASK: usize = 4;

/// Longest head of a frame.
const MOST_HEAD: usize = SHORT_HEAD + 8 + MASK;

/// Finds where the frames of a client end, whatever is wrong with them.
#[derive(Default)]
pub(super) struct Boundary {
    /// The head of the current frame, as far as it was read.
    head: [u8; MOST_HEAD],
    head_bytes: usize,
    /// Bytes of its payload that are yet to come.
    payload: u64,
}

impl Boundary {
    /// Passes as many of `bytes` as belong to the current frame, and returns how many those are.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        while self.payload == 0 && passed < bytes.len() {
            self.head[self.head_bytes] = bytes[passed];
            self.head_bytes += 1;
            passed += 1;
            if self.head_bytes == self.head_length() {
                (self.payload, self.head_bytes) = (self.payload_length(), 0);
                if self.payload == 0 {
                    return passed;
                }
            }
        }
        let rest = bytes.len() - passed;
        let of_payload = usize::try_from(self.payload).unwrap_or(usize::MAX).min(rest);
        self.payload -= of_payload as u64;
        passed + of_payload
    }

    /// Of the current frame, as far as it is known: never less than what was read.
    fn head_length(&self) -> usize {
        if self.head_bytes < SHORT_HEAD {
            return SHORT_HEAD;
        }
        let length = match self.head[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if self.head[1] & 0x80 == 0 { 0 } else { MASK };
        SHORT_HEAD + length + mask
    }

    fn payload_length(&self) -> u64 {
        let longer = |bytes: usize| {
            self.head[SHORT_HEAD..SHORT_HEAD + bytes].iter().fold(0, |length, byte| length << 8 | u64::from(*byte))
        };
        match self.head[1] & 0x7f {
            126 => longer(2),
            127 => longer(8),
            short => short.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(length: usize, is_masked: bool) -> Vec<u8> {
        let mask = if is_masked { 0x80 } else { 0 };
        let mut frame = vec![0x82];
        match length {
            0..=125 => frame.push(mask | length as u8),
            126..=65_535 => frame.extend([&[mask | 126][..], &(length as u16).to_be_bytes()].concat()),
            _ => frame.extend([&[mask | 127][..], &(length as u64).to_be_bytes()].concat()),
        }
        frame.extend(std::iter::repeat_n(7, if is_masked { length + MASK } else { length }));
        frame
    }

    proptest! {
        #[test]
        fn each_frame_ends_where_it_ends_however_it_arrives(
            frames in prop::collection::vec((prop_oneof![0_usize..200, 65_500_usize..65_600], any::<bool>()), 1..6),
            step in 1_usize..5_000,
        ) {
            let frames: Vec<_> = frames.into_iter().map(|(length, is_masked)| frame(length, is_masked)).collect();
            let ends: Vec<usize> = frames.iter().scan(0, |end, frame| { *end += frame.len(); Some(*end) }).collect();
            let (all, mut boundary, mut at) = (frames.concat(), Boundary::default(), 0);
            while at < all.len() {
                let part = &all[at..all.len().min(at + step)];
                let passed = boundary.advance(part);
                prop_assert!(passed > 0);
                let end = ends.iter().find(|end| **end > at).expect("the last");
                prop_assert_eq!(at + passed, (*end).min(at + part.len()));
                at += passed;
            }
        }

        #[test]
        fn any_bytes_are_passed(bytes in any::<Vec<u8>>()) {
            let (mut boundary, mut at) = (Boundary::default(), 0);
            while at < bytes.len() {
                at += boundary.advance(&bytes[at..]);
            }
            prop_assert_eq!(at, bytes.len());
        }
    }
}
