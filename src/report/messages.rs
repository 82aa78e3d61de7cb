//! Every line about connections and replications, and the summary, for the list of messages.

use std::time::{Duration, Instant};

use super::outage::{Lost, Outages};
use super::words::{self, NextRun};
use crate::consumer::{Incomplete, OnResumeFailed};
use crate::duration::ForPeople;
use crate::http::Endpoint;
use crate::oplog::Position;

fn operation() -> Position {
    "545b55c7f095528dd0f3863c".parse().unwrap()
}

/// Every line about a connection.
pub(crate) fn of_connections() -> Vec<String> {
    let endpoint = Endpoint {
        url: "http://agent/".parse().unwrap(),
        authorization: None,
    };
    let mut all = vec![words::connecting(&endpoint, None)];
    let positions = [
        Position::FULL_REPLICATION,
        Position::Replication(1_415_271_879_041),
        Position::of_second(1_415_271_879),
        operation(),
    ];
    all.extend(positions.map(|position| words::connecting(&endpoint, Some(position))));
    all.extend([
        words::connected(&endpoint),
        words::HEARTBEAT.into(),
        words::clocks_differ(1_415_271_879, 1_415_271_779),
        words::clocks_differ(1_415_271_779, 1_415_271_879),
        words::probing(operation()),
        words::skipped(operation()),
    ]);
    // With `Exit` it is what ends the run.
    let choices = every!(OnResumeFailed: Continue, Replicate, Exit => []).into_iter();
    all.extend(choices.map(|choice| words::resume_failed(operation(), choice)));
    all
}

/// Everything that is said of an outage, from two agents that fail to a connection that is lost
/// again and again.
pub(crate) fn of_outages() -> Vec<String> {
    let began = Instant::now();
    let at = |second| began + Duration::from_secs(second);
    let lost = |url, failures, wait, next| Lost {
        url,
        reason: "REASON",
        failures,
        wait: Duration::from_secs(wait),
        next,
    };
    let (a, b) = ("http://a/", "http://b/");
    let mut outages = Outages::default();
    let mut all = vec![
        outages.lost(at(0), lost(a, 0, 0, b), false),
        outages.lost(at(0), lost(b, 1, 1, a), false),
        outages.lost(at(30), lost(b, 2, 2, a), false),
        outages.connected(at(40), a),
    ];
    outages.over(at(40));
    for second in 41..130 {
        all.push(outages.lost(at(second), lost(a, 1, 1, a), false));
        all.push(outages.connected(at(second), a));
        outages.over(at(second));
    }
    let mut said: Vec<String> = all.into_iter().flatten().collect();
    said.dedup();
    said
}

/// The summary, of a run with everything and of one with nothing.
pub(crate) fn of_summaries() -> Vec<String> {
    super::statistics::text::tests::examples().to_vec()
}

/// Every line about a replication.
pub(crate) fn of_replications() -> Vec<String> {
    let mut all = Vec::new();
    for what in every!(Incomplete: Replication, Backfill) {
        for next in every!(NextRun: GoesOn, StartsOver, Repeats) {
            all.push(words::incomplete(what, next));
        }
    }
    let wait = ForPeople(Duration::from_secs(2));
    all.extend([
        words::BACKFILL_STARTED.into(),
        words::backfill_delayed("REASON", wait),
        words::backfill_given_up("REASON"),
        words::BACKFILLED.into(),
        words::BACKFILLED_IN_DOUBT.into(),
    ]);
    all
}
