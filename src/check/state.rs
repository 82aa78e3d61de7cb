//! Looks at the state file.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::findings::Findings;
use crate::duration::ForPeople;
use crate::exit::ExitStatus;
use crate::oplog::Position;
use crate::state::{Lock, Look, look};

/// Clocks that differ a little do not bring a position so far ahead of the one of this machine.
const AHEAD: SignedDuration = SignedDuration::from_mins(1);

/// The state file.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "check", rename = "state")]
pub(super) struct State {
    /// The file as it was named.
    pub file: String,
    /// Whether a run could use it.
    pub ok: bool,
    pub position: Option<String>,
    pub at: Option<Timestamp>,
    pub age_ms: Option<i64>,
    /// Whether another process uses it, where the system tells.
    pub in_use: Option<bool>,
    #[serde(flatten)]
    pub findings: Findings,
}

/// The record of the state file, and the position in it. `starts_now` says that a run without a
/// saved position would start from now without having been told to.
pub(super) fn check(name: &Path, starts_now: bool) -> (State, Option<Position>) {
    let seen = look(name);
    let (position, now) = (seen.position, Timestamp::now());
    let at = position.and_then(Position::time);
    let findings = judge(&seen, starts_now, now);
    let state = State {
        file: name.display().to_string(),
        ok: findings.problems.is_empty(),
        position: position.map(|position| position.to_string()),
        at,
        age_ms: at.map(|at| now.as_millisecond() - at.as_millisecond()),
        in_use: (seen.lock != Lock::Unknown).then(|| seen.lock != Lock::Free),
        findings,
    };
    (state, position)
}

/// Says what it means that the state file looks so.
pub(super) fn judge(seen: &Look, starts_now: bool, now: Timestamp) -> Findings {
    let mut findings = Findings::default();
    if let Some(position) = seen.position {
        findings.fine(match position.time() {
            Some(at) if at > now => format!("position {position}, of {at}"),
            Some(at) => {
                let age = ForPeople(now.duration_since(at).unsigned_abs());
                format!("position {position}, of {at}, {age} ago")
            }
            None => format!("position {position}, a full replication"),
        });
        judge_future(position, now, &mut findings);
    }
    match &seen.lock {
        Lock::Held(holder) => findings.warn(format!(
            "{holder} uses it: a second run with it ends at once; stop that process, or name \
             another file"
        )),
        Lock::Free => findings.fine("no other process uses it"),
        Lock::Unknown => findings.fine("whether another process uses it is not known here"),
    }
    if let Some(problem) = &seen.problem {
        findings.fail(ExitStatus::StateFile, problem.to_string());
    } else if seen.position.is_none() && starts_now {
        let why = if seen.is_new {
            "there is no such file"
        } else {
            "it holds nothing"
        };
        findings.warn(format!(
            "{why}, so a run starts from now: is the name right? --start-id or --since starts \
             earlier"
        ));
    }
    findings
}

/// Warns of a position that is ahead of the clock of this machine.
pub(super) fn judge_future(position: Position, now: Timestamp, findings: &mut Findings) {
    let ahead = position.time().map(|at| at.duration_since(now));
    if let Some(ahead) = ahead.filter(|ahead| *ahead > AHEAD) {
        let ahead = ForPeople(ahead.unsigned_abs());
        findings.warn(format!(
            "the position is {ahead} in the future by the clock of this machine: it is from \
             another system, or a clock was wrong; a run misses what happened before it starts; \
             correct the clock, or start again with --since (a saved position needs --rewind too)"
        ));
    }
}
