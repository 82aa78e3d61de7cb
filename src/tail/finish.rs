//! The end of a run: what it still waits for, which messages it prints, and its exit status.

use std::time::Duration;

use super::ending::Ending;
use super::error::Error;
use super::supervisor::Control;
use super::words;
use super::{SAVING, Tail};
use crate::consumer;
use crate::exit::ExitStatus;
use crate::output::OutputError;
use crate::report::{incomplete, stderr};

/// How long the run waits for acknowledgements after the reader of stdout is gone.
const LAST_ACKS: Duration = Duration::from_millis(300);

/// How much later than the end of another program of the pipeline a signal may be noticed.
const LATE_SIGNAL: Duration = Duration::from_millis(200);

/// How long the run waits for the answer whether the server skipped something.
const CERTAINTY: Duration = Duration::from_secs(5);
/// The same, if the run must end soon.
const QUICK_CERTAINTY: Duration = Duration::from_millis(400);

impl Tail {
    /// Ends the run and returns the exit status.
    pub(super) async fn end(mut self, ending: Result<Ending, Error>) -> Result<ExitStatus, Error> {
        let mut ending = match ending {
            Err(Error::Output(OutputError::ReaderGone)) => Ok(Ending::ReaderGone),
            other => other,
        };
        stderr::clear_status();
        let is_reader_gone = matches!(ending, Ok(Ending::ReaderGone));
        self.take_last_acknowledgements(is_reader_gone).await;
        // A worker that dies closes both its stdin and its stdout, and either may be noticed first.
        if is_reader_gone && self.batcher.consumer.in_flight() > 0 {
            ending = Ok(Ending::AcksEnded);
        }
        if let Ok(ended) = ending {
            let ended = self.unless_by_signal(ended).await;
            ending = self.make_certain(ended).await;
        }
        // Before the consumer stops and forgets.
        self.note_status();

        let left = self.batcher.consumer.incomplete();
        self.batcher.consumer.stop();
        let saver = self.saver.as_ref();
        let saved = saver.map_or(Ok(()), |saver| saver.finish(SAVING));
        self.tell_saved();
        let ending = ending.and_then(|ending| saved.map(|()| ending).map_err(Into::into));
        if let Some(left) = left {
            self.verbosity.warn(&incomplete(left, self.next_run));
        }
        ending.map(|ending| self.exit_status(ending))
    }

    /// Reads the acknowledgements that were written before the end.
    async fn take_last_acknowledgements(&mut self, is_reader_gone: bool) {
        let patience = if is_reader_gone {
            LAST_ACKS
        } else {
            Duration::ZERO
        };
        while self.batcher.consumer.in_flight() > 0
            && let Some(acks) = &mut self.acks
            && let Ok(Some(Ok(ids))) = tokio::time::timeout(patience, acks.recv()).await
        {
            self.acknowledge(&ids);
        }
    }

    /// Ctrl-C goes to every process of a pipeline, and the end of another process may be noticed
    /// before the signal. So an end that would be a failure waits a moment for a signal.
    async fn unless_by_signal(&mut self, ending: Ending) -> Ending {
        let is_failure = match ending {
            Ending::ReaderGone => self.has_condition,
            Ending::AcksEnded => self.batcher.consumer.in_flight() > 0 || !self.has_acknowledged,
            _ => false,
        };
        while is_failure
            && let Ok(Some(control)) = tokio::time::timeout(LATE_SIGNAL, self.controls.recv()).await
        {
            match control {
                Control::Stop(status) => return Ending::Interrupted(status),
                Control::ShowStatistics => self.show_asked_statistics(),
            }
        }
        ending
    }

    /// If reading fell behind, asks the server whether it skipped something. Otherwise a run with a gap
    /// could end with success.
    async fn make_certain(&mut self, ending: Ending) -> Result<Ending, Error> {
        let mut patience = match ending {
            Ending::ConditionMet => CERTAINTY,
            _ => QUICK_CERTAINTY,
        };
        while self.batcher.consumer.is_uncertain() {
            let Self {
                batcher, controls, ..
            } = &mut *self;
            let certain = std::future::poll_fn(|cx| batcher.consumer.poll_certain(cx));
            tokio::select! {
                Some(control) = controls.recv() => match control {
                    // A stop condition that is met stays met.
                    Control::Stop(_) => patience = QUICK_CERTAINTY,
                    Control::ShowStatistics => self.show_asked_statistics(),
                },
                certain = tokio::time::timeout(patience, certain) => match certain {
                    // What was skipped has been told.
                    Ok(certain) => return Ok(certain.map(|()| ending)?),
                    Err(_) if self.batcher.consumer.ends_at_a_gap() => {
                        return Err(consumer::Error::Uncertain.into());
                    }
                    Err(_) => {
                        // A reader that goes away has seen enough: no message.
                        if ending != Ending::ReaderGone {
                            self.verbosity.warn(&consumer::Error::Uncertain);
                        }
                        break;
                    }
                },
            }
        }
        Ok(ending)
    }

    fn exit_status(&self, ending: Ending) -> ExitStatus {
        let in_flight = self.batcher.consumer.in_flight();
        let keeps_position = self.saver.is_some();
        let unacknowledged = |stopped| words::unacknowledged(stopped, in_flight, keeps_position);
        match ending {
            Ending::ConditionMet => ExitStatus::Success,
            Ending::Interrupted(status) => {
                if status == ExitStatus::TimedOut {
                    if self.has_condition {
                        self.verbosity.warn(&words::TIMED_OUT);
                    }
                    if in_flight > 0 {
                        self.verbosity.warn(&unacknowledged(words::BY_TIMEOUT));
                    }
                }
                if self.has_condition {
                    status
                } else {
                    ExitStatus::Success
                }
            }
            Ending::ReaderGone if !self.has_condition => ExitStatus::Success,
            Ending::ReaderGone => {
                self.verbosity.warn(&words::READER_GONE);
                ExitStatus::Failure
            }
            Ending::AcksEnded if in_flight == 0 => {
                if !self.has_acknowledged {
                    self.verbosity.warn(&words::NO_WORKER);
                }
                ExitStatus::Success
            }
            Ending::AcksEnded => {
                self.verbosity.warn(&unacknowledged(words::BY_WORKER));
                ExitStatus::Failure
            }
        }
    }
}
