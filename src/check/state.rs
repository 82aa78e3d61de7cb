//! Looks at the state file.

use std::path::Path;

use jiff::Timestamp;

use super::record::{Findings, State};
use crate::exit::ExitStatus;
use crate::oplog::Position;
use crate::state::{Look, StateError, look};

/// The record of the state file, and the position in it. `starts_now` says that a run without a
/// saved position would start from now without having been told to.
pub fn check(name: &Path, starts_now: bool) -> (State, Option<Position>) {
    let seen = look(name);
    let position = seen.position;
    let at = position.and_then(time_of);
    let findings = findings(name, &seen, starts_now);
    let state = State {
        file: name.display().to_string(),
        ok: findings.is_ok(),
        position: position.map(|position| position.to_string()),
        at,
        age_ms: at.map(|at| Timestamp::now().as_millisecond() - at.as_millisecond()),
        in_use: seen.in_use,
        findings,
    };
    (state, position)
}

fn findings(name: &Path, seen: &Look, starts_now: bool) -> Findings {
    let mut findings = Findings::default();
    if let Some(error) = &seen.problem {
        findings = Findings::problem(ExitStatus::StateFile, without_name(error, name));
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
    if seen.in_use == Some(true) {
        let holder = seen.holder.as_ref();
        let who = holder.map_or_else(|| "another process".into(), ToString::to_string);
        findings.warn(format!(
            "{who} uses it: a second run with it ends at once; stop that process, or name another \
             file"
        ));
    }
    findings
}

/// The error without what the record says anyway.
fn without_name(error: &StateError, name: &Path) -> String {
    let told = error.to_string();
    let prefix = format!("state file {}: ", name.display());
    told.strip_prefix(&prefix).unwrap_or(&told).to_owned()
}

/// The time of a position; a full replication has none.
pub fn time_of(position: Position) -> Option<Timestamp> {
    match position {
        Position::Replication(0) => None,
        Position::Replication(ms) => Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok(),
        Position::Operation(id) => Timestamp::from_second(i64::from(id.second())).ok(),
    }
}
