//! How far back the position stays until the states that were asked for are complete.
//!
//! Three clocks meet in a log. The store stamps operations: their ids begin with its second. The
//! agent that takes an operation in stamps the state that it leaves, by which states are looked up.
//! And the agent that answers stamps its answer. Where they differ, a state can carry a time that
//! is too late, and asking from that time on would miss others.
//!
//! There are three reasons to hold the position, and one hold at a time. A second reason keeps the
//! hold that stands, because that lies further back.
//!
//! | Reason | The position stays |
//! |---|---|
//! | the server falls back to states | before what was asked for, by the margin of [`fallback_margin`](super::resume::fallback_margin) |
//! | a state comes that is about as recent as the request, or more so | [`MARGIN`] seconds before the request |
//! | a replication is over, and what it left out is still to be fetched | at its end |

use super::in_flight::Pin;
use crate::oplog::Position;

/// Nothing is lost while the clocks of store and agents are at most this many seconds apart,
/// rounding included.
pub const MARGIN: u64 = 5;

/// Keeps the position back until the backfill is done.
#[derive(Debug)]
pub(super) struct Hold {
    /// The position stays here.
    pub at: Position,
    /// A new connection goes on from here too, because a recent state came; see
    /// [`hold_for_recent_state`](super::Tracker::hold_for_recent_state).
    pub resumes_here: bool,
    pub pin: Pin,
}
