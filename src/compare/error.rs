//! Why a comparison does not come to its end.

use std::io;
use std::time::Duration;

use super::dump::DumpError;
use super::ledger::Full;
use crate::consumer;
use crate::duration::ForPeople;
use crate::output::OutputError;

/// Why a comparison does not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Dump(#[from] DumpError),
    #[error(transparent)]
    Consumer(#[from] consumer::Error),
    /// An operation came that cannot be decoded, and going on past it was not wanted.
    #[error("stopped at an operation that cannot be decoded; --on-invalid skip continues after it")]
    Invalid,
    #[error(
        "no object has come from the server for {}, so the comparison is incomplete and nothing is \
         printed; --timeout sets how long to wait",
        ForPeople(*.0)
    )]
    Silent(Duration),
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("{0}")]
    System(&'static str, #[source] io::Error),
}
