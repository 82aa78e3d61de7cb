use super::*;
use crate::oplog::Record;

fn tracker(acknowledging: Acknowledging) -> Tracker {
    let rules = Rules {
        acknowledging,
        ..Rules::default()
    };
    Tracker::new(rules, None)
}

#[test]
fn after_a_fallback_the_next_connection_asks_for_the_same_again() {
    let asked: Position = "6b047e00686c822d8e000001".parse().unwrap();
    for (delivered, goes_on_from) in [(None, None), (Some(Position::of_second(5)), Some(asked))] {
        let mut tracker = tracker(Acknowledging::InOrder);
        (tracker.asked, tracker.delivered) = (Some(asked), delivered);
        let pin = tracker.pin();
        tracker.doubt = Some(Doubt {
            since: asked,
            pin,
            question: None,
            skips_to: Some(asked),
        });
        tracker.fell_back();
        assert_eq!(tracker.delivered, goes_on_from);
        assert_eq!(tracker.doubt.unwrap().skips_to, None);
    }
}

#[test]
fn nothing_follows_a_reset_until_it_is_acknowledged() {
    let mut tracker = tracker(Acknowledging::ById { max_in_flight: 9 });
    for (event, is_full) in [("reset", true), ("live", false)] {
        let operation = Operation::new(Record::new("1", event, "")).unwrap();
        tracker.deliver(&operation, Some(Position::Replication(1)), 0);
        assert_eq!(tracker.is_full(), is_full, "{event}");
        tracker.acknowledge("1").unwrap();
        assert!(!tracker.is_full());
    }
}
