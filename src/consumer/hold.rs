//! How far back the position stays until the states that were asked for are complete.
//!
//! Three clocks meet in a log. The store stamps operations: their ids begin with its second. The
//! agent that takes an operation in stamps the state that it leaves, by which states are looked up.
//! And the agent that answers stamps its answer.

use super::doubt::Doubt;
use super::in_flight::Pin;
use super::place::Place;
use crate::oplog::Position;

/// How many seconds the clocks of store and agents may be apart in all, rounding included, so that
/// nothing is lost. The store's clock stamps operations; each agent's own clock stamps the states
/// that come through it, and its answers.
pub const MARGIN: u64 = 5;

/// Keeps the position back until what a replication left out has been fetched.
#[derive(Debug)]
pub struct Hold {
    /// The position stays here.
    pub(super) floor: Position,
    /// A new connection goes on from here too, because states came that are younger than the
    /// request; see [`Place::hold_young`].
    pub(super) is_young: bool,
    pub(super) pin: Pin,
}

impl Place {
    /// From here on the position stays at this second, if it is not already held back, until
    /// [`Place::release`]. What is in doubt is held back with it: the states that are to come
    /// stand for it.
    fn hold_at(&mut self, second: u64, is_young: bool) {
        self.resent.remember_longer();
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

    /// A replication is over: keeps the position at its end until [`Place::release`], and returns
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
