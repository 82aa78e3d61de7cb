//! Follows the lines of an event stream as its bytes come in, and completes events without data.
//!
//! `reset` and `live` come without a `data` line, and the rules of Server-Sent Events tell a
//! client to drop such an event, which eventsource-client does. An empty `data` line put in
//! before the blank line that ends the event makes it arrive with empty data instead.
//!
//! A line ends with LF, CRLF or CR; a byte order mark may stand at the very start. Bytes are
//! passed on as slices of what came in, whatever way the stream is cut into chunks.

use std::collections::VecDeque;

use bytes::Bytes;

/// The longest line, in bytes, that is taken.
pub const MAX_LINE: usize = 16 << 20;
/// The largest event, in bytes, that is taken.
const MAX_EVENT: usize = 2 * MAX_LINE;
/// This much of each line is checked: a byte order mark and the longest field of interest, `retry`.
const HEAD: usize = 32;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
const EMPTY_DATA: &[u8] = b"data:\n";

/// An event or one of its lines is larger than this program takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooLong {
    #[error("the server sent a line of more than 16 MiB")]
    Line,
    #[error("the server sent an event of more than 32 MiB")]
    Event,
}

/// The state between two chunks of an event stream.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own about the bytes so far
pub(super) struct Framing {
    /// The start of the line that is being read.
    head: [u8; HEAD],
    line_length: usize,
    event_length: usize,
    after_carriage_return: bool,
    /// The event that is being read has a line that is no comment.
    has_fields: bool,
    has_data: bool,
    past_first_line: bool,
    retry_ms: Option<u64>,
}

impl Framing {
    /// Passes `chunk` on to `out`, with empty `data` lines inserted where events have none. Stops at a
    /// line between two events if `stops_at` holds for the rest: whole events at its beginning go
    /// another way.
    ///
    /// # Errors
    /// [`TooLong`], after which the stream cannot be read on; the lines before the one that is
    /// too long have been passed on.
    pub(super) fn feed(
        &mut self,
        chunk: &mut Bytes,
        out: &mut VecDeque<Bytes>,
        stops_at: impl Fn(&[u8]) -> bool,
    ) -> Result<(), TooLong> {
        if self.is_between_events() && stops_at(chunk) {
            self.past_first_line = true;
            return Ok(());
        }
        let (mut passed, mut line_start) = (0, 0);
        for end in memchr::memchr2_iter(b'\n', b'\r', chunk) {
            if let Err(too_long) = self.extend_line(&chunk[line_start..end]) {
                out.push_back(chunk.slice(passed..line_start));
                return Err(too_long);
            }
            line_start = end + 1;
            if self.ends_event(chunk[end]) {
                if end > passed {
                    out.push_back(chunk.slice(passed..end));
                }
                out.push_back(Bytes::from_static(EMPTY_DATA));
                passed = end;
            }
            if self.is_between_events() && stops_at(&chunk[line_start..]) {
                out.push_back(chunk.slice(passed..line_start));
                let _ = chunk.split_to(line_start);
                return Ok(());
            }
        }
        let rest = self.extend_line(&chunk[line_start..]);
        let good = if rest.is_ok() {
            chunk.len()
        } else {
            line_start
        };
        if passed < good {
            out.push_back(chunk.slice(passed..good));
        }
        chunk.clear();
        rest
    }

    /// The last `retry` field since this was last asked for, in milliseconds. It counts at once, not
    /// at the end of its event, and also where the event is cut off.
    pub(super) fn take_retry_ms(&mut self) -> Option<u64> {
        self.retry_ms.take()
    }

    fn is_between_events(&self) -> bool {
        self.line_length == 0 && !self.has_fields
    }

    /// Whether the stream stands inside an event, so that an end here cuts the event off.
    pub(super) fn inside_event(&self) -> bool {
        !self.is_between_events()
    }

    fn extend_line(&mut self, part: &[u8]) -> Result<(), TooLong> {
        if part.is_empty() {
            return Ok(());
        }
        self.after_carriage_return = false;
        if self.line_length < HEAD {
            let room = &mut self.head[self.line_length..];
            let known = room.len().min(part.len());
            room[..known].copy_from_slice(&part[..known]);
        }
        self.line_length += part.len();
        if self.line_length > MAX_LINE {
            return Err(TooLong::Line);
        }
        if self.event_length + self.line_length > MAX_EVENT {
            return Err(TooLong::Event);
        }
        Ok(())
    }

    /// Processes the end of a line. Returns true if it ends an event that has fields but no data.
    fn ends_event(&mut self, terminator: u8) -> bool {
        let second_half_of_crlf = self.after_carriage_return && terminator == b'\n';
        self.after_carriage_return = terminator == b'\r';
        if second_half_of_crlf {
            return false;
        }
        let length = std::mem::take(&mut self.line_length);
        let mut head = &self.head[..length.min(HEAD)];
        let mut is_empty = length == 0;
        if !self.past_first_line {
            self.past_first_line = true;
            if let Some(rest) = head.strip_prefix(BYTE_ORDER_MARK) {
                head = rest;
                is_empty = length == BYTE_ORDER_MARK.len();
            }
        }
        if is_empty {
            let incomplete = self.has_fields && !self.has_data;
            (self.has_fields, self.has_data, self.event_length) = (false, false, 0);
            return incomplete;
        }
        if head[0] != b':' {
            self.has_fields = true;
            self.event_length += length;
            // `data` alone is a data line too; a longer name that begins so is not.
            self.has_data |= head.starts_with(b"data:") || (head == b"data" && length < HEAD);
            if length <= HEAD {
                self.retry_ms = retry_ms(head).or(self.retry_ms);
            }
        }
        false
    }
}

/// The milliseconds of a `retry` line. The standard takes nothing but digits; a number that is too
/// large is the largest there is.
fn retry_ms(line: &[u8]) -> Option<u64> {
    let value = line.strip_prefix(b"retry:")?;
    let digits = str::from_utf8(value.strip_prefix(b" ").unwrap_or(value)).ok()?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What comes out when the stream comes in pieces of `size` bytes.
    fn framed(stream: &[u8], size: usize) -> Vec<u8> {
        let mut framing = Framing::default();
        let mut out = VecDeque::new();
        for chunk in stream.chunks(size) {
            let mut chunk = Bytes::copy_from_slice(chunk);
            framing.feed(&mut chunk, &mut out, |_| false).unwrap();
        }
        out.iter().flatten().copied().collect()
    }

    #[test]
    fn completes_events_without_data_whatever_the_chunks_and_line_ends() {
        for end in ["\n", "\r\n", "\r"] {
            for mark in ["", "\u{feff}"] {
                let stream = format!("{mark}id: 1\nevent: reset\n\nid: 2\nevent: insert\ndata: {{}}\n\n:\nid: \nevent: live\n\ndata\n\n").replace('\n', end);
                let expected = stream
                    .replace(
                        &format!("reset{end}{end}"),
                        &format!("reset{end}data:\n{end}"),
                    )
                    .replace(
                        &format!("live{end}{end}"),
                        &format!("live{end}data:\n{end}"),
                    );
                for size in 1..=stream.len() {
                    let out = framed(stream.as_bytes(), size);
                    assert_eq!(String::from_utf8(out).unwrap(), expected, "{end:?} {size}");
                }
            }
        }
    }

    #[test]
    fn leaves_heartbeats_and_blank_lines_alone() {
        let stream = b":\n:\n\n\n\n:\n\n";
        assert_eq!(framed(stream, 1), stream);
    }

    #[test]
    fn a_name_that_begins_like_data_is_no_data() {
        assert_eq!(framed(b"database: 1\n\n", 3), b"database: 1\ndata:\n\n");
        assert_eq!(framed(b"datas\n\n", 3), b"datas\ndata:\n\n");
    }

    #[test]
    fn knows_whether_an_event_is_cut_off() {
        let mut framing = Framing::default();
        let mut feed = |bytes: &'static str| {
            let mut bytes = Bytes::from_static(bytes.as_bytes());
            framing
                .feed(&mut bytes, &mut VecDeque::new(), |_| false)
                .unwrap();
            framing.inside_event()
        };
        assert!(!feed(":\n"));
        assert!(feed("id"));
        assert!(feed(": 1\n"));
        assert!(!feed("\n"));
        assert!(!feed(":\n\n"));
    }

    #[test]
    fn takes_retry_from_lines_of_digits() {
        for (stream, expected) in [
            ("retry: 4000\n\n", Some(4000)),
            ("retry:4000\r", Some(4000)),
            ("\u{feff}retry: 4000\n", Some(4000)),
            ("id: 1\nretry: 1\nretry: 2\ndata: {}\n", Some(2)),
            ("retry: 1\n\nretry: x\n\n", Some(1)),
            ("retry: 0\n", Some(0)),
            ("retry: 99999999999999999999999\n", Some(u64::MAX)),
            ("retry: 4000", None),
            ("retry:\n", None),
            ("retry\n", None),
            ("retry:  4000\n", None),
            ("retry: 4000 \n", None),
            ("retry: +4000\n", None),
            ("retry: -1\n", None),
            ("retry: 4s\n", None),
            ("retry: ٤\n", None),
            ("retrying: 4000\n", None),
            (":retry: 4000\n", None),
            ("data: retry: 4000\n", None),
        ] {
            for size in [1, 3, usize::MAX] {
                let mut framing = Framing::default();
                for chunk in stream.as_bytes().chunks(size) {
                    let mut chunk = Bytes::copy_from_slice(chunk);
                    let mut out = VecDeque::new();
                    framing.feed(&mut chunk, &mut out, |_| false).unwrap();
                }
                assert_eq!(framing.take_retry_ms(), expected, "{stream:?}");
                assert_eq!(framing.take_retry_ms(), None);
            }
        }
    }

    #[test]
    fn refuses_lines_and_events_without_end() {
        let mebibyte = Bytes::from(vec![b'x'; 1 << 20]);
        let mut framing = Framing::default();
        let mut feed =
            |bytes: &Bytes| framing.feed(&mut bytes.clone(), &mut VecDeque::new(), |_| false);
        for _ in 0..16 {
            feed(&mebibyte).unwrap();
        }
        assert_eq!(feed(&mebibyte), Err(TooLong::Line));

        let mut framing = Framing::default();
        let line = Bytes::from("x".repeat(1 << 20) + "\n");
        let result = (0..40)
            .try_for_each(|_| framing.feed(&mut line.clone(), &mut VecDeque::new(), |_| false));
        assert_eq!(result, Err(TooLong::Event));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        /// Whatever the bytes and however they are cut, what comes out is the same, and without
        /// the lines put in it is what came in.
        #[test]
        fn cutting_changes_nothing(mut stream: [u8; 60], length in 0_usize..60, size in 1_usize..20) {
            // Half of the bytes are such as mean something.
            let meaning = b"\n\n\r:d";
            for byte in stream.iter_mut().filter(|byte| **byte >= 128) {
                *byte = meaning[usize::from(*byte) % meaning.len()];
            }
            let stream = &stream[..length];
            let whole = framed(stream, usize::MAX);
            prop_assert_eq!(&framed(stream, size), &whole);
            let added = whole.len() - stream.len();
            prop_assert_eq!(added % EMPTY_DATA.len(), 0);
        }
    }
}
