//! Why the program fails: its message and its exit status.

use crate::compare;
use crate::consumer;
use crate::error_text::in_words;
use crate::exit::ExitStatus;
use crate::limits::LimitError;
use crate::report;
use crate::settings::UsageError;
use crate::state::StateError;
use crate::tail;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error(transparent)]
    Limits(#[from] LimitError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Tail(#[from] tail::Error),
    #[error(transparent)]
    Compare(#[from] compare::Error),
    /// Another error of the system. Its context is a [`Step`].
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// A step that the system can refuse, besides following the log and saving the position.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum Step {
    #[error("cannot set up input and output")]
    SetUp,
    #[error("cannot receive signals")]
    Signals,
    #[error("cannot start the demo server")]
    Demo,
    #[error("cannot generate what --generate asks for")]
    Generate,
    /// Printing something that is no record.
    #[error("cannot write to stdout")]
    Print,
}

impl Error {
    /// The status that the program ends with.
    pub(crate) fn status(&self) -> ExitStatus {
        use consumer::Error as Consumer;
        match self {
            Self::Usage(_) | Self::Compare(compare::Error::Dump(_)) => ExitStatus::Usage,
            Self::State(_) | Self::Tail(tail::Error::State(_)) => ExitStatus::StateFile,
            Self::Tail(tail::Error::Consumer(error))
            | Self::Compare(compare::Error::Consumer(error)) => match error {
                Consumer::AccessDenied(_) => ExitStatus::AccessDenied,
                Consumer::Refused(_) | Consumer::ConnectionLost { .. } => ExitStatus::CannotConnect,
                Consumer::ResumeFailed(_) | Consumer::Uncertain => ExitStatus::ResumeFailed,
            },
            Self::Compare(compare::Error::Silent(_)) => ExitStatus::TimedOut,
            Self::Compare(
                compare::Error::Invalid
                | compare::Error::Full(_)
                | compare::Error::Output(_)
                | compare::Error::System(..),
            )
            | Self::Tail(
                tail::Error::Invalid
                | tail::Error::Incomplete
                | tail::Error::Output(_)
                | tail::Error::NoAcks(_)
                | tail::Error::Acks(_),
            )
            | Self::Limits(_)
            | Self::Other(_) => ExitStatus::Failure,
        }
    }

    /// Prints on stderr why the program fails, and returns the exit status.
    pub(crate) fn report(&self) -> ExitStatus {
        if let Self::Usage(usage) = self {
            let _ = clap::Error::from(usage.clone()).print();
        } else {
            report::stderr::write_line(&self.message());
        }
        self.status()
    }

    /// The message with its causes, without repeated words and without error numbers; and what to
    /// do about it, if that is known.
    pub(crate) fn message(&self) -> String {
        let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        let told = causes.fold(self.to_string(), |told, cause| {
            let cause = cause.to_string();
            if told.contains(&cause) {
                told
            } else {
                format!("{told}: {cause}")
            }
        });
        let advice = match self {
            Self::Tail(tail::Error::Consumer(error))
            | Self::Compare(compare::Error::Consumer(error)) => report::against(error),
            _ => None,
        };
        let advice = advice.map(|advice| format!(" ({advice})"));
        in_words(&told) + &advice.unwrap_or_default()
    }
}
