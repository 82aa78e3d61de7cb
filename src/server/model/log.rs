//! The capped log of a store, and the cursors that read it.

use std::collections::VecDeque;
use std::collections::vec_deque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::filter::Filter;
use crate::oplog::ObjectId;
use crate::server::object::{Action, Object};

/// The most skipped operations the model remembers; it goes on counting after that.
const MOST_REMEMBERED: usize = 1_000_000;

/// An operation in the log.
#[derive(Debug)]
pub(super) struct Logged {
    pub id: ObjectId,
    pub id_text: Box<str>,
    pub action: Action,
    pub object: Arc<Object>,
}

/// An operation that a cursor never sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its id.
    pub id: ObjectId,
    /// The `type/id` of its object.
    pub key: Box<str>,
}

/// What a subscription skipped at once, without a word to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The number of the subscription; see [`super::Subscription::number`].
    pub subscription: usize,
    /// The operations that its filter lets through, oldest first.
    pub operations: Vec<Skipped>,
    /// How many they are. More than `operations` where the model remembers no more of them.
    pub count: usize,
}

/// Where a subscription is in the log. The log looks at it when operations leave.
#[derive(Debug)]
pub(super) struct Cursor {
    pub number: usize,
    pub filter: Filter,
    place: Mutex<CursorPlace>,
}

#[derive(Debug)]
struct CursorPlace {
    /// The number of the operation to send next.
    next: usize,
    /// What has left the log before it was sent, and counts once the cursor goes on.
    overtaken: Vec<Skipped>,
    overtaken_count: usize,
}

impl Cursor {
    fn place(&self) -> MutexGuard<'_, CursorPlace> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the operation to send next.
    pub(super) fn next(&self) -> usize {
        self.place().next
    }

    /// The next operation to send is the one of this number.
    pub(super) fn move_to(&self, next: usize) {
        self.place().next = next;
    }

    /// This operation leaves the log.
    fn leaves(&self, number: usize, operation: &Logged) {
        let mut place = self.place();
        if place.next <= number && self.filter.matches(&operation.object) {
            place.overtaken_count += 1;
            if place.overtaken.len() < MOST_REMEMBERED {
                place.overtaken.push(Skipped {
                    id: operation.id,
                    key: operation.object.key.clone(),
                });
            }
        }
    }

    /// Takes what has left the log unsent since the last call.
    fn take_overtaken(&self) -> (Vec<Skipped>, usize) {
        let mut place = self.place();
        let count = std::mem::take(&mut place.overtaken_count);
        (std::mem::take(&mut place.overtaken), count)
    }
}

/// The last operations of a store, oldest first.
#[derive(Debug, Default)]
pub(super) struct Log {
    operations: VecDeque<Logged>,
    /// How many operations were ever appended; the log holds the last of them.
    appended: usize,
    cursors: Vec<Weak<Cursor>>,
    subscriptions: usize,
    gaps: Vec<Gap>,
    skipped: usize,
}

impl Log {
    /// How many operations were ever appended.
    pub(super) fn appended(&self) -> usize {
        self.appended
    }

    /// How many operations it holds.
    pub(super) fn len(&self) -> usize {
        self.operations.len()
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

    /// Lets the oldest operations leave until it holds no more than `operations`.
    pub(super) fn shrink(&mut self, operations: usize) {
        let first = self.first();
        let leaving = self.operations.len().saturating_sub(operations);
        if leaving == 0 {
            return;
        }
        self.cursors.retain(|cursor| cursor.strong_count() > 0);
        for (number, operation) in (first..).zip(self.operations.drain(..leaving)) {
            for cursor in self.cursors.iter().filter_map(Weak::upgrade) {
                cursor.leaves(number, &operation);
            }
        }
    }

    /// The number of the operation after this one; `None` where it is not in the log.
    pub(super) fn after(&self, id: ObjectId) -> Option<usize> {
        // Appended in order of their ids, so the log can be searched.
        let index = self.operations.binary_search_by_key(&id, |op| op.id).ok()?;
        Some(self.first() + index + 1)
    }

    /// A new cursor before the operation of this number, which may have left the log.
    pub(super) fn cursor(&mut self, filter: Filter, next: usize) -> Arc<Cursor> {
        self.cursors.retain(|cursor| cursor.strong_count() > 0);
        let cursor = Arc::new(Cursor {
            number: self.subscriptions,
            filter,
            place: Mutex::new(CursorPlace {
                next,
                overtaken: Vec::new(),
                overtaken_count: 0,
            }),
        });
        self.subscriptions += 1;
        self.cursors.push(Arc::downgrade(&cursor));
        cursor
    }

    /// The operations from the one that this cursor has to send next on. Where that one has left
    /// the log, the cursor moves to the oldest that is there, and what lies between is counted.
    pub(super) fn from(&mut self, cursor: &Cursor) -> vec_deque::Iter<'_, Logged> {
        let first = self.first();
        if cursor.next() < first {
            cursor.move_to(first);
            let (operations, count) = cursor.take_overtaken();
            if count > 0 {
                self.skipped += count;
                if self.skipped <= MOST_REMEMBERED {
                    self.gaps.push(Gap {
                        subscription: cursor.number,
                        operations,
                        count,
                    });
                }
            }
        }
        self.operations.range(cursor.next() - first..)
    }

    /// What subscriptions skipped, in the order in which they went on.
    pub(super) fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// How many operations subscriptions skipped.
    pub(super) fn skipped(&self) -> usize {
        self.skipped
    }

    /// How many subscriptions there are.
    pub(super) fn readers(&self) -> usize {
        let live = self.cursors.iter().filter(|it| it.strong_count() > 0);
        live.count()
    }
}
