//! What the server says: follows it from its first object on until everything is there.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::difference::Server;
use super::error::Error;
use super::ledger::Ledger;
use super::moment::Moment;
use crate::consumer::{
    Acknowledging, BackfillEnd, Config, Consumer, Delivery, Incomplete, Invalid, Notice,
    OnResumeFailed, Start,
};
use crate::oplog::{Event, Operation, Position};
use crate::quiet::Quiet;
use crate::report::{Diagnostics, Progress, stderr};
use crate::settings::OnInvalid;

/// So many operations are taken in before others get their turn.
const TURN: usize = 4096;
/// How much of the data of an invalid operation is shown, in characters.
const SHOWN_DATA: usize = 200;

/// How far the server's side has come in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gathered {
    /// Everything is there.
    Complete,
    /// Nothing followed on the server, so it is not known what the replication left out.
    Quiet,
    /// What the replication left out could not be fetched; this has been told.
    GivenUp,
}

/// What it takes to ask the server.
pub struct Plan {
    /// For the consumer; what a comparison depends on is set by it.
    pub consumer: Config,
    /// How long an operation after the replication is waited for.
    pub patience: Duration,
    /// What to do with an operation that cannot be decoded.
    pub on_invalid: OnInvalid,
    /// Whether to show how far it is.
    pub shows_status: bool,
}

/// What the server's side is being gathered into, and how far that is.
pub struct Gathering {
    consumer: Consumer,
    ledger: Ledger,
    diagnostics: Rc<RefCell<Diagnostics>>,
    on_invalid: OnInvalid,
    /// Measures how long nothing follows the replication.
    quiet: Quiet,
    /// A replication has come to its `live`.
    was_live: bool,
    /// When the newest state of a replication came in, by the server's clock.
    newest_state: Option<Moment>,
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
    /// Nothing has been asked yet. What the server says joins the `ledger`. Must be called within a
    /// tokio runtime.
    pub fn new(plan: Plan, ledger: Ledger, diagnostics: Rc<RefCell<Diagnostics>>) -> Self {
        let observer = Rc::clone(&diagnostics);
        let observer = Box::new(move |notice: Notice<'_>| observer.borrow_mut().notice(&notice));
        Self {
            consumer: Consumer::new(everything(plan.consumer), None, observer),
            ledger,
            diagnostics,
            on_invalid: plan.on_invalid,
            quiet: Quiet::new(plan.patience),
            was_live: false,
            newest_state: None,
            status: plan.shows_status.then(|| Status {
                progress: Progress::new(),
                last_id: String::new(),
                shown: "",
            }),
        }
    }

    /// Takes in what there is. Ready once the server's side is complete, or as complete as it gets.
    ///
    /// # Errors
    /// When it will never be.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Gathered, Error>> {
        let mut is_drained = false;
        for _ in 0..TURN {
            match self.consumer.poll_next(cx)? {
                Poll::Ready(Delivery::Operation(operation)) => self.take(&operation)?,
                Poll::Ready(Delivery::Invalid(invalid)) => self.invalid(&invalid)?,
                Poll::Pending => {
                    is_drained = true;
                    break;
                }
            }
            self.quiet.restart();
        }
        self.consumer.acknowledge_delivered();
        self.show_status(cx);
        if let Some(gathered) = self.end() {
            return Poll::Ready(Ok(gathered));
        }
        if is_drained {
            return self.poll_quiet(cx).map(Ok);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The objects of both sides, and the moment from which on an incomplete replication leaves
    /// objects out.
    pub fn into_parts(self) -> (Ledger, Option<Moment>) {
        (self.ledger, self.newest_state)
    }

    /// How many objects either side has named so far.
    pub fn objects(&self) -> usize {
        self.ledger.len()
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
        let Some(object) = operation.object() else {
            return Ok(());
        };
        if let Ok(Position::Replication(ms)) = operation.id().parse()
            && !self.was_live
        {
            let state = i64::try_from(ms).ok().map(Moment);
            self.newest_state = self.newest_state.max(state);
        }
        let Some(changed) = Moment::parse(object.timestamp) else {
            let name = (object.kind, object.id);
            self.ledger
                .set_server(name, Server::Unreadable, object.reference)?;
            return self.undecodable(&format!(
                "{} #{}: timestamp {:?} is no RFC 3339 time",
                operation.event().name(),
                operation.id(),
                object.timestamp
            ));
        };
        let name = (object.kind, object.id);
        self.ledger
            .set_server(name, server(changed), object.reference)?;
        Ok(())
    }

    fn invalid(&mut self, invalid: &Invalid) -> Result<(), Error> {
        let event = &invalid.event;
        let data: String = event.data.chars().take(SHOWN_DATA).collect();
        self.undecodable(&format!("{event}; its data: {data}"))?;
        self.consumer.skip(invalid);
        Ok(())
    }

    /// An operation says nothing about its object that can be compared.
    fn undecodable(&self, what: &str) -> Result<(), Error> {
        let follows = match self.on_invalid {
            OnInvalid::Exit => "",
            OnInvalid::Skip => "not compared (--on-invalid exit would stop): ",
        };
        self.diagnostics
            .borrow()
            .warn(&format_args!("{follows}{what}"));
        match self.on_invalid {
            OnInvalid::Exit => Err(Error::Invalid),
            OnInvalid::Skip => Ok(()),
        }
    }

    /// How it ended, if it has.
    fn end(&self) -> Option<Gathered> {
        let is_over = self.was_live && self.consumer.incomplete().is_none();
        if !is_over || self.consumer.is_uncertain() {
            return None;
        }
        Some(match self.consumer.backfill_end() {
            Some(BackfillEnd::GivenUp) => Gathered::GivenUp,
            _ => Gathered::Complete,
        })
    }

    /// Ready once nothing has followed the replication for long enough while a connection stood.
    fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<Gathered> {
        let replicates =
            !self.was_live || self.consumer.incomplete() == Some(Incomplete::Replication);
        if replicates || !self.consumer.is_connected() || self.consumer.is_backfilling() {
            self.quiet.restart();
            return Poll::Pending;
        }
        self.quiet
            .poll(self.consumer.arrived(), cx)
            .map(|()| Gathered::Quiet)
    }

    fn show_status(&mut self, cx: &mut Context<'_>) {
        let Some(status) = &mut self.status else {
            return;
        };
        status.progress.update(&status.last_id, cx);
        if !self.was_live || self.consumer.incomplete() == Some(Incomplete::Replication) {
            status.shown = "";
            return;
        }
        let shown = if self.consumer.is_backfilling() {
            "fetching what the replication missed"
        } else {
            "waiting for another operation on the server"
        };
        if status.shown != shown {
            status.shown = shown;
            stderr::show_status(shown);
        }
    }
}

/// Asks for every object the server knows, deletions included, and keeps to that.
fn everything(config: Config) -> Config {
    Config {
        // From second 0 on it would be a full replication, which has no deletions.
        start: Start::At(Position::of_second(1)),
        exact_resume: false,
        on_resume_failed: OnResumeFailed::Continue,
        backfill: true,
        acknowledging: Acknowledging::InOrder,
        ..config
    }
}
