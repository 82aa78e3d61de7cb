//! The dump: read and checked as a whole, before anything is asked of the server.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::filter::Filter;
use super::ledger::{Full, Ledger};
use super::moment::Moment;
use super::words;
use crate::error_text::in_words;
use crate::oplog::{Operation, Record};
use crate::settings::is_stdin;
use crate::sse::MAX_LINE;

/// What editors on Windows begin a file with.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Why the dump cannot be compared.
#[derive(Debug, thiserror::Error)]
#[error("--compare {}: {problem}", .path.display())]
pub(crate) struct DumpError {
    pub path: PathBuf,
    pub problem: Problem,
}

/// What is wrong with a dump.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{}", in_words(.0))]
    Unreadable(#[from] io::Error),
    /// The line with this number, from 1 on, is no object.
    #[error("line {0}: {1}")]
    Line(u64, String),
    #[error(transparent)]
    Full(#[from] Full),
}

/// A dump that has been read.
#[derive(Debug, Default)]
pub(super) struct Dump {
    /// Its objects, as far as they are compared. The server's will join them.
    pub ledger: Ledger,
    /// The newest timestamp of the whole file; `None` where it has no objects.
    pub newest: Option<Moment>,
}

/// Reads the file at `path`, or stdin.
///
/// # Errors
/// [`DumpError`] at the first line that cannot be read.
pub(super) fn open(path: &Path, filter: &Filter) -> Result<Dump, DumpError> {
    let read = || {
        if is_stdin(path) {
            return read(&mut io::stdin().lock(), filter);
        }
        let file = File::open(path)?;
        read(&mut BufReader::with_capacity(1 << 16, file), filter)
    };
    read().map_err(|problem| DumpError {
        path: path.to_owned(),
        problem,
    })
}

/// Reads a dump: a JSON object a line, of which `timestamp`, `type` and `id` count, and `parents`
/// where the filter asks for them. Where an object comes twice, the later line counts.
///
/// Passed over are a byte order mark, line ends of Windows, blank lines, and `null`, which is what
/// `jq .data` makes of `reset` and `live`.
pub(super) fn read(input: &mut dyn BufRead, filter: &Filter) -> Result<Dump, Problem> {
    let mut dump = Dump::default();
    let mut buffer = Vec::new();
    for number in 1.. {
        buffer.clear();
        let mut line = (&mut *input).take(MAX_LINE as u64 + 1);
        if line.read_until(b'\n', &mut buffer)? == 0 {
            break;
        }
        let text = match number {
            1 => buffer.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&buffer),
            _ => &buffer,
        };
        dump.take(number, text, filter)?;
    }
    Ok(dump)
}

impl Dump {
    fn take(&mut self, number: u64, line: &[u8], filter: &Filter) -> Result<(), Problem> {
        let bad = |what| Problem::Line(number, what);
        if line.len() > MAX_LINE {
            return Err(bad(format!("longer than {} MiB", MAX_LINE >> 20)));
        }
        let text = std::str::from_utf8(line).map_err(|_| bad("not UTF-8".into()))?;
        let text = text.trim_ascii();
        if text.is_empty() || text == "null" {
            return Ok(());
        }
        // A dump has the form of what an insert carries.
        let operation = Operation::new(Record::new("", "insert", text))
            .map_err(|invalid| bad(words::malformed(&invalid.reason, text)))?;
        let Some(object) = operation.object() else {
            return Ok(());
        };
        for (key, value) in [("type", object.kind), ("id", object.id)] {
            if value.is_empty() {
                return Err(bad(format!("{key:?} is empty")));
            }
        }
        let changed = Moment::parse(object.timestamp);
        let changed = changed.ok_or_else(|| bad(words::no_time(object.timestamp)))?;
        self.newest = self.newest.max(Some(changed));
        if filter.matches(object) {
            self.ledger.set_dump(object.kind, object.id, changed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
