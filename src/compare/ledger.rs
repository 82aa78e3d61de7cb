//! What both sides say about each object, in little memory.
//!
//! A log has millions of objects, so nothing is allocated for a single one. An entry has 24 bytes;
//! type and id stand one after the other in one buffer, the type as a number; a `ref` is mostly
//! made of the id and takes nothing. The table over them holds indices only. All grows linearly
//! with the objects.

mod names;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::difference::Server;
use super::moment::Moment;
use names::{Names, Pattern};

/// Stands for a moment that there is not. No RFC 3339 time is so early.
const NONE: i64 = i64::MIN;

/// Stands for a moment that cannot be understood.
const UNREADABLE: i64 = i64::MIN + 1;

/// The object has no `ref`.
const NO_REF: u16 = u16::MAX;
/// Its `ref` stands in the buffer, after the id.
const OWN_REF: u16 = u16::MAX - 1;

/// The table begins with room for so many objects.
const LEAST_ROOM: usize = 1 << 10;

/// So many patterns are shared; more are no patterns.
const MOST_PATTERNS: u32 = 1 << 12;

/// There is no room for more objects.
#[derive(Debug, thiserror::Error)]
#[error("more objects than can be compared: {}", u32::MAX)]
pub struct Full;

/// Where an object begins in the buffer: five bytes, enough for a terabyte.
#[derive(Clone, Copy, Debug)]
struct Start([u8; 5]);

impl Start {
    fn new(start: usize) -> Self {
        let [bytes @ .., _, _, _] = (start as u64).to_le_bytes();
        Self(bytes)
    }

    fn get(self) -> usize {
        let mut bytes = [0; size_of::<u64>()];
        bytes[..self.0.len()].copy_from_slice(&self.0);
        // It was one.
        usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX)
    }
}

/// What both sides say about one object.
#[derive(Clone, Copy, Debug)]
struct Entry {
    dump: i64,
    server: i64,
    start: Start,
    is_deleted: bool,
    /// The number of the pattern that the `ref` follows, or one of the two constants.
    reference: u16,
}

/// The objects of both sides.
#[derive(Debug)]
pub struct Ledger {
    hasher: RandomState,
    entries: Vec<Entry>,
    by_name: HashTable<u32>,
    buffer: Vec<u8>,
    kinds: Names<Box<str>>,
    patterns: Names<Pattern>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            entries: Vec::new(),
            by_name: HashTable::new(),
            buffer: Vec::new(),
            kinds: Names::new(u32::MAX),
            patterns: Names::new(MOST_PATTERNS),
        }
    }
}

impl Ledger {
    /// How many objects either side has named.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The dump has this object, last changed at this moment.
    ///
    /// # Errors
    /// [`Full`] where there is no room for one more object.
    pub fn set_dump(&mut self, kind: &str, id: &str, changed: Moment) -> Result<(), Full> {
        let entry = self.entry(kind, id)?;
        self.entries[entry].dump = changed.0;
        Ok(())
    }

    /// The server says this about the object, with this `ref`.
    ///
    /// # Errors
    /// [`Full`] where there is no room for one more object.
    pub fn set_server(
        &mut self,
        (kind, id): (&str, &str),
        server: Server,
        reference: Option<&str>,
    ) -> Result<(), Full> {
        let entry = self.entry(kind, id)?;
        let (changed, is_deleted) = match server {
            Server::Unknown => (NONE, false),
            Server::Unreadable => (UNREADABLE, false),
            Server::Live(changed) => (changed.0, false),
            Server::Deleted(changed) => (changed.0, true),
        };
        self.entries[entry].server = changed;
        self.entries[entry].is_deleted = is_deleted;
        self.set_reference(entry, id, reference);
        Ok(())
    }

    /// The server starts over: nothing counts that it has said.
    pub fn forget_server(&mut self) {
        for entry in &mut self.entries {
            (entry.server, entry.is_deleted) = (NONE, false);
        }
    }

    /// When the object changed last, says the dump; `None` where it does not have it.
    pub fn dump(&self, entry: usize) -> Option<Moment> {
        let changed = self.entries[entry].dump;
        (changed != NONE).then_some(Moment(changed))
    }

    /// What the server says about the object.
    pub fn server(&self, entry: usize) -> Server {
        let Entry {
            server, is_deleted, ..
        } = self.entries[entry];
        match (server, is_deleted) {
            (NONE, _) => Server::Unknown,
            (UNREADABLE, _) => Server::Unreadable,
            (changed, false) => Server::Live(Moment(changed)),
            (changed, true) => Server::Deleted(Moment(changed)),
        }
    }

    /// The type and the id of the object.
    pub fn name(&self, entry: usize) -> (&str, &str) {
        let (kind, id, _) = self.stored(entry);
        (kind, id)
    }

    /// The `ref` that the server sent last, if it sent one.
    pub fn reference(&self, entry: usize) -> Option<Cow<'_, str>> {
        let (_, id, rest) = self.stored(entry);
        match self.entries[entry].reference {
            NO_REF => None,
            OWN_REF => Some(text(take_text(rest).0).into()),
            pattern => {
                let Pattern { before, after } = self.patterns.get(pattern.into())?;
                Some([before, id, after].concat().into())
            }
        }
    }

    /// The order of type and id, byte by byte.
    pub fn order(&self, one: usize, other: usize) -> Ordering {
        self.name(one).cmp(&self.name(other))
    }

    /// The entry of the object, which is made if there is none.
    fn entry(&mut self, kind: &str, id: &str) -> Result<usize, Full> {
        let kind = self.kinds.number(kind).ok_or(Full)?;
        let key = (kind as usize, id.as_bytes());
        let hash = self.hasher.hash_one(key);
        let is_same = |entry: &u32| self.key(*entry) == key;
        if let Some(entry) = self.by_name.find(hash, is_same) {
            return Ok(*entry as usize);
        }
        let number = u32::try_from(self.entries.len()).map_err(|_| Full)?;
        if self.by_name.len() == self.by_name.capacity() {
            self.grow();
        }
        self.by_name.insert_unique(hash, number, |_| hash);
        let start = Start::new(self.buffer.len());
        push_number(kind as usize, &mut self.buffer);
        push_text(id, &mut self.buffer);
        self.entries.push(Entry {
            dump: NONE,
            server: NONE,
            start,
            is_deleted: false,
            reference: NO_REF,
        });
        Ok(self.entries.len() - 1)
    }

    /// Makes room for twice as many. The table would do so in its own order, in which every look at
    /// an entry misses the cache; that takes longer than all else.
    fn grow(&mut self) {
        self.by_name = HashTable::new();
        let mut by_name = HashTable::with_capacity((2 * self.entries.len()).max(LEAST_ROOM));
        for (entry, _) in (0..).zip(&self.entries) {
            let hash = self.hasher.hash_one(self.key(entry));
            by_name.insert_unique(hash, entry, |_| hash);
        }
        self.by_name = by_name;
    }

    /// What the entry is found by: the number of the type, and the id.
    fn key(&self, entry: u32) -> (usize, &[u8]) {
        let start = self.entries[entry as usize].start.get();
        let (kind, rest) = take_number(&self.buffer[start..]);
        (kind, take_text(rest).0)
    }

    fn set_reference(&mut self, entry: usize, id: &str, reference: Option<&str>) {
        let number = match reference {
            None => NO_REF,
            Some(reference)
                if let Some((number, pattern)) = self.patterns.last()
                    && pattern.makes(reference, id)
                    && let Ok(number) = u16::try_from(number) =>
            {
                number
            }
            Some(reference) => names::split(reference, id)
                .and_then(|pattern| self.patterns.number(&pattern))
                .and_then(|number| u16::try_from(number).ok())
                .unwrap_or(OWN_REF),
        };
        if number == OWN_REF
            && let Some(reference) = reference
            && (self.entries[entry].reference != OWN_REF
                || self.reference(entry).as_deref() != Some(reference))
        {
            // It follows the id, so the object gets a new place.
            let start = self.entries[entry].start.get();
            let (kind, _) = take_number(&self.buffer[start..]);
            self.entries[entry].start = Start::new(self.buffer.len());
            push_number(kind, &mut self.buffer);
            push_text(id, &mut self.buffer);
            push_text(reference, &mut self.buffer);
        }
        self.entries[entry].reference = number;
    }

    /// Type, id, and what stands after them in the buffer.
    fn stored(&self, entry: usize) -> (&str, &str, &[u8]) {
        let start = self.entries[entry].start.get();
        let (kind, rest) = take_number(&self.buffer[start..]);
        let (id, rest) = take_text(rest);
        let kind = self.kinds.get(kind).map_or("", |kind| kind);
        (kind, text(id), rest)
    }
}

/// Text that was put into the buffer as text.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// Appends a number in groups of seven bits, so that small ones take one byte.
fn push_number(mut number: usize, buffer: &mut Vec<u8>) {
    loop {
        let group = number.to_le_bytes()[0] & 0x7f;
        number >>= 7;
        if number == 0 {
            return buffer.push(group);
        }
        buffer.push(group | 0x80);
    }
}

fn take_number(bytes: &[u8]) -> (usize, &[u8]) {
    let (mut number, mut taken) = (0, 0);
    for byte in bytes {
        number |= usize::from(byte & 0x7f) << (7 * taken);
        taken += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    (number, &bytes[taken..])
}

fn push_text(text: &str, buffer: &mut Vec<u8>) {
    push_number(text.len(), buffer);
    buffer.extend_from_slice(text.as_bytes());
}

fn take_text(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = take_number(bytes);
    rest.split_at(length)
}

#[cfg(test)]
mod tests;
