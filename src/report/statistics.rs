//! The summary of a run: `--stats` and SIGUSR1.

mod lags;
pub(super) mod shared;
mod tally;
pub(super) mod text;

use std::time::Instant;

use serde::Serialize;

use crate::consumer::{BackfillEnd, Status};
use crate::output::Format;
use crate::state::Saver;

pub(crate) use tally::Tally;

use lags::{LagSummary, Lags};
use tally::Events;

/// The `repair` of a run with something still to be fetched that a replication missed.
const PENDING: &str = "pending";

/// The counts and the state of a run.
#[derive(Debug)]
struct Statistics {
    status: Status,
    started: Instant,
    events: Events,
    invalid: u64,
    first_id: Option<String>,
    last_id: String,
    lags: Option<Lags>,
    /// Tells when the position was saved, if it is kept.
    saver: Option<Saver>,
    format: Format,
    /// Whether they are shown at the end.
    at_end: bool,
    /// How many requests are still to be answered.
    asked: u32,
    /// A thread will check soon whether they were shown.
    is_watched: bool,
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
    repair: Option<&'static str>,
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
    fn new(format: Format, at_end: bool, saver: Option<Saver>) -> Self {
        Self {
            status: Status::default(),
            started: Instant::now(),
            events: Events::default(),
            invalid: 0,
            first_id: None,
            last_id: String::new(),
            lags: Lags::new(),
            saver,
            format,
            at_end,
            asked: 0,
            is_watched: false,
        }
    }

    /// Takes over the counts of `tally`, and takes the lags out of it.
    fn publish(&mut self, tally: &mut Tally) {
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
    }

    /// One JSON object on a line, or a few lines for a person.
    fn text(&self) -> String {
        let summary = self.summary();
        match self.format {
            Format::Json => serde_json::to_string(&summary).unwrap_or_default() + "\n",
            Format::Text => summary.text(),
        }
    }

    fn summary(&self) -> Summary<'_> {
        let status = &self.status;
        let repair = match (status.incomplete, status.backfill_end) {
            (Some(_), _) => Some(PENDING),
            (None, Some(BackfillEnd::Done)) => Some("done"),
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
            saved_ms_ago: self.saver.as_ref().and_then(Saver::saved_at).map(ms_since),
            is_kept: self.saver.is_some(),
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
        let mut statistics = Statistics::new(Format::Json, true, None);
        // What is published twice counts once.
        statistics.publish(&mut tally);
        statistics.publish(&mut tally);
        let summary = statistics.summary();
        assert_eq!(summary.events.insert, 2);
        assert_eq!(summary.lag_ms.unwrap().max, 100);
        assert_eq!(statistics.lags.unwrap().len(), 1);
    }

    #[test]
    fn what_is_not_known_is_null() {
        let statistics = Statistics::new(Format::Json, true, None);
        let json = serde_json::to_value(statistics.summary()).unwrap();
        assert!(json["first_id"].is_null() && json["last_id"].is_null());
        assert!(json["position"].is_null() && json["lag_ms"].is_null());
        assert_eq!(json["events"]["insert"], 0);
    }
}
