//! Durations: parsed from the command line (`500ms`, `2s`, `5m`, `1h30m`, `1d12h`) and shown to people
//! (`1.5 s`, `1 min 30 s`). Also large numbers: `12,345`.

use std::fmt;
use std::time::Duration;

/// The units from the longest to the shortest, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The longest duration, a hundred years: a sum with a point in time cannot overflow.
const MAX_MS: u64 = 36_525 * 86_400_000;

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    #[error("expected a duration like 500ms, 2s, 5m, 1h30m or 1d")]
    Malformed,
    #[error("the unit is missing; add ms, s, m, h or d, as in 30s")]
    NoUnit,
    #[error("too long: a hundred years at most")]
    TooLong,
    #[error("it cannot be negative")]
    Negative,
    #[error("must be longer than 0")]
    Zero,
}

/// The duration, if it is longer than zero.
pub fn parse_positive(text: &str) -> Result<Duration, InvalidDuration> {
    match parse(text)? {
        Duration::ZERO => Err(InvalidDuration::Zero),
        duration => Ok(duration),
    }
}

/// The duration: whole numbers with units, from the longest unit to the shortest, each at most
/// once; or `0`.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if looks_negative(text) {
        return Err(InvalidDuration::Negative);
    }
    if text.is_empty() {
        return Err(InvalidDuration::Malformed);
    }
    let mut units = UNITS.iter();
    let mut total_ms: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = split_before(rest, |c| !c.is_ascii_digit());
        let (unit, after) = split_before(after, |c| c.is_ascii_digit());
        if unit.is_empty() && !number.is_empty() {
            return Err(InvalidDuration::NoUnit);
        }
        let (_, unit_ms) = units
            .find(|(name, _)| *name == unit)
            .filter(|_| !number.is_empty())
            .ok_or(InvalidDuration::Malformed)?;
        total_ms = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*unit_ms))
            .and_then(|ms| ms.checked_add(total_ms))
            .filter(|ms| *ms <= MAX_MS)
            .ok_or(InvalidDuration::TooLong)?;
        rest = after;
    }
    Ok(Duration::from_millis(total_ms))
}

/// True if this begins like a negative number.
pub fn looks_negative(text: &str) -> bool {
    let number = text.strip_prefix('-');
    number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
}

/// Shows a duration in its two largest units: `450 ms`, `1.5 s`, `12 s`, `1 min 30 s`, `2 h`,
/// `3 d 4 h`.
#[derive(Clone, Copy, Debug)]
pub struct ForPeople(pub Duration);

impl fmt::Display for ForPeople {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, ms) = (self.0.as_secs(), self.0.subsec_millis());
        let tenths = ms / 100;
        if (1..10).contains(&seconds) && tenths > 0 {
            return write!(f, "{seconds}.{tenths} s");
        }
        let two = |f: &mut fmt::Formatter<'_>, large, unit, small, small_unit| match small {
            0 => write!(f, "{large} {unit}"),
            _ => write!(f, "{large} {unit} {small} {small_unit}"),
        };
        match seconds {
            0 if ms >= 10 => write!(f, "{} ms", ms / 10 * 10),
            0..60 => write!(f, "{seconds} s"),
            60..3600 => two(f, seconds / 60, "min", seconds % 60, "s"),
            3600..86_400 => two(f, seconds / 3600, "h", seconds % 3600 / 60, "min"),
            _ => two(f, seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
        }
    }
}

/// A number with commas between its thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// The text before the first character that `is_end` holds for, and the rest.
fn split_before(text: &str, is_end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_end).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        for (text, ms) in [
            ("500ms", 500),
            ("2s", 2_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1d", 86_400_000),
            ("1d12h", 129_600_000),
            ("1s500ms", 1_500),
            ("0", 0),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        use InvalidDuration::{Malformed, Negative, NoUnit, TooLong};
        for (text, error) in [
            ("", Malformed),
            ("s", Malformed),
            ("-2s", Negative),
            ("-s", Malformed),
            ("+2s", Malformed),
            ("2 s", Malformed),
            (" 2s", Malformed),
            ("2S", Malformed),
            ("1.5s", Malformed),
            ("5x", Malformed),
            ("1m1h", Malformed),
            ("1s1s", Malformed),
            ("2s,", Malformed),
            ("٢s", Malformed),
            ("30", NoUnit),
            ("1h30", NoUnit),
            ("36526d", TooLong),
            ("99999999999999999999s", TooLong),
            ("18446744073709551615d", TooLong),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn zero_can_be_refused() {
        for text in ["0", "0s", "0h0ms"] {
            assert_eq!(parse_positive(text), Err(InvalidDuration::Zero), "{text}");
        }
        assert_eq!(parse_positive("1ms"), Ok(Duration::from_millis(1)));
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, shown) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), shown);
        }
    }

    #[test]
    fn people_read_two_units() {
        for (ms, shown) in [
            (0, "0 s"),
            (9, "0 s"),
            (99, "90 ms"),
            (450, "450 ms"),
            (512, "510 ms"),
            (1_000, "1 s"),
            (9_950, "9.9 s"),
            (10_950, "10 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (90_100, "1 min 30 s"),
            (180_000, "3 min"),
            (7_200_000, "2 h"),
            (7_259_000, "2 h"),
            (7_320_000, "2 h 2 min"),
            (86_400_000, "1 d"),
            (275_000_000, "3 d 4 h"),
        ] {
            let duration = Duration::from_millis(ms);
            assert_eq!(ForPeople(duration).to_string(), shown, "{ms}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), near in "[0-9dhms]{0,12}") {
            let _ = parse(&text);
            let _ = parse(&near);
        }
    }
}
