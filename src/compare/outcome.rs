//! What a comparison comes to: the differences in order, and the figures of the summary.

use super::difference::{Difference, Server, Verdict, judge};
use super::ledger::Ledger;
use super::moment::Moment;
use super::print::Record;
use crate::tracker::MARGIN;

/// How far apart the clocks of store, agents and producers may be, ms. Decides which differences are
/// called doubtful.
const MARGIN_MS: i64 = 1000 * MARGIN.cast_signed();

/// So many objects are loaded into the cache together before they are printed.
const CHUNK: usize = 64;

/// The figures of a comparison, and which objects differ.
#[derive(Debug)]
pub(super) struct Outcome {
    ledger: Ledger,
    /// The objects that differ, in order.
    differing: Vec<u32>,
    /// The newest timestamp of the dump.
    pub newest: Option<Moment>,
    /// Objects of the dump.
    pub dump: usize,
    /// Objects that live on the server.
    pub server: usize,
    /// Objects that differ, by kind; see [`Difference::ALL`].
    pub differences: [usize; Difference::ALL.len()],
    /// Objects that changed or disappeared after the dump was made.
    pub changed_after: usize,
    /// Where the server's side is not complete: extra objects that the server may have, because
    /// nothing is known about what it left out.
    pub doubtful: Option<usize>,
}

impl Outcome {
    /// Compares both sides. What the server left out, if it is not complete, changed about when the
    /// `newest_state` came in, or later.
    pub(super) fn of(
        ledger: Ledger,
        newest: Option<Moment>,
        is_complete: bool,
        newest_state: Option<Moment>,
    ) -> Self {
        let mut outcome = Self {
            ledger,
            differing: Vec::new(),
            newest,
            dump: 0,
            server: 0,
            differences: [0; Difference::ALL.len()],
            changed_after: 0,
            doubtful: (!is_complete).then_some(0),
        };
        let doubtful_from = newest_state.map_or(i64::MIN, |Moment(ms)| {
            (ms / 1000 * 1000).saturating_sub(MARGIN_MS)
        });
        for object in (0..).take(outcome.ledger.len()) {
            let (dump, server) = (outcome.ledger.dump(object), outcome.ledger.server(object));
            outcome.dump += usize::from(dump.is_some());
            outcome.server += usize::from(server.live().is_some());
            match judge(dump, server, newest) {
                Verdict::Same => {}
                Verdict::ChangedAfter => outcome.changed_after += 1,
                Verdict::Differs(difference) => {
                    outcome.differences[difference as usize] += 1;
                    outcome.differing.push(object);
                }
            }
            let is_late = dump.is_some_and(|Moment(ms)| ms >= doubtful_from);
            if let Some(doubtful) = &mut outcome.doubtful {
                *doubtful += usize::from(server == Server::Unknown && is_late);
            }
        }
        outcome.ledger.sort(&mut outcome.differing);
        outcome
    }

    /// Whether there are differences.
    pub(super) fn has_differences(&self) -> bool {
        !self.differing.is_empty()
    }

    /// The differences, ordered by type and id.
    pub(super) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let warmed = self
            .differing
            .chunks(CHUNK)
            .inspect(|chunk| self.ledger.warm(chunk));
        warmed.flatten().filter_map(|object| {
            let (dump, server) = (self.ledger.dump(*object), self.ledger.server(*object));
            let Verdict::Differs(difference) = judge(dump, server, self.newest) else {
                return None;
            };
            let (kind, id) = self.ledger.name(*object);
            Some(Record {
                difference,
                kind,
                id,
                server: server.live(),
                dump,
                reference: self.ledger.reference(*object),
            })
        })
    }

    /// The figures, in words.
    pub(super) fn summary(&self) -> String {
        let kinds = Difference::ALL.iter().zip(self.differences);
        let kinds: Vec<_> = kinds
            .map(|(difference, count)| format!("{count} {}", difference.name()))
            .collect();
        let after = self.newest.map_or_else(String::new, |newest| {
            format!(
                "; {} changed after the newest timestamp of the dump ({newest}) and do not count",
                self.changed_after
            )
        });
        format!(
            "compared {} objects in the dump with {} on the server: {}{after}",
            self.dump,
            self.server,
            kinds.join(", ")
        )
    }
}
