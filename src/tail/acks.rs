//! Acknowledgements on stdin: ids, one per line.

use std::io::{self, Read};

use tokio::sync::mpsc;

use crate::sse::MAX_LINE;

/// No id of the stream is longer. The rest of a longer line is dropped, so memory stays bounded.
const LONGEST_LINE: usize = MAX_LINE;
/// How much is read at once.
const CHUNK: usize = 4 << 10;

/// Reads stdin on a thread of its own. The worker must be able to write while this program is
/// blocked in writing to it.
#[derive(Debug)]
pub(super) struct Acks {
    chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
    /// The beginning of a line whose end has not been read.
    line: Vec<u8>,
}

impl Acks {
    /// Starts reading. At most `max_in_flight` acknowledgements can be due at once, so the queue holds
    /// that many pieces.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(max_in_flight: usize) -> io::Result<Self> {
        let (sender, chunks) = mpsc::channel(max_in_flight.saturating_add(64).min(1 << 24));
        std::thread::Builder::new()
            .name("acks".into())
            .spawn(move || {
                let mut stdin = io::stdin().lock();
                let mut buffer = vec![0; CHUNK];
                loop {
                    let chunk = match stdin.read(&mut buffer) {
                        Ok(0) => return,
                        Ok(length) => Ok(buffer[..length].to_vec()),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        Err(error) => Err(error),
                    };
                    let failed = chunk.is_err();
                    if sender.blocking_send(chunk).is_err() || failed {
                        return;
                    }
                }
            })?;
        Ok(Self {
            chunks,
            line: Vec::new(),
        })
    }

    /// Waits for the next piece and returns the lines it completes, each with its line feed.
    /// `None` at the end of stdin.
    ///
    /// # Errors
    /// When stdin cannot be read.
    pub(super) async fn next(&mut self) -> io::Result<Option<Acknowledged>> {
        match self.chunks.recv().await {
            Some(chunk) => Ok(Some(self.complete(&chunk?))),
            // A last line without a line feed counts as well.
            None if self.line.is_empty() => Ok(None),
            None => Ok(Some(self.complete(b"\n"))),
        }
    }

    fn complete(&mut self, chunk: &[u8]) -> Acknowledged {
        let end = memchr::memrchr(b'\n', chunk).map_or(0, |last| last + 1);
        let (lines, begun) = chunk.split_at(end);
        let mut complete = Vec::new();
        if !lines.is_empty() {
            complete = std::mem::take(&mut self.line);
            complete.extend_from_slice(lines);
        }
        let room = LONGEST_LINE.saturating_sub(self.line.len());
        self.line.extend_from_slice(&begun[..begun.len().min(room)]);
        let complete = String::from_utf8(complete);
        Acknowledged(
            complete.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        )
    }
}

/// Lines with acknowledged ids.
#[derive(Debug)]
pub(super) struct Acknowledged(String);

impl Acknowledged {
    /// The ids, without white space around them and without empty lines.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.lines().map(str::trim).filter(|id| !id.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acks() -> (mpsc::Sender<io::Result<Vec<u8>>>, Acks) {
        let (sender, chunks) = mpsc::channel(9);
        (
            sender,
            Acks {
                chunks,
                line: Vec::new(),
            },
        )
    }

    #[tokio::test]
    async fn takes_ids_however_they_are_cut() {
        let (sender, mut acks) = acks();
        for chunk in ["1\n 2 \r\n\n3", "4\n", "5"] {
            sender.send(Ok(chunk.into())).await.unwrap();
        }
        drop(sender);
        for expected in [&["1", "2"][..], &["34"], &[], &["5"]] {
            let acknowledged = acks.next().await.unwrap().unwrap();
            assert!(acknowledged.ids().eq(expected.iter().copied()));
        }
        assert!(acks.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn keeps_no_line_without_end() {
        let (_sender, mut acks) = acks();
        let piece = vec![b'x'; LONGEST_LINE / 8];
        for _ in 0..20 {
            assert_eq!(acks.complete(&piece).ids().count(), 0);
        }
        assert_eq!(acks.line.len(), LONGEST_LINE);
        let acknowledged = acks.complete(b"\n1\n");
        let expected = ["x".repeat(LONGEST_LINE), "1".into()];
        assert!(acknowledged.ids().eq(expected));
    }
}
