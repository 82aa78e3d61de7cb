//! From the consumer into the batch: takes what is ready, prints it, and notices when enough has
//! been printed.

use std::cell::RefCell;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Sleep;

use super::error::Error;
use crate::consumer::{BackfillEnd, Consumer, Delivery, Invalid};
use crate::oplog::{Event, Operation};
use crate::output::{Arrival, Printer};
use crate::quiet::Quiet;
use crate::report::{Diagnostics, Progress, SharedStatistics, Tally};
use crate::settings::{OnInvalid, Settings, StopConditions, Until};

/// A batch is full when it has grown to this many bytes: half of what a pipe holds, so that one
/// can be written, and the position move, while the reader is busy with another.
const BATCH: usize = 32 << 10;
/// A buffer that one huge operation has blown up is given back above this.
const LARGEST_KEPT: usize = 1 << 20;
/// How much of the data of an invalid operation is shown, in characters.
const SHOWN_DATA: usize = 200;

/// `--until` takes a log for quiet after this long without an operation.
const QUIET: Duration = Duration::from_secs(2);

/// What has been taken in since the batch was last written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Nothing,
    /// There may be more that is ready.
    Something,
    /// All that was ready, unless the connection, which has been let run since, has brought more.
    All,
}

/// Turns operations into batches of lines.
pub struct Batcher {
    /// Where operations come from.
    pub consumer: Consumer,
    /// What has come so far, for others to see.
    statistics: SharedStatistics,
    /// What has come so far.
    tally: Tally,
    printer: Printer,
    diagnostics: Rc<RefCell<Diagnostics>>,
    batch: Vec<u8>,
    stop: StopConditions,
    on_invalid: OnInvalid,
    lines: u64,
    is_complete: bool,
    idle: Option<Quiet>,
    /// The same for `--until`.
    past: Option<Past>,
    taken: Taken,
    /// The status line, where one is wanted.
    progress: Option<Progress>,
    /// Whether something is to be said about when each operation arrives. Otherwise one operation
    /// of those that are ready at once is enough, for a summary that is asked for.
    needs_clock: bool,
    /// A replication or fallback has come to its `live`.
    was_live: bool,
}

impl Batcher {
    /// A batcher of what `consumer` hands out.
    pub fn new(
        settings: &Settings,
        consumer: Consumer,
        diagnostics: Rc<RefCell<Diagnostics>>,
        statistics: SharedStatistics,
    ) -> Self {
        Self {
            consumer,
            tally: Tally::default(),
            statistics,
            printer: Printer::new(settings.format, settings.color, settings.lag),
            diagnostics,
            batch: Vec::with_capacity(BATCH + BATCH / 4),
            stop: settings.stop,
            on_invalid: settings.on_invalid,
            lines: 0,
            is_complete: false,
            idle: settings.stop.until_idle.map(Quiet::new),
            past: settings.stop.until.map(Past::new),
            taken: Taken::Nothing,
            progress: settings.status_line.then(Progress::new),
            needs_clock: settings.lag || settings.stats,
            was_live: false,
        }
    }

    /// Whether a stop condition is met: nothing more will be printed.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The lines printed and not yet taken care of.
    pub fn batch(&self) -> &[u8] {
        &self.batch
    }

    /// The batch is written: what is in it counts as handled where acknowledgements come in
    /// order, and the time it took is no silence of the server.
    ///
    /// It `took` so long.
    pub fn written(&mut self, took: Duration) {
        if !self.batch.is_empty() {
            self.batch.clear();
            self.batch.shrink_to(LARGEST_KEPT);
            self.consumer.was_away(took);
            self.restart_idle();
        }
        self.taken = Taken::Nothing;
        self.consumer.acknowledge_delivered();
    }

    /// Prints all that is ready, up to a batch. Ready when there is something new to write or
    /// when the batcher has become complete.
    ///
    /// The connection runs as a task of its own and hands over what it has read in small pieces,
    /// one each time it runs. So it gets to run once more before what came of the last piece
    /// counts as all there is; a full socket then fills a batch, and a single line still waits for
    /// nothing from outside.
    ///
    /// # Errors
    /// When nothing more can come; what was printed before is in the batch.
    pub fn fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.is_complete {
            // What still waits is not read; but while acknowledgements are waited for, the server is
            // asked whether something was skipped, before its log moves on.
            return match self.consumer.poll_certain(cx) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
                _ => Poll::Pending,
            };
        }
        let filled = self.print_ready(cx);
        self.statistics.publish(&mut self.tally);
        if let Some(progress) = &mut self.progress {
            progress.update(self.tally.last_id(), cx);
        }
        filled
    }

    fn print_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.consumer.set_time();
        // Of what is ready now, the first operation shows how late it is.
        let mut samples = !self.needs_clock;
        // One reading serves all that is ready now: nothing of it can have come later.
        let arrival = self.needs_clock.then(Arrival::now);
        while self.batch.len() < BATCH && !self.is_complete {
            if self.has_all()? {
                self.is_complete = true;
                break;
            }
            match self.consumer.poll_next(cx) {
                Poll::Ready(Ok(Delivery::Operation(operation))) => {
                    self.print(&operation, arrival, std::mem::take(&mut samples));
                }
                Poll::Ready(Ok(Delivery::Invalid(invalid))) => {
                    self.tally.count_invalid();
                    self.invalid(&invalid)?;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                // That may have come about without anything to print.
                Poll::Pending if self.has_all()? => {
                    self.is_complete = true;
                    break;
                }
                Poll::Pending => match self.taken {
                    Taken::Nothing => return self.poll_idle(cx).map(Ok),
                    Taken::Something => {
                        self.taken = Taken::All;
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Taken::All => break,
                },
            }
            self.taken = Taken::Something;
        }
        self.restart_idle();
        Poll::Ready(Ok(()))
    }

    fn print(&mut self, operation: &Operation, arrival: Option<Arrival>, is_sample: bool) {
        self.printer.print(operation, arrival, &mut self.batch);
        let sample = || is_sample.then(Arrival::now);
        self.tally.count(operation, arrival.or_else(sample));
        // What a repair brings has ids as in a replication, and comes after it.
        if let Some(progress) = &mut self.progress
            && !self.consumer.is_backfilling()
        {
            progress.count(operation);
        }
        self.lines += 1;
        let is_live = *operation.event() == Event::Live;
        self.was_live |= is_live;
        let ends_at_live = self.stop.until_live && is_live;
        let is_enough = |count: NonZeroU64| self.lines >= count.get();
        self.is_complete = ends_at_live || self.stop.count.is_some_and(is_enough);
    }

    /// Whether everything is printed that the run was to end with: a complete replication, or what
    /// happened before a point in time.
    fn has_all(&self) -> Result<bool, Error> {
        let waits_for_repair = self.stop.until_complete && self.was_live;
        let has_ended = self.consumer.has_ended();
        if !waits_for_repair && !has_ended {
            return Ok(false);
        }
        if self.consumer.backfill_end() == Some(BackfillEnd::GivenUp) {
            return Err(Error::Incomplete);
        }
        Ok(has_ended || self.consumer.incomplete().is_none())
    }

    fn invalid(&mut self, invalid: &Invalid) -> Result<(), Error> {
        let event = &invalid.event;
        let data: String = event.data.chars().take(SHOWN_DATA).collect();
        let cut = if data.len() < event.data.len() {
            "…"
        } else {
            ""
        };
        let follows = match self.on_invalid {
            OnInvalid::Exit => "",
            OnInvalid::Skip => "; skipping it (--on-invalid exit would stop)",
        };
        self.diagnostics
            .borrow()
            .warn(&format_args!("{event}{follows}; its data: {data}{cut}"));
        match self.on_invalid {
            OnInvalid::Exit => Err(Error::Invalid),
            OnInvalid::Skip => {
                self.consumer.skip(invalid);
                Ok(())
            }
        }
    }

    /// Ready, with the batcher complete, once nothing has come for as long as was asked for while a
    /// connection stood and was read from.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let arrived = self.consumer.arrived();
        let is_waiting = self.consumer.is_connected()
            && !self.consumer.is_paused()
            && !self.consumer.is_backfilling()
            && !self.consumer.is_uncertain();
        let mut is_idle = false;
        if let Some(idle) = &mut self.idle {
            is_idle |= idle.poll_while(is_waiting, arrived, cx).is_ready();
        }
        if let Some(past) = &mut self.past {
            // Before its `live` a replication may pause for as long as the store takes.
            let is_waiting = is_waiting && !self.consumer.awaits_live();
            is_idle |= past.poll(is_waiting, arrived, cx).is_ready();
        }
        if !is_idle {
            return Poll::Pending;
        }
        self.is_complete = true;
        Poll::Ready(())
    }

    /// Something came, or was written: that is no idle time.
    fn restart_idle(&mut self) {
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
    has_come: bool,
    timer: Pin<Box<Sleep>>,
    quiet: Quiet,
}

impl Past {
    fn new(until: Until) -> Self {
        Self {
            has_come: false,
            timer: Box::pin(tokio::time::sleep(until.wait)),
            quiet: Quiet::new(QUIET),
        }
    }

    fn poll(&mut self, is_waiting: bool, arrived: u64, cx: &mut Context<'_>) -> Poll<()> {
        if !self.has_come {
            ready!(self.timer.as_mut().poll(cx));
            self.has_come = true;
        }
        self.quiet.poll_while(is_waiting, arrived, cx)
    }
}
