//! The capped log of a store.

use std::collections::VecDeque;
use std::collections::vec_deque::{Drain, Iter};
use std::sync::Arc;

use crate::oplog::ObjectId;
use crate::server::object::{Action, Object};

/// An operation in the log.
#[derive(Debug)]
pub(super) struct Logged {
    pub id: ObjectId,
    pub action: Action,
    pub object: Arc<Object>,
}

/// The last operations of a store, oldest first.
#[derive(Debug, Default)]
pub(super) struct Log {
    operations: VecDeque<Logged>,
    /// How many operations were ever appended; the log holds the last of them.
    appended: usize,
}

impl Log {
    /// How many operations were ever appended: the number of the next one.
    pub(super) fn appended(&self) -> usize {
        self.appended
    }

    /// The number of the oldest operation in it.
    pub(super) fn first(&self) -> usize {
        self.appended - self.operations.len()
    }

    pub(super) fn newest(&self) -> Option<ObjectId> {
        self.operations.back().map(|operation| operation.id)
    }

    pub(super) fn push(&mut self, operation: Logged) {
        self.operations.push_back(operation);
        self.appended += 1;
    }

    /// Takes out the oldest operations, until it holds no more than `operations`.
    pub(super) fn shrink(&mut self, operations: usize) -> Drain<'_, Logged> {
        let leaving = self.operations.len().saturating_sub(operations);
        self.operations.drain(..leaving)
    }

    /// The number of the operation after this one; `None` where it is not in the log.
    pub(super) fn after(&self, id: ObjectId) -> Option<usize> {
        // Appended in order of their ids, so the log can be searched.
        let index = self.operations.binary_search_by_key(&id, |op| op.id).ok()?;
        Some(self.first() + index + 1)
    }

    /// The operations from the one of this number on, which must be in the log or the next one.
    pub(super) fn from(&self, number: usize) -> Iter<'_, Logged> {
        self.operations.range(number - self.first()..)
    }
}
