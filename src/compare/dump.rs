//! The dump: read and checked as a whole, before anything is asked of the server.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::filter::Filter;
use super::ledger::{Full, Ledger};
use super::moment::Moment;
use crate::error_text::in_words;
use crate::oplog::{InvalidData, Object, Operation, Record};
use crate::output::escaped;
use crate::settings::is_stdin;
use crate::sse::MAX_LINE;

/// How much of a line that cannot be read is shown, in characters.
const SHOWN: usize = 60;

/// What editors on Windows begin a file with.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Why the dump cannot be compared. Names the file and, where it is one line, its number.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The file cannot be read.
    #[error("--compare {}: {}", .path.display(), in_words(.error))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line is no object.
    #[error("--compare {}: line {line}: {problem}", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1 on.
        line: u64,
        /// What is wrong with it.
        problem: Problem,
    },
    /// It holds too much.
    #[error("--compare {}: {full}", .path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// Why.
        full: Full,
    },
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It does not end.
    #[error("longer than {} MiB", MAX_LINE >> 20)]
    TooLong,
    /// It is binary, or text of another encoding.
    #[error("not UTF-8")]
    NotUtf8,
    /// It is not JSON, or has a field of a wrong type.
    #[error("{problem}: {}", shown(.text))]
    Malformed {
        /// What the JSON parser says, and the column.
        problem: String,
        /// The line.
        text: String,
    },
    /// A key is there and holds nothing.
    #[error("{0:?} is empty")]
    Empty(&'static str),
    /// The timestamp is not RFC 3339.
    #[error("timestamp {:?} is no RFC 3339 time (2026-11-23T10:00:00Z)", shown(.0))]
    Timestamp(String),
}

/// The beginning of a text.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", escaped(&text[..end])),
        None => escaped(text),
    }
}

/// A dump that has been read.
#[derive(Debug, Default)]
pub struct Dump {
    /// Its objects, as far as they are compared. The server's will join them.
    pub ledger: Ledger,
    /// The newest timestamp of the whole file; `None` where it has no objects.
    pub newest: Option<Moment>,
}

/// Reads the file at `path`, or stdin.
///
/// # Errors
/// [`DumpError`] at the first line that cannot be read.
pub fn open(path: &Path, filter: &Filter) -> Result<Dump, DumpError> {
    let unreadable = |error| DumpError::Unreadable {
        path: path.to_owned(),
        error,
    };
    if is_stdin(path) {
        return read(&mut io::stdin().lock(), path, filter);
    }
    let file = File::open(path).map_err(unreadable)?;
    read(&mut BufReader::with_capacity(1 << 16, file), path, filter)
}

/// Reads a dump: a JSON object a line, of which `timestamp`, `type` and `id` count, and `parents`
/// where the filter asks for them. Where an object comes twice, the later line counts.
///
/// Passed over are a byte order mark, line ends of Windows, blank lines, and `null`, which is what
/// `jq .data` makes of `reset` and `live`.
pub fn read(input: &mut dyn BufRead, path: &Path, filter: &Filter) -> Result<Dump, DumpError> {
    let mut dump = Dump::default();
    let mut buffer = Vec::new();
    for line in 1.. {
        let of_line = |problem| DumpError::Line {
            path: path.to_owned(),
            line,
            problem,
        };
        buffer.clear();
        let most = MAX_LINE as u64 + 1;
        let length = (&mut *input)
            .take(most)
            .read_until(b'\n', &mut buffer)
            .map_err(|error| DumpError::Unreadable {
                path: path.to_owned(),
                error,
            })?;
        if length == 0 {
            break;
        }
        if length > MAX_LINE {
            return Err(of_line(Problem::TooLong));
        }
        let text = match line {
            1 => buffer.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&buffer),
            _ => &buffer,
        };
        let text = std::str::from_utf8(text).map_err(|_| of_line(Problem::NotUtf8))?;
        let text = text.trim_ascii();
        if text.is_empty() || text == "null" {
            continue;
        }
        dump.take(text, filter)
            .map_err(of_line)?
            .map_err(|full| DumpError::Full {
                path: path.to_owned(),
                full,
            })?;
    }
    Ok(dump)
}

impl Dump {
    /// Takes in a line, which is not empty.
    fn take(&mut self, text: &str, filter: &Filter) -> Result<Result<(), Full>, Problem> {
        // A dump has the form of what an insert carries.
        let operation = Operation::new(Record::new("", "insert", text))
            .map_err(|invalid| malformed(text, &invalid.reason))?;
        let Some(object) = operation.object() else {
            return Ok(Ok(()));
        };
        let Object {
            timestamp,
            kind,
            id,
            ..
        } = object;
        for (key, value) in [("type", kind), ("id", id)] {
            if value.is_empty() {
                return Err(Problem::Empty(key));
            }
        }
        let changed =
            Moment::parse(timestamp).ok_or_else(|| Problem::Timestamp(timestamp.to_owned()))?;
        self.newest = self.newest.max(Some(changed));
        Ok(if filter.matches(object) {
            self.ledger.set_dump(kind, id, changed)
        } else {
            Ok(())
        })
    }
}

/// What the JSON parser says, with the column, but without the line, which is always its first.
fn malformed(text: &str, reason: &InvalidData) -> Problem {
    let told = reason.to_string();
    let problem = match (told.split_once(" at line "), reason) {
        (Some((problem, _)), InvalidData::Malformed(error)) if error.column() > 0 => {
            format!("{problem} at column {}", error.column())
        }
        _ => told,
    };
    Problem::Malformed {
        problem,
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
