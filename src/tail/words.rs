//! The messages about a run and its end, in one table.

use crate::oplog::InvalidOperation;
use crate::settings::OnInvalid;

/// How much of the data of an invalid operation is shown, in characters.
const SHOWN_DATA: usize = 200;

/// `--timeout` ended the run before its stop condition did.
pub(super) const TIMED_OUT: &str =
    "stopped by --timeout before -n or --until-… was reached (exit 7)";

pub(super) const READER_GONE: &str =
    "the reader of stdout went away before -n or --until-… was reached (exit 1)";

/// Stdin ended before anything was acknowledged: probably no worker is connected.
pub(super) const NO_WORKER: &str = "stdin ended before anything was acknowledged, so the run ends; \
    with --ack stdin the worker must keep stdin open and write each id it has handled to it";

pub(super) const SAVES_SLOWLY: &str =
    "saving the position takes unusually long; waiting for the disk of the state file";

pub(super) const BY_TIMEOUT: &str = "stopped by --timeout";

pub(super) const BY_WORKER: &str = "stdin was closed";

/// Operations are unacknowledged at the end of a run that was `stopped` so.
pub(super) fn unacknowledged(stopped: &str, in_flight: usize, keeps_position: bool) -> String {
    let follows = if keeps_position {
        "the next run prints them again"
    } else {
        "without --state the next run does not print them again"
    };
    let plural = if in_flight == 1 { "" } else { "s" };
    format!("{stopped} with {in_flight} operation{plural} unacknowledged; {follows}")
}

/// An id was acknowledged that is not in flight.
pub(super) fn unknown_id(id: &str) -> String {
    format!(
        "stdin acknowledges {id:?}, which is not the id of an unacknowledged operation; ignored"
    )
}

pub(super) fn unknown_ids_left_out(number: u64) -> String {
    format!("{number} more such lines are not shown")
}

pub(super) fn saved(position: &str) -> String {
    format!("state saved: {position}")
}

/// An operation cannot be decoded; with the beginning of its data.
pub(crate) fn invalid(operation: &InvalidOperation, on_invalid: OnInvalid) -> String {
    let told = undecodable(&operation.to_string(), on_invalid);
    let data: String = operation.data.chars().take(SHOWN_DATA).collect();
    let cut = if data.len() < operation.data.len() {
        "…"
    } else {
        ""
    };
    format!("{told}; its data: {data}{cut}")
}

/// An operation cannot be decoded, for this reason, and this is what follows.
pub(crate) fn undecodable(reason: &str, on_invalid: OnInvalid) -> String {
    match on_invalid {
        OnInvalid::Exit => reason.to_owned(),
        OnInvalid::Skip => format!("{reason}; skipping it (--on-invalid exit stops instead)"),
    }
}
