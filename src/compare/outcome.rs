//! What a comparison comes to: the differences in order, and the figures of the summary.

use std::fmt;

use super::difference::{Difference, Server, Verdict, judge};
use super::gather::Gathered;
use super::ledger::Ledger;
use super::moment::Moment;

/// How far the clocks of store and agents, and the times of producers, may be apart when it is told
/// which differences may be none, ms.
const MARGIN_MS: i64 = 5000;

/// The figures of a comparison, and which objects differ.
#[derive(Debug)]
pub struct Outcome {
    /// Objects of the dump.
    pub dump: usize,
    /// Objects that live on the server.
    pub server: usize,
    /// Objects that differ, by kind; see [`Difference::ALL`].
    differences: [usize; Difference::ALL.len()],
    /// Objects that changed or disappeared after the dump was made.
    pub changed_after: usize,
    /// The newest timestamp of the dump.
    newest: Option<Moment>,
    /// The entries of the objects that differ, ordered by type and id.
    pub differing: Vec<u32>,
    /// Extra objects that the server may have, because nothing is known about what it left out.
    doubtful: usize,
}

impl Outcome {
    /// Compares both sides. What the server left out changed about when the `newest_state` came in,
    /// or later.
    pub fn of(
        ledger: &Ledger,
        newest: Option<Moment>,
        gathered: Gathered,
        newest_state: Option<Moment>,
    ) -> Self {
        let mut outcome = Self {
            dump: 0,
            server: 0,
            differences: [0; Difference::ALL.len()],
            changed_after: 0,
            newest,
            differing: Vec::new(),
            doubtful: 0,
        };
        let doubtful_from = newest_state.map_or(i64::MIN, |Moment(ms)| {
            (ms / 1000 * 1000).saturating_sub(MARGIN_MS)
        });
        for (entry, number) in (0..ledger.len()).zip(0..) {
            let (dump, server) = (ledger.dump(entry), ledger.server(entry));
            outcome.dump += usize::from(dump.is_some());
            outcome.server += usize::from(server.live().is_some());
            match judge(dump, server, newest) {
                Verdict::Same => {}
                Verdict::ChangedAfter => outcome.changed_after += 1,
                Verdict::Differs(difference) => {
                    outcome.differences[difference as usize] += 1;
                    outcome.differing.push(number);
                }
            }
            let is_late = dump.is_some_and(|Moment(ms)| ms >= doubtful_from);
            if gathered != Gathered::Complete && server == Server::Unknown && is_late {
                outcome.doubtful += 1;
            }
        }
        let order = |one: &u32, other: &u32| ledger.order(*one as usize, *other as usize);
        outcome.differing.sort_unstable_by(order);
        outcome
    }

    /// How the object of an entry in [`Outcome::differing`] differs.
    pub fn difference(&self, ledger: &Ledger, entry: usize) -> Option<Difference> {
        match judge(ledger.dump(entry), ledger.server(entry), self.newest) {
            Verdict::Differs(difference) => Some(difference),
            Verdict::Same | Verdict::ChangedAfter => None,
        }
    }

    /// What is said where the server's side stayed incomplete.
    pub fn doubt(&self) -> String {
        let extra = match self.doubtful {
            0 => String::new(),
            1 => "; 1 object told as extra may be one of them".into(),
            number => format!("; {number} objects told as extra may be among them"),
        };
        format!(
            "objects that changed in the second of the server's newest operation could not be \
             fetched, so they may be missing from the server's side: they come only once another \
             operation has happened, and --timeout waits longer for one{extra}"
        )
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "compared {} objects in the dump with {} on the server:",
            self.dump, self.server
        )?;
        for (number, (difference, count)) in
            Difference::ALL.iter().zip(self.differences).enumerate()
        {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma} {count} {}", difference.name())?;
        }
        if let Some(newest) = self.newest {
            write!(
                f,
                "; {} changed after the newest timestamp of the dump ({newest}) and do not count",
                self.changed_after
            )?;
        }
        Ok(())
    }
}
