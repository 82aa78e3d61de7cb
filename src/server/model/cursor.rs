//! Where a subscription is in the log, and what it skipped of it.

use super::filter::Filter;
use super::log::Logged;
use super::states::Replication;
use crate::oplog::ObjectId;

/// What a subscription skipped at once, without a word to the client. Operations that its filter
/// holds back do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many operations.
    pub count: usize,
    /// The newest of them.
    pub newest: ObjectId,
}

/// How far a subscription got.
#[derive(Debug)]
pub(super) struct Cursor {
    pub filter: Filter,
    /// What comes before the operations.
    pub replication: Option<Replication>,
    /// The number of the operation to send next.
    pub next: usize,
    /// What has left the log before it was sent. It counts once the subscription goes on.
    pub overtaken: Option<Gap>,
}

impl Cursor {
    /// This operation leaves the log.
    pub(super) fn leaves(&mut self, number: usize, operation: &Logged) {
        if self.next <= number && self.filter.matches(&operation.object) {
            self.overtaken = Some(Gap {
                count: 1 + self.overtaken.as_ref().map_or(0, |gap| gap.count),
                newest: operation.id,
            });
        }
    }
}
