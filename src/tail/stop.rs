//! The stop conditions of a run: whether what came, or that nothing came, meets one.

use std::num::NonZeroU64;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Sleep;

use super::error::Error;
use crate::consumer::{BackfillEnd, Consumer};
use crate::oplog::{Event, Operation};
use crate::quiet::Quiet;
use crate::settings::Stopping;

/// `--until` takes a log for quiet after this long without an operation.
const QUIET: Duration = Duration::from_secs(2);

/// The stop conditions that were asked for, and how far the run is from meeting them.
pub(super) struct Stop {
    asked: Stopping,
    /// How many lines have been printed.
    lines: u64,
    /// A replication or fallback has come to its `live`.
    was_live: bool,
    idle: Option<Quiet>,
    past: Option<Past>,
}

impl Stop {
    /// Nothing has been printed yet. `until_wait` is how long to wait with `--until`. Must be called
    /// within a tokio runtime.
    pub(super) fn new(asked: &Stopping, until_wait: Option<Duration>) -> Self {
        Self {
            asked: asked.clone(),
            lines: 0,
            was_live: false,
            idle: asked.until_idle.map(Quiet::new),
            past: until_wait.map(|wait| Past {
                until: Box::pin(tokio::time::sleep(wait)),
                quiet: Quiet::new(QUIET),
            }),
        }
    }

    /// This has been printed; says whether it is the last that is wanted.
    pub(super) fn is_met_by(&mut self, operation: &Operation) -> bool {
        self.lines += 1;
        let is_live = *operation.event() == Event::Live;
        self.was_live |= is_live;
        let is_last = |count: NonZeroU64| count.get() == self.lines;
        self.asked.count.is_some_and(is_last) || (self.asked.until_live && is_live)
    }

    /// Whether everything is printed that the run was to end with: a complete replication, or what
    /// happened before a point in time.
    ///
    /// # Errors
    /// When that can no longer be reached.
    pub(super) fn has_all(&self, consumer: &Consumer) -> Result<bool, Error> {
        let waits_for_backfill = self.asked.until_complete && self.was_live;
        let has_ended = consumer.has_ended();
        if !waits_for_backfill && !has_ended {
            return Ok(false);
        }
        if consumer.backfill_end() == Some(BackfillEnd::GivenUp) {
            return Err(Error::Incomplete);
        }
        Ok(has_ended || consumer.incomplete().is_none())
    }

    /// Ready once nothing has come for as long as was asked for while a connection stood and was
    /// read from.
    pub(super) fn poll_quiet(&mut self, consumer: &Consumer, cx: &mut Context<'_>) -> Poll<()> {
        let arrived = consumer.arrived();
        let is_waiting = consumer.is_connected()
            && !consumer.is_paused()
            && !consumer.is_backfilling()
            && !consumer.is_uncertain();
        if let Some(idle) = &mut self.idle
            && idle.poll_while(is_waiting, arrived, cx).is_ready()
        {
            return Poll::Ready(());
        }
        let Some(past) = &mut self.past else {
            return Poll::Pending;
        };
        ready!(past.until.as_mut().poll(cx));
        // Before its `live` a replication may pause for as long as the store takes.
        let is_waiting = is_waiting && !consumer.awaits_live();
        past.quiet.poll_while(is_waiting, arrived, cx)
    }

    /// Something came, or was written: that is no quiet time.
    pub(super) fn restart(&mut self) {
        if let Some(idle) = &mut self.idle {
            idle.restart();
        }
        if let Some(past) = &mut self.past {
            past.quiet.restart();
        }
    }
}

/// Waits until a point in time is past and nothing has come for a while since.
struct Past {
    until: Pin<Box<Sleep>>,
    quiet: Quiet,
}
