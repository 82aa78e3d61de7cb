//! Takes in acknowledgements, in order or by id.

use super::in_flight::{Id, NotInFlight, Pin};
use super::resume::Origin;
use super::{Acknowledging, LinesOut, Tracker};
use crate::oplog::Position;

impl Tracker {
    /// True if the in-flight limit is reached or a `reset` is unacknowledged.
    pub fn is_full(&self) -> bool {
        match self.rules.acknowledging {
            Acknowledging::InOrder => false,
            Acknowledging::ById { max_in_flight } => {
                let most = if self.is_reset_last { 1 } else { max_in_flight };
                self.in_flight.len() >= most
            }
        }
    }

    pub fn is_by_id(&self) -> bool {
        matches!(self.rules.acknowledging, Acknowledging::ById { .. })
    }

    /// How many are handed out and wait for an acknowledgement by id.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

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

    /// Acknowledges everything handed out so far, where acknowledgements come in order.
    pub fn acknowledge_delivered(&mut self) {
        if !self.is_by_id() {
            let before = self.in_flight.watermark();
            for batch in self.batches.drain(..) {
                self.in_flight.unpin(batch);
            }
            self.pass_over_delivered();
            if self.in_flight.watermark() != before {
                self.save();
            }
        }
    }

    /// What was handed out is acknowledged, but for what a pin keeps back.
    fn pass_over_delivered(&mut self) {
        if let Some(delivered) = self.delivered {
            self.in_flight.pass_over(delivered);
        }
    }

    /// Keeps the position where it is, and before everything that is unacknowledged.
    pub(super) fn pin(&mut self) -> Pin {
        if !self.is_by_id() {
            self.batches.push(self.in_flight.pin());
            self.pass_over_delivered();
        }
        self.in_flight.pin()
    }

    /// Acknowledges the oldest operation in flight with this id.
    ///
    /// # Errors
    /// [`NotInFlight`] where there is none; nothing changes.
    pub fn acknowledge(&mut self, id: &str) -> Result<(), NotInFlight> {
        let before = self.in_flight.watermark();
        self.in_flight.acknowledge(&Id::new(id))?;
        self.leave_start();
        if self.in_flight.watermark() != before {
            self.save();
        }
        Ok(())
    }

    /// The next connection goes on after what was handed out, even if older operations still wait.
    fn leave_start(&mut self) {
        if let (Origin::Given(start), Some(_)) = (self.origin, self.delivered) {
            self.origin = Origin::Reached(start);
        }
    }

    /// Goes on past what cannot be decoded.
    pub fn skip(&mut self, position: Position) {
        self.delivered = Some(position);
        self.leave_start();
        if self.is_by_id() {
            self.in_flight.pass_over(position);
            self.save();
        }
    }
}
