//! What decides about a run besides the command line: environment, clock, terminals, stdin.

use std::ffi::OsString;
use std::io::Read;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::error::UsageError;
use crate::report::stderr;

/// Looks up an environment variable.
pub type Environment = Box<dyn Fn(&str) -> Option<OsString>>;

/// What decides about a run besides the command line. A test can replace it.
pub struct Inputs {
    pub env: Environment,
    pub now: Timestamp,
    /// Looks up the local time zone, which takes a moment.
    pub time_zone: fn() -> TimeZone,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    /// Whether stderr is a terminal, and not the one that shows stdout.
    pub stderr_is_terminal_of_its_own: bool,
    /// Where `--password-file -` reads from.
    pub stdin: Box<dyn Read>,
}

impl Inputs {
    /// Those of this process.
    pub fn of_process() -> Self {
        use std::io::IsTerminal as _;
        Self {
            env: Box::new(|name| std::env::var_os(name)),
            now: Timestamp::now(),
            time_zone: TimeZone::system,
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            stderr_is_terminal_of_its_own: stderr::has_terminal_of_its_own(),
            stdin: Box::new(std::io::stdin()),
        }
    }

    /// The variable, if it is set and not empty. Its value may be a secret and is not shown.
    pub(super) fn variable(&self, name: &str) -> Result<Option<String>, UsageError> {
        let value = (self.env)(name).filter(|value| !value.is_empty());
        value
            .map(OsString::into_string)
            .transpose()
            .map_err(|_| UsageError::new(format!("{name}: its value is not UTF-8")))
    }
}
