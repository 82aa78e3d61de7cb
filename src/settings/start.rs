//! Where a run starts.

use jiff::civil::Date;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::error::UsageError;
use crate::cli;
use crate::consumer::Start;
use crate::duration::{self, InvalidDuration};
use crate::oplog::Position;

const SECONDS_OF_A_DAY: u32 = 86_400;

/// Where to start, and whether the command line says so.
pub(super) struct Resolved {
    pub(super) start: Start,
    pub(super) given: bool,
}

/// What `--start-id`, `--since` and `--allow-replication` mean at this time.
pub(super) fn resolve(typed: &cli::Position, now: Timestamp) -> Result<Resolved, UsageError> {
    let start = match (&typed.start_id, &typed.since) {
        (Some(id), _) => Some(start_id(id)?),
        (None, Some(when)) => Some(since(when, now)?),
        (None, None) if typed.allow_replication => Some(Start::At(Position::FULL_REPLICATION)),
        (None, None) => None,
    };
    Ok(Resolved {
        start: start.unwrap_or(Start::Now),
        given: start.is_some(),
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
    id.parse().map(Start::At).map_err(|error| {
        UsageError::new(format!(
            "--start-id {id:?}: neither \"now\" nor 0, and {error}"
        ))
    })
}

fn since(when: &str, now: Timestamp) -> Result<Start, UsageError> {
    let fail = |problem: &str| UsageError::new(format!("--since {when:?}: {problem}"));
    let time = match duration::parse_positive(when) {
        Ok(ago) => SignedDuration::try_from(ago).ok().and_then(|ago| now.checked_sub(ago).ok()),
        Err(InvalidDuration::Malformed) => point_in_time(when),
        Err(error) => return Err(fail(&error.to_string())),
    }
    .ok_or_else(|| {
        fail("neither a duration (2h, 1d12h) nor an RFC 3339 time (2026-11-23T10:00:00Z) nor a date (2026-11-23)")
    })?;
    if time > now {
        return Err(fail("that is in the future"));
    }
    let second = u64::try_from(time.as_second())
        .ok()
        .filter(|_| time >= Timestamp::UNIX_EPOCH)
        .ok_or_else(|| fail("that is before 1970, when the ids of the log begin"))?;
    // Second 0 means a full replication to the server, with a `reset`.
    Ok(Start::At(Position::of_second(second.max(1))))
}

/// The RFC 3339 time, or the first second of the date in UTC.
///
/// jiff takes offsets of up to 25 hours; RFC 3339 has none of a day or more, and no place on
/// earth has.
fn point_in_time(text: &str) -> Option<Timestamp> {
    // As many characters as a date has: Date itself would take a time and ignore it.
    if text.len() == "2026-11-23".len() {
        let midnight = text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC);
        // The last date there is has no time that can be told in every zone.
        return Some(midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp()));
    }
    let offset = Pieces::parse(text).ok()?.to_numeric_offset();
    if offset.is_some_and(|offset| offset.seconds().unsigned_abs() >= SECONDS_OF_A_DAY) {
        return None;
    }
    // The last day has times that jiff cannot tell in every zone, and so not at all.
    text.parse().ok().or_else(|| {
        let year = Pieces::parse(text).ok()?.date().year();
        (offset.is_some() && year == 9999).then_some(Timestamp::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(when: &str) -> Result<String, String> {
        let now = "2026-11-23T12:00:00.900Z".parse().unwrap();
        match since(when, now) {
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
            ("99y", "neither a duration"),
            ("30000d", "before 1970"),
            ("0", "longer than 0"),
            ("0s", "longer than 0"),
            ("5", "the unit is missing"),
            ("1000000d", "too long"),
            ("9999-12-31", "in the future"),
            ("9999-12-31T23:59:59Z", "in the future"),
            ("-2h", "cannot be negative"),
            ("2026-13-01", "neither a duration"),
            ("2026-11-23T10:00:00", "neither a duration"),
            ("yesterday", "neither a duration"),
            ("2026-11-23T10:00:00+25:00", "neither a duration"),
            ("2026-11-23T10:00:00-24:00", "neither a duration"),
            ("", "neither a duration"),
        ] {
            let error = seconds(when).unwrap_err();
            assert!(error.starts_with(&format!("--since {when:?}: ")), "{error}");
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
