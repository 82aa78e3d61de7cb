//! Errors in the command line.

use crate::cli;

/// An error in the command line: exit status 2. Names the flag and, unless it is secret, the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(String);

impl UsageError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<UsageError> for clap::Error {
    /// The error in clap's form: `exit` prints it and ends the process with status 2.
    fn from(error: UsageError) -> Self {
        cli::usage_error(error)
    }
}
