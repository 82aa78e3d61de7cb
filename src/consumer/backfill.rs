//! Fetches what a replication leaves out.
//!
//! When a replication or a fallback begins, the server notes its newest operation, sends the
//! objects last changed up to the whole second of that operation (its ids know only seconds),
//! then `live`, then the operations after it. An object changed last by that operation, or by an
//! earlier one within the same second, is in neither part.
//!
//! Some seconds later the missing ones can be asked for: a second connection that falls back to
//! the second of the replication's last position brings the states since then, deletions
//! included, up to its own `live`. An object about which the main connection has sent an operation
//! in the meantime is not taken from it: the server writes the operation before the state, so the
//! state may be the older of the two.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::task::{Context, Poll, ready};

use super::error::Error;
use super::notice::Notice;
use super::reconnect::{Incoming, Reconnect};
use super::status::BackfillEnd;
use crate::oplog::{Event, InvalidOperation, Object, Operation, Position, Record};
use crate::tracker::{MARGIN, SeenSet};

/// The margin where no more objects can be remembered: enough as long as the clocks agree.
const LEAST_MARGIN: u64 = 1;
/// How many objects are remembered that the main connection has sent since `live`.
const MOST_SEEN: usize = 100_000;

/// What fetching has come to.
#[derive(Debug)]
pub(super) enum Step {
    Missing(Operation),
    Invalid(Box<InvalidOperation>),
    /// Everything that was missing has been handed out.
    Done,
    /// The server cannot be reached, for this reason.
    Lost(String),
    /// It cannot be done, for this reason.
    GivenUp(String),
}

/// How far the backfill of the last replication has come. Before its `live` there is none; what
/// holds the position back by then is the tracker's alone.
pub(super) enum Backfill {
    /// Nothing is to be fetched. How the last one ended, if there was one.
    Idle(Option<BackfillEnd>),
    /// `live` has come, and what is missing cannot be asked for yet.
    Waiting(Missing, Wait),
    /// What is missing is being asked for.
    Fetching(Missing, Box<Reconnect>),
}

/// What the last replication left out, as far as it can be told from the rest.
#[derive(Default)]
pub(super) struct Missing {
    /// The second from which on states are asked for: where the fallback began, or that of the last
    /// position of the replication, or an earlier one.
    from: u64,
    hasher: RandomState,
    /// Hashes of type and id of what the main connection has sent since `live`.
    seen: HashSet<u64>,
    /// How many operations there was no room to remember.
    unseen: usize,
    /// States that were handed out: the last ones of the replication, and those fetched so far.
    known: SeenSet,
    /// It is asked for before it was certain that nothing more can be missing, or an object that
    /// changed while it was fetched is not remembered: what is fetched of it may be older.
    is_uncertain: bool,
}

/// What is waited for: an operation that is late enough.
pub(super) struct Wait {
    /// Everything that is missing happened before this second.
    missing_before: u64,
    /// No operation has come since `live`.
    is_first: bool,
}

impl Wait {
    /// Whether it is over with an operation of this second.
    ///
    /// `is_behind` says whether the server may have had to wait before it sent the operation. If
    /// the first operation comes late for that reason, some before it may have left the log.
    fn is_over(&mut self, second: u64, is_behind: bool, missing: &mut Missing) -> bool {
        if std::mem::take(&mut self.is_first) && (is_behind || second < self.missing_before) {
            // What is missing happened before the first operation in any case, which counts where
            // the clocks of this machine or of a proxy are ahead.
            self.missing_before = second;
        }
        let is_due = |margin| second >= self.missing_before + margin;
        // When no more can be remembered it goes ahead, with what certainty there is.
        missing.is_uncertain = missing.unseen > 0 && !is_due(MARGIN) && is_due(LEAST_MARGIN);
        is_due(MARGIN) || missing.is_uncertain
    }
}

impl Backfill {
    /// The backfill, from the UNIX second `from` on, of a replication that was over in the second
    /// `over_at`, by any clock; `known` is what it sent last.
    pub(super) fn new(from: u64, over_at: u64, known: SeenSet) -> Self {
        let missing = Missing {
            from,
            known,
            ..Missing::default()
        };
        let wait = Wait {
            missing_before: over_at,
            is_first: true,
        };
        Self::Waiting(missing, wait)
    }

    /// What is missing counts no more: forgets it.
    pub(super) fn cancel(&mut self) {
        if self.is_pending() {
            *self = Self::Idle(None);
        }
    }

    /// Whether something is to be fetched.
    pub(super) fn is_pending(&self) -> bool {
        !matches!(self, Self::Idle(_))
    }

    /// Whether it is being fetched.
    pub(super) fn is_running(&self) -> bool {
        matches!(self, Self::Fetching(..))
    }

    /// Whether it is being fetched before it was certain that nothing more can be missing.
    pub(super) fn is_uncertain(&self) -> bool {
        matches!(self, Self::Fetching(missing, _) if missing.is_uncertain)
    }

    /// How the last one ended; `None` where none has.
    pub(super) fn end(&self) -> Option<BackfillEnd> {
        match self {
            Self::Idle(end) => *end,
            _ => None,
        }
    }

    /// The main connection has sent this operation; says whether it is time to fetch.
    pub(super) fn saw(
        &mut self,
        operation: &Operation,
        position: Option<Position>,
        is_behind: impl FnOnce() -> bool,
    ) -> bool {
        let (missing, wait) = match self {
            Self::Idle(_) => return false,
            Self::Waiting(missing, wait) => (missing, Some(wait)),
            Self::Fetching(missing, _) => (missing, None),
        };
        let Some(object) = operation.object() else {
            return false;
        };
        let is_remembered = missing.saw(&object);
        missing.is_uncertain |= wait.is_none() && !is_remembered;
        match (wait, position) {
            (Some(wait), Some(Position::Operation(id))) => {
                wait.is_over(u64::from(id.second()), is_behind(), missing)
            }
            _ => false,
        }
    }

    /// Begins to fetch over this connection, or begins again.
    pub(super) fn fetch(&mut self, connection: Reconnect) {
        *self = match std::mem::replace(self, Self::Idle(None)) {
            Self::Waiting(missing, _) | Self::Fetching(missing, _) => {
                Self::Fetching(missing, Box::new(connection))
            }
            idle @ Self::Idle(_) => idle,
        };
    }

    /// Tells that reading paused for a reason of ours.
    pub(super) fn pause_clock(&mut self) {
        if let Self::Fetching(_, connection) = self {
            connection.pause_clock();
        }
    }

    /// The next thing that it brings. Pending for ever before it is time to fetch.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        observer: &mut dyn FnMut(Notice<'_>),
    ) -> Poll<Step> {
        let (missing, connection) = match self {
            Self::Idle(_) => return Poll::Pending,
            Self::Waiting(missing, _) if missing.unseen == 0 => return Poll::Pending,
            Self::Fetching(missing, connection) if missing.unseen <= MOST_SEEN => {
                (missing, connection)
            }
            _ => {
                return Poll::Ready(Step::GivenUp(format!(
                    "more than {MOST_SEEN} objects changed before it was done"
                )));
            }
        };
        let after = Position::of_second(missing.from);
        let mut observer = |notice: Notice<'_>| match notice {
            Notice::Exchanged(_) => observer(notice),
            // Another agent is tried at once; what comes of that counts.
            Notice::Lost { wait, .. } if wait.is_zero() => {}
            Notice::Lost { failure, wait, .. } => {
                observer(Notice::BackfillDelayed { failure, wait });
            }
            _ => {}
        };
        loop {
            match ready!(connection.poll(cx, || Some(after), &mut observer)) {
                Ok(Incoming::Opened(_)) => {}
                Ok(Incoming::Event(record)) => {
                    if let Some(step) = missing.receive(record) {
                        return Poll::Ready(step);
                    }
                }
                Err(error @ Error::ConnectionLost { .. }) => {
                    return Poll::Ready(Step::Lost(error.to_string()));
                }
                Err(error) => return Poll::Ready(Step::GivenUp(error.to_string())),
            }
        }
    }
}

impl Missing {
    fn hash(&self, object: &Object<'_>) -> u64 {
        self.hasher.hash_one((object.kind, object.id))
    }

    /// The main connection has sent an operation about this object. Says whether it is remembered.
    fn saw(&mut self, object: &Object<'_>) -> bool {
        let object = self.hash(object);
        if self.seen.len() < MOST_SEEN {
            self.seen.insert(object);
            return true;
        }
        let is_remembered = self.seen.contains(&object);
        self.unseen += usize::from(!is_remembered);
        is_remembered
    }

    /// Takes in what the second connection sends.
    fn receive(&mut self, record: Record) -> Option<Step> {
        let position = record.id().parse().ok();
        let (event, data) = (record.event(), record.data());
        if event == Event::Live.name() {
            return Some(Step::Done);
        }
        // Not what a server sends that knows no such operation; a `reset` handed out here would
        // have everything forgotten.
        if event == Event::Reset.name() || matches!(position, Some(Position::Operation(_))) {
            let id = record.id();
            return Some(Step::GivenUp(format!(
                "the server answered with {event:?} {id} instead of the states since then"
            )));
        }
        if let Some(position) = position
            && self.known.contains(position, event, data)
        {
            return None;
        }
        let operation = match Operation::new(record) {
            Ok(operation) => operation,
            Err(invalid) => return Some(Step::Invalid(invalid)),
        };
        let object = operation.object();
        if object.is_some_and(|object| self.seen.contains(&self.hash(&object))) {
            return None;
        }
        if let Some(position) = position {
            // The next connection sends it again, if this one breaks before its end.
            self.known
                .insert(position, operation.event().name(), operation.data());
        }
        Some(Step::Missing(operation))
    }
}

#[cfg(test)]
mod tests;
