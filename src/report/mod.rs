//! All messages on stderr, and the only code that writes there.

mod advice;
mod diagnostics;
#[cfg(test)]
pub(crate) mod messages;
mod outage;
mod progress;
mod statistics;
pub(crate) mod stderr;
mod words;

pub(crate) use advice::{against, with_advice};
pub(crate) use diagnostics::{Diagnostics, Limiter, Verbosity};
pub(crate) use progress::Progress;
pub(crate) use statistics::Tally;
pub(crate) use statistics::shared::SharedStatistics;
pub(crate) use words::{NextRun, described, incomplete};
