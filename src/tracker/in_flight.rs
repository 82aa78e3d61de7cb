//! What has been handed out and is not yet acknowledged, and the position that follows from it:
//! the last one before the oldest unacknowledged operation (the low watermark).
//!
//! Acknowledgements come by id and in any order, or for a batch as a whole. A pin keeps the
//! watermark where it is whatever is acknowledged behind it. Every step costs the same however
//! many operations are in flight, and memory is held for unacknowledged ones only: what was
//! acknowledged behind an older one leaves nothing but its position.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::out::Out;
use slab::Slab;

use crate::oplog::Position;

/// The id of something in flight, as small as it can be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    Position(Position),
    Other(Box<str>),
}

impl Id {
    pub fn new(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Other(text.into()), Self::Position)
    }

    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Position(position) => Some(*position),
            Self::Other(_) => None,
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => position.fmt(f),
            Self::Other(text) => text.fmt(f),
        }
    }
}

/// Hashes a position in one call, because every operation is looked up twice.
impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Position(Position::Operation(id)) => state.write_u128(id.as_u128()),
            Self::Position(Position::Replication(ms)) => state.write_u64(*ms),
            Self::Other(text) => text.hash(state),
        }
    }
}

/// Nothing in flight has this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotInFlight;

/// Index into [`InFlight::entries`].
type Slot = usize;

/// Keeps the watermark before everything that was handed out after it, until it is
/// [taken away](InFlight::unpin). An entry without an id, which no acknowledgement names.
#[derive(Debug, PartialEq, Eq)]
pub struct Pin(Slot);

#[derive(Debug, Default)]
struct Entry {
    /// `None` for a pin and for a batch.
    id: Option<Id>,
    /// Tells apart what has the same id.
    fingerprint: u64,
    out: Option<Out>,
    /// The newest position that is acknowledged once this entry is: its own, or that of an
    /// acknowledged one behind it.
    reaches: Option<Position>,
    older: Option<Slot>,
    newer: Option<Slot>,
    /// The next newer entry with the same id.
    namesake: Option<Slot>,
}

/// Oldest and newest entry of one id.
#[derive(Clone, Copy, Debug)]
struct Namesakes {
    oldest: Slot,
    newest: Slot,
}

/// The operations in flight, in the order in which they were handed out.
#[derive(Debug, Default)]
pub struct InFlight {
    entries: Slab<Entry>,
    by_id: HashMap<Id, Namesakes>,
    oldest: Option<Slot>,
    newest: Option<Slot>,
    /// How many entries are pins or batches.
    anonymous: usize,
    watermark: Option<Position>,
}

impl InFlight {
    /// Takes in what is being handed out, with what is known of its line.
    pub fn deliver(&mut self, id: Id, fingerprint: u64, out: Option<Out>) {
        let reaches = id.position();
        let slot = self.insert(Some(id.clone()), reaches, self.newest);
        let entry = self.entry_mut(slot);
        (entry.fingerprint, entry.out) = (fingerprint, out);
        self.register(id, slot);
    }

    /// Takes in what is being handed out before `pin`: the watermark stays before it until it is
    /// acknowledged, and is not moved by it.
    pub fn deliver_at(&mut self, pin: &Pin, id: Id, out: Option<Out>) {
        let older = self.entry_mut(pin.0).older;
        let slot = self.insert(Some(id.clone()), None, older);
        self.entry_mut(slot).out = out;
        self.register(id, slot);
    }

    /// The first line that the watermark waits for, and what is known of it.
    pub fn first(&self) -> Option<(&Id, &Out)> {
        let mut slot = self.oldest;
        while let Some(entry) = slot.and_then(|slot| self.entries.get(slot)) {
            if let (Some(id), Some(out)) = (&entry.id, &entry.out) {
                return Some((id, out));
            }
            slot = entry.newer;
        }
        None
    }

    /// Keeps the watermark before everything that is handed out from now on.
    pub fn pin(&mut self) -> Pin {
        self.anonymous += 1;
        Pin(self.insert(None, None, self.newest))
    }

    /// Keeps the watermark before `pin` even once that is taken away.
    pub fn pin_before(&mut self, pin: &Pin) -> Pin {
        self.anonymous += 1;
        let older = self.entry_mut(pin.0).older;
        Pin(self.insert(None, None, older))
    }

    pub fn unpin(&mut self, Pin(slot): Pin) {
        self.anonymous -= 1;
        self.remove(slot);
        self.shrink();
    }

    /// Puts an entry behind `older`, or first.
    fn insert(&mut self, id: Option<Id>, reaches: Option<Position>, older: Option<Slot>) -> Slot {
        let newer = match older {
            Some(older) => self.entry_mut(older).newer,
            None => self.oldest,
        };
        let entry = Entry {
            id,
            reaches,
            older,
            newer,
            ..Entry::default()
        };
        let slot = self.entries.insert(entry);
        match older {
            Some(older) => self.entry_mut(older).newer = Some(slot),
            None => self.oldest = Some(slot),
        }
        match newer {
            Some(newer) => self.entry_mut(newer).older = Some(slot),
            None => self.newest = Some(slot),
        }
        slot
    }

    /// Makes an entry known by its id.
    fn register(&mut self, id: Id, slot: Slot) {
        let namesake = match self.by_id.entry(id) {
            MapEntry::Vacant(vacant) => {
                vacant.insert(Namesakes {
                    oldest: slot,
                    newest: slot,
                });
                None
            }
            MapEntry::Occupied(mut occupied) => {
                Some(std::mem::replace(&mut occupied.get_mut().newest, slot))
            }
        };
        if let Some(namesake) = namesake {
            self.entry_mut(namesake).namesake = Some(slot);
        }
    }

    /// Takes an entry out; what it reaches goes to the next older one.
    fn remove(&mut self, slot: Slot) {
        let entry = self.entries.remove(slot);
        match entry.newer {
            Some(newer) => self.entry_mut(newer).older = entry.older,
            None => self.newest = entry.older,
        }
        if let Some(older) = entry.older {
            let older = self.entry_mut(older);
            older.newer = entry.newer;
            older.reaches = entry.reaches.or(older.reaches);
        } else {
            self.oldest = entry.newer;
            self.watermark = entry.reaches.or(self.watermark);
        }
    }

    /// Passes over something that needs no acknowledgement, such as what could not be decoded:
    /// the position moves past it with what is before it.
    pub fn pass_over(&mut self, position: Position) {
        self.reach(self.newest, position);
    }

    /// The position before `pin` becomes this one, once what is before it is acknowledged.
    pub fn set_before(&mut self, pin: &Pin, position: Position) {
        let older = self.entry_mut(pin.0).older;
        self.reach(older, position);
    }

    fn reach(&mut self, entry: Option<Slot>, position: Position) {
        match entry {
            None => self.watermark = Some(position),
            Some(entry) => self.entry_mut(entry).reaches = Some(position),
        }
    }

    /// Acknowledges the oldest entry with this id.
    ///
    /// # Errors
    /// [`NotInFlight`], and nothing changes.
    pub fn acknowledge(&mut self, id: &Id) -> Result<(), NotInFlight> {
        let MapEntry::Occupied(mut namesakes) = self.by_id.entry(id.clone()) else {
            return Err(NotInFlight);
        };
        let slot = namesakes.get().oldest;
        match self.entries[slot].namesake {
            Some(next) => namesakes.get_mut().oldest = next,
            None => drop(namesakes.remove()),
        }
        self.remove(slot);
        self.shrink();
        Ok(())
    }

    /// The position up to which everything is acknowledged; `None` while nothing is.
    pub fn watermark(&self) -> Option<Position> {
        self.watermark
    }

    /// How many are unacknowledged.
    pub fn len(&self) -> usize {
        self.entries.len() - self.anonymous
    }

    /// Whether everything is acknowledged and no pin stands.
    pub fn is_empty(&self) -> bool {
        self.oldest.is_none()
    }

    /// The id and fingerprint of everything in flight, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Id, u64)> {
        let entries = self.entries.iter();
        entries.filter_map(|(_, entry)| Some((entry.id.as_ref()?, entry.fingerprint)))
    }

    fn entry_mut(&mut self, slot: Slot) -> &mut Entry {
        // Links lead to entries in flight only.
        &mut self.entries[slot]
    }

    /// Gives memory back after a burst.
    fn shrink(&mut self) {
        if self.is_empty() && self.entries.capacity() > 1 << 16 {
            let watermark = self.watermark;
            *self = Self {
                watermark,
                ..Self::default()
            };
        }
    }
}

#[cfg(test)]
mod tests;
