//! Fills a batch with lines: takes the operations that are ready, prints them, and notices when a
//! stop condition is met.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use jiff::Timestamp;

use super::error::Error;
use super::stop::Stop;
use super::words;
use crate::consumer::{Consumer, Delivery, Invalid};
use crate::oplog::Operation;
use crate::output::Printer;
use crate::report::{Progress, SharedStatistics, Tally, Verbosity};
use crate::settings::{OnInvalid, Settings};

/// A batch of this many bytes is full. A pipe holds two, so one can be written, and the position
/// move, while the reader works on the other.
const BATCH: usize = 32 << 10;
/// A larger buffer is given back: one huge operation must not hold its memory for the whole run.
const LARGEST_KEPT: usize = 1 << 20;

/// What was taken from the consumer since the last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Nothing,
    /// There may be more that is ready.
    Something,
    /// All that was ready. The connection has been polled once more since and may bring more.
    All,
}

/// Turns operations into batches of lines.
pub(super) struct Batcher {
    /// Where operations come from.
    pub consumer: Consumer,
    /// The counts that other threads can see.
    statistics: SharedStatistics,
    /// The counts of this thread.
    tally: Tally,
    printer: Printer,
    verbosity: Verbosity,
    /// The lines that are printed and not yet written.
    pub batch: Vec<u8>,
    stop: Stop,
    on_invalid: OnInvalid,
    /// A stop condition is met: nothing more will be printed.
    pub is_complete: bool,
    taken: Taken,
    progress: Option<Progress>,
    /// True if the lag of every operation must be known. Otherwise that of the first of each batch is
    /// measured, for a summary on SIGUSR1.
    times_all: bool,
}

impl Batcher {
    pub(super) fn new(
        settings: &Settings,
        consumer: Consumer,
        statistics: SharedStatistics,
    ) -> Self {
        Self {
            consumer,
            tally: Tally::default(),
            statistics,
            printer: Printer::new(settings.format, settings.color, settings.lag),
            verbosity: settings.verbosity,
            batch: Vec::with_capacity(BATCH + BATCH / 4),
            stop: Stop::new(&settings.stop, settings.until_wait),
            on_invalid: settings.on_invalid,
            is_complete: false,
            taken: Taken::Nothing,
            progress: settings.status_line.then(Progress::new),
            times_all: settings.lag || settings.stats,
        }
    }

    /// The batch was written, which `took` this long. With `--ack auto` its operations are
    /// acknowledged now. The time does not count as silence of the server.
    pub(super) fn written(&mut self, took: Duration) {
        if !self.batch.is_empty() {
            self.batch.clear();
            self.batch.shrink_to(LARGEST_KEPT);
            self.consumer.was_away(took);
            self.stop.restart();
        }
        self.taken = Taken::Nothing;
        self.consumer.acknowledge_delivered();
    }

    /// Prints all that is ready, up to a full batch. Resolves when there is something to write or a
    /// stop condition is met.
    ///
    /// The connection is a task of its own and hands over one small piece each time it runs. So it
    /// gets to run once more before the batch counts as all that is ready. Then a full socket fills
    /// a batch, and a single line still waits for nothing from outside.
    ///
    /// # Errors
    /// When nothing more can come; what was printed before is in the batch.
    pub(super) fn fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.is_complete {
            // Nothing more is read. But while the run waits for acknowledgements, it asks the server
            // whether something was skipped, before the log moves on.
            return match self.consumer.poll_certain(cx) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
                _ => Poll::Pending,
            };
        }
        let filled = self.print_ready(cx);
        self.statistics.publish(&mut self.tally);
        if let Some(progress) = &mut self.progress {
            progress.update(&self.tally.last_id, cx);
        }
        filled
    }

    fn print_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.consumer.set_time();
        // One reading of the clock serves all that is ready now: nothing of it came later.
        let mut received = Some(Timestamp::now());
        while self.batch.len() < BATCH && !self.is_complete {
            if self.stop.has_all(&self.consumer)? {
                self.is_complete = true;
                break;
            }
            match self.consumer.poll_next(cx) {
                Poll::Ready(Ok(Delivery::Operation(operation))) => {
                    self.print(&operation, received);
                    received = received.filter(|_| self.times_all);
                }
                Poll::Ready(Ok(Delivery::Invalid(invalid))) => {
                    self.tally.count_invalid();
                    self.invalid(&invalid)?;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                // A stop condition can be met without anything to print.
                Poll::Pending if self.stop.has_all(&self.consumer)? => {
                    self.is_complete = true;
                    break;
                }
                Poll::Pending => match self.taken {
                    Taken::Nothing => {
                        ready!(self.stop.poll_quiet(&self.consumer, cx));
                        self.is_complete = true;
                        return Poll::Ready(Ok(()));
                    }
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
        self.stop.restart();
        Poll::Ready(Ok(()))
    }

    fn print(&mut self, operation: &Operation, received: Option<Timestamp>) {
        self.printer.print(operation, received, &mut self.batch);
        self.tally.count(operation, received);
        // Backfilled objects have ids as in a replication, but come after it.
        if let Some(progress) = &mut self.progress
            && !self.consumer.is_backfilling()
        {
            progress.count(operation);
        }
        self.is_complete = self.stop.is_met_by(operation);
    }

    fn invalid(&mut self, invalid: &Invalid) -> Result<(), Error> {
        let line = words::invalid(&invalid.event, self.on_invalid);
        self.verbosity.warn(&line);
        match self.on_invalid {
            OnInvalid::Exit => Err(Error::Invalid),
            OnInvalid::Skip => {
                self.consumer.skip(invalid);
                Ok(())
            }
        }
    }
}
