//! The messages about connections and replications, in one table.

use crate::consumer::{Incomplete, OnResumeFailed};
use crate::duration::ForPeople;
use crate::http::Endpoint;
use crate::oplog::Position;

/// Where the run that follows this one starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextRun {
    /// It continues where this one ended.
    GoesOn,
    /// It starts over: no position is kept.
    StartsOver,
    /// It starts where this one started: `--ack none`.
    Repeats,
}

/// The run ends before a replication is complete.
pub(crate) fn incomplete(what: Incomplete, next: NextRun) -> String {
    let next = match next {
        NextRun::GoesOn => "the next run continues where this one stopped",
        NextRun::StartsOver => "without --state the next run starts over",
        NextRun::Repeats => "with --ack none the next run starts from the same position",
    };
    match what {
        Incomplete::Replication => format!(
            "the run ended before the replication was complete, so objects are missing; {next}; \
             --until-complete runs until everything is there"
        ),
        Incomplete::Backfill => format!(
            "objects that changed in the second before the replication may be missing, because \
             they come only after the next operation of the log; {next}; --until-complete waits \
             for them"
        ),
    }
}

pub(super) const HEARTBEAT: &str = "heartbeat";

pub(super) const BACKFILL_STARTED: &str = "fetching the objects that the replication missed";

pub(super) const BACKFILLED: &str =
    "the replication is complete: the objects that it missed are fetched";

pub(super) const BACKFILLED_IN_DOUBT: &str = "too many objects changed meanwhile, so some that \
    the replication missed may be missing or out of date; to be sure, start again with --rewind \
    --start-id 0";

/// The run connects, to resume after this position if there is one.
pub(super) fn connecting(endpoint: &Endpoint, after: Option<Position>) -> String {
    let url = &endpoint.url;
    let Some(position) = after else {
        return format!("connecting to {url}, for operations from now on");
    };
    let deletions = match position {
        Position::Replication(1..) => ", without the deletions since",
        _ => "",
    };
    format!(
        "connecting to {url}, for what comes after {}{deletions}",
        described(position)
    )
}

pub(super) fn connected(endpoint: &Endpoint) -> String {
    format!("connected to {}", endpoint.url)
}

pub(super) fn probing(operation: Position) -> String {
    format!(
        "reading fell behind; asking whether the server still has {}",
        described(operation)
    )
}

pub(super) fn skipped(operation: Position) -> String {
    format!(
        "reading fell behind, and the server no longer has {}: operations after it may be missing; \
         the position stays there",
        described(operation)
    )
}

/// `server` and `local` are UNIX seconds by the clocks of the server and of this machine.
pub(super) fn clocks_differ(server: u64, local: u64) -> String {
    let ahead = if server > local { "ahead of" } else { "behind" };
    format!(
        "the clock of the server is {} s {ahead} the clock of this machine; if the connection \
         breaks before the first operation, the run resumes from the earlier time",
        server.abs_diff(local)
    )
}

pub(super) fn backfill_delayed(reason: &str, wait: ForPeople) -> String {
    format!(
        "cannot fetch the objects that the replication missed: {reason}; trying again in {wait}"
    )
}

pub(super) fn backfill_given_up(reason: &str) -> String {
    format!("objects that the replication missed cannot be fetched and stay missing: {reason}")
}

/// The server no longer has the operation, and this is done about it.
pub(super) fn resume_failed(operation: Position, choice: OnResumeFailed) -> String {
    let operation = described(operation);
    match choice {
        OnResumeFailed::Continue => format!(
            "the server no longer has {operation}: continuing with the latest state of each object \
             changed since; intermediate operations are lost (--on-resume-failed chooses what \
             else to do)"
        ),
        OnResumeFailed::Replicate | OnResumeFailed::Exit => format!(
            "the server no longer has {operation}: starting a full replication, which brings the \
             latest state of every object; intermediate operations are lost"
        ),
    }
}

/// A position with its time.
pub(crate) fn described(position: Position) -> String {
    let at = position.time();
    let at = at.map_or_else(|| "?".into(), |at| at.to_string());
    match position {
        Position::Replication(0) => "0 (a full replication)".into(),
        Position::Replication(ms) => format!("{ms} (of {at})"),
        Position::Operation(id) if id.is_synthetic() => format!("{id} (the second {at})"),
        Position::Operation(id) => format!("operation {id} (of {at})"),
    }
}
