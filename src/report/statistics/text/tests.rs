//! The summary of a run with everything and of one with nothing.

use crate::report::statistics::lags::LagSummary;
use crate::report::statistics::{Events, InFlight, Oldest, PENDING, Summary};

/// Two summaries: of a run that did all there is, and of one that did nothing.
pub(crate) fn examples() -> [String; 2] {
    let nothing = Summary {
        events: Events::default(),
        invalid: 0,
        first_id: None,
        last_id: None,
        position: None,
        lag_ms: None,
        reconnections: 0,
        repaired: 0,
        repair: None,
        in_flight: InFlight {
            lines: 0,
            limit: None,
            oldest: None,
        },
        elapsed_ms: 1_200,
        saved_ms_ago: None,
        is_kept: false,
    };
    let much = Summary {
        events: Events {
            insert: 1_234_567,
            update: 89_012,
            delete: 345,
            reset: 1,
            live: 1,
            other: 0,
        },
        invalid: 2,
        first_id: Some("1"),
        last_id: Some("545b55c7f095528dd0f3863c"),
        position: Some("545b55c7f095528dd0f3863c".into()),
        lag_ms: Some(LagSummary {
            median: 12,
            p99: 340,
            max: 5_600,
        }),
        reconnections: 3,
        repaired: 4,
        repair: Some(PENDING),
        in_flight: InFlight {
            lines: 17,
            limit: Some(1000),
            oldest: Some(Oldest {
                id: "545b55c7f095528dd0f3863b",
                event: "insert",
                object: Some("video/xk32jd"),
                out_ms: 90_000,
            }),
        },
        elapsed_ms: 5_432_100,
        saved_ms_ago: Some(1_500),
        is_kept: true,
    };
    [much.text(), nothing.text()]
}
