//! What a state file holds: the bare id, as the Go client writes and reads it.

use std::fs::File;
use std::io::{self, Read};

use super::error::Reason;
use crate::oplog::Position;

/// No position is longer than this; a longer file is not one of ours.
const LONGEST_STATE: u64 = 4096;

/// Reads the content, up to one byte more than a position can have.
pub(super) fn read(file: &File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    // A byte more shows that it is too long.
    file.take(LONGEST_STATE + 1).read_to_end(&mut content)?;
    Ok(content)
}

/// The position that is the content of a state file; `None` for an empty one.
pub(super) fn parse(content: &[u8]) -> Result<Option<Position>, Reason> {
    let text = String::from_utf8_lossy(content);
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).trim();
    let is_too_long = content.len() as u64 > LONGEST_STATE;
    if text.is_empty() && !is_too_long {
        return Ok(None);
    }
    let position = text.parse().ok().filter(|_| !is_too_long);
    let begin = || text.chars().take(40).collect();
    position.map(Some).ok_or_else(|| Reason::Invalid(begin()))
}
