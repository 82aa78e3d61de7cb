//! Faults of the system, put in between by `strace` where there is one.

use std::collections::HashMap;
use std::path::Path;

use crate::support::{State, Tail};
use crate::system;

/// The calls of the saving thread in a log, each with a number that counts those of its name.
///
/// `strace` counts in each thread anew, so a fault in the second call of a name hits whichever
/// thread comes to its second one first. Only what the saving thread does more often than any
/// other can be told apart; so the log must be that of several saves.
pub fn reachable_calls(log: &Path) -> Vec<(String, usize)> {
    let log = std::fs::read_to_string(log).expect("a log");
    let mut counts = HashMap::<(&str, &str), usize>::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let (thread, rest) = line.split_once(' ').unwrap_or_default();
        let Some((name, _)) = rest.trim_start().split_once('(') else {
            continue;
        };
        if !name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        {
            continue;
        }
        let count = counts.entry((thread, name)).or_default();
        *count += 1;
        calls.push((thread, name, *count));
    }
    let renames = calls
        .iter()
        .enumerate()
        .filter(|(_, call)| call.1 == "rename");
    let renames: Vec<_> = renames.map(|(index, call)| (index, call.0)).collect();
    // The first one is only tried. From the first save on, up to the lock of the one after the
    // third.
    let [_, (first, saving), _, (third, _), ..] = renames[..] else {
        panic!("fewer than three saves:\n{log}");
    };
    let end = calls[third..]
        .iter()
        .position(|call| call.1 == "flock")
        .map_or(calls.len(), |length| third + length);
    calls[first..end]
        .iter()
        .filter(|(thread, name, count)| {
            let most = counts
                .iter()
                .filter(|((other, known), _)| known == name && other != thread);
            *thread == saving
                && most
                    .map(|(_, most)| most)
                    .max()
                    .is_none_or(|most| count > most)
        })
        .map(|(_, name, count)| ((*name).to_owned(), *count))
        .collect()
}

/// Whether processes can be traced here. Says so where they cannot, also when the test passes.
pub fn works(test: &str) -> bool {
    let trace = ["strace", "-f", "-qq", "-o", "/dev/null", "true"];
    system::works(test, &trace)
}

/// The program under `strace`, which looks at the calls on this state file and does to them what
/// `inject` says, such as `fsync:error=ENOSPC`. The calls are logged into `log`.
pub fn traced(state: &State, log: &Path, inject: Option<&str>) -> Tail {
    let mut tail = Tail::of("strace").args(["-f", "-qq", "-o"]).arg(log);
    for path in [
        state.path().to_owned(),
        state.folder().join(".state.oplog-tail"),
        state.folder().to_owned(),
    ] {
        tail = tail.arg("-P").arg(path);
    }
    if let Some(inject) = inject {
        tail = tail.args(["-e", &format!("inject={inject}")]);
    }
    tail.arg(env!("CARGO_BIN_EXE_oplog-tail"))
}
