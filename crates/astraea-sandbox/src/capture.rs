//! Bounded capture: the head and the tail of a stream, and how much was dropped between.

use std::collections::VecDeque;

use crate::Captured;

/// Keeps at most `limit` bytes, however much comes and however long its lines are.
#[derive(Debug)]
pub(crate) struct Capture {
    head: Vec<u8>,
    head_limit: usize,
    tail: VecDeque<u8>,
    tail_limit: usize,
    total: u64,
}

impl Capture {
    pub(crate) fn new(limit: usize) -> Self {
        let head_limit = limit / 2;
        Self {
            head: Vec::new(),
            head_limit,
            tail: VecDeque::new(),
            tail_limit: limit - head_limit,
            total: 0,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self.head_limit - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        // Of one piece no more than the tail's size can matter.
        let rest = &rest[rest.len().saturating_sub(self.tail_limit)..];
        let over = (self.tail.len() + rest.len()).saturating_sub(self.tail_limit);
        self.tail.drain(..over.min(self.tail.len()));
        self.tail.extend(rest);
    }

    pub(crate) fn finish(self) -> Captured {
        let kept = (self.head.len() + self.tail.len()) as u64;
        let dropped = self.total - kept;
        let mut bytes = self.head;
        if dropped > 0 {
            bytes.extend_from_slice(format!("\n[… {dropped} bytes dropped …]\n").as_bytes());
        }
        let (front, back) = self.tail.as_slices();
        bytes.extend_from_slice(front);
        bytes.extend_from_slice(back);
        Captured { bytes, truncated: dropped > 0, total: self.total }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_stream_is_kept_whole() {
        let mut capture = Capture::new(10);
        capture.push(b"0123");
        capture.push(b"456789");
        let captured = capture.finish();
        assert_eq!((captured.bytes.as_slice(), captured.truncated), (&b"0123456789"[..], false));
    }

    #[test]
    fn the_middle_of_a_long_one_is_dropped_and_said() {
        let mut capture = Capture::new(4);
        capture.push(b"abcdefgh");
        let captured = capture.finish();
        assert_eq!(captured.text(), "ab\n[… 4 bytes dropped …]\ngh");
        assert_eq!((captured.truncated, captured.total), (true, 8));
    }

    #[test]
    fn a_limit_of_zero_keeps_nothing() {
        let mut capture = Capture::new(0);
        capture.push(b"abc");
        assert!(capture.finish().truncated);
    }

    proptest! {
        #[test]
        fn the_pieces_do_not_matter(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20),
            limit in 0_usize..60,
        ) {
            let whole = pieces.concat();
            let mut one = Capture::new(limit);
            one.push(&whole);
            let mut many = Capture::new(limit);
            for piece in &pieces {
                many.push(piece);
            }
            let (one, many) = (one.finish(), many.finish());
            prop_assert_eq!(&one, &many);
            prop_assert_eq!(one.truncated, whole.len() > limit);
            if !one.truncated {
                prop_assert_eq!(one.bytes, whole);
            }
        }
    }
}
