//! The messages at the start of a run, in one table.

use std::path::Path;

/// The state file holds no position, so the run starts from now.
pub(super) fn from_now(path: &Path, is_new: bool) -> String {
    let why = if is_new { "is new" } else { "holds nothing" };
    format!(
        "state file {} {why}, so the run starts from now; --start-id or --since starts earlier",
        path.display()
    )
}

pub(super) fn leaving(position: &str) -> String {
    format!("ignoring the saved position, {position}")
}

/// The saved position wins over the command line.
pub(super) fn going_on(position: &str) -> String {
    format!(
        "continuing at the saved position, {position}; --rewind starts where --start-id or \
         --since says"
    )
}

pub(super) fn demo(url: &str) -> String {
    format!("the demo server listens at {url} while this runs")
}
