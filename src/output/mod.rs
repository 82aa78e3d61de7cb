//! Printers: one operation in, one line of bytes out.
//!
//! A printer appends to a buffer that the caller reuses and writes in batches, so printing can
//! neither fail nor block, and allocates nothing in the common case.

mod arrival;
mod bytes;
mod closed_stdout;
pub mod color;
pub mod echo;
mod escape;
mod json;
mod stdout;
mod text;

use crate::oplog::Operation;

pub use arrival::{Arrival, lag_ms};
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
