//! Texts that many objects share, stored once each.

use std::hash::{BuildHasher, Hash, RandomState};

use hashbrown::{Equivalent, HashTable};

/// Numbers for texts that occur often.
#[derive(Debug)]
pub struct Names<T> {
    most: u32,
    hasher: RandomState,
    texts: Vec<T>,
    numbers: HashTable<u32>,
    /// The number that was asked for last: mostly the next one is the same.
    last: u32,
}

impl<T> Names<T> {
    /// No texts yet, and room for this many.
    pub fn new(most: u32) -> Self {
        Self {
            most,
            hasher: RandomState::new(),
            texts: Vec::new(),
            numbers: HashTable::new(),
            last: 0,
        }
    }
}

impl<T: Hash> Names<T> {
    /// The number of this text, the same each time; `None` where there is no room
    /// for one more.
    pub fn number<'a, Q>(&mut self, text: &'a Q) -> Option<u32>
    where
        Q: Hash + Equivalent<T> + ?Sized,
        T: From<&'a Q>,
    {
        if self
            .get(self.last as usize)
            .is_some_and(|last| text.equivalent(last))
        {
            return Some(self.last);
        }
        let number = self.find_or_add(text)?;
        self.last = number;
        Some(number)
    }

    /// The number that was asked for last, and its text.
    pub fn last(&self) -> Option<(u32, &T)> {
        Some((self.last, self.get(self.last as usize)?))
    }

    fn find_or_add<'a, Q>(&mut self, text: &'a Q) -> Option<u32>
    where
        Q: Hash + Equivalent<T> + ?Sized,
        T: From<&'a Q>,
    {
        let hash = self.hasher.hash_one(text);
        let (texts, hasher) = (&mut self.texts, &self.hasher);
        let is_same = |number: &u32| text.equivalent(&texts[*number as usize]);
        if let Some(number) = self.numbers.find(hash, is_same) {
            return Some(*number);
        }
        let number = u32::try_from(texts.len()).ok()?;
        if number >= self.most {
            return None;
        }
        texts.push(text.into());
        self.numbers.insert_unique(hash, number, |number| {
            hasher.hash_one(&texts[*number as usize])
        });
        Some(number)
    }

    /// The text with this number.
    pub fn get(&self, number: usize) -> Option<&T> {
        self.texts.get(number)
    }
}

/// What a `ref` is beside the id: the same for all objects of a type.
#[derive(Debug, Hash, PartialEq, Eq)]
pub struct Pattern {
    pub before: Box<str>,
    pub after: Box<str>,
}

impl Pattern {
    /// Whether this is what the pattern makes of the id.
    pub fn makes(&self, reference: &str, id: &str) -> bool {
        reference
            .strip_prefix(&*self.before)
            .and_then(|rest| rest.strip_suffix(&*self.after))
            == Some(id)
    }
}

/// The two parts of a pattern, borrowed.
#[derive(Hash)]
pub struct Parts<'a> {
    before: &'a str,
    after: &'a str,
}

impl Equivalent<Pattern> for Parts<'_> {
    fn equivalent(&self, pattern: &Pattern) -> bool {
        self.before == &*pattern.before && self.after == &*pattern.after
    }
}

impl From<&Parts<'_>> for Pattern {
    fn from(parts: &Parts<'_>) -> Self {
        Self {
            before: parts.before.into(),
            after: parts.after.into(),
        }
    }
}

/// The `ref` around the last place where the id stands in it; `None` where it does not.
pub fn split<'a>(reference: &'a str, id: &str) -> Option<Parts<'a>> {
    let start = reference.rfind(id)?;
    Some(Parts {
        before: &reference[..start],
        after: &reference[start + id.len()..],
    })
}
