//! How a run came to its end.

use crate::exit::ExitStatus;

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// A stop condition was met.
    ConditionMet,
    /// Stopped from outside, with this status if a stop condition was given.
    Interrupted(ExitStatus),
    /// The reader of stdout is gone.
    ReaderGone,
    /// The worker has closed stdin.
    AcksEnded,
}
