//! What the program says on stderr about what happens: one line each, with a prefix.

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::{LOCATION, SET_COOKIE};
use jiff::Timestamp;

use crate::consumer::{Endpoint, Exchange, Failure, Notice, OnResumeFailed, without_userinfo};
use crate::position::Position;
use crate::settings::Verbosity;

/// What every line begins with.
pub const PREFIX: &str = "oplog-tail: ";
/// While the same failure repeats, it is told this often.
const REPEAT: Duration = Duration::from_mins(1);

/// Says why the program ends. Shown at every verbosity.
pub fn fatal(error: &dyn Display) {
    say(&format_args!("{error}"));
}

/// Writes one line to stderr. Nothing can be done where that fails.
fn say(message: &dyn Display) {
    // One write, so that lines of several processes do not mix. Text that came over the network
    // must not drive the terminal.
    let message = crate::output::escaped(&message.to_string());
    let _ = std::io::stderr().write_all(format!("{PREFIX}{message}\n").as_bytes());
}

/// Tells a person what happens, as far as they want to know.
#[derive(Debug)]
pub struct Diagnostics {
    verbosity: Verbosity,
    /// The failure that repeats, since when, and when it was last told.
    repeating: Option<Repeating>,
    /// Why the repair was delayed last, and when that was told.
    repair_delayed: Option<(String, Instant)>,
    /// How many connections have stood so far.
    connections: u64,
}

#[derive(Debug)]
struct Repeating {
    reason: String,
    since: Instant,
    told: Instant,
}

impl Diagnostics {
    /// Diagnostics of this verbosity.
    pub fn new(verbosity: Verbosity) -> Self {
        Self {
            verbosity,
            repeating: None,
            repair_delayed: None,
            connections: 0,
        }
    }

    /// How many connections followed the first one.
    pub fn reconnections(&self) -> u64 {
        self.connections.saturating_sub(1)
    }

    /// Says something that matters to anyone who did not ask for quiet.
    pub fn warn(&self, message: &dyn Display) {
        if self.verbosity >= Verbosity::Normal {
            say(message);
        }
    }

    /// Says something that matters to somebody who wants to follow along.
    pub fn tell(&self, message: &dyn Display) {
        if self.verbosity >= Verbosity::Verbose {
            say(message);
        }
    }

    /// Tells what the consumer noticed.
    pub fn notice(&mut self, notice: &Notice<'_>) {
        match notice {
            Notice::Connecting {
                endpoint,
                after: None,
            } => {
                self.tell(&format_args!(
                    "connecting to {}, for what happens from now on",
                    endpoint.url
                ));
            }
            Notice::Connecting {
                endpoint,
                after: Some(position),
            } => {
                self.tell(&format_args!(
                    "connecting to {}, for what comes after {}",
                    endpoint.url,
                    described(*position)
                ));
            }
            Notice::Exchanged(exchange) => self.exchanged(exchange),
            Notice::Connected(endpoint) => self.connected(endpoint),
            Notice::Heartbeat => {
                if self.verbosity >= Verbosity::Trace {
                    say(&"heartbeat");
                }
            }
            Notice::Lost {
                failure,
                failures,
                wait,
                endpoint,
                next,
            } => {
                self.lost(failure, *failures, *wait, endpoint, next);
            }
            Notice::ResumeFailed { operation, choice } => self.resume_failed(*operation, *choice),
            Notice::RepairStarted => {
                self.tell(&"asking for what changed in the last second before the replication");
            }
            Notice::Repaired { objects } => {
                self.repair_delayed = None;
                self.tell(&format_args!("the replication is complete; {objects} objects had been left out of it so far"));
            }
            Notice::RepairDelayed { failure, wait } => self.repair_delayed(failure, *wait),
            Notice::RepairGivenUp { reason } => self.warn(&format_args!(
                "changes of the last second before the replication may be missing, and cannot be asked for: {reason}"
            )),
        }
    }

    fn exchanged(&self, exchange: &Exchange) {
        if self.verbosity < Verbosity::Trace {
            return;
        }
        say(&format_args!("> GET {}", exchange.url));
        headers('>', &exchange.request);
        say(&format_args!("< {}", exchange.status));
        headers('<', &exchange.answer);
    }

    fn connected(&mut self, endpoint: &Endpoint) {
        self.connections += 1;
        match self.repeating.take() {
            Some(repeating) => {
                let gap = rounded(repeating.since.elapsed());
                self.warn(&format_args!(
                    "connected to {} again, after {gap:?}",
                    endpoint.url
                ));
            }
            None => self.tell(&format_args!("connected to {}", endpoint.url)),
        }
    }

    fn lost(
        &mut self,
        failure: &Failure,
        failures: u32,
        wait: Duration,
        endpoint: &Endpoint,
        next: &Endpoint,
    ) {
        let now = Instant::now();
        let (url, wait, mut told) = (&endpoint.url, rounded(wait), true);
        let since = match &self.repeating {
            Some(known)
                if known.reason == failure.reason && self.verbosity < Verbosity::Verbose =>
            {
                told = now.duration_since(known.told) >= REPEAT;
                if told {
                    let lasting = rounded(now.duration_since(known.since));
                    self.warn(&format_args!(
                        "still trying {url}: {failures} failures in {lasting:?}, next try in {wait:?} ({failure})"
                    ));
                }
                known.since
            }
            other => {
                if wait.is_zero() {
                    self.warn(&format_args!("{url}: {failure}; trying {}", next.url));
                } else {
                    self.warn(&format_args!("{url}: {failure}; trying again in {wait:?}"));
                }
                other.as_ref().map_or(now, |known| known.since)
            }
        };
        let told = match &self.repeating {
            Some(known) if !told => known.told,
            _ => now,
        };
        self.repeating = Some(Repeating {
            reason: failure.reason.clone(),
            since,
            told,
        });
    }

    fn repair_delayed(&mut self, failure: &Failure, wait: Duration) {
        let now = Instant::now();
        let is_told = self.repair_delayed.as_ref().is_some_and(|(reason, told)| {
            *reason == failure.reason && now.duration_since(*told) < REPEAT
        });
        if is_told && self.verbosity < Verbosity::Verbose {
            return;
        }
        self.repair_delayed = Some((failure.reason.clone(), now));
        self.warn(&format_args!(
            "cannot ask for what changed in the last second before the replication: {failure}; trying again in {:?}",
            rounded(wait)
        ));
    }

    fn resume_failed(&self, operation: Position, choice: OnResumeFailed) {
        let operation = described(operation);
        match choice {
            OnResumeFailed::Continue => self.warn(&format_args!(
                "the server no longer has {operation} to resume after: operations since then are lost, \
                 the final state of every object they changed is not; going on with those states"
            )),
            _ => self.warn(&format_args!(
                "the server no longer has {operation} to resume after: operations since then are lost; \
                 starting a full replication, which brings the final state of every object"
            )),
        }
    }
}

fn headers(direction: char, headers: &HeaderMap) {
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        let shown = if value.is_sensitive() || *name == SET_COOKIE {
            "(not shown)".into()
        } else if *name == LOCATION {
            without_userinfo(&text)
        } else {
            text
        };
        say(&format_args!("{direction} {name}: {shown}"));
    }
}

/// A position with the time it stands for.
pub fn described(position: Position) -> String {
    let time =
        |at: Result<Timestamp, jiff::Error>| at.map_or_else(|_| "?".into(), |at| at.to_string());
    let of_second = |second| time(Timestamp::from_second(second));
    match position {
        Position::Replication(0) => "nothing (full replication)".into(),
        Position::Replication(ms) => {
            let at = time(Timestamp::from_millisecond(
                i64::try_from(ms).unwrap_or(i64::MAX),
            ));
            format!("{ms} ({at}, without the deletions since)")
        }
        Position::Operation(id) if id.is_made_up() => {
            format!(
                "{id} ({}, with the deletions since)",
                of_second(i64::from(id.second()))
            )
        }
        Position::Operation(id) => {
            format!("operation {id} (of {})", of_second(i64::from(id.second())))
        }
    }
}

/// Without digits that nobody reads: milliseconds below ten seconds, seconds above.
fn rounded(duration: Duration) -> Duration {
    if duration < Duration::from_secs(10) {
        Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(0) / 100 * 100)
    } else {
        Duration::from_secs(duration.as_secs())
    }
}

/// Lets a few messages of one kind through, then one now and then.
#[derive(Debug, Default)]
pub struct Limiter {
    shown: u32,
    left_out: u64,
    last: Option<Instant>,
}

impl Limiter {
    /// How many are shown at once.
    const BURST: u32 = 10;
    /// How often one is shown after that.
    const INTERVAL: Duration = Duration::from_secs(10);

    /// Whether the next message may be shown, and if so how many were left out since the last.
    pub fn allow(&mut self) -> Option<u64> {
        let now = Instant::now();
        let rested = self
            .last
            .is_some_and(|last| now.duration_since(last) >= Self::INTERVAL);
        if self.shown >= Self::BURST && !rested {
            self.left_out += 1;
            return None;
        }
        self.shown += 1;
        self.last = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}
