//! Why the state file cannot be used or the position cannot be saved.

use std::path::PathBuf;
use std::time::Duration;

use super::holder::Holder;
use super::obstacle::Problem;
use crate::oplog::Position;

/// Why the state file cannot be used. Each says on which file, and what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StateError {
    /// Something that each run needs cannot be done with it.
    #[error("state file {}: {problem}", path.display())]
    Open {
        /// The file as it was named.
        path: PathBuf,
        /// What cannot be done, and why.
        problem: Problem,
    },
    /// It is no regular file.
    #[error("state file {}: is no regular file; name another one", .0.display())]
    NotAFile(PathBuf),
    /// It holds something else.
    #[error("state file {}: holds {content:?}, which is no position; remove it, or name another one", path.display())]
    Invalid {
        /// The file as it was named.
        path: PathBuf,
        /// The start of what it holds.
        content: String,
    },
    /// It is only to be looked at, and there is nothing to see.
    #[error("state file {}: {}, so there is no position to look at; correct the name, or name no state file", path.display(), if *is_missing { "does not exist" } else { "holds nothing" })]
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
    /// The position is not saved in the time there was.
    #[error("state file {}: position {position} could not be saved within {patience:?}; look after the disk", path.display())]
    TooSlow {
        /// The file as it was named.
        path: PathBuf,
        /// The position that may not be in it.
        position: Position,
        /// The time there was.
        patience: Duration,
    },
    /// Somebody else put another file in its place.
    #[error("state file {}: was replaced by another program while in use; its content is left alone, position {position} is not saved", path.display())]
    Replaced {
        /// The file as it was named.
        path: PathBuf,
        /// The position that is not in it.
        position: Position,
    },
}
