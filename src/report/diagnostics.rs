//! Messages on stderr about what happens: one line each, with a prefix.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::{Duration, Instant};

use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderName, HeaderValue};

use super::advice::with_advice;
use super::outage::{Lost, Outages, REPEAT};
use super::{stderr, words};
use crate::consumer::Notice;
use crate::duration::ForPeople;
use crate::http::{Endpoint, Exchange, Failure};
use crate::redact::redacted;

/// How much is printed on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Fatal errors.
    Quiet,
    /// Warnings too.
    Normal,
    /// Connections and saved positions, too.
    Verbose,
    /// Heartbeats, requests and response headers, too.
    Trace,
}

impl Verbosity {
    /// Prints a message unless `--quiet` is given.
    pub(crate) fn warn(self, message: &dyn Display) {
        self.print(Self::Normal, message);
    }

    /// Prints a message if `--verbose` is given.
    pub(crate) fn info(self, message: &dyn Display) {
        self.print(Self::Verbose, message);
    }

    fn print(self, from: Self, message: &dyn Display) {
        if self >= from {
            stderr::write_line(message);
        }
    }
}

/// Prints what happens to a consumer, as far as the verbosity asks for it.
#[derive(Debug)]
pub(crate) struct Diagnostics {
    verbosity: Verbosity,
    outages: Outages,
    /// Why the backfill was last delayed, and when that was printed.
    backfill_delayed: Option<(String, Instant)>,
}

impl Diagnostics {
    /// Diagnostics of this verbosity.
    pub(crate) fn new(verbosity: Verbosity) -> Self {
        Self {
            verbosity,
            outages: Outages::default(),
            backfill_delayed: None,
        }
    }

    /// Prints what the consumer noticed.
    pub(crate) fn notice(&mut self, notice: &Notice<'_>) {
        match notice {
            Notice::Connecting { endpoint, after } => {
                self.verbosity.info(&words::connecting(endpoint, *after));
            }
            Notice::Exchanged(exchange) => self.exchanged(exchange),
            Notice::Connected(endpoint) => self.connected(endpoint),
            Notice::Receiving => self.outage_over(),
            Notice::Heartbeat => {
                self.outage_over();
                self.verbosity.print(Verbosity::Trace, &words::HEARTBEAT);
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
            Notice::ResumeFailed { operation, choice } => {
                self.verbosity
                    .warn(&words::resume_failed(*operation, *choice));
            }
            Notice::BackfillStarted => self.verbosity.info(&words::BACKFILL_STARTED),
            Notice::Probing { operation } => self.verbosity.info(&words::probing(*operation)),
            Notice::Skipped { operation } => self.verbosity.warn(&words::skipped(*operation)),
            Notice::ClocksDiffer { server, local } => {
                self.verbosity.warn(&words::clocks_differ(*server, *local));
            }
            Notice::Backfilled { is_uncertain } => {
                self.backfill_delayed = None;
                if *is_uncertain {
                    self.verbosity.warn(&words::BACKFILLED_IN_DOUBT);
                } else {
                    self.verbosity.info(&words::BACKFILLED);
                }
            }
            Notice::BackfillDelayed { failure, wait } => self.backfill_delayed(failure, *wait),
            Notice::BackfillGivenUp { reason } => {
                self.verbosity.warn(&words::backfill_given_up(reason));
            }
        }
    }

    fn lost(&mut self, lost: &Lost<'_>) {
        let in_full = self.verbosity >= Verbosity::Verbose;
        if let Some(message) = self.outages.lost(Instant::now(), *lost, in_full) {
            self.verbosity.warn(&message);
        }
    }

    fn exchanged(&self, exchange: &Exchange) {
        if self.verbosity < Verbosity::Trace {
            return;
        }
        for (direction, first, headers) in [
            ('>', format!("GET {}", exchange.url), &exchange.request),
            ('<', exchange.status.to_string(), &exchange.answer),
        ] {
            stderr::write_line(&format_args!("{direction} {first}"));
            for (name, value) in headers {
                let value = shown(name, value);
                stderr::write_line(&format_args!("{direction} {name}: {value}"));
            }
        }
    }

    fn connected(&mut self, endpoint: &Endpoint) {
        match self
            .outages
            .connected(Instant::now(), endpoint.url.as_str())
        {
            Some(message) => self.verbosity.warn(&message),
            None => self.verbosity.info(&words::connected(endpoint)),
        }
    }

    fn outage_over(&mut self) {
        if let Some(message) = self.outages.over(Instant::now()) {
            self.verbosity.warn(&message);
        }
    }

    fn backfill_delayed(&mut self, failure: &Failure, wait: Duration) {
        let now = Instant::now();
        if let Some((reason, told)) = &self.backfill_delayed
            && *reason == failure.reason
            && now.duration_since(*told) < REPEAT
            && self.verbosity < Verbosity::Verbose
        {
            return;
        }
        self.backfill_delayed = Some((failure.reason.clone(), now));
        let wait = ForPeople(wait);
        self.verbosity
            .warn(&words::backfill_delayed(&with_advice(failure), wait));
    }
}

/// The value of a header without what is secret.
fn shown<'a>(name: &HeaderName, value: &'a HeaderValue) -> Cow<'a, str> {
    let text = String::from_utf8_lossy(value.as_bytes());
    if value.is_sensitive() || *name == SET_COOKIE {
        "(not shown)".into()
    } else if *name == LOCATION {
        redacted(&text).into_owned().into()
    } else {
        text
    }
}

/// Limits messages of one kind: a few at once, then one every ten seconds.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
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
    pub(crate) fn allow(&mut self) -> Option<u64> {
        let now = Instant::now();
        let rests = |last| now.duration_since(last) < Self::INTERVAL;
        if self.shown >= Self::BURST && self.last.is_some_and(rests) {
            self.left_out += 1;
            return None;
        }
        self.shown += 1;
        self.last = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}
