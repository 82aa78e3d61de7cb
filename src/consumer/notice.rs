//! What happens to a consumer on the way.

use std::time::Duration;

use super::config::OnResumeFailed;
use crate::http::{Endpoint, Exchange, Failure};
use crate::oplog::Position;

/// Told what happens on the way.
pub type Observer = Box<dyn FnMut(Notice<'_>)>;

/// Something that happened on the way, to be told to a person.
#[derive(Debug)]
pub enum Notice<'a> {
    /// A connection is about to be made.
    Connecting {
        endpoint: &'a Endpoint,
        /// Asking for what came after this position; `None` asks for what comes from now on.
        after: Option<Position>,
    },
    /// A request was answered.
    Exchanged(&'a Exchange),
    /// The connection stands, with this agent.
    Connected(&'a Endpoint),
    /// The first event after a failure has come.
    Receiving,
    /// The server showed over the main connection that it is there.
    Heartbeat,
    /// The connection was not made, or it ended.
    Lost {
        failure: &'a Failure,
        /// How often in a row all agents that may be tried have failed.
        failures: u32,
        wait: Duration,
        /// The agent that failed.
        endpoint: &'a Endpoint,
        /// The agent that is tried next.
        next: &'a Endpoint,
    },
    /// The server no longer has the operation to resume after.
    ResumeFailed {
        operation: Position,
        /// What is being done about it.
        choice: OnResumeFailed,
    },
    /// Reading fell behind: the server is asked whether it still has this operation.
    Probing {
        /// The last operation after which nothing can have been skipped.
        operation: Position,
    },
    /// The run ends, and the server may have skipped operations after this one.
    Skipped {
        /// The last operation after which nothing can have been skipped.
        operation: Position,
    },
    /// The first connection of a run from now was answered, and the clocks are too far apart for
    /// both to be right.
    ClocksDiffer {
        /// The UNIX second of the answer's `Date`.
        server: u64,
        /// The UNIX second of this machine.
        local: u64,
    },
    /// What the last replication left out is being fetched.
    BackfillStarted,
    /// Fetching it failed and is tried again.
    BackfillDelayed {
        failure: &'a Failure,
        wait: Duration,
    },
    /// What the last replication left out has been handed out.
    Backfilled {
        /// So many objects changed meanwhile that something may be missing or out of date.
        is_uncertain: bool,
    },
    /// What the last replication left out cannot be fetched.
    BackfillGivenUp { reason: &'a str },
}
