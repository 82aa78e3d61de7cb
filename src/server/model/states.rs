//! The latest state of every object, and what a replication or a fallback sends of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::filter::Filter;
use crate::server::object::{Action, Object, write_event, write_marker};

/// The most states or operations that are looked at in one go, so that the time for which the model
/// is locked does not grow with the store.
pub(super) const BATCH: usize = 500;

/// About how many bytes are made in one go at the most: little, so that a client that does not read
/// is soon overtaken.
pub(super) const PIECE: usize = 4096;

/// When an object last changed, by the clock of the agent that took the change in; `number` tells
/// apart what happened within a millisecond and counts the changes since the model was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub ts_ms: u64,
    pub number: usize,
}

/// The latest state of every object, in the order of their times.
#[derive(Debug, Default)]
pub(super) struct States {
    /// The event that a state is sent as, and its object.
    by_place: BTreeMap<Place, (Action, Arc<Object>)>,
    places: HashMap<Box<str>, Place>,
    /// After how many more states that are sent the store fails.
    pub failing_after: Option<usize>,
}

/// A replication or a fallback under way.
#[derive(Debug)]
pub(super) struct Replication {
    /// Whether a `reset` is still to be sent.
    pub reset: bool,
    /// Whether every event is asked for, and not `insert` alone.
    pub every_event: bool,
    /// The first state not looked at.
    pub next: Place,
    /// States after this time are left out.
    pub until_ms: u64,
    /// States of changes from this number on are left to the live stream.
    pub until_number: usize,
    /// When the last object sent had changed.
    pub last_ms: Option<u64>,
}

impl States {
    /// The object is in this state from now on.
    pub(super) fn set(&mut self, place: Place, action: Action, object: Arc<Object>) {
        if let Some(before) = self.places.insert(object.key.clone(), place) {
            self.by_place.remove(&before);
        }
        // `oplogd` keeps no updates among the states.
        let event = match action {
            Action::Update => Action::Insert,
            action => action,
        };
        self.by_place.insert(place, (event, object));
    }

    /// The objects that are not deleted: `type/id` and the JSON that is sent about them.
    pub(super) fn objects(&self) -> BTreeMap<String, String> {
        self.by_place
            .values()
            .filter(|(event, _)| *event != Action::Delete)
            .map(|(_, object)| (object.key.to_string(), object.json.to_string()))
            .collect()
    }

    /// Whether the store fails before the next state.
    fn fails_now(&mut self) -> bool {
        let left = self.failing_after;
        self.failing_after = left.and_then(|left| left.checked_sub(1));
        left == Some(0)
    }

    /// Sends the next states, a bounded number of them. Returns whether these were the last.
    ///
    /// After an error of the store `oplogd` asks again on the same connection, from where it was,
    /// as after a time: for `insert` alone.
    pub(super) fn replicate(
        &mut self,
        at: &mut Replication,
        filter: &Filter,
        out: &mut Vec<u8>,
    ) -> bool {
        if std::mem::take(&mut at.reset) {
            write_marker(out, "1", "reset");
        }
        let (mut looked_at, full) = (0, out.len() + PIECE);
        while let Some((place, (event, object))) = self.by_place.range(at.next..).next() {
            if place.ts_ms > at.until_ms {
                break;
            }
            if looked_at == BATCH || out.len() >= full {
                return false;
            }
            looked_at += 1;
            let (place, event, object) = (*place, *event, Arc::clone(object));
            let wanted = |every_event| every_event || event == Action::Insert;
            if place.number < at.until_number && wanted(at.every_event) && filter.matches(&object) {
                if self.fails_now() {
                    at.every_event = false;
                }
                if wanted(at.every_event) {
                    write_event(out, &place.ts_ms.to_string(), event.name(), &object.json);
                    at.last_ms = Some(place.ts_ms);
                }
            }
            at.next = Place {
                number: place.number + 1,
                ..place
            };
        }
        let id = at.last_ms.map(|ms| ms.to_string()).unwrap_or_default();
        write_marker(out, &id, "live");
        true
    }
}
