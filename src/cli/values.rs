//! What the values of flags can be.

use std::fmt;
use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

use clap::ValueEnum;

use crate::duration;

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The number, or else what is wrong with it. The type says whether it can be 0.
pub(super) fn number<T>(text: &str) -> Result<T, &'static str>
where
    T: FromStr<Err = ParseIntError>,
{
    text.parse().map_err(|error: ParseIntError| {
        if *error.kind() == IntErrorKind::PosOverflow {
            "too large"
        } else if duration::looks_negative(text) {
            "it cannot be negative"
        } else if "0".parse::<T>().is_ok() {
            "expected a whole number, 0 or more"
        } else {
            "expected a whole number, 1 or more"
        }
    })
}

/// How operations are acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ack {
    /// Once their line has been written.
    Auto,
    /// By id, on stdin.
    Stdin,
    /// Never; the state file is left alone.
    None,
}

/// What lines look like; `Auto` depends on where they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What to do with an operation that cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnInvalid {
    /// Show it on stderr and go on.
    Skip,
    /// Show it on stderr and end the run.
    Exit,
}
