//! The store of an OpLog server, without a clock, a thread or a socket: a capped log of
//! operations, the latest state of every object, and what a subscription to them is sent.

mod filter;
mod log;
mod states;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::object::{Change, Object, write_event};
use crate::oplog::{InvalidPosition, ObjectId, Position};
pub use filter::Filter;
use log::{Cursor, Log, Logged};
pub use log::{Gap, Skipped};
use states::{Place, Replication, States};

/// The most states or operations one call of [`Model::poll`] looks at, so that neither its
/// memory nor the time for which the model is locked grows with the store.
const BATCH: usize = 500;

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
    /// millisecond, are in neither. And a subscription that the log overtakes goes
    /// on with the oldest operation that is left, without a word. Without the fault replications are complete, and such a
    /// subscription ends.
    pub lossy: bool,
    /// The last eight bytes of the first operation id: a machine and a counter. Must not be 0,
    /// which is the tail of synthetic ids.
    pub first_id_tail: u64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            capacity: 100_000,
            object_url: None,
            lossy: true,
            first_id_tail: 0x686c_822d_8e00_0001,
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
    log: Log,
    states: States,
    sent: u64,
}

/// How far a subscriber got. [`Model::poll`] moves it on.
#[derive(Debug)]
pub struct Subscription {
    cursor: Arc<Cursor>,
    /// What comes before the operations.
    replication: Option<Replication>,
    most_bytes: usize,
}

impl Subscription {
    /// Counts the subscriptions of a model, from 0 on.
    pub fn number(&self) -> usize {
        self.cursor.number
    }

    /// The same, with little more than so many bytes for each call of [`Model::poll`].
    pub fn pieces_of(mut self, bytes: usize) -> Self {
        self.most_bytes = bytes;
        self
    }
}

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
            log: Log::default(),
            states: States::default(),
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
            id_text: id.to_string().into(),
            action: change.action,
            object,
        });
        self.log.shrink(self.config.capacity);
        id
    }

    /// Lets the oldest operations leave the log until it holds no more than `operations`.
    pub fn shrink_log(&mut self, operations: usize) {
        self.log.shrink(operations);
    }

    /// From now on the log holds no more than `operations`.
    pub fn set_capacity(&mut self, operations: usize) {
        self.config.capacity = operations;
        self.shrink_log(operations);
    }

    /// The store fails once, when replications and fallbacks have sent so many more states. The
    /// one that it happens to goes on from there with objects whose last event is `insert`.
    pub fn fail_after_states(&mut self, states: usize) {
        self.states.fail_after(states);
    }

    /// Whether the error of [`Model::fail_after_states`] is still to come.
    pub fn is_failing(&self) -> bool {
        self.states.is_failing()
    }

    /// The id of the newest operation in the log; `None` where the log is empty.
    pub fn newest(&self) -> Option<ObjectId> {
        self.log.newest()
    }

    /// How many operations the log holds.
    pub fn logged(&self) -> usize {
        self.log.len()
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
        self.log.readers()
    }

    /// What subscriptions skipped without a word, in the order in which they went on. A gap
    /// counts only once its subscription goes on behind it.
    pub fn gaps(&self) -> &[Gap] {
        self.log.gaps()
    }

    /// How many operations subscriptions skipped without a word, in all.
    pub fn skipped(&self) -> usize {
        self.log.skipped()
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
        Ok(Subscription {
            cursor: self.log.cursor(filter, next),
            replication,
            most_bytes: usize::MAX,
        })
    }

    /// Appends the next events of a subscription to `out`, a bounded number of them.
    pub fn poll(&mut self, subscription: &mut Subscription, out: &mut Vec<u8>) -> Polled {
        let Subscription {
            cursor,
            replication,
            most_bytes,
        } = subscription;
        let Some(states) = replication else {
            return self.follow(cursor, *most_bytes, out);
        };
        let most = (BATCH, *most_bytes);
        if self.states.replicate(states, &cursor.filter, most, out) {
            *replication = None;
        }
        Polled::More
    }

    /// Whether everything in the log was taken for this subscription.
    pub fn is_current(&self, subscription: &Subscription) -> bool {
        subscription.replication.is_none() && subscription.cursor.next() == self.log.appended()
    }

    /// The time of the store's clock, in ms: the latest it has shown.
    pub fn store_ms(&self) -> u64 {
        self.clock_ms
    }

    /// Lets the time pass until the UNIX time `now_ms`, without an operation.
    pub fn pass(&mut self, now_ms: u64) {
        self.clock_ms = self.clock_ms.max(now_ms);
    }

    fn next_id(&self) -> ObjectId {
        let second = u32::try_from(self.clock_ms / 1000).unwrap_or(u32::MAX);
        let number = self.log.appended() as u64;
        let tail = self.config.first_id_tail.wrapping_add(number);
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&second.to_be_bytes());
        bytes[4..].copy_from_slice(&tail.to_be_bytes());
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

    /// Sends the operations from where the cursor is, and moves it past them.
    fn follow(&mut self, cursor: &Cursor, most_bytes: usize, out: &mut Vec<u8>) -> Polled {
        if cursor.next() < self.log.first() && !self.config.lossy {
            return Polled::Ended;
        }
        let appended = self.log.appended();
        let operations = self.log.from(cursor);
        let mut next = cursor.next();
        for operation in operations.take(BATCH) {
            if out.len() >= most_bytes {
                break;
            }
            if cursor.filter.matches(&operation.object) {
                let event = operation.action.name();
                write_event(out, &operation.id_text, event, &operation.object.json);
                self.sent += 1;
            }
            next += 1;
        }
        cursor.move_to(next);
        if next == appended {
            Polled::Waiting
        } else {
            Polled::More
        }
    }
}
