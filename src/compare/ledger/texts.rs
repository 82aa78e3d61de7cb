//! Many short texts, numbered, without an allocation for each.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// The table begins with room for so many texts.
const LEAST_ROOM: usize = 1 << 10;

/// There is no room for more objects.
#[derive(Debug, thiserror::Error)]
#[error("more than {} objects cannot be compared", u32::MAX)]
pub(crate) struct Full;

/// A set of texts that have numbers from 0 on. They stand one after the other in one buffer; the
/// table over them holds numbers only.
#[derive(Debug)]
pub(super) struct Texts {
    hasher: DefaultHashBuilder,
    bytes: Vec<u8>,
    /// Where each of them begins, and the end of the last.
    starts: Vec<usize>,
    numbers: HashTable<u32>,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            bytes: Vec::new(),
            starts: vec![0],
            numbers: HashTable::new(),
        }
    }
}

impl Texts {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The text with this number.
    pub(super) fn get(&self, number: u32) -> &[u8] {
        let number = number as usize;
        &self.bytes[self.starts[number]..self.starts[number + 1]]
    }

    /// The number of this text, which is added if it is new.
    ///
    /// # Errors
    /// [`Full`] where there is no room for one more.
    pub(super) fn number(&mut self, text: &[u8]) -> Result<u32, Full> {
        let hash = self.hasher.hash_one(text);
        let is_same = |number: &u32| self.get(*number) == text;
        if let Some(number) = self.numbers.find(hash, is_same) {
            return Ok(*number);
        }
        let number = u32::try_from(self.len()).ok().filter(|it| *it < u32::MAX);
        let number = number.ok_or(Full)?;
        if self.numbers.len() == self.numbers.capacity() {
            self.grow();
        }
        self.numbers.insert_unique(hash, number, |_| hash);
        self.bytes.extend_from_slice(text);
        self.starts.push(self.bytes.len());
        Ok(number)
    }

    /// Makes room for twice as many. The table would do so in its own order, in which every look at
    /// a text misses the cache; that takes longer than all else.
    fn grow(&mut self) {
        self.numbers = HashTable::new();
        let mut numbers = HashTable::with_capacity((2 * self.len()).max(LEAST_ROOM));
        for (number, _) in (0..).zip(1..self.starts.len()) {
            let hash = self.hasher.hash_one(self.get(number));
            numbers.insert_unique(hash, number, |_| hash);
        }
        self.numbers = numbers;
    }

    /// Gives back the memory of the table: nothing more is added.
    pub(super) fn close(&mut self) {
        self.numbers = HashTable::new();
    }
}
