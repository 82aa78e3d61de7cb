//! What a consumer hands out.

use crate::oplog::{InvalidOperation, Operation};

/// What is handed out.
#[derive(Debug)]
pub enum Delivery {
    /// An operation or a marker.
    Operation(Operation),
    /// An event that is no operation. [`Consumer::skip`] goes on past it.
    Invalid(Box<InvalidOperation>),
}
