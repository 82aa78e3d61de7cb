//! Why the state file cannot be used or the position cannot be saved.

use std::path::PathBuf;
use std::time::Duration;

use super::holder::Holder;
use super::obstacle::Problem;
use crate::duration::ForPeople;
use crate::oplog::Position;

/// Why the state file cannot be used. Each message names the file and what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// A step that each run needs fails.
    #[error("state file {}: {problem}", path.display())]
    Open {
        /// The file as it was named.
        path: PathBuf,
        /// What cannot be done, and why.
        problem: Problem,
    },
    /// It is no regular file.
    #[error("state file {}: not a regular file; name another one", .0.display())]
    NotAFile(PathBuf),
    /// It does not hold a position.
    #[error("state file {}: holds {content:?}, which is not a position; remove the file, or name another one", path.display())]
    Invalid {
        /// The file as it was named.
        path: PathBuf,
        /// The start of what it holds.
        content: String,
    },
    /// `--ack none` needs a position, and the file holds none.
    #[error("state file {}: {}, but --ack none needs a saved position; correct the name, or leave --state out", path.display(), if *is_missing { "does not exist" } else { "holds nothing" })]
    NoPosition {
        /// The file as it was named.
        path: PathBuf,
        /// There is no such file; otherwise it is empty.
        is_missing: bool,
    },
    /// Another process has locked it.
    #[error("state file {}: is in use by {}; stop that process, or name another file", path.display(), Holder::described(holder.as_ref()))]
    InUse {
        /// The file as it was named.
        path: PathBuf,
        /// Who has locked it, where the system tells.
        holder: Option<Holder>,
    },
    /// The position cannot be saved.
    #[error("state file {}: position {position} is not saved: {problem}", path.display())]
    Save {
        /// The file as it was named.
        path: PathBuf,
        /// The position that is not in it.
        position: Position,
        /// What cannot be done, and why.
        problem: Problem,
    },
    /// The position was not saved in time.
    #[error("state file {}: position {position} was not saved within {}; check the disk", path.display(), ForPeople(*patience))]
    TooSlow {
        /// The file as it was named.
        path: PathBuf,
        /// The position that may not be in it.
        position: Position,
        /// The time there was.
        patience: Duration,
    },
    /// Another program replaced the file.
    #[error("state file {}: another program replaced it during the run; its content is left as it is, and position {position} is not saved", path.display())]
    Replaced {
        /// The file as it was named.
        path: PathBuf,
        /// The position that is not in it.
        position: Position,
    },
}
