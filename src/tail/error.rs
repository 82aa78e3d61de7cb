//! Why a run fails.

use std::io;

use crate::consumer;
use crate::output::OutputError;
use crate::state::StateError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Consumer(#[from] consumer::Error),
    /// An operation cannot be decoded, and `--on-invalid exit` was given.
    #[error("stopped at an operation that cannot be decoded; --on-invalid skip continues after it")]
    Invalid,
    /// `--until-complete` was given, and the replication cannot be completed.
    #[error(
        "the replication is incomplete, because objects that it missed cannot be fetched; start it again from the beginning"
    )]
    Incomplete,
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The position is not saved.
    #[error(transparent)]
    State(#[from] StateError),
    #[error("cannot start the thread that reads acknowledgements from stdin")]
    NoAcks(#[source] io::Error),
    #[error("cannot read acknowledgements from stdin")]
    Acks(#[source] io::Error),
}
