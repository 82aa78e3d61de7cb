//! Why a run fails.

use std::io;

use crate::consumer;
use crate::output::OutputError;
use crate::state::StateError;

/// Why a run fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The consumer has come to its end.
    #[error(transparent)]
    Consumer(#[from] consumer::Error),
    /// An operation came that cannot be decoded, and going on past it was not wanted.
    #[error("stopped at an operation that cannot be decoded; --on-invalid skip continues after it")]
    Invalid,
    /// The replication was to be complete and is not.
    #[error(
        "the replication is incomplete, because objects that it missed cannot be fetched; start it again from the beginning"
    )]
    Incomplete,
    /// Nothing more can be written to stdout.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The position is not saved.
    #[error(transparent)]
    State(#[from] StateError),
    /// No thread reads acknowledgements.
    #[error("cannot start the thread that reads acknowledgements from stdin")]
    NoAcks(#[source] io::Error),
    /// Stdin cannot be read.
    #[error("cannot read acknowledgements from stdin")]
    Acks(#[source] io::Error),
}
