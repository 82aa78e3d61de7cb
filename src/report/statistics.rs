//! What came in a run, in numbers: `--stats` and SIGUSR1.

pub mod shared;
mod tally;

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::stderr;
use crate::consumer::Incomplete;
use crate::duration::ForPeople;
use crate::oplog::Position;
use crate::output::Format;

pub use tally::Tally;

use tally::Events;

/// Where a run is, besides what was printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whereabouts {
    /// Up to where everything is acknowledged.
    pub position: Option<Position>,
    /// How many objects were fetched after replications. Some of them may have been printed before.
    pub repaired: u64,
    /// How many connections followed the first.
    pub reconnections: u64,
    /// What a replication missed has been fetched.
    pub has_repaired: bool,
    /// What would be missing if the run ended now.
    pub incomplete: Option<Incomplete>,
    /// What was printed may have a gap in it.
    pub is_uncertain: bool,
}

/// How far the fetching of what replications missed has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Repair {
    /// Something is still to be fetched.
    Pending,
    /// Everything was fetched.
    Done,
}

/// What is shown of a run.
#[derive(Debug)]
pub struct Statistics {
    whereabouts: Whereabouts,
    started: Instant,
    events: Events,
    invalid: u64,
    first_id: Option<String>,
    last_id: String,
    lags: Option<Lags>,
}

/// The distribution of lags, within one part in a thousand, their ends exactly; takes the same
/// memory however many there are. Clocks may disagree, so a lag can be negative; each sign has its
/// own histogram.
#[derive(Debug)]
struct Lags {
    late: Histogram<u64>,
    early: Histogram<u64>,
    ends: Option<(i64, i64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct LagSummary {
    median: i64,
    p99: i64,
    max: i64,
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
    elapsed_ms: u64,
}

impl Statistics {
    /// Nothing has come yet. Lags are measured `with_lags` only, because they need a clock.
    fn new(with_lags: bool) -> Self {
        Self {
            whereabouts: Whereabouts::default(),
            started: Instant::now(),
            events: Events::default(),
            invalid: 0,
            first_id: None,
            last_id: String::new(),
            lags: if with_lags { Lags::new() } else { None },
        }
    }

    /// This has been printed so far; takes out what has been measured since the last time.
    pub fn publish(&mut self, tally: &mut Tally) {
        self.events = tally.events;
        self.invalid = tally.invalid;
        if self.first_id.is_none() {
            self.first_id.clone_from(&tally.first_id);
        }
        self.last_id.clear();
        self.last_id.push_str(&tally.last_id);
        if let (Some(lags), Some(new)) = (&mut self.lags, &mut tally.lags) {
            new.drain(..).for_each(|lag| lags.record(lag));
        }
        tally.has_news = false;
    }

    /// Where the run is.
    pub fn whereabouts(&self) -> Whereabouts {
        self.whereabouts
    }

    /// The run is here now.
    pub fn set_whereabouts(&mut self, whereabouts: Whereabouts) {
        self.whereabouts = whereabouts;
    }

    fn text(&self, format: Format) -> String {
        let summary = self.summary();
        match format {
            Format::Json => serde_json::to_string(&summary).unwrap_or_default() + "\n",
            Format::Text => summary.text(),
        }
    }

    fn summary(&self) -> Summary<'_> {
        let Whereabouts {
            position,
            repaired,
            reconnections,
            has_repaired,
            incomplete,
            is_uncertain: _,
        } = self.whereabouts;
        let repair = match incomplete {
            Some(_) => Some(Repair::Pending),
            None => has_repaired.then_some(Repair::Done),
        };
        Summary {
            events: self.events,
            invalid: self.invalid,
            first_id: self.first_id.as_deref(),
            last_id: self.first_id.as_ref().map(|_| self.last_id.as_str()),
            position: position.map(|position| position.to_string()),
            lag_ms: self.lags.as_ref().and_then(Lags::summary),
            reconnections,
            repaired,
            repair,
            elapsed_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Summary<'_> {
    fn text(&self) -> String {
        let Events {
            insert,
            update,
            delete,
            reset,
            live,
            other,
        } = self.events;
        let or_none = |text: Option<&str>| text.unwrap_or("none").to_owned();
        let lag = self.lag_ms.map_or_else(
            || "unknown".into(),
            |lag| {
                format!(
                    "median {} ms, p99 {} ms, max {} ms",
                    lag.median, lag.p99, lag.max
                )
            },
        );
        let lines = [
            format!(
                "events: {insert} insert, {update} update, {delete} delete, {reset} reset, {live} live, {other} other; {} invalid",
                self.invalid
            ),
            format!(
                "ids: first {}, last {}; position {}",
                or_none(self.first_id),
                or_none(self.last_id),
                or_none(self.position.as_deref())
            ),
            format!("lag: {lag}"),
            format!(
                "reconnections: {}; fetched late: {}; elapsed: {}",
                self.reconnections,
                self.repaired,
                ForPeople(Duration::from_millis(self.elapsed_ms))
            ),
        ];
        lines.map(|line| stderr::line(&line)).concat()
    }
}

impl Lags {
    /// `None` only if the histogram's bounds were wrong, which a test rules out.
    fn new() -> Option<Self> {
        // Up to a hundred years in milliseconds; beyond is counted as that.
        let histogram = || Histogram::new_with_max(100 * 366 * 86_400_000, 3).ok();
        Some(Self {
            late: histogram()?,
            early: histogram()?,
            ends: None,
        })
    }

    fn record(&mut self, lag_ms: i64) {
        let histogram = if lag_ms < 0 {
            &mut self.early
        } else {
            &mut self.late
        };
        histogram.saturating_record(lag_ms.unsigned_abs());
        let (least, most) = self.ends.unwrap_or((lag_ms, lag_ms));
        self.ends = Some((least.min(lag_ms), most.max(lag_ms)));
    }

    fn summary(&self) -> Option<LagSummary> {
        let (min, max) = self.ends?;
        let count = self.early.len() + self.late.len();
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        // The value that `percent` of all are not above; the most negative come first.
        let at = |percent: u64| {
            let rank = (count * percent).div_ceil(100).max(1);
            let early = self.early.len();
            let near = if rank <= early {
                -signed(nth(&self.early, early - rank + 1))
            } else {
                signed(nth(&self.late, rank - early))
            };
            // A histogram gives the end of the range that a value is in.
            near.clamp(min, max)
        };
        Some(LagSummary {
            median: at(50),
            p99: at(99),
            max,
        })
    }
}

/// The `rank`th smallest value recorded, from 1.
fn nth(histogram: &Histogram<u64>, rank: u64) -> u64 {
    #[allow(clippy::cast_precision_loss)] // a histogram within a thousandth needs no more
    let quantile = rank as f64 / histogram.len() as f64;
    histogram.value_at_quantile(quantile)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oplog::{Operation, Record};
    use crate::output::Arrival;

    fn lags(values: impl IntoIterator<Item = i64>) -> LagSummary {
        let mut lags = Lags::new().unwrap();
        values.into_iter().for_each(|lag| lags.record(lag));
        lags.summary().unwrap()
    }

    #[test]
    fn summarizes_lags_of_both_signs() {
        assert_eq!(
            lags(1..=100),
            LagSummary {
                median: 50,
                p99: 99,
                max: 100
            }
        );
        assert_eq!(
            lags([-30, -20, -10]),
            LagSummary {
                median: -20,
                p99: -10,
                max: -10
            }
        );
        assert_eq!(
            lags([-30, 5, 7]),
            LagSummary {
                median: 5,
                p99: 7,
                max: 7
            }
        );
        assert!(Lags::new().unwrap().summary().is_none());
    }

    #[test]
    fn no_figure_is_one_that_no_lag_had() {
        const HOUR_MS: i64 = 3_600_000;
        for lag in [-HOUR_MS, 48 * HOUR_MS, 587_120, 12_345_678] {
            let all = LagSummary {
                median: lag,
                p99: lag,
                max: lag,
            };
            assert_eq!(lags([lag; 3]), all);
        }
        let summary = lags((0..1000).map(|n| 172_800_000 + n));
        assert_eq!(summary.max, 172_800_999);
        assert!((172_800_000..=172_800_999).contains(&summary.median));
    }

    #[test]
    fn the_age_of_a_replicated_object_is_no_lag() {
        let mut tally = Tally::new(true);
        let arrival = Some(Arrival {
            received: "2026-11-23T17:55:12Z".parse().unwrap(),
        });
        let data = |timestamp: &str| {
            format!(r#"{{"timestamp":"{timestamp}","type":"video","id":"1","parents":[]}}"#)
        };
        for (id, timestamp) in [
            ("1415271879041", "2014-11-06T11:04:39.041Z"),
            ("6b047e00686c822d00000001", "2026-11-23T17:55:11.900Z"),
        ] {
            let operation = Operation::new(Record::new(id, "insert", &data(timestamp))).unwrap();
            tally.count(&operation, arrival);
        }
        let mut statistics = Statistics::new(true);
        // What is published twice counts once.
        statistics.publish(&mut tally);
        statistics.publish(&mut tally);
        let summary = statistics.summary();
        assert_eq!(summary.events.insert, 2);
        assert_eq!(summary.lag_ms.unwrap().max, 100);
        assert_eq!(statistics.lags.unwrap().late.len(), 1);
    }

    #[test]
    fn what_is_not_known_is_null() {
        let statistics = Statistics::new(true);
        let json = serde_json::to_value(statistics.summary()).unwrap();
        assert!(json["first_id"].is_null() && json["last_id"].is_null());
        assert!(json["position"].is_null() && json["lag_ms"].is_null());
        assert_eq!(json["events"]["insert"], 0);
    }
}
