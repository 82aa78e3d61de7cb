//! Where a run starts.

use std::time::Duration;

use jiff::Zoned;

use super::error::UsageError;
use super::when::When;
use crate::cli;
use crate::clock::second_of;
use crate::oplog::Position;
use crate::tracker::{MARGIN, Start};

/// The point in time at which a run ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until {
    /// The run ends at the first operation of a later UNIX second, by the clock of the store.
    pub(super) last_second: u64,
    /// How long to wait until it is past by the clock of the store too.
    pub(super) wait: Duration,
}

/// The meaning of `--start-id`, `--since` and `--allow-replication` at this time; `None` without any.
pub(super) fn start(
    typed: &cli::Position,
    now: impl FnOnce() -> Zoned,
) -> Result<Option<Start>, UsageError> {
    Ok(match (&typed.start_id, &typed.since) {
        (Some(id), _) => Some(start_id(id)?),
        (None, Some(when)) => Some(since(when, &now())?),
        (None, None) if typed.allow_replication => Some(Start::At(Position::FULL_REPLICATION)),
        (None, None) => None,
    })
}

fn start_id(id: &str) -> Result<Start, UsageError> {
    if id == "now" {
        return Ok(Start::Now);
    }
    if id.eq_ignore_ascii_case("now") {
        return Err(UsageError::new(format!(
            "--start-id {id:?}: did you mean \"now\"?"
        )));
    }
    id.parse().map(Start::At).map_err(|_| {
        UsageError::new(format!(
            "--start-id {id:?}: expected now, 0, an operation id (24 hex digits) or a time in milliseconds"
        ))
    })
}

fn since(when: &str, now: &Zoned) -> Result<Start, UsageError> {
    let fail = |problem: &str| UsageError::new(format!("--since {when:?}: {problem}"));
    match when {
        "0" => {
            return Err(fail(
                "did you mean --start-id 0, which prints every object?",
            ));
        }
        "now" => return Err(fail("leave it out, a run starts from now by default")),
        _ => {}
    }
    let when = When::parse(when, now).map_err(|problem| fail(problem.as_str()))?;
    if when.time > now.timestamp() {
        return Err(fail(
            "it is in the future; --since needs a time in the past",
        ));
    }
    // Second 0 means a full replication to the server, with a `reset`.
    Ok(Start::At(Position::of_second(second_of(when.time).max(1))))
}

/// The meaning of `--until` at this time.
///
/// The store's clock makes the ids of operations, so a time is by that clock. `now` and `2h` are by
/// the clock of this machine. The two clocks may differ by [`MARGIN`] seconds. If the store is ahead,
/// an operation from before `now` can have an id that is later by that much. If it is behind, a time
/// is past at the store only that much after it is past here.
pub(super) fn until(when: &str, now: &Zoned) -> Result<Until, UsageError> {
    let fail = |problem: &str| UsageError::new(format!("--until {when:?}: {problem}"));
    let when = match when {
        "now" => When {
            time: now.timestamp(),
            is_ago: true,
        },
        other if other.eq_ignore_ascii_case("now") => return Err(fail("did you mean \"now\"?")),
        other => When::parse(other, now).map_err(|problem| fail(&problem))?,
    };
    let margin = if when.is_ago { MARGIN } else { 0 };
    let wait = Duration::try_from(when.time.duration_since(now.timestamp())).unwrap_or_default();
    Ok(Until {
        last_second: second_of(when.time) + margin,
        wait: match wait {
            Duration::ZERO => Duration::ZERO,
            wait => wait + Duration::from_secs(MARGIN),
        },
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn now() -> Zoned {
        "2026-11-23T12:00:00.900Z[UTC]".parse().unwrap()
    }

    fn seconds(when: &str) -> Result<String, String> {
        match since(when, &now()) {
            Ok(Start::At(position)) => Ok(Timestamp::from_second(
                i64::try_from(position.second()).unwrap(),
            )
            .unwrap()
            .to_string()),
            Ok(Start::Now) => unreachable!(),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn since_takes_durations_times_and_dates() {
        for (when, start) in [
            ("2h", "2026-11-23T10:00:00Z"),
            ("1d12h", "2026-11-22T00:00:00Z"),
            ("1ms", "2026-11-23T12:00:00Z"),
            ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z"),
            ("2026-11-23T10:00:00.999999999Z", "2026-11-23T10:00:00Z"),
            ("2026-11-23T02:00:00-08:00", "2026-11-23T10:00:00Z"),
            ("2026-11-22T11:00:00-23:00", "2026-11-23T10:00:00Z"),
            ("2026-11-23", "2026-11-23T00:00:00Z"),
            ("1970-01-01", "1970-01-01T00:00:01Z"),
            ("2 hours ago", "2026-11-23T10:00:00Z"),
            ("yesterday", "2026-11-22T00:00:00Z"),
        ] {
            assert_eq!(seconds(when).as_deref(), Ok(start), "{when}");
        }
    }

    #[test]
    fn since_refuses_what_lies_outside_the_log() {
        for (when, problem) in [
            ("2026-11-24", "in the future"),
            ("2026-11-23T12:00:01Z", "in the future"),
            ("1969-12-31", "before 1970"),
            ("1969-12-31T23:59:59.5Z", "before 1970"),
            ("99y", "before 1970"),
            ("30000d", "before 1970"),
            ("0", "--start-id 0"),
            ("0s", "longer than 0"),
            ("5", "the unit is missing"),
            ("1000000d", "too long"),
            ("9999-12-31", "in the future"),
            ("9999-12-31T23:59:59Z", "in the future"),
            ("-2h", "cannot be negative"),
            ("2026-13-01", "expected a duration"),
            ("tomorrow", "expected a duration"),
            ("now", "leave it out"),
            ("2026-11-23T10:00:00+25:00", "expected a duration"),
            ("2026-11-23T10:00:00-24:00", "expected a duration"),
            ("", "expected a duration"),
        ] {
            let error = seconds(when).unwrap_err();
            assert!(error.starts_with(&format!("--since {when:?}: ")), "{error}");
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn until_takes_the_same_and_now_and_the_future() {
        const NOON: u64 = 1_795_435_200;
        for (when, last_second, wait_ms) in [
            // By the clock of this machine.
            ("now", NOON + MARGIN, 0),
            ("2h", NOON - 7200 + MARGIN, 0),
            // By the store's.
            ("10:00", NOON - 7200, 0),
            ("2026-11-23T12:00:00Z", NOON, 0),
            ("2026-11-23T12:00:03.9Z", NOON + 3, 3000 + MARGIN * 1000),
        ] {
            let until = until(when, &now()).unwrap();
            assert_eq!(until.last_second, last_second, "{when}");
            assert_eq!(until.wait, Duration::from_millis(wait_ms), "{when}");
        }
        assert!(until("9999-12-31", &now()).unwrap().wait > Duration::from_hours(24 * 365));
        for (when, problem) in [
            ("Now", "did you mean \"now\"?"),
            ("", "expected a duration"),
            ("soon", "expected a duration"),
            ("5", "the unit is missing"),
            ("1969-12-31", "before 1970"),
        ] {
            let error = until(when, &now()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--until {when:?}: ")), "{error}");
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn start_ids_are_sent_as_they_are() {
        assert_eq!(start_id("now"), Ok(Start::Now));
        for id in ["0", "1", "1795456511846", "545b55c7f095528dd0f3863c"] {
            let Ok(Start::At(position)) = start_id(id) else {
                panic!("{id}");
            };
            assert_eq!(position.to_string(), id);
        }
        for id in ["", "-1", "abc", "12345678901234"] {
            let error = start_id(id).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("--start-id {id:?}: ")),
                "{error}"
            );
        }
    }
}
