use std::sync::Arc;
use std::task::Waker;

use super::*;
use crate::consumer::Config;
use crate::http::{self, Clients};
use crate::oplog::ObjectId;

/// The second in which the replication was over.
const OVER_AT: u32 = 1_795_456_511;
/// A state of the second that is asked for again.
const STATE: &str = "1795456510500";

/// A backfill that waits.
fn backfill(known: SeenSet) -> Backfill {
    Backfill::new(1_795_456_510, OVER_AT.into(), known)
}

/// Has it fetch from nobody.
fn fetch(backfill: &mut Backfill) {
    let clients = Arc::new(Clients::new(Arc::new(http::Config::direct())));
    backfill.fetch(Reconnect::new(&Config::of(Vec::new()), Some(0), clients));
    assert!(backfill.is_running());
}

/// What it is to fetch.
fn missing(backfill: &mut Backfill) -> &mut Missing {
    match backfill {
        Backfill::Waiting(missing, _) | Backfill::Fetching(missing, _) => missing,
        Backfill::Idle(_) => panic!("nothing is missing"),
    }
}

fn data(object: u64) -> String {
    format!(r#"{{"timestamp":"2026-11-23T17:55:11Z","parents":[],"type":"video","id":"{object}"}}"#)
}

/// Has it see an operation of this second; whether it is due.
fn sees(backfill: &mut Backfill, object: u64, second: u32) -> bool {
    has_it_see(backfill, object, second, false)
}

/// The same, where the server may have had to wait.
fn sees_late(backfill: &mut Backfill, object: u64, second: u32) -> bool {
    has_it_see(backfill, object, second, true)
}

fn has_it_see(backfill: &mut Backfill, object: u64, second: u32, is_behind: bool) -> bool {
    let mut id = [1; 12];
    id[..4].copy_from_slice(&second.to_be_bytes());
    let id = ObjectId::from_bytes(id);
    let operation = Operation::new(Record::new(&id.to_string(), "update", &data(object))).unwrap();
    backfill.saw(&operation, Some(Position::Operation(id)), || is_behind)
}

fn poll(backfill: &mut Backfill) -> Poll<Step> {
    let mut cx = Context::from_waker(Waker::noop());
    backfill.poll(&mut cx, &mut |_| ())
}

fn event(name: &str, id: &str, data: &str) -> Record {
    Record::new(id, name, data)
}

#[test]
fn is_due_once_an_operation_lies_far_enough_behind() {
    let mut it = backfill(SeenSet::default());
    assert!(!sees(&mut it, 1, OVER_AT + 1));
    assert!(!sees(&mut it, 1, OVER_AT + 4));
    assert!(poll(&mut it).is_pending());
    assert!(sees(&mut it, 1, OVER_AT + 5));
    fetch(&mut it);
    assert!(!sees(&mut it, 2, OVER_AT + 6), "it runs already");
}

#[test]
fn is_due_by_the_first_operation_where_the_clock_of_this_machine_is_ahead() {
    let mut it = backfill(SeenSet::default());
    assert!(!sees(&mut it, 1, OVER_AT - 3000));
    assert!(!sees(&mut it, 1, OVER_AT - 2996));
    assert!(sees(&mut it, 1, OVER_AT - 2995));
}

#[test]
fn is_not_due_by_a_first_operation_that_may_come_after_a_gap() {
    let mut it = backfill(SeenSet::default());
    assert!(!sees_late(&mut it, 1, OVER_AT + 100));
    assert!(!sees_late(&mut it, 1, OVER_AT + 104));
    assert!(sees_late(&mut it, 1, OVER_AT + 105));
}

#[test]
fn goes_ahead_at_once_when_no_more_can_be_remembered() {
    let mut it = backfill(SeenSet::default());
    for object in 0..MOST_SEEN as u64 {
        assert!(!sees(&mut it, object, OVER_AT + 1));
    }
    assert!(poll(&mut it).is_pending());
    assert!(sees(&mut it, MOST_SEEN as u64, OVER_AT + 1));
    fetch(&mut it);
    assert!(it.is_uncertain(), "which is to be told");
    // What is remembered stays as it is; as many more and it is hopeless.
    for object in 1..MOST_SEEN as u64 {
        sees(&mut it, MOST_SEEN as u64 + object, OVER_AT + 1);
    }
    assert_eq!(
        (missing(&mut it).seen.len(), missing(&mut it).unseen),
        (MOST_SEEN, MOST_SEEN)
    );
    sees(&mut it, 0, OVER_AT + 1);
    assert_eq!(missing(&mut it).unseen, MOST_SEEN, "that one is remembered");
    sees(&mut it, u64::MAX, OVER_AT + 1);
    assert!(matches!(poll(&mut it), Poll::Ready(Step::GivenUp(_))));
    assert!(it.is_uncertain());
}

/// Nothing is uncertain about it when the seconds have passed all the same.
#[test]
fn is_not_uncertain_when_it_can_no_longer_remember_but_is_due() {
    let mut it = backfill(SeenSet::default());
    for object in 0..MOST_SEEN as u64 {
        assert!(!sees(&mut it, object, OVER_AT + 1));
    }
    assert!(sees(&mut it, MOST_SEEN as u64, OVER_AT + 5));
    fetch(&mut it);
    assert!(!it.is_uncertain());
}

/// A state that is fetched of such an object may be older than the operation.
#[test]
fn is_uncertain_when_it_cannot_remember_what_changes_while_it_fetches() {
    let mut it = backfill(SeenSet::default());
    for object in 0..MOST_SEEN as u64 {
        assert!(!sees(&mut it, object, OVER_AT + 1));
    }
    assert!(sees(&mut it, 0, OVER_AT + 5));
    fetch(&mut it);
    sees(&mut it, 0, OVER_AT + 5);
    assert!(!it.is_uncertain());
    sees(&mut it, MOST_SEEN as u64, OVER_AT + 5);
    assert!(it.is_uncertain());
}

#[test]
fn is_given_up_when_no_more_can_be_remembered_and_it_cannot_go_ahead() {
    let mut it = backfill(SeenSet::default());
    for object in 0..=MOST_SEEN as u64 {
        assert!(!sees(&mut it, object, OVER_AT));
    }
    assert_eq!(missing(&mut it).seen.len(), MOST_SEEN);
    let Poll::Ready(Step::GivenUp(reason)) = poll(&mut it) else {
        panic!("it goes on");
    };
    assert!(reason.contains("100000 objects"), "{reason}");
}

/// The same object again and again takes no room.
#[test]
fn counts_objects_rather_than_operations() {
    let mut it = backfill(SeenSet::default());
    for _ in 0..=MOST_SEEN {
        sees(&mut it, 1, OVER_AT);
    }
    assert_eq!(
        (missing(&mut it).seen.len(), missing(&mut it).unseen),
        (1, 0)
    );
}

#[test]
fn leaves_out_what_has_been_handed_out() {
    let mut known = SeenSet::default();
    known.insert(STATE.parse().unwrap(), "insert", &data(1));
    let mut it = backfill(known);
    sees(&mut it, 2, OVER_AT);
    for object in [1, 2] {
        let step = missing(&mut it).receive(event("insert", STATE, &data(object)));
        assert!(step.is_none(), "{object}: {step:?}");
    }
    // Its deletion is something else than the object.
    for (name, object) in [("delete", 1), ("insert", 3)] {
        let step = missing(&mut it).receive(event(name, STATE, &data(object)));
        assert!(matches!(step, Some(Step::Missing(_))), "{object}: {step:?}");
        let step = missing(&mut it).receive(event(name, STATE, &data(object)));
        assert!(step.is_none(), "a second time: {step:?}");
    }
    let step = missing(&mut it).receive(event("insert", STATE, "{"));
    assert!(matches!(step, Some(Step::Invalid(_))));
}

#[test]
fn ends_at_live_and_takes_nothing_else_for_it() {
    for id in [STATE, ""] {
        let step = missing(&mut backfill(SeenSet::default())).receive(event("live", id, ""));
        assert!(matches!(step, Some(Step::Done)));
    }
    let operation = "6b047e00686c822d00000001";
    for event in [
        event("reset", "1", ""),
        event("insert", operation, &data(1)),
    ] {
        let step = missing(&mut backfill(SeenSet::default())).receive(event);
        assert!(matches!(step, Some(Step::GivenUp(_))), "{step:?}");
    }
}
