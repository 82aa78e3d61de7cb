//! Describes the lines that are out; see [`out`](super::out).

use super::in_flight::Slot;
use super::out::LinesOut;
use super::{Acknowledging, Tracker};
use crate::oplog::Operation;

impl Tracker {
    /// What can be acknowledged by id: how many lines, of how many, and the oldest of them.
    pub fn lines_out(&self) -> LinesOut {
        let oldest = self.in_flight.first();
        LinesOut {
            lines: self.in_flight.len(),
            limit: match self.rules.acknowledging {
                Acknowledging::InOrder => None,
                Acknowledging::ById { max_in_flight } => Some(max_in_flight),
            },
            oldest: oldest.map(|(id, out)| (id.to_string(), out.clone())),
        }
    }

    /// What comes from here on is handed out now.
    pub fn set_time(&mut self) {
        if self.is_by_id() {
            self.describer.set_time();
        }
    }

    /// Keeps what is known of the line that is being handed out.
    pub(super) fn describe(&mut self, slot: Slot, operation: &Operation) {
        let out = self.describer.describe(operation);
        self.in_flight.describe(slot, out);
    }
}
