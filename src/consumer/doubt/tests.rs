use super::*;
use crate::consumer::{Acknowledging, Config, Start};
use crate::oplog::{Operation, Record};

const BY_ID: Acknowledging = Acknowledging::ById { max_in_flight: 100 };
const BOTH: [Acknowledging; 2] = [Acknowledging::InOrder, BY_ID];

fn place(acknowledging: Acknowledging) -> Place {
    let config = Config {
        start: Start::At(operation(100)),
        acknowledging,
        ..Config::of(Vec::new())
    };
    Place::new(&config, None)
}

/// The operation of this second.
fn operation(second: u32) -> Position {
    format!("{second:08x}686c822d8e000001").parse().unwrap()
}

fn deliver(place: &mut Place, position: Position) {
    let data = r#"{"timestamp":"2026-11-23T17:55:11Z","parents":[],"type":"video","id":"1"}"#;
    let record = Record::new(&position.to_string(), "insert", data);
    place.deliver(&Operation::new(record).unwrap(), Some(position), 0);
}

/// Hands out the operations of these seconds and acknowledges them.
fn handle(place: &mut Place, seconds: std::ops::RangeInclusive<u32>) {
    for second in seconds {
        deliver(place, operation(second));
        acknowledge(place, second);
    }
}

fn acknowledge(place: &mut Place, second: u32) {
    if place.is_by_id() {
        place.acknowledge(&operation(second).to_string()).unwrap();
    } else {
        place.acknowledge_delivered();
    }
}

#[test]
fn the_position_stays_at_the_last_operation_without_doubt_until_the_server_has_it() {
    for acknowledging in BOTH {
        let mut place = place(acknowledging);
        handle(&mut place, 101..=103);
        assert_eq!(place.position(), Some(operation(103)));
        place.fell_behind();
        assert_eq!(place.doubted(), None, "nothing came since");
        handle(&mut place, 104..=106);
        assert_eq!(place.position(), Some(operation(103)));
        assert_eq!(place.doubted(), Some(operation(103)));
        place.ask_whether_kept(false);
        handle(&mut place, 107..=108);
        assert_eq!(place.position(), Some(operation(103)));
        place.is_kept();
        assert_eq!(place.position(), Some(operation(108)));
        assert!(!place.is_in_doubt());
    }
}

#[test]
fn while_it_stays_behind_an_answer_clears_what_had_come_before_the_question() {
    for acknowledging in BOTH {
        let mut place = place(acknowledging);
        handle(&mut place, 101..=101);
        place.fell_behind();
        handle(&mut place, 102..=104);
        place.ask_whether_kept(false);
        handle(&mut place, 105..=105);
        place.fell_behind();
        handle(&mut place, 106..=106);
        place.is_kept();
        assert_eq!(place.position(), Some(operation(104)));
        assert_eq!(place.doubted(), Some(operation(104)));
        place.ask_whether_kept(true);
        handle(&mut place, 107..=107);
        place.forget_question();
        assert_eq!(place.position(), Some(operation(104)), "no answer");
        place.ask_whether_kept(false);
        place.is_kept();
        assert_eq!(place.position(), Some(operation(107)));
    }
}

#[test]
fn an_answer_moves_the_position_no_further_than_what_is_acknowledged() {
    for acknowledging in BOTH {
        let mut place = place(acknowledging);
        handle(&mut place, 101..=101);
        deliver(&mut place, operation(102));
        place.fell_behind();
        deliver(&mut place, operation(103));
        place.ask_whether_kept(false);
        place.is_kept();
        assert_eq!(place.position(), Some(operation(101)));
        acknowledge(&mut place, 103);
        if place.is_by_id() {
            assert_eq!(place.position(), Some(operation(101)));
            acknowledge(&mut place, 102);
        }
        assert_eq!(place.position(), Some(operation(103)));
    }
}

/// The last operation without doubt is asked for, and what was handed out after it is known.
#[test]
fn a_new_connection_answers_the_question_and_brings_nothing_twice() {
    for acknowledging in BOTH {
        let mut place = place(acknowledging);
        handle(&mut place, 101..=102);
        place.fell_behind();
        handle(&mut place, 103..=104);
        assert_eq!(place.ask(), Some(operation(102)));
        assert_eq!(place.position(), Some(operation(102)));
        for (second, is_known) in [(103, true), (104, true), (105, false), (106, false)] {
            assert_eq!(
                place.is_known(Some(operation(second)), 0),
                is_known,
                "{second}"
            );
        }
        assert!(!place.is_in_doubt());
        assert_eq!(place.position(), Some(operation(104)));
    }
}

/// The new connection is overtaken as well, before it comes to where the last one was: the doubt
/// stays, whatever the server says of the operation that both began with.
#[test]
fn the_doubt_stays_until_the_last_operation_comes_again() {
    for acknowledging in BOTH {
        let mut place = place(acknowledging);
        handle(&mut place, 101..=102);
        place.fell_behind();
        handle(&mut place, 103..=105);
        assert_eq!(place.ask(), Some(operation(102)));
        assert!(place.is_known(Some(operation(103)), 0));
        assert_eq!(place.doubted(), Some(operation(102)));
        place.ask_whether_kept(false);
        place.is_kept();
        assert_eq!(place.doubted(), Some(operation(102)));
        assert!(!place.is_known(Some(operation(106)), 0));
        handle(&mut place, 106..=106);
        assert_eq!(place.position(), Some(operation(102)));
        assert_eq!(place.doubted(), Some(operation(102)));
    }
}

/// States come in place of what was skipped: none of them is known, and the position waits for
/// them before what is in doubt.
#[test]
fn after_a_fallback_nothing_is_taken_for_known_and_the_position_waits() {
    for acknowledging in BOTH {
        let mut place = place(acknowledging);
        handle(&mut place, 101..=102);
        place.fell_behind();
        handle(&mut place, 103..=103);
        deliver(&mut place, operation(104));
        assert_eq!(place.ask(), Some(operation(102)));
        place.fell_back();
        assert_eq!(place.fallback(), Some((operation(102), 5)));
        place.hold_before(operation(102), 5);
        assert!(!place.is_in_doubt());
        let held = Some(Position::Replication(97_000));
        let state = Position::Replication(103_000);
        assert!(!place.is_known(Some(state), 7));
        deliver(&mut place, state);
        assert!(!place.is_known(Some(operation(105)), 0));
        acknowledge(&mut place, 104);
        assert_eq!(place.position(), held);
        place.hold_after_replication();
        if place.is_by_id() {
            place.acknowledge(&state.to_string()).unwrap();
        }
        handle(&mut place, 106..=106);
        assert_eq!(place.position(), held);
        place.release();
        assert_eq!(place.position(), Some(operation(106)));
    }
}

#[test]
fn a_connection_that_falls_behind_before_the_first_operation_leaves_no_doubt() {
    let mut place = place(Acknowledging::InOrder);
    place.fell_behind();
    assert!(!place.is_in_doubt());
    deliver(&mut place, Position::Replication(103_000));
    place.fell_behind();
    assert!(!place.is_in_doubt());
}
