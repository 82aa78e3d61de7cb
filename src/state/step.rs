//! The steps of using a state file. Each of them can fail.

use std::io;
use std::path::Path;

/// A step, in the words for its failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Step {
    #[error("cannot be opened")]
    Open,
    #[error("cannot be locked")]
    Lock,
    #[error("the temporary file beside it, which each save needs, cannot be created")]
    Create,
    #[error("its new version cannot be written")]
    Write,
    #[error("cannot be replaced by its new version, as each save does")]
    Replace,
    #[error("the thread that saves it cannot be started")]
    Start,
}

/// A step, or the one that failed and why.
pub(super) type Stepped<T> = Result<T, (Step, io::Error)>;

/// Adds the step to an error.
pub(super) fn at(step: Step) -> impl Fn(io::Error) -> (Step, io::Error) {
    move |error| (step, error)
}

/// The folder that the file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
