//! Printers, which turn an operation into a line; and stdout.
//!
//! A printer appends to a buffer of the caller. So printing cannot fail or block, and usually
//! allocates nothing.

mod bytes;
mod closed_stdout;
pub mod color;
pub mod echo;
mod escape;
mod json;
mod lag;
mod stdout;
mod text;

use jiff::Timestamp;

use crate::oplog::Operation;

pub use escape::{MAX_FIELD_CHARS, escaped};
pub use lag::lag_ms;
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
    /// The paint of text; `None` for JSON.
    palette: Option<Box<color::Palette>>,
    lag: bool,
}

impl Printer {
    /// A printer of this format. `color` matters to [`Format::Text`] only; `lag` adds the delay of
    /// each operation.
    pub fn new(format: Format, color: bool, lag: bool) -> Self {
        let palette = match format {
            Format::Json => None,
            Format::Text if color => Some(Box::new(color::Palette::colored())),
            Format::Text => Some(Box::default()),
        };
        Self { palette, lag }
    }

    /// Appends exactly one line, with its line feed. Without the time at which the operation was
    /// `received` it shows no lag.
    pub fn print(&self, operation: &Operation, received: Option<Timestamp>, out: &mut Vec<u8>) {
        let received = received.filter(|_| self.lag);
        match &self.palette {
            None => json::print(operation, received, out),
            Some(palette) => text::print(operation, received, palette, out),
        }
        out.push(b'\n');
    }
}
