//! How a run came to its end.

use crate::exit::ExitStatus;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    ConditionMet,
    /// Stopped from outside, with this status if a stop condition was given.
    Interrupted(ExitStatus),
    ReaderGone,
    /// The worker has closed stdin.
    AcksEnded,
}
