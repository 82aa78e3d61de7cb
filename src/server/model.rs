//! The store of an OpLog server, without a clock, a thread or a socket: a capped log of
//! operations, the latest state of every object, and what a subscription to them is sent.

mod cursor;
mod filter;
mod log;
mod states;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::object::{Change, Object, write_event};
use crate::oplog::{InvalidPosition, ObjectId, Position};
use cursor::Cursor;
pub use cursor::Gap;
pub use filter::Filter;
use log::{Log, Logged};
use states::{BATCH, PIECE, Place, Replication, States};

/// The last eight bytes of the first operation id: a machine and a counter. Not 0, which is the
/// tail of synthetic ids.
const FIRST_ID_TAIL: u64 = 0x686c_822d_8e00_0001;

/// The most gaps the model remembers and counts.
const MOST_GAPS: usize = 1_000_000;

/// How a model behaves.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// The most operations the log holds; older ones leave it.
    pub capacity: usize,
    /// A template such as `http://api.example.com/{{type}}/{{id}}`: the `ref` of the data.
    pub object_url: Option<String>,
    /// Whether the model loses what `oplogd` loses.
    ///
    /// A replication of `oplogd` ends at the second of the newest operation, and the live stream
    /// begins after that operation: objects changed within this second, after its first
    /// millisecond, are in neither. And a subscription that the log overtakes goes on with the
    /// oldest operation that is left, without a word. Without the fault replications are complete,
    /// and such a subscription ends.
    pub lossy: bool,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            capacity: 100_000,
            object_url: None,
            lossy: true,
        }
    }
}

/// The store of a server. Its clock makes the ids of operations; the times of states come from the
/// agents, each of which has a clock of its own.
#[derive(Debug)]
pub struct Model {
    config: ModelConfig,
    /// The latest time of the store's clock. It never runs backwards, so ids only grow.
    clock_ms: u64,
    /// The last eight bytes of the next operation id.
    id_tail: u64,
    log: Log,
    states: States,
    /// How far each subscription got.
    cursors: BTreeMap<usize, Cursor>,
    next_subscription: usize,
    gaps: Vec<Gap>,
    sent: u64,
}

/// A subscription, by its number. It lasts until [`Model::end`].
#[derive(Debug)]
pub struct Subscription(pub(super) usize);

/// What a call of [`Model::poll`] leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// There may be more: poll again.
    More,
    /// Everything was sent: poll again after the next operation.
    Waiting,
    /// Operations left the log before they could be sent: the connection ends. Only where the
    /// model is not [lossy](ModelConfig::lossy).
    Ended,
}

impl Model {
    /// An empty store.
    pub fn new(config: ModelConfig) -> Self {
        Self {
            config,
            clock_ms: 0,
            id_tail: FIRST_ID_TAIL,
            log: Log::default(),
            states: States::default(),
            cursors: BTreeMap::new(),
            next_subscription: 0,
            gaps: Vec::new(),
            sent: 0,
        }
    }

    /// Appends an operation that an agent takes in whose clock agrees with the store's; see
    /// [`Model::append_by`].
    pub fn append(&mut self, change: &Change, now_ms: u64) -> ObjectId {
        self.append_by(0, change, now_ms)
    }

    /// Appends an operation at the UNIX time `now_ms` of the store's clock (a time before that of
    /// an earlier operation counts as the earlier one's) and keeps the state it leaves its object
    /// in, at the time of the agent's clock, which is `agent_offset_ms` ahead of the store's.
    /// Returns the id.
    pub fn append_by(&mut self, agent_offset_ms: i64, change: &Change, now_ms: u64) -> ObjectId {
        self.pass(now_ms);
        let id = self.next_id();
        let agent_ms = self.clock_ms.saturating_add_signed(agent_offset_ms);
        let url = self.config.object_url.as_deref();
        let object = Arc::new(Object::new(change, agent_ms, url));
        let place = Place {
            ts_ms: agent_ms,
            number: self.log.appended(),
        };
        self.states.set(place, change.action, Arc::clone(&object));
        self.log.push(Logged {
            id,
            action: change.action,
            object,
        });
        self.shrink_log(self.config.capacity);
        id
    }

    /// Lets the oldest operations leave the log until it holds no more than `operations`.
    pub fn shrink_log(&mut self, operations: usize) {
        let first = self.log.first();
        for (number, operation) in (first..).zip(self.log.shrink(operations)) {
            for cursor in self.cursors.values_mut() {
                cursor.leaves(number, &operation);
            }
        }
    }

    /// The store fails once, when replications and fallbacks have sent so many more states. The
    /// one that it happens to goes on from there with objects whose last event is `insert`.
    pub fn fail_after_states(&mut self, states: usize) {
        self.states.failing_after = Some(states);
    }

    /// The id of the newest operation in the log; `None` where the log is empty.
    pub fn newest(&self) -> Option<ObjectId> {
        self.log.newest()
    }

    /// How many operations were ever appended.
    pub fn appended(&self) -> usize {
        self.log.appended()
    }

    /// How many operations were sent, those of replications not counted.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// How many subscriptions there are.
    pub fn subscribers(&self) -> usize {
        self.cursors.len()
    }

    /// The numbers of the subscriptions that have not taken everything that there is.
    pub(super) fn behind(&self) -> impl Iterator<Item = usize> {
        let appended = self.log.appended();
        let cursors = self.cursors.iter();
        cursors
            .filter(move |(_, cursor)| cursor.replication.is_some() || cursor.next < appended)
            .map(|(number, _)| *number)
    }

    /// What subscriptions skipped without a word, in the order in which they went on. A gap
    /// counts only once its subscription goes on behind it.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// How many operations subscriptions skipped without a word, in all [`Model::gaps`].
    pub fn skipped(&self) -> usize {
        self.gaps.iter().map(|gap| gap.count).sum()
    }

    /// The objects that are not deleted: `type/id` and the JSON that is sent about them.
    pub fn objects(&self) -> BTreeMap<String, String> {
        self.states.objects()
    }

    /// A subscription from the position `last_event_id`; without one, or with an empty one, to
    /// the operations from now on.
    ///
    /// # Errors
    /// [`InvalidPosition`] where the server answers 400.
    pub fn subscribe(
        &mut self,
        last_event_id: Option<&str>,
        filter: Filter,
    ) -> Result<Subscription, InvalidPosition> {
        let position = match last_event_id {
            None | Some("") => None,
            Some(text) => Some(text.parse()?),
        };
        let now = self.log.appended();
        let (next, replication) = match position {
            None => (now, None),
            Some(Position::Replication(ms)) => (now, Some(self.replication(ms, false))),
            Some(Position::Operation(id)) => {
                let from_ms = u64::from(id.second()) * 1000;
                let fallback = || (now, Some(self.replication(from_ms, true)));
                self.log
                    .after(id)
                    .map_or_else(fallback, |next| (next, None))
            }
        };
        let subscription = Subscription(self.next_subscription);
        self.next_subscription += 1;
        let cursor = Cursor {
            filter,
            replication,
            next,
            overtaken: None,
        };
        self.cursors.insert(subscription.0, cursor);
        Ok(subscription)
    }

    /// This subscription takes no more.
    pub fn end(&mut self, subscription: &Subscription) {
        self.cursors.remove(&subscription.0);
    }

    /// Appends the next events of a subscription to `out`, a bounded number of them.
    pub fn poll(&mut self, subscription: &Subscription, out: &mut Vec<u8>) -> Polled {
        let Some(cursor) = self.cursors.get_mut(&subscription.0) else {
            return Polled::Ended;
        };
        if let Some(states) = &mut cursor.replication {
            if self.states.replicate(states, &cursor.filter, out) {
                cursor.replication = None;
            }
            return Polled::More;
        }
        let first = self.log.first();
        if cursor.next < first {
            if !self.config.lossy {
                return Polled::Ended;
            }
            cursor.next = first;
            let gap = cursor.overtaken.take();
            if self.gaps.len() < MOST_GAPS {
                self.gaps.extend(gap);
            }
        }
        let full = out.len() + PIECE;
        for operation in self.log.from(cursor.next).take(BATCH) {
            if out.len() >= full {
                break;
            }
            if cursor.filter.matches(&operation.object) {
                let (id, event) = (operation.id.to_string(), operation.action.name());
                write_event(out, &id, event, &operation.object.json);
                self.sent += 1;
            }
            cursor.next += 1;
        }
        if cursor.next == self.log.appended() {
            Polled::Waiting
        } else {
            Polled::More
        }
    }

    /// The time of the store's clock, in ms: the latest it has shown.
    pub fn store_ms(&self) -> u64 {
        self.clock_ms
    }

    /// Lets the time pass until the UNIX time `now_ms`, without an operation.
    pub fn pass(&mut self, now_ms: u64) {
        self.clock_ms = self.clock_ms.max(now_ms);
    }

    fn next_id(&mut self) -> ObjectId {
        let second = u32::try_from(self.clock_ms / 1000).unwrap_or(u32::MAX);
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&second.to_be_bytes());
        bytes[4..].copy_from_slice(&self.id_tail.to_be_bytes());
        self.id_tail = self.id_tail.wrapping_add(1);
        ObjectId::from_bytes(bytes)
    }

    /// A replication of what changed at `from_ms` or later, by the clocks of the agents. From 0 on
    /// it opens with a `reset`, even where an operation id of second 0 has brought the server to
    /// fall back. Without `every_event` it asks for `insert` alone, which leaves out deletions
    /// and what `oplog-sync` wrote.
    fn replication(&self, from_ms: u64, every_event: bool) -> Replication {
        let (until_ms, until_number) = match self.newest() {
            // Times of states have milliseconds, an operation id has only its second: this is
            // where the changes within the second of the newest operation get lost.
            Some(newest) if self.config.lossy => (u64::from(newest.second()) * 1000, usize::MAX),
            None if self.config.lossy => (u64::MAX, usize::MAX),
            _ => (u64::MAX, self.log.appended()),
        };
        Replication {
            reset: from_ms == 0,
            every_event,
            next: Place {
                ts_ms: from_ms,
                number: 0,
            },
            until_ms,
            until_number,
            last_ms: None,
        }
    }
}
