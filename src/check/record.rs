//! What a check finds: one record for each agent, the state file and each place in the log.
//!
//! The keys are an interface: every one is there in every record of its kind, `null` where nothing
//! is known, and described in the man page.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::status::Status;
use crate::duration::ForPeople;
use crate::exit::ExitStatus;

/// Something that would end a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How the run would end.
    pub status: ExitStatus,
    /// What is wrong, and what can be done about it.
    pub text: String,
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// What is wrong with the subject of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// What would end a run.
    pub problems: Vec<Problem>,
    /// What would not, and should be known.
    pub warnings: Vec<String>,
}

impl Findings {
    /// One problem.
    pub fn problem(status: ExitStatus, text: String) -> Self {
        Self {
            problems: vec![Problem { status, text }],
            warnings: Vec::new(),
        }
    }

    /// Notes a warning, if it is one.
    pub fn warn(&mut self, warning: impl Into<Option<String>>) {
        self.warnings.extend(warning.into());
    }

    /// Whether a run would not end of this.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// How far the clock of an agent is from the one of this machine.
///
/// A `Date` has whole seconds and is written at some time between the request and the answer. So
/// the offset is a range, and [`Offset::least_ms`] what is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// The `Date` minus the clock of this machine in the middle between request and answer, ms.
    pub ms: i64,
    /// Half of the time between request and answer, ms.
    pub margin_ms: i64,
}

impl Offset {
    /// The range in which the real offset lies, ms.
    pub fn range_ms(self) -> (i64, i64) {
        (self.ms - self.margin_ms, self.ms + 1000 + self.margin_ms)
    }

    /// How far the clocks are apart at least, ms; negative where the agent's is behind.
    pub fn least_ms(self) -> i64 {
        match self.range_ms() {
            (low, _) if low > 0 => low,
            (_, high) if high < 0 => high,
            _ => 0,
        }
    }

    /// How far the clocks are apart most likely, in whole seconds.
    pub fn about(self) -> ForPeople {
        // The middle of the range, rounded.
        let ms = (self.ms + 500).unsigned_abs() + 500;
        ForPeople(Duration::from_secs(ms / 1000))
    }

    /// On which side of the clock of this machine it is.
    pub fn side(self) -> &'static str {
        if self.ms + 500 > 0 {
            "ahead of"
        } else {
            "behind"
        }
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.ms)
    }
}

/// An agent.
#[derive(Clone, Debug, Serialize)]
pub struct Agent {
    /// Where it was asked; holds no password.
    pub url: String,
    /// Whether a run could use it.
    pub ok: bool,
    /// How long it took to connect: name, TCP, proxy, TLS.
    pub connect_ms: Option<f64>,
    /// How long it took from then to the answer.
    pub answer_ms: Option<f64>,
    /// What it calls itself.
    pub server: Option<String>,
    /// How far its clock is from the one of this machine.
    #[serde(rename = "clock_offset_ms")]
    pub clock: Option<Offset>,
    /// The proxy on the way to it; holds no password.
    pub proxy: Option<String>,
    /// Until when its certificate is valid.
    pub certificate_until: Option<jiff::Timestamp>,
    /// What its `/status` says.
    pub status: Option<Status>,
    /// What is wrong.
    #[serde(flatten)]
    pub findings: Findings,
}

/// The state file.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    /// The file as it was named.
    pub file: String,
    /// Whether a run could use it.
    pub ok: bool,
    /// The position in it.
    pub position: Option<String>,
    /// The time of the position.
    pub at: Option<jiff::Timestamp>,
    /// How long ago that was.
    pub age_ms: Option<i64>,
    /// Whether another process uses it, where the system tells.
    pub in_use: Option<bool>,
    /// What is wrong.
    #[serde(flatten)]
    pub findings: Findings,
}

/// The place in the log of an agent.
#[derive(Clone, Debug, Serialize)]
pub struct Resume {
    /// Where the agent was asked.
    pub url: String,
    /// Whether a run could go on from there.
    pub ok: bool,
    /// The position that was asked for.
    pub position: String,
    /// Whether the server still has the operation, where it is one and something came.
    pub kept: Option<bool>,
    /// How many operations came.
    pub waiting: u64,
    /// Whether those are all.
    pub all_counted: bool,
    /// The age of the first of them.
    pub oldest_ms: Option<i64>,
    /// What is wrong.
    #[serde(flatten)]
    pub findings: Findings,
}

/// A record, as it is printed.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "check", rename_all = "lowercase")]
pub enum Record {
    /// Of an agent.
    Agent(Agent),
    /// Of the state file.
    State(State),
    /// Of a place in the log.
    Resume(Resume),
}

impl Record {
    /// What is wrong.
    pub fn findings(&self) -> &Findings {
        match self {
            Self::Agent(agent) => &agent.findings,
            Self::State(state) => &state.findings,
            Self::Resume(resume) => &resume.findings,
        }
    }
}

/// Milliseconds with one digit after the point.
#[expect(clippy::cast_precision_loss, reason = "a time that a person waits for")]
pub fn tenths(time: Duration) -> f64 {
    (time.as_micros() / 100) as f64 / 10.0
}
