//! Why a connection was not made or ended, and whether a retry can help.

use std::time::Duration;

use super::hint::Hint;

/// Whether a retry can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A retry may help, but not before the server's `Retry-After`, if it sent one.
    Retry(Option<Duration>),
    /// The data cannot be read. A few retries may help.
    RetryFew,
    /// The credentials are rejected. A retry will not help.
    Authenticate,
    /// A retry will not change the answer.
    None,
}

/// Why a connection was not made or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    /// What happened, in words.
    pub reason: String,
    /// What it means for the next try.
    pub remedy: Remedy,
    /// What a person can do.
    pub hint: Option<Hint>,
}

impl Failure {
    /// Trying again may help.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            remedy: Remedy::Retry(None),
            hint: None,
        }
    }

    /// What came cannot be read.
    pub fn unreadable(reason: impl Into<String>) -> Self {
        Self {
            remedy: Remedy::RetryFew,
            ..Self::retry(reason)
        }
    }

    /// The connection ended without an error.
    pub fn ended(reason: impl Into<String>) -> Self {
        Self::retry(reason).hinting(Hint::Ended)
    }

    /// Trying again will not change the answer.
    pub fn fatal(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            remedy: Remedy::None,
            hint: None,
        }
    }

    /// The same, with what may help.
    pub fn hinting(self, hint: Hint) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }
}
