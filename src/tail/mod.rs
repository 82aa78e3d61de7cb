//! The loop of a run: fills a batch, writes it, acknowledges it, until something ends the run.

mod acks;
mod batcher;
mod ending;
mod error;
mod finish;
#[cfg(test)]
pub(crate) mod messages;
mod stop;
pub(crate) mod supervisor;
pub(crate) mod words;

use std::io;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use crate::consumer::{Acknowledging, Consumer, PAUSE};
use crate::exit::ExitStatus;
use crate::oplog::Position;
use crate::output::Stdout;
use crate::report::{Limiter, NextRun, SharedStatistics, Verbosity, described};
use crate::settings::Settings;
use crate::state::Saver;
use crate::tracker::PositionStore as _;
use batcher::Batcher;
use ending::Ending;
pub(crate) use error::Error;
use supervisor::Control;

/// How long the last save may take. After a signal or `--timeout` the supervisor allows less.
const SAVING: Duration = Duration::from_secs(30);

/// A run in progress.
pub(crate) struct Tail {
    batcher: Batcher,
    saver: Option<Saver>,
    /// Changes after each save.
    saves: Option<watch::Receiver<()>>,
    stdout: Stdout,
    acks: Option<mpsc::Receiver<io::Result<String>>>,
    controls: mpsc::Receiver<Control>,
    verbosity: Verbosity,
    junk: Limiter,
    /// The message that a save takes too long was printed.
    waits_for_saving: bool,
    /// The saved position in the last message.
    told_saved: Option<Position>,
    pub(crate) statistics: SharedStatistics,
    has_condition: bool,
    next_run: NextRun,
    /// At least one operation was acknowledged over stdin.
    has_acknowledged: bool,
}

enum Step {
    /// The batch may hold something.
    Filled,
    /// The lines of ids that were read.
    Acknowledged(String),
    Saved,
    Control(Control),
    End(Ending),
}

impl Tail {
    /// A run that has not begun. `statistics` are shared with the supervisor, which sends the
    /// `controls`. Fails if the system gives no thread to read acknowledgements.
    pub(crate) fn new(
        settings: &Settings,
        consumer: Consumer,
        saver: Option<Saver>,
        stdout: Stdout,
        controls: mpsc::Receiver<Control>,
        statistics: SharedStatistics,
    ) -> Result<Self, Error> {
        let acks = match settings.consumer.acknowledging {
            Acknowledging::InOrder => None,
            Acknowledging::ById { max_in_flight } => {
                Some(acks::read(max_in_flight).map_err(Error::NoAcks)?)
            }
        };
        Ok(Self {
            batcher: Batcher::new(settings, consumer, statistics.clone()),
            saves: saver.as_ref().map(Saver::saves),
            told_saved: saver.as_ref().and_then(Saver::stored),
            saver,
            stdout,
            acks,
            controls,
            verbosity: settings.verbosity,
            junk: Limiter::default(),
            waits_for_saving: false,
            statistics,
            has_condition: settings.stop.any_asked_for(),
            next_run: settings.next_run(),
            has_acknowledged: false,
        })
    }

    /// Runs to the end, saves the position, and tells the exit status.
    pub(crate) async fn run(mut self) -> Result<ExitStatus, Error> {
        let ending = self.follow().await;
        self.end(ending).await
    }

    async fn follow(&mut self) -> Result<Ending, Error> {
        loop {
            if self.batcher.is_complete && self.batcher.consumer.in_flight() == 0 {
                return Ok(Ending::ConditionMet);
            }
            let step = self.next_step().await;
            if !self.batcher.batch.is_empty() {
                // Writing may never end.
                self.note_status();
            }
            // The lines before an error are written too.
            let writing = Instant::now();
            self.stdout.write(&self.batcher.batch).await?;
            self.batcher.written(writing.elapsed());
            match step? {
                Step::Filled => {}
                Step::Acknowledged(ids) => self.acknowledge(&ids),
                Step::Saved => self.tell_saved(),
                Step::Control(Control::Stop(status)) => return Ok(Ending::Interrupted(status)),
                Step::Control(Control::ShowStatistics) => self.show_asked_statistics(),
                Step::End(ending) => return Ok(ending),
            }
        }
    }

    /// Waits for the next thing to do. All branches are cancel safe.
    async fn next_step(&mut self) -> Result<Step, Error> {
        let Self {
            batcher,
            saver,
            saves,
            stdout,
            acks,
            controls,
            verbosity,
            waits_for_saving,
            ..
        } = self;
        let saver = saver.as_ref();
        let acknowledgements = or_never(acks.as_mut().map(mpsc::Receiver::recv));
        let saving_failed = or_never(saver.map(Saver::failure));
        let filled = async {
            if let Some(saver) = saver
                && saver.is_behind()
            {
                if !std::mem::replace(waits_for_saving, true) {
                    verbosity.warn(&words::SAVES_SLOWLY);
                }
                // Runs again from the next poll of the consumer on.
                batcher.consumer.pause_clock();
                let caught_up = tokio::time::timeout(PAUSE, saver.caught_up());
                if caught_up.await.is_err() {
                    batcher.consumer.was_away(PAUSE);
                    saver.caught_up().await;
                }
            }
            *waits_for_saving = false;
            std::future::poll_fn(|cx| batcher.fill(cx)).await
        };
        // A step that waits for a save, such as a `reset`, must not be interrupted by this.
        let in_time = saver.filter(|saver| !saver.is_behind());
        let falls_behind = or_never(in_time.map(Saver::falls_behind));
        let has_saved = or_never(saves.as_mut().map(watch::Receiver::changed));
        tokio::select! {
            biased;
            Some(control) = controls.recv() => Ok(Step::Control(control)),
            error = saving_failed => Err(error.into()),
            ids = acknowledgements => match ids {
                Some(ids) => Ok(Step::Acknowledged(ids.map_err(Error::Acks)?)),
                None => Ok(Step::End(Ending::AcksEnded)),
            },
            _ = has_saved => Ok(Step::Saved),
            () = falls_behind => Ok(Step::Filled),
            filled = filled => Ok(filled.map(|()| Step::Filled)?),
            () = stdout.reader_gone() => Ok(Step::End(Ending::ReaderGone)),
        }
    }

    fn acknowledge(&mut self, lines: &str) {
        for id in acks::ids(lines) {
            if self.batcher.consumer.acknowledge(id).is_ok() {
                self.has_acknowledged = true;
                continue;
            }
            let Some(left_out) = self.junk.allow() else {
                continue;
            };
            let id: String = id.chars().take(80).collect();
            self.verbosity.warn(&words::unknown_id(&id));
            if left_out > 0 {
                self.verbosity.warn(&words::unknown_ids_left_out(left_out));
            }
        }
    }

    fn tell_saved(&mut self) {
        for note in self.saver.iter().flat_map(Saver::take_notes) {
            self.verbosity.info(&note);
        }
        let saved = self.saver.as_ref().and_then(Saver::stored);
        if saved != self.told_saved
            && let Some(position) = saved
        {
            self.verbosity.info(&words::saved(&described(position)));
        }
        self.told_saved = saved;
    }

    /// Shows the summary, unless another thread has shown it meanwhile.
    fn show_asked_statistics(&self) {
        if self.statistics.take_asked() {
            self.note_status();
            self.statistics.show();
        }
    }

    fn note_status(&self) {
        self.statistics.set_status(self.batcher.consumer.status());
    }
}

/// Awaits the future; without one, waits forever.
async fn or_never<F: Future>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
