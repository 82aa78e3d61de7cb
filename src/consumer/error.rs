//! Why a consumer comes to its end.

use crate::http::Failure;
use crate::oplog::Position;
use crate::retry::GaveUp;

/// Why there is nothing more to come. The caller can tell what to do by the kind.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refuses the credentials.
    #[error("access denied: {0}")]
    AccessDenied(Failure),
    /// The server answers, and trying again will not change the answer.
    #[error("cannot follow the log: {0}")]
    Refused(Failure),
    /// The connection is lost and the retries are used up.
    #[error("{failure}; gave up after {}", tries(*.failed))]
    ConnectionLost {
        failure: Failure,
        /// How many tries failed in a row.
        failed: u32,
    },
    /// The server no longer has the operation to resume from.
    #[error("the server no longer has operation {0}, so the run cannot resume there")]
    ResumeFailed(Position),
    /// The server did not say whether it has skipped operations.
    #[error(
        "reading fell behind, and the server did not answer in time whether it skipped operations; the \
         position stays before the possible gap"
    )]
    Uncertain,
}

impl From<GaveUp> for Error {
    fn from(gave_up: GaveUp) -> Self {
        match gave_up {
            GaveUp::AccessDenied(failure) => Self::AccessDenied(failure),
            GaveUp::Refused(failure) => Self::Refused(failure),
            GaveUp::UsedUp(failure, failed) => Self::ConnectionLost { failure, failed },
        }
    }
}

/// A number of tries in words.
fn tries(number: u32) -> String {
    match number {
        1 => "one try".into(),
        number => format!("{number} tries"),
    }
}
