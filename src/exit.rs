//! The exit statuses of the program, which scripts rely on.

use std::process::ExitCode;

use crate::advice;
use crate::consumer::{Error, StateError};
use crate::diagnostics;
use crate::error_text::in_words;
use crate::feed::FeedError;
use crate::settings::UsageError;

/// How a run ended, as its exit status tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// A stop condition was met, or the run was stopped from outside with none asked for.
    Success,
    /// Anything without a status of its own: stdout cannot be written, an invalid operation with
    /// `--on-invalid exit`, stdin closed with operations in flight.
    Failure,
    /// Wrong usage.
    Usage,
    /// The server refused the credentials.
    AccessDenied,
    /// No connection, and none to be had by trying again.
    CannotConnect,
    /// The state file cannot be used.
    StateFile,
    /// The server no longer has the operation to resume from, and `--on-resume-failed exit`.
    ResumeFailed,
    /// `--timeout` passed before the stop condition was met.
    TimedOut,
    /// This signal came before the stop condition was met.
    Signal(u8),
}

impl ExitStatus {
    /// Every status with a number of its own, with what it means: the one list behind the help,
    /// the man page and the README.
    pub const TABLE: [(u8, &'static str); 8] = [
        (
            0,
            "the stop condition was met; or stopped by a signal, or by its reader, with no stop condition asked for",
        ),
        (
            1,
            "stdout cannot be written, an invalid operation with --on-invalid exit, stdin closed with operations in flight, or any other failure",
        ),
        (2, "wrong usage"),
        (3, "access denied (401, 403)"),
        (
            4,
            "cannot connect: retries exhausted, or an answer that trying again will not change",
        ),
        (
            5,
            "the state file cannot be read, written or locked, or holds no position",
        ),
        (
            6,
            "the server could not resume, with --on-resume-failed exit",
        ),
        (7, "--timeout passed before the stop condition was met"),
    ];

    /// The number the process exits with.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::AccessDenied => 3,
            Self::CannotConnect => 4,
            Self::StateFile => 5,
            Self::ResumeFailed => 6,
            Self::TimedOut => 7,
            Self::Signal(number) => 128 | number,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

/// Says on stderr why the program fails, and returns the status that it ends with.
pub fn report(error: &anyhow::Error) -> ExitStatus {
    if let Some(usage) = error.downcast_ref::<UsageError>() {
        let _ = clap::Error::from(usage.clone()).print();
    } else {
        let told = explained(error);
        match of_consumer(error).and_then(advice::against) {
            Some(advice) => diagnostics::fatal(&format_args!("{told} ({advice})")),
            None => diagnostics::fatal(&told),
        }
    }
    classify(error)
}

/// The error with its causes, but for those whose words it already uses, and without numbers.
fn explained(error: &anyhow::Error) -> String {
    let told = error
        .chain()
        .skip(1)
        .fold(error.to_string(), |told, cause| {
            let cause = cause.to_string();
            if told.contains(&cause) {
                told
            } else {
                format!("{told}: {cause}")
            }
        });
    in_words(&told)
}

/// The error, if it is one of the consumer.
fn of_consumer(error: &anyhow::Error) -> Option<&Error> {
    match error.downcast_ref() {
        Some(FeedError::Consumer(error)) => Some(error),
        _ => error.downcast_ref(),
    }
}

/// The status that an error ends the program with.
pub fn classify(error: &anyhow::Error) -> ExitStatus {
    if error.is::<UsageError>() {
        return ExitStatus::Usage;
    }
    if error.is::<StateError>() {
        return ExitStatus::StateFile;
    }
    match of_consumer(error) {
        Some(Error::AccessDenied(_)) => ExitStatus::AccessDenied,
        Some(Error::Refused(_) | Error::ConnectionLost { .. }) => ExitStatus::CannotConnect,
        Some(Error::ResumeFailed(_) | Error::Uncertain) => ExitStatus::ResumeFailed,
        Some(Error::State(_)) => ExitStatus::StateFile,
        None => ExitStatus::Failure,
    }
}
