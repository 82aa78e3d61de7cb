//! How late an operation arrived.

use jiff::Timestamp;

use crate::oplog::Operation;

/// The time from the timestamp of the operation to its arrival, in milliseconds. Negative if the
/// server's clock is ahead.
///
/// `None` for markers, for events without an object, and for a timestamp that cannot be parsed.
pub fn lag_ms(operation: &Operation, received: Timestamp) -> Option<i64> {
    let happened: Timestamp = operation.object()?.timestamp.parse().ok()?;
    Some(received.as_millisecond() - happened.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oplog::Record;

    fn operation(timestamp: &str) -> Operation {
        let data = format!(r#"{{"timestamp":"{timestamp}","type":"video","id":"1"}}"#);
        Operation::new(Record::new("1", "insert", &data)).unwrap()
    }

    #[test]
    fn lag_counts_from_any_offset_and_precision() {
        let received = "2026-11-23T17:55:18.120Z".parse().unwrap();
        for (timestamp, lag) in [
            ("2026-11-23T17:55:18Z", Some(120)),
            ("2026-11-23T17:55:18.004Z", Some(116)),
            ("2026-11-23T09:55:18.004-08:00", Some(116)),
            ("2026-11-23T23:25:18.004999999+05:30", Some(116)),
            ("2026-11-23T17:55:18.37+00:00", Some(-250)),
            ("2026-11-23T17:55:18", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(lag_ms(&operation(timestamp), received), lag, "{timestamp}");
        }
    }

    #[test]
    fn markers_have_no_lag() {
        let reset = Operation::new(Record::new("1", "reset", "")).unwrap();
        assert_eq!(lag_ms(&reset, Timestamp::UNIX_EPOCH), None);
    }
}
