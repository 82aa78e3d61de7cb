//! Every message of a comparison.

use crate::oplog::{InvalidData, Operation};
use crate::output::escaped;
use crate::settings::OnInvalid;
use crate::tail;

/// How much of a line that cannot be read is shown, in characters.
const SHOWN: usize = 60;

pub(super) const READER_GONE: &str =
    "the reader of stdout went away before the comparison was complete";

pub(super) const FETCHING: &str = "fetching what the replication missed";

pub(super) const WAITING: &str = "waiting for another operation on the server";

/// The line of the dump is no JSON, or has a field of a wrong type. The parser's own words have the
/// number of the line, which is always its first.
pub(super) fn malformed(reason: &InvalidData, text: &str) -> String {
    let told = reason.to_string();
    let problem = match (told.split_once(" at line "), reason) {
        (Some((problem, _)), InvalidData::Malformed(error)) if error.column() > 0 => {
            format!("{problem} at column {}", error.column())
        }
        _ => told,
    };
    format!("{problem}: {}", shown(text))
}

/// This timestamp of the dump cannot be read.
pub(super) fn no_time(timestamp: &str) -> String {
    let shown = shown(timestamp);
    format!("timestamp {shown:?} is not an RFC 3339 time (2026-11-23T10:00:00Z)")
}

/// The beginning of a text.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", escaped(&text[..end])),
        None => escaped(text),
    }
}

/// So many objects have been named so far; `None` while the dump is read.
pub(super) fn progress(objects: Option<usize>) -> String {
    match objects {
        None => "reading the dump".into(),
        Some(objects) => format!("objects of both sides so far: {objects}"),
    }
}

/// The timestamp of an operation is none, so its object is not compared.
pub(super) fn undated(operation: &Operation, timestamp: &str, on_invalid: OnInvalid) -> String {
    let (event, id) = (operation.event().name(), operation.id());
    let reason = format!("{event} #{id}: timestamp {timestamp:?} is not an RFC 3339 time");
    tail::words::undecodable(&reason, on_invalid)
}

/// The server's side stayed incomplete. It may have `extra` of the objects listed as extra.
pub(super) fn doubt(extra: usize) -> String {
    let extra = match extra {
        0 => String::new(),
        1 => "; 1 object listed as extra may be one of them".into(),
        number => format!("; {number} objects listed as extra may be among them"),
    };
    format!(
        "objects that changed in the second of the server's newest operation could not be \
         fetched, so they may be missing from the server's side: they come only once another \
         operation has happened, and --timeout waits longer for one{extra}"
    )
}
