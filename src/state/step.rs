//! The steps of using a state file. Each of them can fail.

use std::fmt;
use std::io;
use std::path::Path;

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Opening the file.
    Open,
    /// Locking it.
    Lock,
    /// Making the temporary file.
    Create,
    /// Writing the temporary file to the disk.
    Write,
    /// Renaming the temporary file onto it.
    Replace,
    /// Starting the thread that saves.
    Start,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "cannot be opened",
            Self::Lock => "cannot be locked",
            Self::Create => {
                "the temporary file beside it, which each save needs, cannot be created"
            }
            Self::Write => "its new version cannot be written",
            Self::Replace => "cannot be replaced by its new version, as each save does",
            Self::Start => "the thread that saves it cannot be started",
        })
    }
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
