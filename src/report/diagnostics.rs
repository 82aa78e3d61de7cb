//! What the program says on stderr about what happens: one line each, with a prefix.

use std::fmt::Display;
use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::{LOCATION, SET_COOKIE};
use jiff::Timestamp;

use super::advice::with_advice;
use super::outage::{Lost, Outages, REPEAT};
use super::stderr;
use crate::consumer::{Incomplete, Notice, OnResumeFailed};
use crate::duration::ForPeople;
use crate::http::{Endpoint, Exchange, Failure};
use crate::oplog::Position;
use crate::redact::redacted;

/// Says why the program ends. Shown at every verbosity.
pub fn fatal(error: &dyn Display) {
    write(&format_args!("{error}"));
}

fn write(message: &dyn Display) {
    stderr::write_line(message);
}

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Fatal errors.
    Quiet,
    /// What a person has to know, too.
    Normal,
    /// Connections and saved positions, too.
    Verbose,
    /// Heartbeats, requests and response headers, too.
    Trace,
}

/// Where the run that follows this one starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextRun {
    /// Where this one ended.
    GoesOn,
    /// Nowhere near: no position is kept.
    StartsOver,
    /// Where this one started: it only looked.
    Repeats,
}

/// What is said where a run ends before a replication is complete.
pub fn incomplete(what: Incomplete, next: NextRun) -> String {
    let next = match next {
        NextRun::GoesOn => "the next run goes on from there",
        NextRun::StartsOver => "without --state the next run starts over",
        NextRun::Repeats => "with --ack none the next run starts from the same position",
    };
    match what {
        Incomplete::Replication => format!(
            "the run ended before the replication did, so objects are missing: {next}; \
             --until-complete ends a run when everything is there"
        ),
        Incomplete::Backfill => format!(
            "objects that changed in the second before the replication may be missing: they come \
             only once another operation has happened, which a quiet log never brings by itself; \
             {next}; --until-complete waits for them"
        ),
    }
}

/// What is said where a run ends and the server does not answer in time.
pub fn uncertain() -> &'static str {
    "reading fell behind, and the server did not say in time whether it skipped operations; the \
     position stays at the last one before that"
}

/// Tells a person what happens, as far as they want to know.
#[derive(Debug)]
pub struct Diagnostics {
    verbosity: Verbosity,
    outages: Outages,
    /// Why the repair was delayed last, and when that was told.
    repair_delayed: Option<(String, Instant)>,
    /// How many connections have stood so far.
    connections: u64,
}

impl Diagnostics {
    /// Diagnostics of this verbosity.
    pub fn new(verbosity: Verbosity) -> Self {
        Self {
            verbosity,
            outages: Outages::default(),
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
            write(message);
        }
    }

    /// Says something that matters to somebody who wants to follow along.
    pub fn info(&self, message: &dyn Display) {
        if self.verbosity >= Verbosity::Verbose {
            write(message);
        }
    }

    /// Tells what the consumer noticed.
    pub fn notice(&mut self, notice: &Notice<'_>) {
        match notice {
            Notice::Connecting { endpoint, after } => self.connecting(endpoint, *after),
            Notice::Exchanged(exchange) => self.exchanged(exchange),
            Notice::Connected(endpoint) => self.connected(endpoint),
            Notice::Receiving => self.outage_over(),
            Notice::Heartbeat => {
                self.outage_over();
                if self.verbosity >= Verbosity::Trace {
                    write(&"heartbeat");
                }
            }
            Notice::Lost {
                failure,
                failures,
                wait,
                endpoint,
                next,
            } => self.lost(&Lost {
                url: endpoint.url.as_str(),
                reason: &with_advice(failure),
                failures: *failures,
                wait: *wait,
                next: next.url.as_str(),
            }),
            Notice::ResumeFailed { operation, choice } => self.resume_failed(*operation, *choice),
            Notice::BackfillStarted => {
                self.info(&"fetching the objects that the replication missed");
            }
            Notice::Probing { operation } => self.info(&format_args!(
                "reading fell behind; asking whether the server still has {}",
                described(*operation)
            )),
            Notice::Skipped { operation } => self.warn(&format_args!(
                "the server no longer has {}: reading fell behind, and operations after it may \
                 have been skipped; the position stays there",
                described(*operation)
            )),
            Notice::ClocksDiffer { server, local } => self.clocks_differ(*server, *local),
            Notice::Backfilled { is_early } => self.repaired(*is_early),
            Notice::BackfillDelayed { failure, wait } => self.repair_delayed(failure, *wait),
            Notice::BackfillGivenUp { reason } => self.warn(&format_args!(
                "objects that the replication missed cannot be fetched and stay missing: {reason}"
            )),
        }
    }

    fn connecting(&self, endpoint: &Endpoint, after: Option<Position>) {
        let url = &endpoint.url;
        let Some(position) = after else {
            return self.info(&format_args!(
                "connecting to {url}, for what happens from now on"
            ));
        };
        let deletions = match position {
            Position::Replication(1..) => ", without the deletions since",
            _ => "",
        };
        self.info(&format_args!(
            "connecting to {url}, for what comes after {}{deletions}",
            described(position)
        ));
    }

    fn lost(&mut self, lost: &Lost<'_>) {
        let in_full = self.verbosity >= Verbosity::Verbose;
        if let Some(message) = self.outages.lost(Instant::now(), *lost, in_full) {
            self.warn(&message);
        }
    }

    fn exchanged(&self, exchange: &Exchange) {
        if self.verbosity < Verbosity::Trace {
            return;
        }
        write(&format_args!("> GET {}", exchange.url));
        headers('>', &exchange.request);
        write(&format_args!("< {}", exchange.status));
        headers('<', &exchange.answer);
    }

    fn connected(&mut self, endpoint: &Endpoint) {
        self.connections += 1;
        match self
            .outages
            .connected(Instant::now(), endpoint.url.as_str())
        {
            Some(message) => self.warn(&message),
            None => self.info(&format_args!("connected to {}", endpoint.url)),
        }
    }

    fn outage_over(&mut self) {
        if let Some(message) = self.outages.over(Instant::now()) {
            self.warn(&message);
        }
    }

    fn clocks_differ(&self, server: u64, local: u64) {
        let ahead = if server > local { "ahead of" } else { "behind" };
        self.warn(&format_args!(
            "the server's answer is dated {} s {ahead} the clock of this machine: if the \
             connection breaks before the first operation, the run goes on from the earlier time",
            server.abs_diff(local)
        ));
    }

    fn repaired(&mut self, is_early: bool) {
        self.repair_delayed = None;
        if is_early {
            self.warn(
                &"so many objects changed that the objects which the replication missed were \
                  fetched early: if the clocks of agents and store differ, some may be missing \
                  or out of date",
            );
            return;
        }
        self.info(&"the replication is complete: the objects that it missed are fetched");
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
            "cannot fetch the objects that the replication missed: {}; trying again in {}",
            with_advice(failure),
            ForPeople(wait)
        ));
    }

    fn resume_failed(&self, operation: Position, choice: OnResumeFailed) {
        let operation = described(operation);
        match choice {
            OnResumeFailed::Continue => self.warn(&format_args!(
                "the server no longer has {operation} to resume after: going on with the last state of \
                 every object changed since then, the steps in between are lost \
                 (--on-resume-failed says what else to do)"
            )),
            _ => self.warn(&format_args!(
                "the server no longer has {operation} to resume after: starting a full replication, \
                 which brings the last state of every object; the steps in between are lost"
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
            redacted(&text).into_owned().into()
        } else {
            text
        };
        write(&format_args!("{direction} {name}: {shown}"));
    }
}

/// A position with the time it stands for.
pub fn described(position: Position) -> String {
    let time =
        |at: Result<Timestamp, jiff::Error>| at.map_or_else(|_| "?".into(), |at| at.to_string());
    let of_second = |second| time(Timestamp::from_second(second));
    match position {
        Position::Replication(0) => "0 (a full replication)".into(),
        Position::Replication(ms) => {
            let at = time(Timestamp::from_millisecond(
                i64::try_from(ms).unwrap_or(i64::MAX),
            ));
            format!("{ms} (of {at})")
        }
        Position::Operation(id) if id.is_synthetic() => {
            format!("{id} (the second {})", of_second(i64::from(id.second())))
        }
        Position::Operation(id) => {
            format!("operation {id} (of {})", of_second(i64::from(id.second())))
        }
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
