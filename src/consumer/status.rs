//! Where a run is, to be shown to a person.

use crate::oplog::Position;
use crate::tracker::LinesOut;

/// What a run that ends now leaves incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incomplete {
    /// A replication, or a fallback, has not come to its `live`.
    Replication,
    /// What a replication left out has not been fetched.
    Backfill,
}

/// How a backfill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackfillEnd {
    /// Everything that the replication left out was fetched.
    Done,
    /// It cannot be fetched and stays missing.
    GivenUp,
}

/// Where a run is.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Up to where everything is acknowledged; `None` while the run starts from now and has not
    /// connected.
    pub position: Option<Position>,
    /// How many connections followed the first.
    pub reconnections: u64,
    /// How many objects backfills have handed out. After a fallback that includes what was handed
    /// out as an operation before.
    pub backfilled: u64,
    /// How the last backfill ended; `None` where none has.
    pub backfill_end: Option<BackfillEnd>,
    /// What would be missing if the run ended now; `None` where nothing would.
    pub incomplete: Option<Incomplete>,
    /// Something that was handed out may have a gap before it.
    pub is_uncertain: bool,
    /// What is out unacknowledged.
    pub lines_out: LinesOut,
}
