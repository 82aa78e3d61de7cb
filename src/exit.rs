//! The exit statuses of the program, which scripts rely on.

use std::process::ExitCode;

/// How a run ended. [`ExitStatus::TABLE`] says what each status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    Success,
    /// Anything without a status of its own.
    Failure,
    Usage,
    AccessDenied,
    CannotConnect,
    StateFile,
    ResumeFailed,
    TimedOut,
    Differences,
    /// This signal came before the stop condition was met.
    Signal(u8),
}

impl ExitStatus {
    /// Every status with a number of its own, with what it means: the one list behind the help,
    /// the man page and the README.
    pub const TABLE: [(u8, &'static str); 9] = [
        (
            0,
            "the stop condition was met; or none was given, and a signal came or the reader of stdout went away",
        ),
        (
            1,
            "stdout cannot be written, an invalid operation with --on-invalid exit, stdin closed with operations in flight, or any other failure",
        ),
        (
            2,
            "wrong usage, or the dump of --compare has a line that cannot be read",
        ),
        (3, "access denied (401, 403)"),
        (
            4,
            "cannot connect: retries exhausted, or an answer that a retry will not change",
        ),
        (
            5,
            "the state file cannot be read, written or locked, or holds no position",
        ),
        (
            6,
            "the server could not resume, with --on-resume-failed exit",
        ),
        (7, "stopped by --timeout before the stop condition was met"),
        (8, "--compare found differences"),
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
            Self::Differences => 8,
            Self::Signal(number) => 128 | number,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}
