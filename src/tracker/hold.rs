//! How far back the position stays until the states that were asked for are complete.
//!
//! Three clocks meet in a log. The store stamps operations: their ids begin with its second. The
//! agent that takes an operation in stamps the state that it leaves, by which states are looked up.
//! And the agent that answers stamps its answer.

use super::in_flight::Pin;
use crate::oplog::Position;

/// How many seconds the clocks of store and agents may be apart in all, rounding included, so that
/// nothing is lost. The store's clock stamps operations; each agent's own clock stamps the states
/// that come through it, and its answers.
pub const MARGIN: u64 = 5;

/// Keeps the position back until what a replication left out has been fetched.
#[derive(Debug)]
pub struct Hold {
    /// The position stays here.
    pub floor: Position,
    /// A new connection goes on from here too, because states came that are younger than the
    /// request; see [`hold_young`](super::Tracker::hold_young).
    pub is_young: bool,
    pub pin: Pin,
}
