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
#[cfg(test)]
pub(crate) mod messages;
mod moment;
mod outcome;
mod print;
#[cfg(test)]
mod tests;
mod words;

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::pin::pin;

use tokio::sync::oneshot;

use crate::exit::ExitStatus;
use crate::output::{Format, OutputError, Stdout};
use crate::report::{NextRun, SharedStatistics, Verbosity, stderr};
use crate::settings::Settings;
use crate::tail::supervisor::{self, Control, Terms};
use dump::Dump;
pub(crate) use error::Error;
use filter::Filter;
use gather::{Gathering, Plan};
use outcome::Outcome;

/// Lines are written when there are so many bytes of them.
const BATCH: usize = 32 << 10;

/// Compares, prints the differences, and tells the exit status. To be run within the runtime.
///
/// # Errors
/// When the comparison does not come to its end; then nothing was printed, unless stdout itself
/// failed.
pub(crate) async fn run(settings: &Settings, dump: &Path) -> Result<ExitStatus, Error> {
    let mut stdout = Stdout::open()?;
    let ended = outcome(settings, dump, &stdout).await;
    stderr::clear_status();
    let outcome = match ended? {
        ControlFlow::Continue(outcome) => outcome,
        ControlFlow::Break(status) => return Ok(status),
    };
    match print(&outcome, settings, &mut stdout).await {
        // The reader has seen enough: no warning, no summary.
        Err(OutputError::ReaderGone) => {}
        printed => {
            printed?;
            if let Some(doubtful) = outcome.doubtful {
                settings.verbosity.warn(&words::doubt(doubtful));
            }
            settings.verbosity.warn(&outcome.summary());
        }
    }
    Ok(if outcome.has_differences() {
        ExitStatus::Differences
    } else {
        ExitStatus::Success
    })
}

/// The outcome, or the exit status if a signal or the reader of stdout ends it before.
async fn outcome(
    settings: &Settings,
    dump: &Path,
    stdout: &Stdout,
) -> Result<ControlFlow<ExitStatus, Outcome>, Error> {
    let statistics = SharedStatistics::new(Format::Text, false, None);
    let terms = Terms {
        timeout: None,
        has_condition: true,
        is_quiet: settings.verbosity == Verbosity::Quiet,
        fails_if_uncertain: false,
        next_run: NextRun::StartsOver,
    };
    let mut controls = supervisor::start(terms, None, statistics.clone())
        .map_err(|error| Error::System("cannot receive signals", error))?;
    let objects = Cell::new(None);
    let mut compared = pin!(compare(settings, dump, &objects));
    loop {
        tokio::select! {
            biased;
            Some(control) = controls.recv() => match control {
                Control::Stop(status) => return Ok(ControlFlow::Break(status)),
                // A comparison has no statistics: it shows how far it is.
                Control::ShowStatistics => if statistics.take_asked() {
                    settings.verbosity.warn(&words::progress(objects.get()));
                },
            },
            outcome = &mut compared => return Ok(ControlFlow::Continue(outcome?)),
            () = stdout.reader_gone() => {
                settings.verbosity.warn(&words::READER_GONE);
                return Ok(ControlFlow::Break(ExitStatus::Failure));
            }
        }
    }
}

/// Reads the dump, then asks the server. Keeps the number of `objects` up to date from then on.
async fn compare(
    settings: &Settings,
    dump: &Path,
    objects: &Cell<Option<usize>>,
) -> Result<Outcome, Error> {
    let dump = read(settings, dump).await?;
    let plan = Plan {
        timeout: settings.stop.timeout,
        on_invalid: settings.on_invalid,
        shows_status: settings.status_line,
    };
    let consumer = settings.consumer.clone();
    let mut gathering = Gathering::new(consumer, plan, dump.ledger, settings.verbosity);
    let gathered = poll_fn(|cx| {
        let gathered = gathering.poll(cx);
        objects.set(Some(gathering.ledger.len()));
        gathered
    });
    let is_complete = gathered.await?;
    stderr::clear_status();
    let (ledger, newest_state) = (gathering.ledger, gathering.newest_state);
    Ok(Outcome::of(ledger, dump.newest, is_complete, newest_state))
}

/// Reads the dump, on a thread of its own: stdin may keep it waiting. The runtime's own pool panics
/// where the system gives no thread.
async fn read(settings: &Settings, dump: &Path) -> Result<Dump, Error> {
    let cannot_read = |error| Error::System("cannot read the dump", error);
    let endpoint = settings.consumer.endpoints.first();
    let filter = endpoint.map_or_else(Filter::default, |endpoint| Filter::of(&endpoint.url));
    let path = dump.to_owned();
    let (done, read) = oneshot::channel();
    std::thread::Builder::new()
        .name("dump".into())
        .spawn(move || drop(done.send(dump::open(&path, &filter))))
        .map_err(cannot_read)?;
    let read = read.await.map_err(io::Error::other).map_err(cannot_read)?;
    Ok(read?)
}

async fn print(
    outcome: &Outcome,
    settings: &Settings,
    stdout: &mut Stdout,
) -> Result<(), OutputError> {
    let mut batch = Vec::with_capacity(BATCH + BATCH / 4);
    for record in outcome.records() {
        record.print(settings.format, settings.color, &mut batch);
        if batch.len() >= BATCH {
            stdout.write(&batch).await?;
            batch.clear();
        }
    }
    stdout.write(&batch).await
}
