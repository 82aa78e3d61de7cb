//! Fetches what a replication leaves out.
//!
//! When a replication or a fallback begins, the server notes its newest operation, sends the
//! objects last changed up to the whole second of that operation (its ids know only seconds),
//! then `live`, then the operations after it. An object changed last by that operation, or by an
//! earlier one within the same second, is in neither part.
//!
//! Some seconds later the missing ones can be asked for: a second connection that falls back to
//! the second of the replication's last position brings the states since then, deletions
//! included, up to its own `live`. What the main connection has sent an operation about in the
//! meantime is left out of it, because the server writes the operation before the state, so the
//! state may be the older of the two.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::config::Config;
use super::error::Error;
use super::notice::Notice;
use super::reconnect::{Incoming, Reconnect};
use crate::http::Clients;
use crate::oplog::{Event, InvalidOperation, Operation, Position, Record};
use crate::tracker::{MARGIN, SeenSet};

/// How many it must be at least: with clocks that agree the second is over by then.
const LEAST_MARGIN: u64 = 1;
/// How often it is tried again, where `--retries` does not say more: about five minutes.
const LEAST_RETRIES: u32 = 12;
/// How many objects are remembered that the main connection has sent since `live`.
const MOST_SEEN: usize = 100_000;

/// What the repair has come to.
#[derive(Debug)]
pub enum Step {
    /// This object was missing.
    Missing(Operation),
    /// This cannot be decoded.
    Invalid(Box<InvalidOperation>),
    /// Everything that was missing has been handed out.
    Done,
    /// The server cannot be reached, for this reason.
    Lost(String),
    /// It cannot be done, for this reason.
    GivenUp(String),
}

/// A repair that is due, or will be.
pub struct Backfill {
    config: Arc<Config>,
    clients: Arc<Clients>,
    /// The second from which on states are asked for: where the fallback began, or that of the last
    /// position of the replication, or an earlier one.
    from: u64,
    /// By the second of an operation it is known when what is missing can be asked for; everything
    /// that is missing happened before this second.
    missing_before: u64,
    /// No operation has come since `live`.
    awaits_operation: bool,
    hasher: RandomState,
    /// Hashes of type and id of what the main connection has sent since `live`.
    seen: HashSet<u64>,
    /// What the replication has sent of its last second.
    known: SeenSet,
    /// How many operations there was no room to remember.
    unseen: usize,
    /// It went ahead with less than the margin.
    is_early: bool,
    connection: Option<Reconnect>,
}

impl Backfill {
    /// The repair, from the UNIX second `from` on, of a replication that was over in the second
    /// `over_at`, by any clock; `known` is what it sent last.
    pub fn new(
        config: Arc<Config>,
        clients: Arc<Clients>,
        from: u64,
        over_at: u64,
        known: SeenSet,
    ) -> Self {
        Self {
            config,
            clients,
            from,
            missing_before: over_at,
            awaits_operation: true,
            hasher: RandomState::new(),
            seen: HashSet::new(),
            known,
            unseen: 0,
            is_early: false,
            connection: None,
        }
    }

    /// The main connection has sent this operation; says whether the repair is due now.
    ///
    /// `is_behind` says whether the server may have had to wait before it sent the operation. If
    /// the first operation comes late for that reason, some before it may have left the log.
    pub fn saw(
        &mut self,
        operation: &Operation,
        position: Option<Position>,
        is_behind: bool,
    ) -> bool {
        let Some(object) = operation.object() else {
            return false;
        };
        let object = self.hasher.hash_one((object.kind, object.id));
        if self.seen.len() < MOST_SEEN {
            self.seen.insert(object);
        } else if !self.seen.contains(&object) {
            self.unseen += 1;
        }
        let Some(Position::Operation(id)) = position else {
            return false;
        };
        let second = u64::from(id.second());
        if std::mem::take(&mut self.awaits_operation) {
            // What is missing happened before the first operation in any case, which counts where
            // the clocks of this machine or of a proxy are ahead.
            let over_at = self.missing_before;
            self.missing_before = if is_behind {
                second
            } else {
                second.min(over_at)
            };
            if !is_behind && second >= over_at + MARGIN {
                return true;
            }
        }
        if self.connection.is_some() {
            return false;
        }
        let is_due = |margin| second >= self.missing_before + margin;
        // When no more can be remembered it goes ahead, with what certainty there is.
        self.is_early = self.unseen > 0 && !is_due(MARGIN) && is_due(LEAST_MARGIN);
        is_due(MARGIN) || self.is_early
    }

    /// Begins to fetch.
    pub fn start(&mut self) {
        // To give up lets the position move past what is missing, so it takes more than the few
        // tries that a run may be allowed.
        let retries = self
            .config
            .retries
            .map_or(LEAST_RETRIES, |it| it.max(LEAST_RETRIES));
        let config = Config {
            retries: Some(retries),
            ..Config::clone(&self.config)
        };
        self.connection = Some(Reconnect::new(Arc::new(config), Arc::clone(&self.clients)));
    }

    /// Whether it has begun.
    pub fn is_running(&self) -> bool {
        self.connection.is_some()
    }

    /// Whether it went ahead before it was certain that nothing more can be missing.
    pub fn is_early(&self) -> bool {
        self.is_early
    }

    /// Tells that reading paused for a reason of ours.
    pub fn pause_clock(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.pause_clock();
        }
    }

    /// The next thing the repair brings. Pending for ever while it is not due.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        observer: &mut dyn FnMut(Notice<'_>),
    ) -> Poll<Step> {
        let most_unseen = if self.connection.is_some() {
            MOST_SEEN
        } else {
            0
        };
        if self.unseen > most_unseen {
            return Poll::Ready(Step::GivenUp(format!(
                "more than {MOST_SEEN} objects changed before it was done"
            )));
        }
        loop {
            let Some(connection) = &mut self.connection else {
                return Poll::Pending;
            };
            let after = Position::of_second(self.from);
            let mut observer = |notice: Notice<'_>| match notice {
                Notice::Exchanged(_) => observer(notice),
                // Another agent is tried at once; what comes of that counts.
                Notice::Lost { wait, .. } if wait.is_zero() => {}
                Notice::Lost { failure, wait, .. } => {
                    observer(Notice::BackfillDelayed { failure, wait });
                }
                _ => {}
            };
            match ready!(connection.poll(cx, || Some(after), &mut observer)) {
                Ok(Incoming::Opened(_)) => {}
                Ok(Incoming::Event(record)) => {
                    if let Some(step) = self.receive(record) {
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
        if let Some(object) = operation.object()
            && self
                .seen
                .contains(&self.hasher.hash_one((object.kind, object.id)))
        {
            return None;
        }
        if let Some(position) = position {
            // It comes again if this connection breaks before its end.
            self.known
                .insert(position, operation.event().name(), operation.data());
        }
        Some(Step::Missing(operation))
    }
}

#[cfg(test)]
mod tests;
