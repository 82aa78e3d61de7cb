//! All messages on stderr, and the only code that writes there.

mod advice;
mod diagnostics;
#[cfg(test)]
pub mod messages;
mod outage;
mod progress;
mod statistics;
pub mod stderr;
mod words;

pub use advice::{against, with_advice};
pub use diagnostics::{Diagnostics, Limiter, Verbosity, fatal};
pub use progress::Progress;
pub use statistics::Tally;
pub use statistics::shared::SharedStatistics;
pub use words::{NextRun, described, incomplete, uncertain};
