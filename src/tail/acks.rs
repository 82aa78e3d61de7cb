//! Acknowledgements on stdin: ids, one per line.

use std::io::{self, Read};

use tokio::sync::mpsc;

use crate::sse::MAX_LINE;

const CHUNK: usize = 4 << 10;

/// Reads stdin on a thread of its own: the worker must be able to write while this program is blocked
/// in writing to it. Each message holds whole lines.
///
/// At most `max_in_flight` acknowledgements can be due at once, so the queue holds that many messages.
pub(super) fn read(max_in_flight: usize) -> io::Result<mpsc::Receiver<io::Result<String>>> {
    let (sender, acks) = mpsc::channel(max_in_flight.saturating_add(64).min(1 << 24));
    std::thread::Builder::new()
        .name("acks".into())
        .spawn(move || {
            let mut stdin = io::stdin().lock();
            let mut buffer = vec![0; CHUNK];
            let mut lines = Lines::default();
            loop {
                let (complete, is_last) = match stdin.read(&mut buffer) {
                    // A last line without a line feed counts as well.
                    Ok(0) => (Ok(lines.complete(b"\n")), true),
                    Ok(length) => (Ok(lines.complete(&buffer[..length])), false),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => (Err(error), true),
                };
                if sender.blocking_send(complete).is_err() || is_last {
                    return;
                }
            }
        })?;
    Ok(acks)
}

/// The acknowledged ids of these lines, without white space around them and without empty lines.
pub(super) fn ids(lines: &str) -> impl Iterator<Item = &str> {
    lines.lines().map(str::trim).filter(|id| !id.is_empty())
}

/// Joins what is read to whole lines.
#[derive(Default)]
struct Lines {
    /// The beginning of a line whose end has not been read.
    begun: Vec<u8>,
}

impl Lines {
    /// The lines that this piece completes, each with its line feed.
    fn complete(&mut self, chunk: &[u8]) -> String {
        let end = memchr::memrchr(b'\n', chunk).map_or(0, |last| last + 1);
        let (lines, begun) = chunk.split_at(end);
        let mut complete = Vec::new();
        if !lines.is_empty() {
            complete = std::mem::take(&mut self.begun);
            complete.extend_from_slice(lines);
        }
        // No id of the stream is longer. The rest is dropped, so memory stays bounded.
        let room = MAX_LINE.saturating_sub(self.begun.len());
        self.begun
            .extend_from_slice(&begun[..begun.len().min(room)]);
        String::from_utf8(complete)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_ids_however_they_are_cut() {
        let mut lines = Lines::default();
        for (chunk, expected) in [
            ("1\n 2 \r\n\n3", &["1", "2"][..]),
            ("4\n", &["34"]),
            ("5", &[]),
            // The end of stdin.
            ("\n", &["5"]),
            ("\n", &[]),
        ] {
            let complete = lines.complete(chunk.as_bytes());
            assert!(ids(&complete).eq(expected.iter().copied()));
        }
    }

    #[test]
    fn keeps_no_line_without_end() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; MAX_LINE / 8];
        for _ in 0..20 {
            assert_eq!(lines.complete(&piece), "");
        }
        assert_eq!(lines.begun.len(), MAX_LINE);
        let complete = lines.complete(b"\n1\n");
        let expected = ["x".repeat(MAX_LINE), "1".into()];
        assert!(ids(&complete).eq(expected));
    }
}
