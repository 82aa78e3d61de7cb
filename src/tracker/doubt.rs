//! Whether the server may have skipped operations before some that were handed out.
//!
//! The log keeps a limited number of operations. When a reader is too slow, the server cannot send,
//! and operations leave the log before the server has read them. It then goes on after the gap and
//! does not say so. But the oldest operations leave first. If an operation is still in the log when
//! the server is asked for it, all operations after it were in the log by then as well, so none of
//! them that had come by then has a gap before it.

use super::in_flight::Pin;
use crate::oplog::Position;

/// A connection fell behind, so that operations after `since` may have a gap before them. The
/// position stays at `since` until it is known that they have none.
#[derive(Debug)]
pub(super) struct Doubt {
    /// The last operation without doubt.
    pub since: Position,
    pub pin: Pin,
    pub question: Option<Question>,
    /// The present connection goes on after `since`, so it sends again what was handed out, up to
    /// this operation.
    pub skips_to: Option<Position>,
}

/// The server is being asked whether it still has the last operation without doubt.
#[derive(Debug)]
pub(super) struct Question {
    /// The last operation handed out when the question was asked: a yes clears up to here.
    pub up_to: Position,
    pub pin: Pin,
    /// The connection was behind when the question was asked, or has been since.
    pub is_behind: bool,
}
