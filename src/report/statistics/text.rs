//! The summary for a person: one thing per line, what is zero left out, what is unknown with why.

use std::time::Duration;

use super::super::stderr;
use super::{Events, InFlight, PENDING, Summary};
use crate::duration::{ForPeople, grouped};

/// How wide the names are.
const NAMES: usize = 15;

fn of_ms(ms: u64) -> ForPeople {
    ForPeople(Duration::from_millis(ms))
}

impl Summary<'_> {
    /// The lines.
    pub(super) fn text(&self) -> String {
        let counts = self.counts();
        let most = counts.iter().map(|(_, number)| *number).max();
        let width = grouped(most.unwrap_or_default()).len();
        let counts = counts.into_iter();
        let counts = counts.map(|(name, number)| (name, format!("{:>width$}", grouped(number))));
        counts
            .chain(self.facts())
            .map(|(name, what)| stderr::line(&format_args!("{name:NAMES$}{what}")))
            .collect()
    }

    /// How much there was of what there was.
    fn counts(&self) -> Vec<(&'static str, u64)> {
        let Events {
            insert,
            update,
            delete,
            reset,
            live,
            other,
        } = self.events;
        let mut counts = vec![
            ("insert", insert),
            ("update", update),
            ("delete", delete),
            ("reset", reset),
            ("live", live),
            ("other events", other),
            ("not decoded", self.invalid),
            ("fetched late", self.repaired),
            ("reconnections", self.reconnections),
        ];
        counts.retain(|(_, number)| *number > 0);
        if counts.is_empty() {
            counts.push(("operations", 0));
        }
        counts
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let ids = [("first id", self.first_id), ("last id", self.last_id)];
        let mut facts: Vec<_> = ids
            .into_iter()
            .filter_map(|(name, id)| Some((name, id?.to_owned())))
            .collect();
        facts.push(("position", self.position()));
        if self.in_flight.lines > 0 {
            facts.push(("unacknowledged", self.in_flight.text()));
        }
        if self.repair == Some(PENDING) {
            let missing = "incomplete: some of its objects are still to come";
            facts.push(("replication", missing.into()));
        }
        facts.push(("lag", self.lag()));
        facts.push(("elapsed", of_ms(self.elapsed_ms).to_string()));
        facts
    }

    fn position(&self) -> String {
        let Some(position) = &self.position else {
            return "unknown, because no connection was made".into();
        };
        match self.saved_ms_ago {
            Some(ms) => format!("{position}, saved {} ago", of_ms(ms)),
            None if self.is_kept => format!("{position}, not saved in this run"),
            None => format!("{position}, not kept without --state"),
        }
    }

    fn lag(&self) -> String {
        let Some(lag) = self.lag_ms else {
            return "unknown, because only operations have one, and none came".into();
        };
        format!(
            "median {} ms, 99 % up to {} ms, maximum {} ms",
            lag.median, lag.p99, lag.max
        )
    }
}

impl InFlight<'_> {
    fn text(&self) -> String {
        let limit = self.limit.map(|limit| format!(" of {limit}"));
        let oldest = self.oldest.as_ref().map(|oldest| {
            let object = oldest.object.map(|object| format!(" {object}"));
            format!(
                "; oldest: {} #{}{}, for {}",
                oldest.event,
                oldest.id,
                object.unwrap_or_default(),
                of_ms(oldest.out_ms)
            )
        });
        let (limit, oldest) = (limit.unwrap_or_default(), oldest.unwrap_or_default());
        format!("{}{limit}{oldest}", self.lines)
    }
}

#[cfg(test)]
pub(crate) mod tests;
