//! A point in time, as `--since` and `--until` take it.

use jiff::civil::Time;
use jiff::fmt::friendly::SpanParser;
use jiff::fmt::temporal::Pieces;
use jiff::{Span, Timestamp, Zoned, ZonedArithmetic};

use crate::clock::timestamp;
use crate::duration::{self, InvalidDuration};

const SECONDS_OF_A_DAY: u32 = 86_400;

const EXPECTED: &str = "expected a duration (2h, 1d12h, 2 hours ago), a time \
    (2026-11-23T10:00:00Z, 2026-11-23 10:00, 10:00) or a date (2026-11-23, yesterday)";

/// A point in time that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When {
    pub(super) time: Timestamp,
    /// It was given as a time span before now, by the clock of this machine.
    pub(super) is_ago: bool,
}

impl When {
    /// The point in time; `now` is the present in the local time zone.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(super) fn parse(text: &str, now: &Zoned) -> Result<Self, String> {
        let (time, is_ago) = match duration::parse_positive(text) {
            Ok(ago) => (before(now, ago), true),
            Err(InvalidDuration::Malformed) => match span(text) {
                Some(ago) => (before(now, ago), true),
                None => (point_in_time(text, now).ok_or(EXPECTED)?, false),
            },
            Err(error) => return Err(error.to_string()),
        };
        if time < Timestamp::UNIX_EPOCH {
            return Err("it is before 1970, where the ids of the log begin".into());
        }
        Ok(Self { time, is_ago })
    }
}

/// The time `ago` before now. If it cannot be represented, the first time that can.
fn before(now: &Zoned, ago: impl Into<ZonedArithmetic>) -> Timestamp {
    let time = now.checked_sub(ago);
    time.map_or(Timestamp::MIN, |time| time.timestamp())
}

/// A duration in words: `2 hours ago`, `2w`, `1 day 12 hours`.
fn span(text: &str) -> Option<Span> {
    // jiff reads 10:00:30 as a duration of ten hours.
    if text.contains(':') {
        return None;
    }
    let ago = text.trim_end().strip_suffix("ago").unwrap_or(text);
    let span = SpanParser::new().parse_span(ago.trim_end()).ok()?;
    span.is_positive().then_some(span)
}

/// The time, or the first second of the date. Without an offset it is local.
///
/// jiff takes offsets of up to 25 hours; RFC 3339 has none of a day or more, and no place on
/// earth has.
fn point_in_time(text: &str, now: &Zoned) -> Option<Timestamp> {
    let today = now.date();
    let (word, time) = text.split_once(' ').unwrap_or((text, ""));
    let day = match word {
        "today" => Some(today),
        "yesterday" => today.yesterday().ok(),
        _ => None,
    };
    let local = if let Some(day) = day {
        let time = match time {
            "" => Some(Time::midnight()),
            time => time_of_day(time),
        };
        day.to_datetime(time?)
    } else if let Some(time) = time_of_day(text) {
        today.to_datetime(time)
    } else {
        let pieces = Pieces::parse(text).ok()?;
        if let Some(offset) = pieces.to_numeric_offset() {
            let is_possible = offset.seconds().unsigned_abs() < SECONDS_OF_A_DAY;
            return timestamp(text).filter(|_| is_possible);
        }
        if pieces.offset().is_some() || pieces.time_zone_annotation().is_some() {
            return None;
        }
        let time = pieces.time().unwrap_or_else(Time::midnight);
        pieces.date().to_datetime(time)
    };
    // The last date cannot be represented in every time zone.
    let zoned = local.to_zoned(now.time_zone().clone());
    Some(zoned.map_or(Timestamp::MAX, |zoned| zoned.timestamp()))
}

/// `10:00` or `10:00:30`. Checked before, because jiff would take only the time of a date with one.
fn time_of_day(text: &str) -> Option<Time> {
    let is_time = text.contains(':') && !text.contains(['-', 'T', ' ', 'Z', '+']);
    text.parse().ok().filter(|_| is_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a zone three hours ahead of UTC.
    fn when(text: &str) -> Result<(String, bool), String> {
        let now = "2026-11-23T12:00:00.900+03:00[+03:00]".parse().unwrap();
        When::parse(text, &now).map(|when| (when.time.to_string(), when.is_ago))
    }

    #[test]
    fn how_long_ago() {
        for (text, time) in [
            ("2h", "2026-11-23T07:00:00.9Z"),
            ("1d12h", "2026-11-21T21:00:00.9Z"),
            ("2 hours ago", "2026-11-23T07:00:00.9Z"),
            ("2 hours", "2026-11-23T07:00:00.9Z"),
            ("2h ago", "2026-11-23T07:00:00.9Z"),
            ("1 day 12 hours ago", "2026-11-21T21:00:00.9Z"),
            ("2w", "2026-11-09T09:00:00.9Z"),
            ("3 weeks ago", "2026-11-02T09:00:00.9Z"),
            ("1 month ago", "2026-10-23T09:00:00.9Z"),
        ] {
            assert_eq!(when(text), Ok((time.to_owned(), true)), "{text}");
        }
    }

    #[test]
    fn what_has_no_offset_is_local() {
        for (text, time) in [
            ("today", "2026-11-22T21:00:00Z"),
            ("yesterday", "2026-11-21T21:00:00Z"),
            ("yesterday 10:00", "2026-11-22T07:00:00Z"),
            ("10:00", "2026-11-23T07:00:00Z"),
            ("10:00:30", "2026-11-23T07:00:30Z"),
            ("23:00", "2026-11-23T20:00:00Z"),
            ("2026-11-20", "2026-11-19T21:00:00Z"),
            ("2026-11-20 10:00", "2026-11-20T07:00:00Z"),
            ("2026-11-20T10:00:00.5", "2026-11-20T07:00:00.5Z"),
            ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"),
            ("2026-11-20 10:00:00-08:00", "2026-11-20T18:00:00Z"),
        ] {
            assert_eq!(when(text), Ok((time.to_owned(), false)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            " ",
            "ago",
            "-2 hours",
            "2 hours ago ago",
            "0 hours ago",
            "tomorrow",
            "10",
            "25:00",
            "yesterday 25:00",
            "yesterday yesterday",
            "2026-13-01",
            "2026-11-23T25:00",
            "2026-11-23T10:00[Europe/Paris]",
            "2026-11-23T10:00:00+25:00",
        ] {
            assert!(when(text).is_err(), "{text}");
        }
        assert_eq!(
            when("3000 years ago").unwrap_err(),
            when("1969-12-31").unwrap_err()
        );
    }
}
