//! Printers: one operation in, one line of bytes out.
//!
//! A printer appends to a buffer that the caller reuses and writes in batches, so printing can
//! neither fail nor block, and allocates nothing in the common case.

mod closed_stdout;
pub mod color;
mod escape;
mod json;
mod stdout;
mod text;

use jiff::Timestamp;

use crate::oplog::Operation;

pub use escape::{MAX_FIELD_CHARS, escaped};
pub use stdout::{OutputError, Stdout, print};

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// When an operation reached this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// By the local clock; printed with milliseconds.
    pub received: Timestamp,
}

/// How long the operation took to arrive, in milliseconds; negative where the server's clock is
/// ahead of the local one.
///
/// `None` for markers, for events without an object, and where the timestamp of the operation
/// cannot be understood.
pub fn lag_ms(operation: &Operation, received: Timestamp) -> Option<i64> {
    let happened: Timestamp = operation.object()?.timestamp.parse().ok()?;
    Some(received.as_millisecond() - happened.as_millisecond())
}

/// Turns operations into lines.
#[derive(Clone, Debug)]
pub struct Printer {
    style: Style,
    lag: bool,
}

#[derive(Clone, Debug)]
enum Style {
    Json,
    Text(Box<color::Palette>),
}

impl Printer {
    /// A printer of this format. `color` matters to [`Format::Text`] only; `lag` adds how long
    /// each operation took to arrive.
    pub fn new(format: Format, color: bool, lag: bool) -> Self {
        let style = match format {
            Format::Json => Style::Json,
            Format::Text if color => Style::Text(Box::new(color::Palette::colored())),
            Format::Text => Style::Text(Box::default()),
        };
        Self { style, lag }
    }

    /// Appends exactly one line, its line feed included. Without `arrived`, nothing is said about
    /// the lag.
    pub fn print(&self, operation: &Operation, arrived: Option<Arrival>, out: &mut Vec<u8>) {
        let arrived = arrived.filter(|_| self.lag);
        match &self.style {
            Style::Json => json::print(operation, arrived, out),
            Style::Text(palette) => text::print(operation, arrived, palette, out),
        }
        out.push(b'\n');
    }
}

/// Whether `is_good` holds for every byte. Looks at all of them, because without an early end the
/// processor can take many at once; texts are short and nearly always good.
fn all_bytes(text: &str, is_good: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(true, |good, byte| good & is_good(byte))
}

/// Writes a value by its `Display`.
fn push_display(out: &mut Vec<u8>, value: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    // Writing to a Vec cannot fail.
    let _ = out.write_fmt(value);
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
