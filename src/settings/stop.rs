//! The stop conditions of a run.

use std::num::NonZeroU64;
use std::time::Duration;

use super::start::Until;
use crate::cli::Stopping;

/// The stop conditions of a run, and its time limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StopConditions {
    /// After this many lines.
    pub count: Option<NonZeroU64>,
    /// After printing `live`.
    pub until_live: bool,
    /// After the replication, once the objects that it missed have been printed.
    pub until_complete: bool,
    /// Once everything that happened before a point in time has been printed.
    pub until: Option<Until>,
    /// After this long without an operation while connected.
    pub until_idle: Option<Duration>,
    /// After this long in any case. A failure if one of the above was given and is not met.
    pub timeout: Option<Duration>,
}

impl StopConditions {
    /// What the flags mean; `until` is resolved already.
    pub(super) fn of(typed: &Stopping, until: Option<Until>) -> Self {
        Self {
            count: typed.count,
            until_live: typed.until_live,
            until_complete: typed.until_complete,
            until,
            until_idle: typed.until_idle,
            timeout: typed.timeout,
        }
    }

    /// True if a stop condition was given: to end before it is met is a failure.
    pub fn any_asked_for(&self) -> bool {
        self.count.is_some()
            || self.until_live
            || self.until_complete
            || self.until.is_some()
            || self.until_idle.is_some()
    }
}
