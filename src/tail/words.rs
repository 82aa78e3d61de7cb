//! What is said about a run and its end, in words: the one table of it.

use crate::settings::OnInvalid;

/// `--timeout` ended the run before its stop condition did.
pub(super) const TIMED_OUT: &str =
    "stopped by --timeout before -n or --until-… was reached (exit 7)";

pub(super) const READER_GONE: &str =
    "the reader of stdout went away before -n or --until-… was reached (exit 1)";

/// A worker that is done closes stdin; a stdin without one ends before anything was acknowledged.
pub(super) const NO_WORKER: &str = "stdin ended before anything was acknowledged, so the run ends; \
    with --ack stdin the worker must keep stdin open and write each id it has handled to it";

pub(super) const SAVES_SLOWLY: &str =
    "saving the position takes unusually long; waiting for the disk of the state file";

/// What ended a run with operations unacknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stopped {
    ByTimeout,
    ByWorker,
}

/// So many operations are unacknowledged at the end.
pub(super) fn unacknowledged(stopped: Stopped, in_flight: usize, keeps_position: bool) -> String {
    let happened = match stopped {
        Stopped::ByTimeout => "stopped by --timeout",
        Stopped::ByWorker => "stdin was closed",
    };
    let follows = if keeps_position {
        "the next run prints them again"
    } else {
        "without --state the next run does not print them again"
    };
    let plural = if in_flight == 1 { "" } else { "s" };
    format!("{happened} with {in_flight} operation{plural} unacknowledged; {follows}")
}

/// This was acknowledged and is not out.
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

/// An operation cannot be decoded, for this reason; `data` is the beginning of what it holds.
pub(super) fn invalid(reason: &str, on_invalid: OnInvalid, data: &str, is_cut: bool) -> String {
    let follows = match on_invalid {
        OnInvalid::Exit => "",
        OnInvalid::Skip => "; skipping it (--on-invalid exit stops instead)",
    };
    let cut = if is_cut { "…" } else { "" };
    format!("{reason}{follows}; its data: {data}{cut}")
}
