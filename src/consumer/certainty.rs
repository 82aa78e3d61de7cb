//! Finds out whether the server skipped operations before some that were handed out. The tracker
//! keeps what is in doubt; this asks the server about it.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::Consumer;
use super::config::OnResumeFailed;
use super::error::Error;
use super::notice::Notice;
use super::probe::Answer;
use crate::oplog::Position;
use crate::tracker::Stage;

/// After this many failures in a row the main connection is made again, which asks the same: the
/// server may not allow a second connection.
const MOST_FAILURES: u32 = 3;

impl Consumer {
    /// Asks, where something is in doubt, whether the server still has the last operation without
    /// doubt. Ready when that has changed something.
    pub(super) fn poll_doubt(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A lost connection is made again first, and asks by itself.
        if !self.tracker.is_in_doubt()
            || self.tracker.stage() != Stage::Operations
            || !self.main.is_connected()
        {
            return Poll::Pending;
        }
        match ready!(self.poll_answer(cx)) {
            Answer::Kept => self.kept(),
            Answer::Unknown if self.probe.failures() < MOST_FAILURES => {
                self.tracker.forget_question();
            }
            // The new connection asks for the same, and takes what comes of it.
            Answer::Gone => {
                self.disconnect();
                self.main.rest_after_gap();
            }
            Answer::Unknown => self.disconnect(),
        }
        Poll::Ready(())
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        if !self.probe.is_asking() {
            let Some(since) = self.tracker.doubted() else {
                return Poll::Pending;
            };
            let is_behind = self.main.is_behind();
            ready!(self.probe.poll_due(is_behind, cx));
            self.ask(since, is_behind);
        }
        self.probe.poll(cx)
    }

    fn ask(&mut self, since: Position, is_behind: bool) {
        self.tracker.ask_whether_kept(is_behind);
        (self.observer)(Notice::Probing { operation: since });
        let clients = Arc::clone(&self.clients);
        self.probe.ask(clients, self.main.endpoint(), since);
    }

    fn kept(&mut self) {
        self.tracker.is_kept();
        if !self.tracker.is_in_doubt() {
            self.probe.stop();
        }
    }

    /// Finds out, at the end of a run, whether anything that was handed out has a gap before it; a
    /// gap is told as [`Notice::Skipped`]. Nothing more is handed out meanwhile. Pending until the
    /// server has answered; where it does not, that is for ever.
    ///
    /// # Errors
    /// [`Error::ResumeFailed`] where there may be a gap and the run is to fail then.
    pub fn poll_certain(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while let Some(since) = self.tracker.doubted() {
            if self.told_gap == Some(since) {
                return Poll::Ready(Ok(()));
            }
            if !self.probe.is_asking() {
                if self.probe.failures() > 0 {
                    ready!(self.probe.poll_due(false, cx));
                }
                // Nothing is read any more, so the answer is about everything.
                self.ask(since, false);
            }
            match ready!(self.probe.poll(cx)) {
                Answer::Kept => self.kept(),
                Answer::Gone if self.ends_at_a_gap() => {
                    return Poll::Ready(Err(Error::ResumeFailed(since)));
                }
                Answer::Gone => {
                    (self.observer)(Notice::Skipped { operation: since });
                    self.told_gap = Some(since);
                }
                Answer::Unknown => self.tracker.forget_question(),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Whether a gap ends the run, and so does what may be one.
    pub fn ends_at_a_gap(&self) -> bool {
        self.config.on_resume_failed == OnResumeFailed::Exit
    }

    /// Whether something that was handed out may have a gap before it.
    pub fn is_uncertain(&self) -> bool {
        self.tracker.doubted().is_some()
    }
}

#[cfg(test)]
mod tests;
