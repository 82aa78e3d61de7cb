//! The fast path past the event parser: picks out operations in the form in which servers write
//! them.
//!
//! Such an operation is four lines, each ended by LF:
//!
//! ```text
//! id: 545b55c7f095528dd0f3863c
//! event: insert
//! data: {"timestamp":"2014-11-06T03:04:39.041-08:00", …}
//!
//! ```
//!
//! In a burst most of the stream is made of them. A batch of them skips the event parser, whose ten
//! allocations for each event are half of what an operation costs. Everything else goes to the
//! event parser (`eventsource-client`), which stays the judge: a property test holds this file to
//! what the parser would say. Without this file the program works, at half the speed.

use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;

use crate::oplog::Record;

/// Operations in a row, in their order.
pub type Batch = std::vec::IntoIter<Record>;

/// Where the parts of an operation stand in the bytes that begin with it.
struct Places {
    id: Range<usize>,
    event: Range<usize>,
    data: Range<usize>,
    end: usize,
}

/// True if [`take_batch`] takes something from the start of `bytes`. They must begin at a line between
/// two events. A single operation is no batch: it would cost as much as it saves.
pub fn begins_batch(bytes: &[u8]) -> bool {
    let Some(first) = places(bytes) else {
        return false;
    };
    let (first, rest) = bytes.split_at(first.end);
    places(rest).is_some_and(|second| {
        [first, &rest[..second.end]]
            .iter()
            .all(|operation| std::str::from_utf8(operation).is_ok())
    })
}

/// True if `bytes`, which begin at such a place, may be the beginning of a plain operation, and hold
/// nothing that must be known before its end.
pub fn is_cut_off(bytes: &[u8]) -> bool {
    let holds = |other: &[u8]| memchr::memmem::find(bytes, other).is_some();
    // A CR may be the end of a whole event, and a comment is news by itself; the parser takes a
    // field of that name for one.
    bytes.starts_with(b"id: ")
        && ![&b"\n\n"[..], b"\r", b"\n:", b"\ncomment"]
            .into_iter()
            .any(holds)
}

/// Takes the operations that stand whole at the start of `bytes`, up to the first that has
/// another form or is not UTF-8.
pub fn take_batch(bytes: &mut Bytes) -> Batch {
    let mut records = Vec::with_capacity(bytes.len() / 128);
    let mut taken = 0;
    while let Some(Places {
        id,
        event,
        data,
        end,
    }) = places(&bytes[taken..])
        && let Ok(text) = ByteString::try_from(bytes.slice(taken..taken + end))
    {
        records.push(Record::within(text, id, event, data));
        taken += end;
    }
    let _ = bytes.split_to(taken);
    records.into_iter()
}

fn places(bytes: &[u8]) -> Option<Places> {
    let id = value(bytes, 0, b"id: ")?;
    let event = value(bytes, id.end + 1, b"event: ")?;
    let data = value(bytes, event.end + 1, b"data: ")?;
    let end = data.end + 2;
    let has_id = !id.is_empty() && memchr::memchr(0, &bytes[id.clone()]).is_none();
    // Without a name it is something else to the event parser, as is a NUL in the id.
    (bytes.get(end - 1) == Some(&b'\n') && has_id && !event.is_empty()).then_some(Places {
        id,
        event,
        data,
        end,
    })
}

/// Where the value stands of the field whose line begins at `start`, if LF ends it.
fn value(bytes: &[u8], start: usize, field: &[u8]) -> Option<Range<usize>> {
    let line = bytes.get(start..)?.strip_prefix(field)?;
    let length = memchr::memchr2(b'\n', b'\r', line)?;
    let start = start + field.len();
    (line[length] == b'\n').then_some(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATION: &str = "id: 1\nevent: insert\ndata: {}\n\n";

    fn taken(stream: &[u8]) -> (Vec<Record>, Bytes) {
        let mut bytes = Bytes::copy_from_slice(stream);
        let batch = take_batch(&mut bytes);
        (batch.collect(), bytes)
    }

    #[test]
    fn takes_whole_operations_and_leaves_the_rest() {
        let stream = format!("{OPERATION}id: 2\nevent: x\ndata: é: \n\nid: 3\nevent: ");
        let (records, rest) = taken(stream.as_bytes());
        let expected = [
            Record::new("1", "insert", "{}"),
            Record::new("2", "x", "é: "),
        ];
        assert_eq!(records.len(), expected.len());
        for (record, expected) in records.iter().zip(&expected) {
            assert_eq!(record.id(), expected.id());
            assert_eq!(record.event(), expected.event());
            assert_eq!(record.data(), expected.data());
        }
        assert_eq!(rest, "id: 3\nevent: ");
        assert!(begins_batch(stream.as_bytes()));
        assert!(!begins_batch(OPERATION.as_bytes()));
    }

    #[test]
    fn takes_nothing_of_another_form() {
        for other in [
            "",
            "\n",
            ":\nid: 1\nevent: insert\ndata: {}\n\n",
            "id: 1\nevent: reset\n\n",
            "id: \nevent: live\n\n",
            "id: \nevent: insert\ndata: {}\n\n",
            "id: a\0\nevent: insert\ndata: {}\n\n",
            "id: 1\nevent: \ndata: {}\n\n",
            "id:1\nevent: insert\ndata: {}\n\n",
            "event: insert\nid: 1\ndata: {}\n\n",
            "id: 1\nevent: insert\ndata: {\ndata: }\n\n",
            "id: 1\nevent: insert\ndata: {}\nretry: 1\n\n",
            "id: 1\nevent: insert\ndata: {}\r\n\r\n",
            "id: 1\nevent: insert\ndata: {\r}\n\n",
            "id: 1\nevent: insert\ndata: {}\n",
            "id: 1\nevent: insert\ndata: {}",
        ] {
            let (records, rest) = taken(other.as_bytes());
            assert!(records.is_empty(), "{other:?}");
            assert_eq!(rest, other);
        }
    }

    #[test]
    fn knows_what_is_cut_off() {
        for length in 4..OPERATION.len() {
            assert!(is_cut_off(&OPERATION.as_bytes()[..length]));
        }
        for other in [
            OPERATION,
            "id: 1\r\nevent: insert\r\n\r\n",
            ":\n",
            "data: {}",
            "id: 11\nevent: insert\ncomment: 1\n",
        ] {
            assert!(!is_cut_off(other.as_bytes()), "{other:?}");
        }
    }

    #[test]
    fn leaves_what_is_not_utf8() {
        let stream = [OPERATION, OPERATION, OPERATION].concat().into_bytes();
        for broken in 0..3 {
            let mut stream = stream.clone();
            stream[broken * OPERATION.len() + 4] = 0xff;
            assert_eq!(begins_batch(&stream), broken == 2);
            assert_eq!(taken(&stream).0.len(), broken);
        }
    }
}
