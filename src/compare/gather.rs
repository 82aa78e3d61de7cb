//! What the server says: follows it from its first object on until everything is there.

use std::task::{Context, Poll};
use std::time::Duration;

use super::difference::Server;
use super::error::Error;
use super::ledger::Ledger;
use super::moment::Moment;
use super::words;
use crate::consumer::{BackfillEnd, Config, Consumer, Delivery, Incomplete, Notice, Start};
use crate::oplog::{Event, Operation, Position};
use crate::quiet::Quiet;
use crate::report::{Diagnostics, Progress, Verbosity, stderr};
use crate::settings::OnInvalid;
use crate::tail;

/// After this many operations other tasks get their turn.
const TURN: usize = 4096;

/// How long to wait for the next object of a replication, where `--timeout` does not say. Longer than
/// a store needs to sort many objects, and as long as the default `--read-timeout`.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);

/// How long to wait for an operation after the replication, where `--timeout` does not say.
const LONGEST_QUIET: Duration = Duration::from_secs(10);

/// How the server is asked.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// How long to wait for what comes next.
    pub timeout: Option<Duration>,
    pub on_invalid: OnInvalid,
    /// Whether to show how far it is.
    pub shows_status: bool,
}

/// What the server's side is being gathered into, and how far that is.
pub(super) struct Gathering {
    /// The objects of both sides.
    pub ledger: Ledger,
    /// When the newest state of the replication came in, by the server's clock. From about then on
    /// an incomplete replication leaves objects out.
    pub newest_state: Option<Moment>,
    consumer: Consumer,
    verbosity: Verbosity,
    plan: Plan,
    /// Measures how long nothing of a replication comes.
    silence: Quiet,
    /// Measures how long nothing follows the replication.
    quiet: Quiet,
    /// A replication has come to its `live`.
    was_live: bool,
    status: Option<Status>,
}

/// The status line.
struct Status {
    progress: Progress,
    last_id: String,
    /// What is shown after the replication.
    shown: &'static str,
}

impl Gathering {
    /// Nothing has been asked yet. Asks for every object as `consumer` says. What the server says
    /// joins the `ledger`. Must be called within a tokio runtime.
    pub(super) fn new(consumer: Config, plan: Plan, ledger: Ledger, verbosity: Verbosity) -> Self {
        let mut diagnostics = Diagnostics::new(verbosity);
        let observer = Box::new(move |notice: Notice<'_>| diagnostics.notice(&notice));
        // Deletions included: from second 0 on it would be a full replication, which has none.
        let everything = Config {
            start: Start::At(Position::of_second(1)),
            ..consumer
        };
        Self {
            ledger,
            newest_state: None,
            consumer: Consumer::new(everything, None, observer),
            verbosity,
            plan,
            silence: Quiet::new(plan.timeout.unwrap_or(LONGEST_SILENCE)),
            quiet: Quiet::new(plan.timeout.unwrap_or(LONGEST_QUIET)),
            was_live: false,
            status: plan.shows_status.then(|| Status {
                progress: Progress::new(),
                last_id: String::new(),
                shown: "",
            }),
        }
    }

    /// Takes in what there is. Ready once the server's side is complete (`true`), or as complete as
    /// it gets: what the replication left out could not be fetched, or nothing followed on the server.
    ///
    /// # Errors
    /// When it will never be.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        let mut is_drained = false;
        for _ in 0..TURN {
            match self.consumer.poll_next(cx)? {
                Poll::Ready(Delivery::Operation(operation)) => self.take(&operation)?,
                Poll::Ready(Delivery::Invalid(invalid)) => {
                    self.undecodable(&tail::words::invalid(&invalid.event, self.plan.on_invalid))?;
                    self.consumer.skip(&invalid);
                }
                Poll::Pending => {
                    is_drained = true;
                    break;
                }
            }
            self.quiet.restart();
        }
        self.consumer.acknowledge_delivered();
        self.show_status(cx);
        let is_over = self.was_live && self.consumer.incomplete().is_none();
        if is_over && !self.consumer.is_uncertain() {
            let end = self.consumer.backfill_end();
            return Poll::Ready(Ok(end != Some(BackfillEnd::GivenUp)));
        }
        if is_drained {
            return self.poll_nothing(cx);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn take(&mut self, operation: &Operation) -> Result<(), Error> {
        if let Some(status) = &mut self.status
            && !self.consumer.is_backfilling()
        {
            status.progress.count(operation);
            operation.id().clone_into(&mut status.last_id);
        }
        let server: fn(Moment) -> Server = match operation.event() {
            Event::Insert | Event::Create | Event::Update => Server::Live,
            Event::Delete => Server::Deleted,
            Event::Reset => {
                self.ledger.forget_server();
                return Ok(());
            }
            Event::Live => {
                self.was_live = true;
                return Ok(());
            }
            // Nothing is known about what they do to an object.
            Event::Other(_) => return Ok(()),
        };
        if let Ok(Position::Replication(ms)) = operation.id().parse() {
            self.silence.restart();
            if !self.was_live {
                let state = i64::try_from(ms).ok().map(Moment);
                self.newest_state = self.newest_state.max(state);
            }
        }
        let Some(object) = operation.object() else {
            return Ok(());
        };
        let changed = Moment::parse(object.timestamp);
        let server = changed.map_or(Server::Unreadable, server);
        let name = (object.kind, object.id);
        self.ledger.set_server(name, server, object.reference)?;
        if changed.is_none() {
            self.undecodable(&words::undated(
                operation,
                object.timestamp,
                self.plan.on_invalid,
            ))?;
        }
        Ok(())
    }

    /// An operation says nothing about its object that can be compared.
    fn undecodable(&self, told: &str) -> Result<(), Error> {
        self.verbosity.warn(&told);
        match self.plan.on_invalid {
            OnInvalid::Exit => Err(Error::Invalid),
            OnInvalid::Skip => Ok(()),
        }
    }

    /// Whether a replication has yet to come to its `live`.
    fn is_replicating(&self) -> bool {
        !self.was_live || self.consumer.incomplete() == Some(Incomplete::Replication)
    }

    /// Ready once nothing has come for long enough.
    ///
    /// Without a connection the consumer tries again, which it tells, for as long as `--retries`
    /// says. That is no silence of the server, but where `--timeout` limits a replication it counts.
    fn poll_nothing(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        let (is_connected, arrived) = (self.consumer.is_connected(), self.consumer.arrived());
        let is_replicating = self.is_replicating();
        let is_silent = is_replicating && (is_connected || self.plan.timeout.is_some());
        if self.silence.poll_while(is_silent, arrived, cx).is_ready() {
            let silence = self.plan.timeout.unwrap_or(LONGEST_SILENCE);
            return Poll::Ready(Err(Error::Silent(silence)));
        }
        let is_quiet = !is_replicating && is_connected && !self.consumer.is_backfilling();
        let quiet = self.quiet.poll_while(is_quiet, arrived, cx);
        quiet.map(|()| Ok(false))
    }

    fn show_status(&mut self, cx: &mut Context<'_>) {
        let is_replicating = self.is_replicating();
        let Some(status) = &mut self.status else {
            return;
        };
        status.progress.update(&status.last_id, cx);
        let shown = if is_replicating {
            ""
        } else if self.consumer.is_backfilling() {
            words::FETCHING
        } else {
            words::WAITING
        };
        if std::mem::replace(&mut status.shown, shown) != shown && !is_replicating {
            stderr::show_status(shown);
        }
    }
}
