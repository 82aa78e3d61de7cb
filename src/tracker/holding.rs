//! Holds the position back until states are complete; see [`hold`](super::hold).

use super::Tracker;
use super::doubt::Doubt;
use super::hold::{Hold, MARGIN};
use crate::oplog::Position;

impl Tracker {
    /// From here on the position stays at this second, if it is not already held back, until
    /// [`Tracker::release`]. What is in doubt is held back with it: the states that are to come
    /// stand for it.
    fn hold_at(&mut self, second: u64, is_young: bool) {
        self.dedup.remember_longer();
        if self.hold.is_some() {
            return self.end_doubt();
        }
        let pin = match self.doubt.take().map(Doubt::into_pins) {
            Some((pin, question)) => {
                if let Some(question) = question {
                    self.in_flight.unpin(question);
                }
                pin
            }
            None => self.pin(),
        };
        let floor = Position::Replication(second.max(1) * 1000);
        self.in_flight.set_before(&pin, floor);
        self.hold = Some(Hold {
            floor,
            is_young,
            pin,
        });
        self.save();
    }

    /// The server falls back to states since `asked`. The position stays `margin` seconds before
    /// that until the repair has brought the rest.
    pub fn hold_before(&mut self, asked: Position, margin: u64) {
        self.hold_at(asked.second().saturating_sub(margin), false);
        if let Some(hold) = &mut self.hold {
            hold.is_young = false;
        }
    }

    /// A state is about to be handed out that the server was asked for in the second `asked_at`.
    /// Where the clock of the agent that stamped it is ahead, it is younger than the request; and
    /// of an object that was deleted in between only the operation tells, after `live`. So the
    /// position does not follow the states to less than [`MARGIN`] seconds before the request,
    /// until operations show that all is well.
    pub fn hold_young(&mut self, state: Position, asked_at: u64) {
        let oldest = asked_at.saturating_sub(MARGIN);
        if state.second() >= oldest.max(1) && self.hold.is_none() {
            self.hold_at(oldest, true);
        }
    }

    /// A replication is over: keeps the position at its end until [`Tracker::release`], and returns
    /// from which second on what it left out has to be asked for. An earlier hold that still
    /// stands goes on, because it lies further back.
    pub fn hold_after_replication(&mut self) -> Option<u64> {
        if self.hold.is_none() {
            let floor = self.replicated.or(self.delivered).or(self.position())?;
            let pin = self.pin();
            self.hold = Some(Hold {
                floor,
                is_young: false,
                pin,
            });
        }
        let floor = self.hold.as_ref()?.floor;
        Some(floor.second().max(1))
    }

    /// What the replication left out has been handed out: the position moves on, once that is
    /// acknowledged.
    pub fn release(&mut self) {
        if let Some(hold) = self.hold.take() {
            self.in_flight.unpin(hold.pin);
            self.save();
        }
    }
}
