//! The summary of a run: `--stats` and SIGUSR1.

mod lags;
pub(super) mod shared;
mod tally;
pub(super) mod text;

use std::time::Instant;

use serde::Serialize;

use crate::consumer::{BackfillEnd, Status};
use crate::output::Format;

pub(crate) use tally::Tally;

use lags::{LagSummary, Lags};
use tally::Events;

/// Whether the objects that replications missed were fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Repair {
    /// Something is still to be fetched.
    Pending,
    /// Everything was fetched.
    Done,
}

/// The counts and the state of a run.
#[derive(Debug)]
pub(crate) struct Statistics {
    status: Status,
    started: Instant,
    events: Events,
    invalid: u64,
    first_id: Option<String>,
    last_id: String,
    lags: Option<Lags>,
}

#[derive(Serialize)]
struct Summary<'a> {
    events: Events,
    invalid: u64,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
    position: Option<String>,
    lag_ms: Option<LagSummary>,
    reconnections: u64,
    repaired: u64,
    repair: Option<Repair>,
    in_flight: InFlight<'a>,
    elapsed_ms: u64,
    saved_ms_ago: Option<u64>,
    /// The position is kept in a state file.
    #[serde(skip)]
    is_kept: bool,
}

/// The unacknowledged lines.
#[derive(Serialize)]
struct InFlight<'a> {
    lines: usize,
    limit: Option<usize>,
    oldest: Option<Oldest<'a>>,
}

#[derive(Serialize)]
struct Oldest<'a> {
    id: &'a str,
    event: &'a str,
    object: Option<&'a str>,
    out_ms: u64,
}

fn ms_since(time: Instant) -> u64 {
    u64::try_from(time.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Statistics {
    /// Nothing has come yet.
    fn new() -> Self {
        Self {
            status: Status::default(),
            started: Instant::now(),
            events: Events::default(),
            invalid: 0,
            first_id: None,
            last_id: String::new(),
            lags: Lags::new(),
        }
    }

    /// Takes over the counts of `tally`, and takes the lags out of it.
    pub(crate) fn publish(&mut self, tally: &mut Tally) {
        self.events = tally.events;
        self.invalid = tally.invalid;
        if self.first_id.is_none() {
            self.first_id.clone_from(&tally.first_id);
        }
        self.last_id.clear();
        self.last_id.push_str(&tally.last_id);
        if let Some(lags) = &mut self.lags {
            tally.lags.drain(..).for_each(|lag| lags.record(lag));
        }
        tally.has_news = false;
    }

    /// Where the run is.
    pub(crate) fn status(&self) -> &Status {
        &self.status
    }

    /// The run is here now.
    pub(crate) fn set_status(&mut self, status: Status) {
        self.status = status;
    }

    fn text(&self, format: Format, is_kept: bool, saved_at: Option<Instant>) -> String {
        let mut summary = self.summary(saved_at);
        summary.is_kept = is_kept;
        match format {
            Format::Json => serde_json::to_string(&summary).unwrap_or_default() + "\n",
            Format::Text => summary.text(),
        }
    }

    fn summary(&self, saved_at: Option<Instant>) -> Summary<'_> {
        let status = &self.status;
        let repair = match (status.incomplete, status.backfill_end) {
            (Some(_), _) => Some(Repair::Pending),
            (None, Some(BackfillEnd::Done)) => Some(Repair::Done),
            (None, _) => None,
        };
        let out = &status.lines_out;
        Summary {
            events: self.events,
            invalid: self.invalid,
            first_id: self.first_id.as_deref(),
            last_id: self.first_id.as_ref().map(|_| self.last_id.as_str()),
            position: status.position.map(|position| position.to_string()),
            lag_ms: self.lags.as_ref().and_then(Lags::summary),
            reconnections: status.reconnections,
            repaired: status.backfilled,
            repair,
            in_flight: InFlight {
                lines: out.lines,
                limit: out.limit,
                oldest: out.oldest.as_ref().map(|(id, out)| Oldest {
                    id,
                    event: out.event(),
                    object: out.object(),
                    out_ms: ms_since(out.since),
                }),
            },
            elapsed_ms: ms_since(self.started),
            saved_ms_ago: saved_at.map(ms_since),
            is_kept: saved_at.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oplog::{Operation, Record};

    #[test]
    fn the_age_of_a_replicated_object_is_no_lag() {
        let mut tally = Tally::default();
        let received = Some("2026-11-23T17:55:12Z".parse().unwrap());
        let data = |timestamp: &str| {
            format!(r#"{{"timestamp":"{timestamp}","type":"video","id":"1","parents":[]}}"#)
        };
        for (id, timestamp) in [
            ("1415271879041", "2014-11-06T11:04:39.041Z"),
            ("6b047e00686c822d00000001", "2026-11-23T17:55:11.900Z"),
        ] {
            let operation = Operation::new(Record::new(id, "insert", &data(timestamp))).unwrap();
            tally.count(&operation, received);
        }
        let mut statistics = Statistics::new();
        // What is published twice counts once.
        statistics.publish(&mut tally);
        statistics.publish(&mut tally);
        let summary = statistics.summary(None);
        assert_eq!(summary.events.insert, 2);
        assert_eq!(summary.lag_ms.unwrap().max, 100);
        assert_eq!(statistics.lags.unwrap().len(), 1);
    }

    #[test]
    fn what_is_not_known_is_null() {
        let statistics = Statistics::new();
        let json = serde_json::to_value(statistics.summary(None)).unwrap();
        assert!(json["first_id"].is_null() && json["last_id"].is_null());
        assert!(json["position"].is_null() && json["lag_ms"].is_null());
        assert_eq!(json["events"]["insert"], 0);
    }
}
