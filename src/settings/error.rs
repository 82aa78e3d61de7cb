//! Errors in the command line.

use std::fmt;

use crate::cli;

/// An error in the command line: exit status 2. Names the flag and, unless it is secret, the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError(String);

impl UsageError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

impl From<UsageError> for clap::Error {
    /// The error in clap's form: `exit` prints it and ends the process with status 2.
    fn from(error: UsageError) -> Self {
        cli::usage_error(error)
    }
}
