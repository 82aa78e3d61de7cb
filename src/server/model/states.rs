//! The latest state of every object, and what a replication or a fallback sends of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::filter::Filter;
use crate::server::object::{Action, Object, write_event, write_marker};

/// When an object last changed, by the clock of the agent that took the change in; `number` tells
/// apart what happened within a millisecond and counts the changes since the model was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub ts_ms: u64,
    pub number: usize,
}

/// The state in which a change left its object.
#[derive(Debug)]
pub(super) struct State {
    action: Action,
    object: Arc<Object>,
}

impl State {
    /// The event it is sent as. `oplogd` keeps no updates among the states.
    fn event(&self) -> Action {
        match self.action {
            Action::Update => Action::Insert,
            action => action,
        }
    }
}

/// The latest state of every object, in the order of their times.
#[derive(Debug, Default)]
pub(super) struct States {
    by_place: BTreeMap<Place, State>,
    places: HashMap<Box<str>, Place>,
    /// After how many more states that are sent the store fails.
    failing_after: Option<usize>,
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
        self.by_place.insert(place, State { action, object });
    }

    /// The objects that are not deleted: `type/id` and the JSON that is sent about them.
    pub(super) fn objects(&self) -> BTreeMap<String, String> {
        self.by_place
            .values()
            .filter(|state| state.action != Action::Delete)
            .map(|state| (state.object.key.to_string(), state.object.json.to_string()))
            .collect()
    }

    /// Lets the store fail once, after so many more states were sent.
    pub(super) fn fail_after(&mut self, states: usize) {
        self.failing_after = Some(states);
    }

    /// Whether an error of the store is still to come.
    pub(super) fn is_failing(&self) -> bool {
        self.failing_after.is_some()
    }

    /// Whether the store fails before the next state.
    fn fails_now(&mut self) -> bool {
        match &mut self.failing_after {
            None => false,
            Some(0) => {
                self.failing_after = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }

    /// Sends the next states, after looking at `most` of them or filling `out` with about
    /// `most_bytes`. Returns whether these were the last.
    ///
    /// After an error of the store `oplogd` asks again on the same connection, from where it was,
    /// as after a time: for `insert` alone.
    pub(super) fn replicate(
        &mut self,
        at: &mut Replication,
        filter: &Filter,
        (most, most_bytes): (usize, usize),
        out: &mut Vec<u8>,
    ) -> bool {
        if std::mem::take(&mut at.reset) {
            write_marker(out, "1", "reset");
        }
        let mut looked_at = 0;
        while let Some((place, state)) = self.by_place.range(at.next..).next() {
            if place.ts_ms > at.until_ms {
                break;
            }
            if looked_at == most || out.len() >= most_bytes {
                return false;
            }
            looked_at += 1;
            let (place, event) = (*place, state.event());
            let object = Arc::clone(&state.object);
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
