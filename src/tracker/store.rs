//! Where the position of a consumer is kept.

use std::fmt;
use std::pin::Pin;

use crate::oplog::Position;

/// Keeps the position, so that a later run can go on from there.
pub trait PositionStore: fmt::Debug {
    /// Has the position stored soon. Does not wait for it and returns no failure; the owner of the
    /// store watches for that.
    fn store(&self, position: Position);

    /// The position that a later run would find now.
    fn stored(&self) -> Option<Position>;

    /// Waits until [`PositionStore::stored`] may say something else than it did at this call.
    fn changed(&self) -> Pin<Box<dyn Future<Output = ()>>>;
}
