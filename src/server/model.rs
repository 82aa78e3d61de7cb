//! The store of an OpLog server, without a clock, a thread or a socket: a capped log of
//! operations, the latest state of every object, and what a subscription to them is sent.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::object::{Action, Change, Object, write_event, write_marker};
use crate::position::{InvalidPosition, ObjectId, Position};

#[cfg(test)]
mod tests;

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
    /// By how many ms the clock that stamps operation ids is ahead of the one that stamps states.
    pub agent_offset_ms: i64,
    /// Whether the model loses what `oplogd` loses.
    ///
    /// A replication of `oplogd` ends at the second of the newest operation, and the live stream
    /// begins after that operation: objects changed within this second, after its first
    /// millisecond, are in neither. And a subscription slower than the log never learns which
    /// operations left it meanwhile. Without the fault replications are complete, and such a
    /// subscription ends.
    pub lossy: bool,
    /// The last eight bytes of the first operation id: a machine and a counter. Must not be 0,
    /// which is the tail of made-up ids.
    pub first_id_tail: u64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            capacity: 100_000,
            object_url: None,
            agent_offset_ms: 0,
            lossy: true,
            first_id_tail: 0x686c_822d_8e00_0001,
        }
    }
}

/// Which objects a subscription is about. An empty list lets every object through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The types to let through.
    pub types: Vec<String>,
    /// The parents of which an object must have one.
    pub parents: Vec<String>,
}

impl Filter {
    fn matches(&self, object: &Object) -> bool {
        let by_type = self.types.is_empty() || self.types.iter().any(|kind| **kind == *object.kind);
        let by_parent =
            self.parents.is_empty() || object.parents.iter().any(|it| self.parents.contains(it));
        by_type && by_parent
    }
}

/// When an object last changed, by the store's clock; `number` tells apart what happened within a
/// millisecond and counts the changes since the model was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    ts_ms: u64,
    number: usize,
}

#[derive(Debug)]
struct State {
    deleted: bool,
    object: Arc<Object>,
}

#[derive(Debug)]
struct Logged {
    id: ObjectId,
    id_text: Box<str>,
    action: Action,
    object: Arc<Object>,
}

/// The store of a server.
#[derive(Debug)]
pub struct Model {
    config: ModelConfig,
    /// The latest time seen. The clock of the model never runs backwards, so ids only grow.
    clock_ms: u64,
    /// How many operations were ever appended; the log holds the last of them.
    appended: usize,
    log: VecDeque<Logged>,
    states: BTreeMap<Place, State>,
    places: HashMap<Box<str>, Place>,
}

/// How far a subscriber got. [`Model::poll`] moves it on.
#[derive(Debug)]
pub struct Subscription {
    filter: Filter,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Replicating(Replication),
    /// The number of the operation to send next.
    Live(usize),
}

#[derive(Debug)]
struct Replication {
    /// Whether a `reset` is still to be sent.
    reset: bool,
    deletions: bool,
    /// The first state not looked at.
    next: Place,
    until_ms: u64,
    /// States of changes from this number on are left to the live stream.
    until_number: usize,
    /// The number of the operation with which the live stream begins.
    then: usize,
    /// When the last object sent had changed.
    last_ms: Option<u64>,
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
            appended: 0,
            log: VecDeque::new(),
            states: BTreeMap::new(),
            places: HashMap::new(),
        }
    }

    /// Appends an operation at the UNIX time `now_ms` (a time before that of an earlier operation
    /// counts as the earlier one's) and keeps the state it leaves its object in. Returns its id.
    pub fn append(&mut self, change: &Change, now_ms: u64) -> ObjectId {
        self.clock_ms = self.clock_ms.max(now_ms);
        let id = self.next_id();
        let object = Arc::new(Object::new(
            change,
            self.clock_ms,
            self.config.object_url.as_deref(),
        ));
        let place = Place {
            ts_ms: self.clock_ms,
            number: self.appended,
        };
        if let Some(before) = self.places.insert(object.key.clone(), place) {
            self.states.remove(&before);
        }
        self.states.insert(
            place,
            State {
                deleted: change.action == Action::Delete,
                object: Arc::clone(&object),
            },
        );
        self.log.push_back(Logged {
            id,
            id_text: id.to_string().into(),
            action: change.action,
            object,
        });
        self.appended += 1;
        self.shrink_log(self.config.capacity);
        id
    }

    /// Lets the oldest operations leave the log until it holds no more than `operations`.
    pub fn shrink_log(&mut self, operations: usize) {
        self.log.drain(..self.log.len().saturating_sub(operations));
    }

    /// From now on the log holds no more than `operations`.
    pub fn set_capacity(&mut self, operations: usize) {
        self.config.capacity = operations;
        self.shrink_log(operations);
    }

    /// The id of the newest operation in the log; `None` where the log is empty.
    pub fn newest(&self) -> Option<ObjectId> {
        self.log.back().map(|operation| operation.id)
    }

    /// How many operations the log holds.
    pub fn logged(&self) -> usize {
        self.log.len()
    }

    /// The objects that are not deleted: `type/id` and the JSON that is sent about them.
    pub fn objects(&self) -> BTreeMap<String, String> {
        self.states
            .values()
            .filter(|state| !state.deleted)
            .map(|state| (state.object.key.to_string(), state.object.json.to_string()))
            .collect()
    }

    /// A subscription from the position `last_event_id`; without one, or with an empty one, to
    /// the operations from now on.
    ///
    /// # Errors
    /// [`InvalidPosition`] where the server answers 400.
    pub fn subscribe(
        &self,
        last_event_id: Option<&str>,
        filter: Filter,
    ) -> Result<Subscription, InvalidPosition> {
        let position = match last_event_id {
            None | Some("") => None,
            Some(text) => Some(text.parse()?),
        };
        let stage = match position {
            None => Stage::Live(self.appended),
            Some(Position::Replication(ms)) => self.replication(ms, false),
            // Appended in order of their ids, so the log can be searched.
            Some(Position::Operation(id)) => match self.log.binary_search_by_key(&id, |op| op.id) {
                Ok(index) => Stage::Live(self.first_logged() + index + 1),
                Err(_) => self.replication(u64::from(id.second()) * 1000, true),
            },
        };
        Ok(Subscription { filter, stage })
    }

    /// Appends the next events of a subscription to `out`, a bounded number of them.
    pub fn poll(&self, subscription: &mut Subscription, out: &mut Vec<u8>) -> Polled {
        let Subscription { filter, stage } = subscription;
        match stage {
            Stage::Replicating(replication) => {
                if self.replicate(replication, filter, out) {
                    *stage = Stage::Live(replication.then);
                }
                Polled::More
            }
            Stage::Live(next) => self.follow(next, filter, out),
        }
    }

    /// The time of the clock that stamps operation ids, in ms: the latest it has shown.
    pub fn agent_ms(&self) -> u64 {
        self.clock_ms
            .saturating_add_signed(self.config.agent_offset_ms)
    }

    /// Lets the time pass until the UNIX time `now_ms`, without an operation.
    pub fn pass(&mut self, now_ms: u64) {
        self.clock_ms = self.clock_ms.max(now_ms);
    }

    fn next_id(&self) -> ObjectId {
        let second = self.agent_ms() / 1000;
        let second = u32::try_from(second).unwrap_or(u32::MAX);
        let tail = self.config.first_id_tail.wrapping_add(self.appended as u64);
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&second.to_be_bytes());
        bytes[4..].copy_from_slice(&tail.to_be_bytes());
        ObjectId::from_bytes(bytes)
    }

    /// The number of the oldest operation in the log.
    fn first_logged(&self) -> usize {
        self.appended - self.log.len()
    }

    /// A replication of what changed at `from_ms` or later. From 0 on it opens with a `reset`,
    /// even where an operation id of second 0 has brought the server to fall back.
    fn replication(&self, from_ms: u64, deletions: bool) -> Stage {
        let (until_ms, until_number) = match self.newest() {
            // Times of states have milliseconds, an operation id has only its second: this is
            // where the changes within the second of the newest operation get lost.
            Some(newest) if self.config.lossy => (u64::from(newest.second()) * 1000, usize::MAX),
            None if self.config.lossy => (u64::MAX, usize::MAX),
            _ => (self.clock_ms, self.appended),
        };
        Stage::Replicating(Replication {
            reset: from_ms == 0,
            deletions,
            next: Place {
                ts_ms: from_ms,
                number: 0,
            },
            until_ms,
            until_number,
            then: self.appended,
            last_ms: None,
        })
    }

    /// Sends the next states; whether these were the last.
    fn replicate(&self, at: &mut Replication, filter: &Filter, out: &mut Vec<u8>) -> bool {
        if std::mem::take(&mut at.reset) {
            write_marker(out, "1", "reset");
        }
        for (looked_at, (place, state)) in self.states.range(at.next..).enumerate() {
            if place.ts_ms > at.until_ms {
                break;
            }
            if looked_at == BATCH {
                at.next = *place;
                return false;
            }
            let wanted = place.number < at.until_number && (at.deletions || !state.deleted);
            if wanted && filter.matches(&state.object) {
                // `oplogd` keeps no updates among the states: a state is an insertion or a deletion.
                let event = if state.deleted { "delete" } else { "insert" };
                let id = place.ts_ms.to_string();
                write_event(out, &id, event, &state.object.json);
                at.last_ms = Some(place.ts_ms);
            }
        }
        let id = at.last_ms.map(|ms| ms.to_string()).unwrap_or_default();
        write_marker(out, &id, "live");
        true
    }

    /// Sends the operations from the one numbered `next` on, and moves `next` past them.
    fn follow(&self, next: &mut usize, filter: &Filter, out: &mut Vec<u8>) -> Polled {
        let first = self.first_logged();
        if *next < first {
            if !self.config.lossy {
                return Polled::Ended;
            }
            *next = first;
        }
        let batch = self.log.range(*next - first..).take(BATCH);
        for operation in batch {
            if filter.matches(&operation.object) {
                write_event(
                    out,
                    &operation.id_text,
                    operation.action.name(),
                    &operation.object.json,
                );
            }
            *next += 1;
        }
        if *next == self.appended {
            Polled::Waiting
        } else {
            Polled::More
        }
    }
}
