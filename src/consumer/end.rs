//! The end of the log, where a run is to go no further than a point in time.
//!
//! The first operation of a later second ends the run. It is not handed out, so the position stays
//! before it. Only operations count: the ids of states come from the agents' clocks, and states
//! tell of changes before they were asked for.
//!
//! What a replication left out happened before that point in time as well. While it has yet to be
//! fetched, later operations are handed out too, because the backfill waits for them. The
//! end then comes with the end of the backfill.

use super::Consumer;
use crate::oplog::Position;

impl Consumer {
    /// Whether everything up to [`Config::last_second`](super::Config::last_second) has been handed
    /// out. Nothing more will be.
    pub fn has_ended(&self) -> bool {
        self.is_past_end && self.incomplete().is_none()
    }

    /// Whether states are to come, or the `live` after them, before there can be operations.
    pub fn awaits_live(&self) -> bool {
        self.tracker.awaits_live()
    }

    /// Whether the log ends before this event.
    pub(super) fn ends_before(&mut self, event: &str, position: Option<Position>) -> bool {
        if !self.config.is_past(event, position) {
            return false;
        }
        self.is_past_end = true;
        let ends = self.has_ended();
        if ends {
            self.tracker.withhold();
        }
        ends
    }
}
