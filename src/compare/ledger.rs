//! What both sides say about each object, in little memory.
//!
//! A log has millions of objects, so nothing is allocated for a single one: about 50 bytes and the
//! id are all that it takes. A `ref` is mostly made of the id, so it is kept with a hole in the
//! place of the id, and shared.

mod texts;

use std::hint::black_box;

use super::difference::Server;
use super::moment::Moment;
pub(super) use texts::Full;
use texts::Texts;

/// Stands for a moment that there is not. No RFC 3339 time is so early.
const NONE: i64 = i64::MIN;

/// Stands for a moment that cannot be understood.
const UNREADABLE: i64 = i64::MIN + 1;

/// The object has no `ref`.
const NO_REF: u32 = u32::MAX;

/// Stands in a `ref` in the place of the id. No text in UTF-8 has this byte.
const HOLE: u8 = 0xff;

/// How long the number of a type is that stands before an id.
const KIND: usize = size_of::<u32>();

/// How much of an object is copied to be ordered by: the rank of its type and the beginning of its
/// id.
const BEGIN: usize = 12;

/// What both sides say about one object.
#[derive(Clone, Copy, Debug)]
struct Entry {
    dump: i64,
    server: i64,
    /// The number of the `ref`, or [`NO_REF`].
    reference: u32,
    is_deleted: bool,
}

/// The objects of both sides.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    /// For each entry the number of its type, then its id.
    names: Texts,
    kinds: Texts,
    refs: Texts,
    /// Holds a text while its number is looked for.
    wanted: Vec<u8>,
}

impl Ledger {
    /// How many objects either side has named.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The dump has this object, last changed at this moment.
    ///
    /// # Errors
    /// [`Full`] where there is no room for one more object.
    pub(super) fn set_dump(&mut self, kind: &str, id: &str, changed: Moment) -> Result<(), Full> {
        self.entry(kind, id)?.dump = changed.0;
        Ok(())
    }

    /// The server says this about the object, with this `ref`.
    ///
    /// # Errors
    /// [`Full`] where there is no room for one more object.
    pub(super) fn set_server(
        &mut self,
        (kind, id): (&str, &str),
        server: Server,
        reference: Option<&str>,
    ) -> Result<(), Full> {
        let reference = reference.map_or(Ok(NO_REF), |reference| self.number_of(reference, id))?;
        let entry = self.entry(kind, id)?;
        entry.reference = reference;
        (entry.server, entry.is_deleted) = match server {
            Server::Unknown => (NONE, false),
            Server::Unreadable => (UNREADABLE, false),
            Server::Live(changed) => (changed.0, false),
            Server::Deleted(changed) => (changed.0, true),
        };
        Ok(())
    }

    /// The server starts over: nothing counts that it has said.
    pub(super) fn forget_server(&mut self) {
        for entry in &mut self.entries {
            (entry.server, entry.is_deleted) = (NONE, false);
        }
    }

    /// When the object changed last, says the dump; `None` where it does not have it.
    pub(super) fn dump(&self, entry: u32) -> Option<Moment> {
        let changed = self.entries[entry as usize].dump;
        (changed != NONE).then_some(Moment(changed))
    }

    /// What the server says about the object.
    pub(super) fn server(&self, entry: u32) -> Server {
        let entry = self.entries[entry as usize];
        match (entry.server, entry.is_deleted) {
            (NONE, _) => Server::Unknown,
            (UNREADABLE, _) => Server::Unreadable,
            (changed, false) => Server::Live(Moment(changed)),
            (changed, true) => Server::Deleted(Moment(changed)),
        }
    }

    /// The type and the id of the object.
    pub(super) fn name(&self, entry: u32) -> (&str, &str) {
        let (kind, id) = self.key(entry);
        (text(self.kinds.get(kind)), text(id))
    }

    /// The `ref` that the server sent last, if it sent one.
    pub(super) fn reference(&self, entry: u32) -> Option<String> {
        let number = Some(self.entries[entry as usize].reference);
        let reference = self.refs.get(number.filter(|number| *number != NO_REF)?);
        let parts: Vec<_> = reference.split(|byte| *byte == HOLE).map(text).collect();
        Some(parts.join(self.name(entry).1))
    }

    /// Orders objects by type and id, byte by byte. Nothing more may be set after it.
    ///
    /// A look at a name misses the cache. So what mostly decides is copied first; names are looked
    /// at only where that is the same.
    pub(super) fn sort(&mut self, objects: &mut [u32]) {
        self.names.close();
        let mut kinds: Vec<u32> = (0..).take(self.kinds.len()).collect();
        kinds.sort_unstable_by_key(|kind| self.kinds.get(*kind));
        let mut ranks = vec![u16::MAX; kinds.len()];
        for (rank, kind) in (0..u16::MAX).zip(kinds) {
            ranks[kind as usize] = rank;
        }
        let with_begin = |object: &u32| {
            let (kind, id) = self.key(*object);
            let mut begin = [0; BEGIN];
            begin[..2].copy_from_slice(&ranks[kind as usize].to_be_bytes());
            begin[2..]
                .iter_mut()
                .zip(id)
                .for_each(|(to, byte)| *to = *byte);
            (begin, *object)
        };
        let whole = |object: u32| {
            let (kind, id) = self.key(object);
            (self.kinds.get(kind), id)
        };
        let mut order: Vec<_> = objects.iter().map(with_begin).collect();
        order.sort_unstable_by(|(begin, one), (other_begin, other)| {
            let by_begin = begin.cmp(other_begin);
            by_begin.then_with(|| whole(*one).cmp(&whole(*other)))
        });
        for (to, (_, object)) in objects.iter_mut().zip(order) {
            *to = object;
        }
    }

    /// Loads what is known of these objects into the cache. In their order each of them is a cache
    /// miss or more; here the processor waits for many of these at once.
    pub(super) fn warm(&self, objects: &[u32]) {
        for object in objects {
            black_box(self.entries[*object as usize].server);
            black_box(self.names.get(*object).first());
        }
    }

    /// The entry of the object, which is made if there is none.
    fn entry(&mut self, kind: &str, id: &str) -> Result<&mut Entry, Full> {
        let kind = self.kinds.number(kind.as_bytes())?;
        self.wanted.clear();
        self.wanted.extend_from_slice(&kind.to_le_bytes());
        self.wanted.extend_from_slice(id.as_bytes());
        let number = self.names.number(&self.wanted)? as usize;
        if number == self.entries.len() {
            self.entries.push(Entry {
                dump: NONE,
                server: NONE,
                reference: NO_REF,
                is_deleted: false,
            });
        }
        Ok(&mut self.entries[number])
    }

    /// The number of a `ref`, with a hole in the last place where the id stands in it.
    fn number_of(&mut self, reference: &str, id: &str) -> Result<u32, Full> {
        let (before, after) = match reference.rfind(id) {
            Some(start) => (&reference[..start], &reference[start + id.len()..]),
            None => return self.refs.number(reference.as_bytes()),
        };
        self.wanted.clear();
        self.wanted.extend_from_slice(before.as_bytes());
        self.wanted.push(HOLE);
        self.wanted.extend_from_slice(after.as_bytes());
        self.refs.number(&self.wanted)
    }

    /// The number of the type, and the id.
    fn key(&self, entry: u32) -> (u32, &[u8]) {
        match self.names.get(entry).split_first_chunk::<KIND>() {
            Some((kind, id)) => (u32::from_le_bytes(*kind), id),
            // Each name begins with one.
            None => (0, &[]),
        }
    }
}

/// Text that was kept as text.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests;
