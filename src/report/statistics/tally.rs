//! The counts of the thread that prints. They are its own, so counting takes no lock.

use jiff::Timestamp;
use serde::Serialize;

use crate::oplog::{Event, Operation, Position};
use crate::output::lag_ms;

/// How many of each event.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Events {
    pub(super) insert: u64,
    pub(super) update: u64,
    pub(super) delete: u64,
    pub(super) reset: u64,
    pub(super) live: u64,
    pub(super) other: u64,
}

/// The counts of printed lines since the start of the run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(super) events: Events,
    pub(super) invalid: u64,
    pub(super) first_id: Option<String>,
    /// The id of the last line that had one; empty if none had.
    pub(crate) last_id: String,
    /// The lags that were measured since the tally was published last.
    pub(super) lags: Vec<i64>,
}

impl Tally {
    /// One more line is printed. Without the time at which it was `received`, its lag is not known.
    pub(crate) fn count(&mut self, operation: &Operation, received: Option<Timestamp>) {
        let count = match operation.event() {
            Event::Insert | Event::Create => &mut self.events.insert,
            Event::Update => &mut self.events.update,
            Event::Delete => &mut self.events.delete,
            Event::Reset => &mut self.events.reset,
            Event::Live => &mut self.events.live,
            Event::Other(_) => &mut self.events.other,
        };
        *count += 1;
        if !operation.id().is_empty() {
            if self.first_id.is_none() {
                self.first_id = Some(operation.id().to_owned());
            }
            self.last_id.clear();
            self.last_id.push_str(operation.id());
        }
        if let Some(received) = received
            && !is_state(operation)
            && let Some(lag) = lag_ms(operation, received)
        {
            self.lags.push(lag);
        }
    }

    /// One more event could not be decoded.
    pub(crate) fn count_invalid(&mut self) {
        self.invalid += 1;
    }
}

/// Whether this is a state that a replication or a fallback brings, or what that has left out. Such
/// states say when the object changed last, which may be years ago, and nothing about how long an
/// operation takes to arrive.
fn is_state(operation: &Operation) -> bool {
    matches!(operation.id().parse(), Ok(Position::Replication(_)))
}
