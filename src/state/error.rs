//! Why the state file cannot be used or the position cannot be saved.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::holder::Holder;
use super::obstacle::Problem;
use crate::duration::ForPeople;
use crate::oplog::Position;

/// Why the state file cannot be used or the position cannot be saved.
#[derive(Clone, Debug, thiserror::Error)]
#[error("state file {}: {reason}", file.display())]
pub(crate) struct StateError {
    /// The file as it was named.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a state file, and what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Reason {
    /// A step that each run needs fails.
    #[error("{0}")]
    Step(Problem),
    /// It is no regular file.
    #[error("not a regular file; name another one")]
    NotAFile,
    /// It does not hold a position; it begins like this.
    #[error("holds {0:?}, which is not a position; remove the file, or name another one")]
    Invalid(String),
    /// `--ack none` needs a position, and the file holds none.
    #[error("{}, but --ack none needs a saved position; correct the name, or leave --state out", if *is_missing { "does not exist" } else { "holds nothing" })]
    NoPosition {
        /// There is no such file; otherwise it is empty.
        is_missing: bool,
    },
    /// Another process has locked it.
    #[error("is in use by {0}; stop that process, or name another file")]
    InUse(Holder),
    /// The position cannot be saved.
    #[error("position {0} is not saved: {1}")]
    Save(Position, Problem),
    /// The position was not saved in time.
    #[error("position {position} was not saved within {}; check the disk", ForPeople(*patience))]
    TooSlow {
        /// The position that may not be in the file.
        position: Position,
        /// The time there was.
        patience: Duration,
    },
    /// Another program replaced the file.
    #[error(
        "another program replaced it during the run; its content is left as it is, and position {0} is not saved"
    )]
    Replaced(Position),
}

impl Reason {
    /// The error with the file of this name.
    pub(super) fn with(self, file: &Path) -> StateError {
        StateError {
            file: file.into(),
            reason: self,
        }
    }
}
