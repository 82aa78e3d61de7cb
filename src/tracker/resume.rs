//! Decides where a new connection goes on, and what it means when that brings states.
//!
//! What was handed out in a run stays handed out, so a new connection goes on after the last of it,
//! acknowledged or not. There are these exceptions, the first that applies:
//!
//! | Where | it goes on |
//! |---|---|
//! | a full replication is to begin | from nothing |
//! | the server may have skipped something | after the last operation without doubt: what comes shows whether the server still has it |
//! | a start that the user gave, and nothing acknowledged | at that start, sent as it is: everything that the server sends a second time is in flight, and is dropped |
//! | a recent state came ([`Hold`](super::Hold)) | from before the request |

use crate::oplog::{Event, Position, Record};

/// Nothing is lost while the clocks of store and agents are at most this many seconds apart,
/// rounding included.
pub const MARGIN: u64 = 5;

/// Where a run without a saved position starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the operations from now on.
    #[default]
    Now,
    /// At this position, which is sent as it is.
    At(Position),
}

/// Where the run starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// With what happens after the first connection.
    #[default]
    Now,
    /// As the user said, sent as it is; until something is acknowledged by id or skipped.
    Given(Position),
    /// Where an earlier run, or the first connection of this one, left off; or a given start that
    /// counts no more.
    Reached(Position),
}

impl From<Start> for Origin {
    fn from(start: Start) -> Self {
        match start {
            Start::Now => Self::Now,
            Start::At(position) => Self::Given(position),
        }
    }
}

/// What the decision depends on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    pub origin: Origin,
    /// The last position handed out.
    pub delivered: Option<Position>,
    /// A full replication is to begin.
    pub replicates: bool,
    /// The last operation without doubt, where the server may have skipped something after it.
    pub certain: Option<Position>,
    /// Where a recent state came: [`MARGIN`] seconds before the request.
    pub before_recent: Option<Position>,
    /// Acknowledgements come by id, so a given start counts until one has come.
    pub is_by_id: bool,
    /// Times are sent as they are.
    pub exact_resume: bool,
}

/// What a new connection asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// It goes on after this position.
    pub after: Position,
    /// What is sent for it: the same, or the synthetic id of its second.
    pub sent: Position,
}

impl Resume {
    fn new(after: Position, exact: bool) -> Self {
        let sent = if exact { after } else { after.resumed() };
        Self { after, sent }
    }
}

/// Where the first connection of a run goes on that continues at the `saved` position, if there is
/// one; `None` for what happens from now on.
pub fn first_resume(start: Start, exact_resume: bool, saved: Option<Position>) -> Option<Resume> {
    resume(&Facts {
        origin: saved.map_or_else(|| start.into(), Origin::Reached),
        exact_resume,
        ..Facts::default()
    })
}

/// Where a new connection goes on; `None` for what happens from now on.
pub(super) fn resume(facts: &Facts) -> Option<Resume> {
    if facts.replicates {
        return Some(Resume::new(Position::FULL_REPLICATION, true));
    }
    if let Some(certain) = facts.certain {
        return Some(Resume::new(certain, true));
    }
    let after = match (facts.origin, facts.delivered) {
        (Origin::Given(given), delivered) if delivered.is_none() || facts.is_by_id => {
            return Some(Resume::new(given, true));
        }
        (_, Some(delivered @ Position::Replication(_))) => facts.before_recent.unwrap_or(delivered),
        (_, Some(delivered)) => delivered,
        (Origin::Reached(position) | Origin::Given(position), None) => position,
        (Origin::Now, None) => return None,
    };
    Some(Resume::new(after, facts.exact_resume))
}

/// A connection that goes on after `asked` brings states: how many seconds before `asked` the
/// position has to stay until they are complete. `None` if this is no fallback, because states were
/// asked for.
///
/// The store's clock gives the second of an operation, but the agents' clocks give the times of the
/// states, so there has to be a margin. A saved position needs it too: another program may have saved
/// it. A synthetic id needs none: it already lies early enough, or the user asked for it. Nor does
/// the time of a state that this run has handed out: a hold keeps the position before recent states.
pub(super) fn fallback_margin(asked: Position, facts: &Facts) -> Option<u64> {
    match asked {
        Position::Operation(_) if asked.names_an_operation() => Some(MARGIN),
        Position::Operation(_) => Some(0),
        Position::Replication(1..) if !facts.exact_resume => {
            match (facts.origin, facts.delivered) {
                // Sent as it is.
                (Origin::Given(given), None) if given == asked => None,
                (_, None) => Some(MARGIN),
                (_, Some(_)) => Some(0),
            }
        }
        Position::Replication(_) => None,
    }
}

/// Whether the server still had the operation that was asked for, by the first record that tells:
/// if not, states come in place of operations, or `live` alone. `None` if this one does not tell.
pub fn was_kept(record: &Record) -> Option<bool> {
    match record.id().parse() {
        Ok(Position::Operation(_)) => Some(true),
        Ok(Position::Replication(_)) => Some(false),
        Err(_) => (record.event() == Event::Live.name()).then_some(false),
    }
}

#[cfg(test)]
mod tests;
