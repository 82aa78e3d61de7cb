use super::*;

#[test]
fn after_a_fallback_the_next_connection_asks_for_the_same_again() {
    let asked: Position = "6b047e00686c822d8e000001".parse().unwrap();
    for (delivered, goes_on_from) in [(None, None), (Some(Position::of_second(5)), Some(asked))] {
        let rules = Rules {
            start: Start::Now,
            acknowledging: Acknowledging::InOrder,
            exact_resume: false,
        };
        let mut tracker = Tracker::new(rules, None);
        (tracker.asked, tracker.delivered) = (Some(asked), delivered);
        tracker.skips_to = Some(asked);
        tracker.fell_back();
        assert_eq!((tracker.delivered, tracker.skips_to), (goes_on_from, None));
    }
}
