//! What a consumer hands out.

use crate::oplog::{InvalidOperation, Operation, Position};

/// What is handed out.
#[derive(Debug)]
pub enum Delivery {
    /// An operation or a marker.
    Operation(Operation),
    /// An event that is no operation. [`Consumer::skip`](super::Consumer::skip) goes on past it.
    Invalid(Invalid),
}

/// An event that is no operation, with what it takes to go on past it.
#[derive(Debug)]
pub struct Invalid {
    /// The event, and what is wrong with it.
    pub event: Box<InvalidOperation>,
    /// Where the position moves when the event is skipped; `None` for one that says nothing of it.
    pub(super) moves_to: Option<Position>,
}

/// An operation, with what it is known by.
pub(super) struct Decoded {
    pub operation: Operation,
    /// Its id, if that is a position.
    pub position: Option<Position>,
    pub fingerprint: u64,
}
