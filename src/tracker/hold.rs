//! Holds the position back until the states that were asked for are complete.
//!
//! Three clocks meet in a log. The store stamps operations: their ids begin with its second. The
//! agent that takes an operation in stamps the state that it leaves, by which states are looked up.
//! And the agent that answers stamps its answer. Where they differ, a state can carry a time that
//! is too late, and asking from that time on would miss others.
//!
//! One hold stands at a time. A second reason to hold the position keeps the hold that stands,
//! because that lies further back.

use super::{Hold, MARGIN, Tracker};
use crate::oplog::Position;

impl Tracker {
    /// Holds the position at this second until [`Tracker::release`], unless a hold stands. A doubt
    /// ends with it: the states that are to come replace what may have been skipped.
    fn hold_since(&mut self, second: u64, resumes_here: bool) {
        self.dedup.remember_longer();
        if let Some(hold) = &mut self.hold {
            hold.resumes_here = resumes_here;
            return self.end_doubt();
        }
        self.forget_question();
        let pin = match self.doubt.take() {
            Some(doubt) => doubt.pin,
            None => self.pin(),
        };
        let at = Position::Replication(second.max(1) * 1000);
        self.in_flight.set_before(&pin, at);
        self.hold = Some(Hold {
            at,
            resumes_here,
            pin,
        });
        self.save();
    }

    /// Holds the position because the server falls back to states since `asked`: `margin` seconds
    /// before that.
    pub fn hold_for_fallback(&mut self, asked: Position, margin: u64) {
        self.hold_since(asked.second().saturating_sub(margin), false);
    }

    /// Holds the position if this state, which is about to be handed out, is less than [`MARGIN`]
    /// seconds older than the request, which was made in the second `asked_at`.
    ///
    /// Where the clock of the agent that stamped a state is ahead, the state may be younger than
    /// the request. Of an object that was deleted in between only the operation tells, after `live`; a
    /// later connection that asks from the time of the state on would not get it.
    pub fn hold_for_recent_state(&mut self, state: Position, asked_at: u64) {
        let oldest = asked_at.saturating_sub(MARGIN);
        if state.second() >= oldest.max(1) && self.hold.is_none() {
            self.hold_since(oldest, true);
        }
    }

    /// Holds the position at the end of a replication that is over. Returns from which second on
    /// what it left out has to be asked for.
    pub fn hold_after_replication(&mut self) -> Option<u64> {
        if self.hold.is_none() {
            let at = self.replicated.or(self.delivered).or(self.position())?;
            let pin = self.pin();
            self.hold = Some(Hold {
                at,
                resumes_here: false,
                pin,
            });
        }
        let at = self.hold.as_ref()?.at;
        Some(at.second().max(1))
    }

    /// Lets the position move on, once what the replication left out is acknowledged.
    pub fn release(&mut self) {
        if let Some(hold) = self.hold.take() {
            self.in_flight.unpin(hold.pin);
            self.save();
        }
    }
}
