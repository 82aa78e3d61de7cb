//! Tracks what has been handed out and what of it is acknowledged. Decides from both where the
//! position stands and where a new connection goes on. No I/O: the consumer asks and tells.
//!
//! The position never passes an unacknowledged operation. Where it stays otherwise, by what the
//! connection brings:
//!
//! | State | The position | Ends with |
//! |---|---|---|
//! | nothing handed out yet | where the run starts; a run from now: 5 s before its first connection | the first acknowledgement |
//! | a `reset` has come | becomes 0, once nothing is in flight; the `reset` is handed out once 0 is stored | its acknowledgement |
//! | states that are 5 s older than the request, or more | follows them | `live` |
//! | from the first later state on | 5 s before the request ([`Hold`]) | the end of the backfill |
//! | a fallback | 5 s before what was asked for ([`Hold`]) | the end of the backfill |
//! | after `live` | the end of the replication, or where an earlier hold has it ([`Hold`]) | the end of the backfill |
//! | operations | follows them | |
//! | operations that may have a gap before them | the last operation without doubt ([`Doubt`]) | the server's word that it still has that one; the same operations again; or a fallback |
//!
//! A hold and a doubt are pins in [`InFlight`]. A doubt that meets a fallback becomes its hold.

mod acknowledging;
mod arriving;
mod dedup;
mod doubt;
mod hold;
pub mod in_flight;
mod out;
mod resume;
mod store;

use std::pin;

use crate::oplog::{Event, Operation, Position};
use dedup::Dedup;
pub use dedup::SeenSet;
pub use in_flight::NotInFlight;
use in_flight::{Id, InFlight, Pin};
use out::Describer;
pub use out::{LinesOut, Out};
use resume::{Facts, Origin, resume};
pub use resume::{MARGIN, Resume, Start, first_resume, was_kept};
pub use store::PositionStore;

/// How acknowledgements reach the consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acknowledging {
    /// In the order of delivery, many at once.
    #[default]
    InOrder,
    /// By id, in any order, with at most this many operations out at once.
    ById {
        /// The most operations that may be unacknowledged, at least 1.
        max_in_flight: usize,
    },
}

/// What the user decides about the bookkeeping.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// Where to start without a saved position.
    pub start: Start,
    pub acknowledging: Acknowledging,
    /// Times are sent as they are, without the deletions since.
    pub exact_resume: bool,
}

/// How far the present connection has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Nothing has come over it.
    #[default]
    Opened,
    /// It brings states: a replication or a fallback, up to `live`.
    States,
    /// It brings operations. From here on the server may skip some, if it has to wait.
    Operations,
}

/// Keeps the position back until the backfill is done; see [`hold`].
#[derive(Debug)]
struct Hold {
    /// The position stays here.
    at: Position,
    /// A new connection goes on from here too, because a recent state came; see
    /// [`Tracker::hold_for_recent_state`].
    resumes_here: bool,
    pin: Pin,
}

/// A connection fell behind, so that operations after `since` may have a gap before them. The
/// position stays at `since` until it is known that they have none; see [`doubt`].
#[derive(Debug)]
struct Doubt {
    /// The last operation without doubt.
    since: Position,
    pin: Pin,
    question: Option<Question>,
    /// The present connection goes on after `since`, so it sends again what was handed out, up to
    /// this operation.
    skips_to: Option<Position>,
}

/// The server is being asked whether it still has the last operation without doubt.
#[derive(Debug)]
struct Question {
    /// The last operation handed out when the question was asked: a yes clears up to here.
    up_to: Position,
    pin: Pin,
    /// The connection was behind when the question was asked, or has been since.
    is_behind: bool,
}

/// The bookkeeping of one run. The position goes to the store whenever it changes.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Tracker {
    rules: Rules,
    origin: Origin,
    /// The position after which the present connection goes on.
    asked: Option<Position>,
    /// True if the next connection is to start a full replication.
    replicate: bool,
    /// The last position handed out.
    delivered: Option<Position>,
    /// The last position of the replication that the present connection has sent.
    replicated: Option<Position>,
    hold: Option<Hold>,
    doubt: Option<Doubt>,
    stage: Stage,
    /// States have been taken in and no `live` after them.
    has_open_replication: bool,
    /// The operation that came last was not handed out.
    is_withheld: bool,
    /// How many seconds after it happened the quickest operation came. Counts the present connection
    /// and, while something is in doubt, those before it.
    least_lag: Option<i128>,
    in_flight: InFlight,
    /// The last one handed out is a `reset`: nothing may follow it until it is acknowledged.
    is_reset_last: bool,
    describer: Describer,
    /// What waits for the next acknowledgement in order; empty where they come by id.
    batches: Vec<Pin>,
    dedup: Dedup,
    store: Option<Box<dyn PositionStore>>,
}

impl Tracker {
    /// Nothing has been handed out yet. Positions go to `store`, if there is one.
    pub fn new(rules: Rules, store: Option<Box<dyn PositionStore>>) -> Self {
        Self {
            rules,
            origin: rules.start.into(),
            store,
            ..Self::default()
        }
    }

    /// Goes on where an earlier run left off, forgetting everything handed out so far.
    pub fn set_position(&mut self, position: Position) {
        self.origin = Origin::Reached(position);
        (self.delivered, self.replicated) = (None, None);
        (self.hold, self.doubt) = (None, None);
        self.in_flight = InFlight::default();
        self.batches.clear();
        self.dedup.forget();
    }

    /// The position up to which everything is acknowledged; `None` while the run starts from
    /// now and has not connected.
    pub fn position(&self) -> Option<Position> {
        self.in_flight.watermark().or(match self.origin {
            Origin::Now => None,
            Origin::Given(position) | Origin::Reached(position) => Some(position),
        })
    }

    /// Decides what to ask a new connection for. It may bring again what is in flight now, even if
    /// that is acknowledged before the connection stands.
    pub fn ask(&mut self) -> Option<Position> {
        let in_flight = self.in_flight.iter();
        let in_flight =
            in_flight.filter_map(|(id, fingerprint)| Some((id.position()?, fingerprint)));
        self.dedup.expect(in_flight);
        self.replicated = None;
        self.forget_question();
        if self.doubted().is_none() && !self.replicate {
            self.end_doubt();
            // Behind a connection in doubt operations may be late from the start.
            self.least_lag = None;
        }
        let resume = resume(&self.facts());
        self.asked = resume.map(|resume| resume.after);
        if let Some(doubt) = &mut self.doubt {
            let asks_again = self.asked == Some(doubt.since);
            doubt.skips_to = self.delivered.filter(|_| asks_again);
        }
        resume.map(|resume| resume.sent)
    }

    fn facts(&self) -> Facts {
        let hold = self.hold.as_ref();
        Facts {
            origin: self.origin,
            delivered: self.delivered,
            replicates: self.replicate,
            certain: self.doubt.as_ref().map(|doubt| doubt.since),
            before_recent: hold.filter(|hold| hold.resumes_here).map(|hold| hold.at),
            is_by_id: self.is_by_id(),
            exact_resume: self.rules.exact_resume,
        }
    }

    /// From the next connection on, starts a full replication until one has begun.
    pub fn replicate(&mut self) {
        self.replicate = true;
    }

    /// What comes from here on is handed out now.
    pub fn set_time(&mut self) {
        if self.is_by_id() {
            self.describer.set_time();
        }
    }

    /// Takes note that this operation is being handed out.
    pub fn deliver(&mut self, operation: &Operation, position: Option<Position>, fingerprint: u64) {
        self.replicate = false;
        let is_reset = *operation.event() == Event::Reset;
        if let Some(position) = position
            && !is_reset
        {
            self.dedup.remember(position, fingerprint);
        }
        // What has no id cannot be acknowledged, so it neither holds nor moves the position.
        if self.is_by_id() && !operation.id().trim().is_empty() {
            // White space around it is not part of an acknowledgement.
            let id = position.map_or_else(|| Id::new(operation.id().trim()), Id::Position);
            let out = self.describer.describe(operation);
            self.in_flight.deliver(id, fingerprint, Some(out));
            self.is_reset_last = is_reset;
        }
        if let Some(Position::Replication(_)) = position {
            self.replicated = position;
        }
        self.delivered = position.or(self.delivered);
    }

    /// Takes note that an operation came, which is not handed out, and nothing after it either.
    pub fn withhold(&mut self) {
        self.is_withheld = true;
    }

    /// Takes note that this object, which a replication left out, is being handed out. It counts
    /// among the replicated ones, so it changes nothing about where a connection goes on.
    pub fn deliver_backfilled(&mut self, operation: &Operation) {
        let Some(hold) = &self.hold else {
            return;
        };
        match self.rules.acknowledging {
            Acknowledging::ById { .. } if operation.id().is_empty() => {}
            Acknowledging::ById { .. } => {
                let id = Id::new(operation.id());
                let out = self.describer.describe(operation);
                self.in_flight.deliver_at(&hold.pin, id, Some(out));
            }
            Acknowledging::InOrder => self.batches.push(self.in_flight.pin_before(&hold.pin)),
        }
    }

    /// Whether the `reset` that has come may be handed out: nothing is in flight, and 0 is stored
    /// as the position. A reader deletes everything at a `reset`, so from its line on only a full
    /// replication can give it all objects.
    pub fn start_over(&mut self) -> bool {
        if self.in_flight() > 0 {
            return false;
        }
        self.set_position(Position::FULL_REPLICATION);
        self.save();
        let store = self.store.as_ref();
        store.is_none_or(|store| store.stored() == Some(Position::FULL_REPLICATION))
    }

    /// What has been handed out lately, which the server sends again when it is asked for the same
    /// states.
    pub fn recent(&self) -> SeenSet {
        self.dedup.recent()
    }

    /// Ready once something may have been stored since now; `None` without a store.
    pub fn stored(&self) -> Option<pin::Pin<Box<dyn Future<Output = ()>>>> {
        self.store.as_ref().map(|store| store.changed())
    }

    fn save(&self) {
        if let (Some(store), Some(position)) = (&self.store, self.position()) {
            store.store(position);
        }
    }
}

#[cfg(test)]
mod tests;
