//! When a run ends by itself.

use std::num::NonZeroU64;
use std::time::Duration;

use super::start::Until;

/// When a run ends by itself. Without any but the last it is not meant to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StopConditions {
    /// After this many lines.
    pub count: Option<NonZeroU64>,
    /// After printing `live`.
    pub until_live: bool,
    /// After the replication, once what the server leaves out of it has been printed.
    pub until_complete: bool,
    /// Once everything that happened before a point in time has been printed.
    pub until: Option<Until>,
    /// After this long without an operation while connected.
    pub until_idle: Option<Duration>,
    /// After this long, whatever happened: a failure where one of the above was asked for.
    pub timeout: Option<Duration>,
}

impl StopConditions {
    /// Whether something has to be reached, so that stopping before it is a failure.
    pub fn any_asked_for(&self) -> bool {
        self.count.is_some()
            || self.until_live
            || self.until_complete
            || self.until.is_some()
            || self.until_idle.is_some()
    }
}
