//! What is well, and what is wrong, with the subject of a record.

use serde::Serialize;

use crate::exit::ExitStatus;
use crate::http::{Failure, Remedy};
use crate::report::with_advice;

/// What is found of the subject of a record, in sentences that say what to do.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Findings {
    /// What would end a run.
    pub problems: Vec<String>,
    /// What would not, and should be known.
    pub warnings: Vec<String>,
    /// What is well. Only people read it: JSON has the figures.
    #[serde(skip)]
    pub fine: Vec<String>,
    /// The exit status of a run that meets the first problem.
    #[serde(skip)]
    pub status: Option<ExitStatus>,
}

impl Findings {
    pub(super) fn fine(&mut self, text: impl Into<String>) {
        self.fine.push(text.into());
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    pub(super) fn fail(&mut self, status: ExitStatus, text: impl Into<String>) {
        self.status.get_or_insert(status);
        self.problems.push(text.into());
    }

    /// Notes what a failed connection would be to a run.
    pub(super) fn fail_by(&mut self, failure: &Failure) {
        let status = match failure.remedy {
            Remedy::Authenticate => ExitStatus::AccessDenied,
            _ => ExitStatus::CannotConnect,
        };
        self.fail(status, with_advice(failure));
    }
}
