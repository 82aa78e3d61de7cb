//! A point in time, as exactly as times are compared.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::clock::timestamp;

/// A point in time in whole milliseconds, whatever its offset and its digits were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) i64);

impl Moment {
    /// The moment that this RFC 3339 time stands for; `None` where it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !has_form(text.as_bytes()) {
            return None;
        }
        Some(Self(timestamp(text)?.as_millisecond()))
    }
}

/// Whether the text has the form of RFC 3339; the parser takes other forms of ISO 8601, too.
fn has_form(text: &[u8]) -> bool {
    let is_colon = |at| text.get(at) == Some(&b':');
    let separates = text.get(10).is_some_and(|byte| b"Tt ".contains(byte));
    let ends_with_offset = match text.split_last_chunk() {
        Some((_, [b'+' | b'-', tens, ones, b':', _, _])) => {
            matches!((tens, ones), (b'0' | b'1', _) | (b'2', b'0'..=b'3'))
        }
        _ => text.last().is_some_and(|last| b"Zz".contains(last)),
    };
    separates && is_colon(13) && is_colon(16) && ends_with_offset
}

impl fmt::Display for Moment {
    /// RFC 3339 in UTC with three fractional digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            // It came from a time, so it is one.
            Err(_) => f.write_str("?"),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_the_same_whatever_their_offset_and_digits() {
        for text in [
            "2014-11-06T11:04:39.041Z",
            "2014-11-06T03:04:39.041-08:00",
            "2014-11-06T16:34:39.041999999+05:30",
            "2014-11-06t11:04:39.0410z",
        ] {
            let moment = Moment::parse(text).unwrap();
            assert_eq!(moment.to_string(), "2014-11-06T11:04:39.041Z", "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2014-11-06",
            "2014-11-06T11:04:39",
            "1415271879",
            "2014-11-06T11:04:39+0100",
            "2014-11-06T11:04:39+25:00",
            "20141106T110439Z",
            "2014-11-06T11:04Z",
            "2014-11-06T11:04:39Z[Europe/Paris]",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    #[test]
    fn three_digits_are_shown() {
        let shown = |text| Moment::parse(text).unwrap().to_string();
        assert_eq!(shown("2026-11-23T17:55:17Z"), "2026-11-23T17:55:17.000Z");
        assert_eq!(shown("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_time_that_never_comes_is_a_time() {
        let last = Moment::parse("9999-12-30T22:00:00.999Z");
        assert!(last.is_some());
        for text in [
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59.999999999-08:00",
        ] {
            assert_eq!(Moment::parse(text), last, "{text}");
        }
        assert_eq!(Moment::parse("9999-12-31T25:00:00Z"), None);
    }
}
