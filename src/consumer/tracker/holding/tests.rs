use super::*;
use crate::consumer::Config;

const MS: u64 = 1_795_456_511_500;

fn position(text: &str) -> Position {
    text.parse().unwrap()
}

/// Every kind of position that can be asked for, wherever the run began, whether something was
/// handed out, and however a time is resumed from.
#[test]
fn a_fallback_begins_where_the_connection_was_asked_for_or_earlier() {
    let operation = position("6b047e00686c822d8e000001");
    let synthetic = Position::of_second(MS / 1000);
    let [zero, reset, time] = [0, 1, MS].map(Position::Replication);
    let other = Position::Replication(MS - 1);
    // What is asked for, and how far before it the position stays: before something was handed
    // out, where the run began with what was asked for or elsewhere; after that; and the same with
    // `--exact-resume`.
    let cases = [
        (None, [None, None, None, None]),
        (Some(operation), [Some(MARGIN); 4]),
        (Some(synthetic), [Some(0); 4]),
        (Some(zero), [None; 4]),
        (Some(reset), [None, Some(MARGIN), Some(0), None]),
        (Some(time), [None, Some(MARGIN), Some(0), None]),
    ];
    for (asked, [given, elsewhere, later, exact]) in cases {
        for origin in [
            Origin::Now,
            Origin::Given(asked.unwrap_or(time)),
            Origin::Given(other),
            Origin::Reached(asked.unwrap_or(time)),
            Origin::Reached(other),
        ] {
            for delivered in [None, asked, Some(operation), Some(time)] {
                for exact_resume in [false, true] {
                    let mut tracker = Tracker::new(&Config::of(Vec::new()), None);
                    (tracker.asked, tracker.origin) = (asked, origin);
                    (tracker.delivered, tracker.exact_resume) = (delivered, exact_resume);
                    let is_sent_as_it_is =
                        matches!(origin, Origin::Given(given) if Some(given) == asked);
                    let margin = match delivered {
                        _ if exact_resume => exact,
                        None if is_sent_as_it_is => given,
                        None => elsewhere,
                        Some(_) => later,
                    };
                    let expected = asked.zip(margin);
                    assert_eq!(
                        tracker.fallback(),
                        expected,
                        "{asked:?}, {origin:?}, {delivered:?}, {exact_resume}"
                    );
                }
            }
        }
    }
}

#[test]
fn after_a_fallback_the_next_connection_asks_for_the_same_again() {
    let asked = position("6b047e00686c822d8e000001");
    for (delivered, goes_on_from) in [(None, None), (Some(Position::of_second(5)), Some(asked))] {
        let mut tracker = Tracker::new(&Config::of(Vec::new()), None);
        (tracker.asked, tracker.delivered) = (Some(asked), delivered);
        tracker.skips_to = Some(asked);
        tracker.fell_back();
        assert_eq!((tracker.delivered, tracker.skips_to), (goes_on_from, None));
    }
}
