use super::*;

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
                    let facts = Facts {
                        origin,
                        delivered,
                        exact_resume,
                        ..Facts::default()
                    };
                    let is_sent_as_it_is =
                        matches!(origin, Origin::Given(given) if Some(given) == asked);
                    let margin = match delivered {
                        _ if exact_resume => exact,
                        None if is_sent_as_it_is => given,
                        None => elsewhere,
                        Some(_) => later,
                    };
                    let margin = margin.filter(|_| asked.is_some());
                    assert_eq!(
                        asked.and_then(|asked| fallback_margin(asked, &facts)),
                        margin,
                        "{asked:?}, {origin:?}, {delivered:?}, {exact_resume}"
                    );
                }
            }
        }
    }
}

/// Each row changes one thing of a run that has handed something out, or of one that has not.
#[test]
fn a_connection_goes_on_where_the_table_says() {
    let operation = position("6b047e00686c822d8e000001");
    let [state, floor] = [MS, MS - 5_000].map(Position::Replication);
    let certain = position("6b047e00686c822d8e000000");
    let exact = |position| Some((position, position));
    let synthetic = |position: Position| Some((position, Position::of_second(position.second())));
    let run = |delivered, origin| Facts {
        origin,
        delivered,
        ..Facts::default()
    };
    let [given, reached] = [Origin::Given(state), Origin::Reached(state)];
    let by_id = |facts| Facts {
        is_by_id: true,
        ..facts
    };
    let recent = |facts| Facts {
        before_recent: Some(floor),
        ..facts
    };
    let in_doubt = |facts| Facts {
        certain: Some(certain),
        ..facts
    };
    for (facts, expected) in [
        (Facts::default(), None),
        (run(None, given), exact(state)),
        (run(None, reached), synthetic(state)),
        (run(Some(operation), Origin::Now), exact(operation)),
        (run(Some(operation), given), exact(operation)),
        (run(Some(state), reached), synthetic(state)),
        (by_id(run(Some(operation), given)), exact(state)),
        (by_id(run(Some(operation), reached)), exact(operation)),
        (recent(run(Some(state), reached)), synthetic(floor)),
        (recent(run(Some(operation), reached)), exact(operation)),
        (recent(by_id(run(Some(state), given))), exact(state)),
        (in_doubt(run(Some(operation), reached)), exact(certain)),
        (in_doubt(by_id(run(Some(operation), given))), exact(certain)),
    ] {
        let found = resume(&facts).map(|resume| (resume.after, resume.sent));
        assert_eq!(found, expected, "{facts:?}");
        let replicating = Facts {
            replicates: true,
            ..facts
        };
        let found = resume(&replicating).map(|resume| resume.sent);
        assert_eq!(found, Some(Position::FULL_REPLICATION), "{facts:?}");
        let as_it_is = Facts {
            exact_resume: true,
            ..facts
        };
        let found = resume(&as_it_is).map(|resume| (resume.after, resume.sent));
        assert_eq!(
            found,
            expected.map(|(after, _)| (after, after)),
            "{facts:?}"
        );
    }
}
