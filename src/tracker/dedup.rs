//! Filters duplicates after a reconnection.
//!
//! After a replication id the server can only be asked for a whole second, so it sends the objects
//! of that second again. Their ids repeat, so an object is known by its id together with a
//! fingerprint of its event and data.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::oplog::{Position, Record, on_one_line};

/// How many objects are remembered. Further ones may come twice.
const MOST: usize = 1 << 16;

/// A hash of event and data. Handing out puts data on one line; that does not change the hash.
fn fingerprint(hasher: &RandomState, event: &str, data: &str) -> u64 {
    hasher.hash_one((event, on_one_line(data)))
}

/// Objects that have been handed out.
#[derive(Debug, Default)]
pub struct SeenSet {
    hasher: RandomState,
    sent: HashSet<(Position, u64)>,
}

impl SeenSet {
    pub fn contains(&self, position: Position, event: &str, data: &str) -> bool {
        self.sent
            .contains(&(position, fingerprint(&self.hasher, event, data)))
    }

    /// Adds one, if there is room for it.
    pub fn insert(&mut self, position: Position, event: &str, data: &str) {
        if self.sent.len() < 2 * MOST {
            let fingerprint = fingerprint(&self.hasher, event, data);
            self.sent.insert((position, fingerprint));
        }
    }
}

/// What was handed out lately, and which of it the present connection may send again.
#[derive(Debug, Default)]
pub(super) struct Dedup {
    hasher: RandomState,
    /// True if all seconds since this was set are remembered, false if only the last one is.
    longer: bool,
    recent: Vec<(Position, u64)>,
    expected: HashSet<(Position, u64)>,
}

impl Dedup {
    /// Tells this event apart from others with the same id. An operation id is unique, so it needs
    /// none.
    pub(super) fn fingerprint(&self, position: Option<Position>, record: &Record) -> u64 {
        match position {
            Some(Position::Replication(_)) => {
                fingerprint(&self.hasher, record.event(), record.data())
            }
            _ => 0,
        }
    }

    pub(super) fn remember(&mut self, position: Position, fingerprint: u64) {
        if let Position::Operation(_) = position {
            // The server resumes after exactly this one.
            self.recent.clear();
            self.longer = false;
            return;
        }
        let last = self.recent.last();
        if !self.longer && last.is_some_and(|(last, _)| last.second() != position.second()) {
            self.recent.clear();
        }
        if self.recent.len() < MOST {
            self.recent.push((position, fingerprint));
        }
    }

    /// Remembers more than the last second, as far as there is room, until the next operation.
    pub(super) fn remember_longer(&mut self) {
        self.longer = true;
    }

    /// What is remembered now.
    pub(super) fn recent(&self) -> SeenSet {
        SeenSet {
            hasher: self.hasher.clone(),
            sent: self.recent.iter().copied().collect(),
        }
    }

    /// A new connection begins: it may send again what is remembered and what is `in_flight`.
    pub(super) fn expect(&mut self, in_flight: impl Iterator<Item = (Position, u64)>) {
        self.expected.clear();
        self.expected.extend(self.recent.iter().copied());
        self.expected.extend(in_flight);
    }

    /// Whether this has been handed out before the connection began.
    pub(super) fn is_known(&mut self, position: Position, fingerprint: u64) -> bool {
        if self.expected.is_empty() {
            return false;
        }
        let known = self.expected.remove(&(position, fingerprint));
        if !known && matches!(position, Position::Operation(_)) {
            // Operations come in order: after the first new one nothing old can follow.
            self.expected = HashSet::new();
        }
        known
    }

    /// Forgets everything: after a `reset` nothing counts that came before it.
    pub(super) fn forget(&mut self) {
        self.recent.clear();
        self.longer = false;
        self.expected = HashSet::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Position = Position::Replication(5_200);

    fn print_of(dedup: &Dedup, event: &str, data: &str) -> u64 {
        dedup.fingerprint(Some(AT), &Record::new("5200", event, data))
    }

    #[test]
    fn knows_the_objects_of_the_interrupted_second() {
        let mut dedup = Dedup::default();
        let [one, other] = ["{1}", "{2}"].map(|data| print_of(&dedup, "insert", data));
        dedup.remember(Position::Replication(4_900), one);
        dedup.remember(AT, one);
        assert!(
            !dedup.is_known(AT, one),
            "the same connection may repeat itself"
        );
        dedup.expect(std::iter::empty());
        assert!(!dedup.is_known(AT, other));
        assert!(!dedup.is_known(Position::Replication(4_900), one));
        assert!(dedup.is_known(AT, one));
        assert!(!dedup.is_known(AT, one));
    }

    #[test]
    fn data_over_several_lines_is_known_on_one() {
        let mut known = SeenSet::default();
        known.insert(AT, "insert", "{\"a\": 1}");
        assert!(known.contains(AT, "insert", "{\"a\":\n1}"));
        assert!(!known.contains(AT, "insert", "{\"a\":1}"));
    }

    #[test]
    fn a_deletion_is_not_the_insertion_before_it() {
        let dedup = Dedup::default();
        assert_ne!(
            print_of(&dedup, "insert", "{}"),
            print_of(&dedup, "delete", "{}")
        );
    }

    #[test]
    fn nothing_counts_that_came_before_a_reset() {
        let mut dedup = Dedup::default();
        dedup.remember(AT, 1);
        dedup.expect([(Position::of_second(1), 0)].into_iter());
        dedup.forget();
        assert!(!dedup.is_known(AT, 1));
        dedup.expect(std::iter::empty());
        assert!(!dedup.is_known(AT, 1));
    }

    #[test]
    fn remembers_no_more_than_it_may() {
        let mut dedup = Dedup::default();
        for fingerprint in 0..(2 * MOST as u64) {
            dedup.remember(AT, fingerprint);
        }
        assert_eq!(dedup.recent.len(), MOST);
    }
}
