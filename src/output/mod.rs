//! Printers, which turn an operation into a line; and stdout.
//!
//! A printer appends to a buffer of the caller. So printing cannot fail or block, and usually
//! allocates nothing.

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
    /// For programs: one JSON object per line.
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
    /// A printer of this format. `color` matters to [`Format::Text`] only; `lag` adds the delay of
    /// each operation.
    pub fn new(format: Format, color: bool, lag: bool) -> Self {
        let style = match format {
            Format::Json => Style::Json,
            Format::Text if color => Style::Text(Box::new(color::Palette::colored())),
            Format::Text => Style::Text(Box::default()),
        };
        Self { style, lag }
    }

    /// Appends exactly one line, with its line feed. Without `arrived` it shows no lag.
    pub fn print(&self, operation: &Operation, arrived: Option<Arrival>, out: &mut Vec<u8>) {
        let arrived = arrived.filter(|_| self.lag);
        match &self.style {
            Style::Json => json::print(operation, arrived, out),
            Style::Text(palette) => text::print(operation, arrived, palette, out),
        }
        out.push(b'\n');
    }
}
