//! Everything that is said on stderr, and the only writer there.

mod advice;
mod diagnostics;
mod outage;
mod progress;
mod statistics;
pub mod stderr;

pub use advice::{against, with_advice};
pub use diagnostics::{
    Diagnostics, Limiter, NextRun, Verbosity, described, fatal, incomplete, uncertain,
};
pub use progress::Progress;
pub use statistics::shared::SharedStatistics;
pub use statistics::{Tally, Whereabouts};
