//! How a run came to its end.

use super::supervisor::Interruption;

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// A stop condition was met.
    ConditionMet,
    /// Stopped from outside.
    Interrupted(Interruption),
    /// The reader of stdout is gone.
    ReaderGone,
    /// The worker has closed stdin.
    AcksEnded,
}
