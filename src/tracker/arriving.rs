//! Takes in what comes over the present connection: how far it has got, whether the server falls
//! back to states, and what was handed out before.

use super::resume::{Origin, fallback_margin};
use super::{MARGIN, Stage, Tracker};
use crate::oplog::{Position, Record};

impl Tracker {
    /// A connection stands, made in this UNIX second. A run that starts from now has a position
    /// from the first one on: [`MARGIN`] seconds before.
    pub fn opened(&mut self, second: u64) {
        self.stage = Stage::Opened;
        if let Origin::Now = self.origin {
            let second = second.saturating_sub(MARGIN);
            self.origin = Origin::Reached(Position::of_second(second));
        }
        if self.delivered.is_none() {
            self.save();
        }
    }

    /// Whether no connection has given a run from now its position yet.
    pub fn starts_now(&self) -> bool {
        matches!(self.origin, Origin::Now)
    }

    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Moves the stage on to this event. Returns something if it is the first event and the server
    /// falls back to states: where they begin, and how many seconds before that the position has to
    /// stay until they are complete.
    pub fn advance(
        &mut self,
        is_live: bool,
        position: Option<Position>,
    ) -> Option<(Position, u64)> {
        let was = self.stage;
        self.stage = match position {
            _ if is_live => Stage::Operations,
            Some(Position::Replication(_)) if was != Stage::Operations => Stage::States,
            Some(Position::Operation(_)) => Stage::Operations,
            _ => was,
        };
        if was != Stage::Opened || !(self.stage == Stage::States || is_live) {
            return None;
        }
        let asked = self.asked?;
        let margin = fallback_margin(asked, &self.facts())?;
        self.fell_back();
        Some((asked, margin))
    }

    /// The present connection brings states in place of the operations that were asked for, so it
    /// repeats no operation. If the connection is lost, the next one asks for the same again.
    pub(super) fn fell_back(&mut self) {
        if let Some(doubt) = &mut self.doubt {
            doubt.skips_to = None;
        }
        if self.delivered.is_some() {
            self.delivered = self.asked.or(self.delivered);
        }
    }

    /// Takes in an event that may be handed out. Returns its fingerprint, by which it is told apart
    /// from others with the same id, and whether an earlier connection brought it already.
    pub fn take_in(
        &mut self,
        is_live: bool,
        position: Option<Position>,
        record: &Record,
    ) -> (u64, bool) {
        if self.stage == Stage::States {
            self.has_open_replication = true;
        } else if is_live {
            self.has_open_replication = false;
        }
        let fingerprint = self.dedup.fingerprint(position, record);
        (fingerprint, self.is_known(position, fingerprint))
    }

    /// Whether this was handed out over an earlier connection and is merely sent again.
    pub(super) fn is_known(&mut self, position: Option<Position>, fingerprint: u64) -> bool {
        let Some(position) = position else {
            return false;
        };
        if let Some(doubt) = &mut self.doubt
            && let Some(last) = doubt.skips_to
        {
            if position == last {
                // The server still had the last operation without doubt, so nothing was skipped.
                self.end_doubt();
                return true;
            }
            let is_operation = matches!(position, Position::Operation(_));
            if is_operation && position.second() <= last.second() {
                return true;
            }
            // Younger than the last one, which has not come: the doubt stays.
            doubt.skips_to = None;
        }
        self.dedup.is_known(position, fingerprint)
    }

    /// Whether a replication or a fallback has not come to its `live`, or is to begin.
    pub fn awaits_replication(&self) -> bool {
        self.has_open_replication || self.replicate
    }

    /// Whether states are to come, or the `live` after them, before there can be operations.
    pub fn awaits_live(&self) -> bool {
        let asks_for_states = || self.asked.is_some_and(|asked| !asked.names_an_operation());
        self.awaits_replication() || (self.stage == Stage::Opened && asks_for_states())
    }
}
