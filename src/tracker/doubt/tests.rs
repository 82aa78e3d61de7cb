use super::*;
use crate::oplog::{Operation, Record};
use crate::tracker::{Acknowledging, Rules, Start};

const BY_ID: Acknowledging = Acknowledging::ById { max_in_flight: 100 };
const BOTH: [Acknowledging; 2] = [Acknowledging::InOrder, BY_ID];

fn tracker(acknowledging: Acknowledging) -> Tracker {
    let rules = Rules {
        start: Start::At(operation(100)),
        acknowledging,
        exact_resume: false,
    };
    let mut tracker = Tracker::new(rules, None);
    tracker.stage = Stage::Operations;
    tracker
}

/// The operation of this second.
fn operation(second: u32) -> Position {
    format!("{second:08x}686c822d8e000001").parse().unwrap()
}

fn deliver(tracker: &mut Tracker, position: Position) {
    let data = r#"{"timestamp":"2026-11-23T17:55:11Z","parents":[],"type":"video","id":"1"}"#;
    let record = Record::new(&position.to_string(), "insert", data);
    tracker.deliver(&Operation::new(record).unwrap(), Some(position), 0);
}

/// Hands out the operations of these seconds and acknowledges them.
fn handle(tracker: &mut Tracker, seconds: std::ops::RangeInclusive<u32>) {
    for second in seconds {
        deliver(tracker, operation(second));
        acknowledge(tracker, second);
    }
}

fn acknowledge(tracker: &mut Tracker, second: u32) {
    if tracker.is_by_id() {
        tracker.acknowledge(&operation(second).to_string()).unwrap();
    } else {
        tracker.acknowledge_delivered();
    }
}

#[test]
fn the_position_stays_at_the_last_operation_without_doubt_until_the_server_has_it() {
    for acknowledging in BOTH {
        let mut tracker = tracker(acknowledging);
        handle(&mut tracker, 101..=103);
        assert_eq!(tracker.position(), Some(operation(103)));
        tracker.fell_behind();
        assert_eq!(tracker.doubted(), None, "nothing came since");
        handle(&mut tracker, 104..=106);
        assert_eq!(tracker.position(), Some(operation(103)));
        assert_eq!(tracker.doubted(), Some(operation(103)));
        tracker.ask_whether_kept(false);
        handle(&mut tracker, 107..=108);
        assert_eq!(tracker.position(), Some(operation(103)));
        tracker.is_kept();
        assert_eq!(tracker.position(), Some(operation(108)));
        assert!(!tracker.is_in_doubt());
    }
}

#[test]
fn while_it_stays_behind_an_answer_clears_what_had_come_before_the_question() {
    for acknowledging in BOTH {
        let mut tracker = tracker(acknowledging);
        handle(&mut tracker, 101..=101);
        tracker.fell_behind();
        handle(&mut tracker, 102..=104);
        tracker.ask_whether_kept(false);
        handle(&mut tracker, 105..=105);
        tracker.fell_behind();
        handle(&mut tracker, 106..=106);
        tracker.is_kept();
        assert_eq!(tracker.position(), Some(operation(104)));
        assert_eq!(tracker.doubted(), Some(operation(104)));
        tracker.ask_whether_kept(true);
        handle(&mut tracker, 107..=107);
        tracker.forget_question();
        assert_eq!(tracker.position(), Some(operation(104)), "no answer");
        tracker.ask_whether_kept(false);
        tracker.is_kept();
        assert_eq!(tracker.position(), Some(operation(107)));
    }
}

#[test]
fn an_answer_moves_the_position_no_further_than_what_is_acknowledged() {
    for acknowledging in BOTH {
        let mut tracker = tracker(acknowledging);
        handle(&mut tracker, 101..=101);
        deliver(&mut tracker, operation(102));
        tracker.fell_behind();
        deliver(&mut tracker, operation(103));
        tracker.ask_whether_kept(false);
        tracker.is_kept();
        assert_eq!(tracker.position(), Some(operation(101)));
        acknowledge(&mut tracker, 103);
        if tracker.is_by_id() {
            assert_eq!(tracker.position(), Some(operation(101)));
            acknowledge(&mut tracker, 102);
        }
        assert_eq!(tracker.position(), Some(operation(103)));
    }
}

/// The last operation without doubt is asked for, and what was handed out after it is known.
#[test]
fn a_new_connection_answers_the_question_and_brings_nothing_twice() {
    for acknowledging in BOTH {
        let mut tracker = tracker(acknowledging);
        handle(&mut tracker, 101..=102);
        tracker.fell_behind();
        handle(&mut tracker, 103..=104);
        assert_eq!(tracker.ask(), Some(operation(102)));
        assert_eq!(tracker.position(), Some(operation(102)));
        for (second, is_known) in [(103, true), (104, true), (105, false), (106, false)] {
            assert_eq!(
                tracker.is_known(Some(operation(second)), 0),
                is_known,
                "{second}"
            );
        }
        assert!(!tracker.is_in_doubt());
        assert_eq!(tracker.position(), Some(operation(104)));
    }
}

/// The new connection is overtaken as well, before it comes to where the last one was: the doubt
/// stays, whatever the server says of the operation that both began with.
#[test]
fn the_doubt_stays_until_the_last_operation_comes_again() {
    for acknowledging in BOTH {
        let mut tracker = tracker(acknowledging);
        handle(&mut tracker, 101..=102);
        tracker.fell_behind();
        handle(&mut tracker, 103..=105);
        assert_eq!(tracker.ask(), Some(operation(102)));
        assert!(tracker.is_known(Some(operation(103)), 0));
        assert_eq!(tracker.doubted(), Some(operation(102)));
        tracker.ask_whether_kept(false);
        tracker.is_kept();
        assert_eq!(tracker.doubted(), Some(operation(102)));
        assert!(!tracker.is_known(Some(operation(106)), 0));
        handle(&mut tracker, 106..=106);
        assert_eq!(tracker.position(), Some(operation(102)));
        assert_eq!(tracker.doubted(), Some(operation(102)));
    }
}

/// States come in place of what was skipped: none of them is known, and the position waits for
/// them before what is in doubt.
#[test]
fn after_a_fallback_nothing_is_taken_for_known_and_the_position_waits() {
    for acknowledging in BOTH {
        let mut tracker = tracker(acknowledging);
        handle(&mut tracker, 101..=102);
        tracker.fell_behind();
        handle(&mut tracker, 103..=103);
        deliver(&mut tracker, operation(104));
        assert_eq!(tracker.ask(), Some(operation(102)));
        tracker.opened(110);
        let state = Position::Replication(103_000);
        let fallback = tracker.advance(false, Some(state));
        assert_eq!(fallback, Some((operation(102), 5)));
        tracker.hold_for_fallback(operation(102), 5);
        assert!(!tracker.is_in_doubt());
        let held = Some(Position::Replication(97_000));
        assert!(!tracker.is_known(Some(state), 7));
        deliver(&mut tracker, state);
        assert!(!tracker.is_known(Some(operation(105)), 0));
        acknowledge(&mut tracker, 104);
        assert_eq!(tracker.position(), held);
        tracker.hold_after_replication();
        if tracker.is_by_id() {
            tracker.acknowledge(&state.to_string()).unwrap();
        }
        handle(&mut tracker, 106..=106);
        assert_eq!(tracker.position(), held);
        tracker.release();
        assert_eq!(tracker.position(), Some(operation(106)));
    }
}

#[test]
fn a_connection_that_falls_behind_before_the_first_operation_leaves_no_doubt() {
    let mut tracker = tracker(Acknowledging::InOrder);
    tracker.fell_behind();
    assert!(!tracker.is_in_doubt());
    deliver(&mut tracker, Position::Replication(103_000));
    tracker.fell_behind();
    assert!(!tracker.is_in_doubt());
}

/// Hands out the operation of a second, which comes so many seconds later; whether that is late.
fn comes(tracker: &mut Tracker, second: u32, lag: i64) -> Lateness {
    deliver(tracker, operation(second));
    tracker.lateness(u64::from(second).checked_add_signed(lag).unwrap())
}

#[test]
fn operations_are_late_that_come_later_than_at_best_or_long_after_they_happened() {
    use Lateness::{Growing, None, Old};
    let mut tracker = tracker(Acknowledging::InOrder);
    assert_eq!(tracker.lateness(500), None, "nothing came");
    for (second, lag, lateness) in [
        (101, 1, None),
        // One second can be the rounding.
        (102, 2, None),
        (103, 3, Growing),
        (104, 0, None),
        (105, 2, Growing),
        (106, 9, Growing),
        // A clock that is behind.
        (107, -10, None),
        (108, -9, None),
        (109, -8, Growing),
    ] {
        assert_eq!(comes(&mut tracker, second, lag), lateness, "{second}");
    }
    tracker.ask();
    for (second, lag, lateness) in [
        // After a resume from an old position, say.
        (201, 60, Old),
        (202, 61, Old),
        (203, 62, Growing),
        (204, 6, Old),
        (205, 5, None),
    ] {
        assert_eq!(comes(&mut tracker, second, lag), lateness, "{second}");
    }
    deliver(&mut tracker, Position::Replication(206_000));
    assert_eq!(tracker.lateness(500), None, "a state");
}

/// What a new connection brings first can be late already, where it goes on behind one in doubt.
#[test]
fn only_a_connection_without_doubt_is_a_new_beginning() {
    for is_in_doubt in [false, true] {
        let mut tracker = tracker(Acknowledging::InOrder);
        assert_eq!(comes(&mut tracker, 101, 0), Lateness::None);
        if is_in_doubt {
            tracker.fell_behind();
            assert_eq!(comes(&mut tracker, 102, 1), Lateness::None);
        }
        tracker.ask();
        let expected = if is_in_doubt {
            Lateness::Growing
        } else {
            Lateness::None
        };
        assert_eq!(comes(&mut tracker, 103, 4), expected);
    }
}
