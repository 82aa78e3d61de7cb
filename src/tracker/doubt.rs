//! Keeps track of a doubt: whether the server may have skipped operations before some that were
//! handed out.
//!
//! The log keeps a limited number of operations. When a reader is too slow, the server cannot send,
//! and operations leave the log before the server has read them. It then goes on after the gap and
//! does not say so. But the oldest operations leave first. If an operation is still in the log when
//! the server is asked for it, all operations after it were in the log by then as well, so none of
//! them that had come by then has a gap before it.

use super::{Doubt, MARGIN, Question, Stage, Tracker};
use crate::oplog::Position;
use crate::sse::Lateness;

/// An operation is late if it took this many seconds longer than the quickest one. Rounding to
/// seconds alone makes less.
const LATER: i128 = 2;

impl Tracker {
    /// The connection has fallen behind: if it brings operations, those from here on are in doubt.
    pub fn fell_behind(&mut self) {
        if self.stage != Stage::Operations {
            return;
        }
        if let Some(doubt) = &mut self.doubt {
            if let Some(question) = &mut doubt.question {
                question.is_behind = true;
            }
        } else if let Some(since @ Position::Operation(_)) = self.delivered {
            self.doubt = Some(Doubt {
                since,
                pin: self.pin(),
                question: None,
                skips_to: None,
            });
        }
    }

    /// Whether the last operation came late; `now` is the present UNIX second.
    pub fn lateness(&mut self, now: u64) -> Lateness {
        let Some(last @ Position::Operation(_)) = self.delivered else {
            return Lateness::None;
        };
        // Clocks that differ can make it negative.
        let lag = i128::from(now) - i128::from(last.second());
        let least = self.least_lag.map_or(lag, |least| least.min(lag));
        self.least_lag = Some(least);
        if lag - least >= LATER {
            Lateness::Growing
        } else if lag > i128::from(MARGIN) {
            Lateness::Old
        } else {
            Lateness::None
        }
    }

    /// Whether something may have been skipped, or may be before the next operation.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    /// The last operation without doubt, if an operation in doubt came after it: one that was handed
    /// out, or one that was withheld. `None` if a full replication is to begin: it brings all
    /// that was skipped.
    pub fn doubted(&self) -> Option<Position> {
        let doubt = self.doubt.as_ref().filter(|_| !self.replicate)?;
        let has_come = self.is_withheld || self.delivered != Some(doubt.since);
        has_come.then_some(doubt.since)
    }

    /// The server is about to be asked whether it still has the operation that
    /// [`Tracker::doubted`] names; `is_behind` says whether the connection is behind now.
    pub fn ask_whether_kept(&mut self, is_behind: bool) {
        self.forget_question();
        let Some(up_to) = self.delivered.filter(|_| self.is_in_doubt()) else {
            return;
        };
        let question = Question {
            up_to,
            pin: self.pin(),
            is_behind,
        };
        if let Some(doubt) = &mut self.doubt {
            doubt.question = Some(question);
        }
    }

    /// The server still has the operation that it was asked for: what was handed out before the
    /// question has no gap before it.
    pub fn is_kept(&mut self) {
        let Some(doubt) = &mut self.doubt else {
            return;
        };
        let Some(question) = doubt.question.take() else {
            return;
        };
        if doubt.skips_to.is_some() {
            // The present connection still repeats what the last one sent. A gap can open before it
            // is through, so this answer does not end the doubt.
            return self.in_flight.unpin(question.pin);
        }
        if question.is_behind {
            doubt.since = question.up_to;
            let answered = std::mem::replace(&mut doubt.pin, question.pin);
            self.in_flight.unpin(answered);
            self.save();
        } else {
            self.in_flight.unpin(question.pin);
            self.end_doubt();
        }
    }

    /// The question was not answered.
    pub fn forget_question(&mut self) {
        let question = self.doubt.as_mut().and_then(|doubt| doubt.question.take());
        if let Some(question) = question {
            self.in_flight.unpin(question.pin);
        }
    }

    /// Nothing that was handed out has a gap before it.
    pub fn end_doubt(&mut self) {
        self.forget_question();
        if let Some(doubt) = self.doubt.take() {
            self.in_flight.unpin(doubt.pin);
            self.save();
        }
    }
}

#[cfg(test)]
mod tests;
