//! `--compare`: how a dump of objects differs from what the server knows.
//!
//! The [`dump`] is read as a whole into a [`ledger`]. Then the server is asked for every object,
//! which joins the dump's ([`gather`]). In the end [`difference`] judges each object. Nothing is
//! printed before that, so that what is printed is complete.

mod difference;
mod dump;
mod error;
mod filter;
mod gather;
mod ledger;
mod moment;
mod outcome;
mod print;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use tokio::sync::{mpsc, oneshot};

use crate::exit::ExitStatus;
use crate::output::{Format, OutputError, Stdout};
use crate::report::{Diagnostics, NextRun, SharedStatistics, Verbosity, stderr};
use crate::settings::{Comparison, Settings};
use crate::tail::supervisor::{self, Control, Interruption, Terms};
use dump::Dump;
pub use error::Error;
use filter::Filter;
use gather::{Gathered, Gathering, Plan};
use ledger::Ledger;
use outcome::Outcome;
use print::Printer;

/// Lines are written when there are so many bytes of them.
const BATCH: usize = 32 << 10;

/// Compares, prints the differences, and tells the exit status. To be run within the runtime.
///
/// # Errors
/// When the comparison does not come to its end; then nothing was printed, unless stdout itself
/// failed.
pub async fn run(settings: &Settings, comparison: &Comparison) -> Result<ExitStatus, Error> {
    let mut run = Run::start(settings)?;
    let ended = run.compare(settings, comparison).await;
    stderr::clear_status();
    match ended {
        Err(Error::Output(OutputError::ReaderGone)) => {
            let gone = "the reader of stdout went away before the comparison was complete";
            run.diagnostics.borrow().warn(&gone);
            Ok(ExitStatus::Failure)
        }
        ended => ended,
    }
}

fn cannot_read(error: io::Error) -> Error {
    Error::System("cannot read the dump", error)
}

/// A comparison under way.
struct Run {
    stdout: Stdout,
    controls: mpsc::Receiver<Control>,
    statistics: SharedStatistics,
    diagnostics: Rc<RefCell<Diagnostics>>,
}

/// What a part of the comparison came to.
enum Came<T> {
    To(T),
    /// It was ended from outside.
    Interrupted(Interruption),
}

impl Run {
    fn start(settings: &Settings) -> Result<Self, Error> {
        let statistics = SharedStatistics::new(Format::Text, false, None);
        let terms = Terms {
            timeout: None,
            has_condition: true,
            is_quiet: settings.verbosity == Verbosity::Quiet,
            fails_if_uncertain: false,
            next_run: NextRun::StartsOver,
        };
        Ok(Self {
            stdout: Stdout::open()?,
            controls: supervisor::start(terms, None, statistics.clone())
                .map_err(|error| Error::System("cannot receive signals", error))?,
            statistics,
            diagnostics: Rc::new(RefCell::new(Diagnostics::new(settings.verbosity))),
        })
    }

    async fn compare(
        &mut self,
        settings: &Settings,
        comparison: &Comparison,
    ) -> Result<ExitStatus, Error> {
        let dump = match self.read(settings, comparison).await? {
            Came::To(dump) => dump,
            Came::Interrupted(how) => return Ok(how.exit_status(true)),
        };
        let newest = dump.newest;
        let plan = Plan {
            consumer: settings.consumer.clone(),
            patience: comparison.patience,
            on_invalid: settings.on_invalid,
            shows_status: settings.status_line,
        };
        let mut gathering = Gathering::new(plan, dump.ledger, Rc::clone(&self.diagnostics));
        let gathered = match self.gather(&mut gathering).await? {
            Came::To(gathered) => gathered,
            Came::Interrupted(how) => return Ok(how.exit_status(true)),
        };
        stderr::clear_status();
        let (ledger, newest_state) = gathering.into_parts();
        let outcome = Outcome::of(&ledger, newest, gathered, newest_state);
        let has_differences = !outcome.differing.is_empty();
        let printer = Printer::new(settings.format, settings.color);
        match self.print(&ledger, &outcome, printer).await {
            // It has seen enough, and has to hear nothing.
            Err(OutputError::ReaderGone) if has_differences => {}
            printed => {
                printed?;
                let diagnostics = self.diagnostics.borrow();
                if gathered != Gathered::Complete {
                    diagnostics.warn(&outcome.doubt());
                }
                diagnostics.warn(&outcome);
            }
        }
        Ok(if has_differences {
            ExitStatus::Differences
        } else {
            ExitStatus::Success
        })
    }

    /// Reads the dump, on a thread of its own: stdin may keep it waiting.
    async fn read(
        &mut self,
        settings: &Settings,
        comparison: &Comparison,
    ) -> Result<Came<Dump>, Error> {
        let endpoint = settings.consumer.endpoints.first();
        let filter = endpoint.map_or_else(Filter::default, |endpoint| Filter::of(&endpoint.url));
        let path = comparison.dump.clone();
        // The runtime's own pool panics where the system gives no thread.
        let (done, mut reading) = oneshot::channel();
        std::thread::Builder::new()
            .name("dump".into())
            .spawn(move || drop(done.send(dump::open(&path, &filter))))
            .map_err(cannot_read)?;
        loop {
            tokio::select! {
                biased;
                Some(control) = self.controls.recv() => match control {
                    Control::Stop(interruption) => return Ok(Came::Interrupted(interruption)),
                    Control::ShowStatistics => self.show_progress(&"reading the dump"),
                },
                read = &mut reading => {
                    let read = read.map_err(|gone| cannot_read(io::Error::other(gone)))?;
                    return Ok(Came::To(read?));
                }
                () = self.stdout.reader_gone() => return Err(OutputError::ReaderGone.into()),
            }
        }
    }

    async fn gather(&mut self, gathering: &mut Gathering) -> Result<Came<Gathered>, Error> {
        loop {
            tokio::select! {
                biased;
                Some(control) = self.controls.recv() => match control {
                    Control::Stop(interruption) => return Ok(Came::Interrupted(interruption)),
                    Control::ShowStatistics => {
                        let objects = gathering.objects();
                        self.show_progress(&format_args!("objects of both sides so far: {objects}"));
                    }
                },
                gathered = std::future::poll_fn(|cx| gathering.poll(cx)) => {
                    return Ok(Came::To(gathered?));
                }
                () = self.stdout.reader_gone() => return Err(OutputError::ReaderGone.into()),
            }
        }
    }

    /// What a signal asks for that shows the statistics of a run that follows.
    fn show_progress(&self, progress: &dyn std::fmt::Display) {
        if self.statistics.take_asked() {
            self.diagnostics.borrow().warn(progress);
        }
    }

    async fn print(
        &mut self,
        ledger: &Ledger,
        outcome: &Outcome,
        printer: Printer,
    ) -> Result<(), OutputError> {
        let mut batch = Vec::with_capacity(BATCH + BATCH / 4);
        for entry in &outcome.differing {
            let entry = *entry as usize;
            if let Some(difference) = outcome.difference(ledger, entry) {
                printer.print(difference, ledger, entry, &mut batch);
            }
            if batch.len() >= BATCH {
                self.stdout.write(&batch).await?;
                batch.clear();
            }
        }
        self.stdout.write(&batch).await
    }
}
