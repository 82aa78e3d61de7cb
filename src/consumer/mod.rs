//! Consumes the log of an OpLog server and keeps its place in it.
//!
//! A [`Consumer`] starts from a position, hands out operations one after the other over as many
//! connections as it takes, is told which are acknowledged, and keeps the position before the
//! oldest that is not. It knows nothing of flags and prints nothing; what happens meanwhile it
//! tells as [`Notice`]s.

mod answer;
mod backoff;
mod body;
mod cause;
mod config;
mod connection;
mod failure;
mod framing;
mod hint;
pub mod in_flight;
mod link;
mod notice;
mod place;
pub mod plain;
mod proxy;
mod quiet;
mod repair;
mod resent;
mod saver;
mod state_file;
#[cfg(test)]
mod tests;
mod transport;
mod userinfo;

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use jiff::Timestamp;

use crate::operation::{Event, InvalidOperation, Operation, Record};
use crate::position::Position;
pub use cause::in_words;
pub use config::{Acknowledging, Config, Endpoint, NamedProxy, OnResumeFailed, Start, Tls};
pub use failure::Failure;
pub use hint::Hint;
pub use in_flight::NotInFlight;
use link::{Link, Linked};
pub use notice::{Notice, Observer};
use place::Place;
pub use proxy::{excepts_everything, may_show_password, proxy_variable};
pub use quiet::Quiet;
use repair::Repair;
pub use saver::Saver;
pub use state_file::{StateError, StateFile, peek};
use transport::Clients;
pub use transport::Exchange;
pub use userinfo::without_userinfo;

/// Why there is nothing more to come. The caller can tell what to do by the kind.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refuses the credentials.
    #[error("access denied: {0}")]
    AccessDenied(Failure),
    /// The server answers, and trying again will not change the answer.
    #[error("cannot follow the log: {0}")]
    Refused(Failure),
    /// The connection is lost and the retries are used up.
    #[error("{failure}; gave up after {}", tries(*.failed))]
    ConnectionLost {
        /// Why the last try failed.
        failure: Failure,
        /// How many tries failed in a row.
        failed: u32,
    },
    /// The server no longer has the operation to resume from.
    #[error("the server no longer has operation {0} to resume from")]
    ResumeFailed(Position),
    /// The position cannot be saved.
    #[error(transparent)]
    State(#[from] StateError),
}

/// A number of tries in words.
fn tries(number: u32) -> String {
    match number {
        1 => "one try".into(),
        number => format!("{number} tries"),
    }
}

/// What is handed out.
#[derive(Debug)]
pub enum Delivery {
    /// An operation or a marker.
    Operation(Operation),
    /// An event that is no operation. [`Consumer::skip`] goes on past it.
    Invalid(Box<InvalidOperation>),
}

/// An operation, with what it is known by.
struct Decoded {
    operation: Operation,
    /// Its id, if that is a position.
    position: Option<Position>,
    fingerprint: u64,
}

/// A consumer of one log.
pub struct Consumer {
    config: Arc<Config>,
    clients: Arc<Clients>,
    link: Link,
    place: Place,
    /// Fetches what the last replication left out, once it can.
    repair: Option<Repair>,
    /// The main connection has brought something last, so it is the repair's turn.
    is_turn_of_repair: bool,
    /// How many objects repairs have brought.
    repaired: u64,
    /// When the present connection was answered, by the server's clock.
    answered_at: Timestamp,
    /// Nothing has come over the present connection yet.
    awaits_first_event: bool,
    /// A `reset` that has come and waits until it may be handed out.
    held_reset: Option<Decoded>,
    /// The last invalid operation came from the repair, so it says nothing about the position.
    invalid_is_of_repair: bool,
    observer: Observer,
}

impl Consumer {
    /// A consumer that has not connected yet. Positions go to `saver`, if there is one.
    pub fn new(config: Config, saver: Option<Saver>, observer: Observer) -> Self {
        let config = Arc::new(config);
        let clients = Arc::new(Clients::new(Arc::clone(&config)));
        Self {
            link: Link::new(Arc::clone(&config), Arc::clone(&clients)),
            place: Place::new(&config, saver),
            config,
            clients,
            repair: None,
            is_turn_of_repair: false,
            repaired: 0,
            answered_at: Timestamp::UNIX_EPOCH,
            awaits_first_event: false,
            held_reset: None,
            invalid_is_of_repair: false,
            observer,
        }
    }

    /// Goes on where an earlier run left off, forgetting everything handed out so far.
    pub fn set_position(&mut self, position: Position) {
        self.link.disconnect();
        self.repair = None;
        self.held_reset = None;
        self.place.set_position(position);
    }

    /// The position up to which everything is acknowledged; `None` while the run starts from
    /// now and has not connected.
    pub fn position(&self) -> Option<Position> {
        self.place.position()
    }

    /// Whether a connection stands.
    pub fn is_connected(&self) -> bool {
        self.link.is_connected()
    }

    /// A number that changes whenever something arrives over the connection.
    pub fn arrived(&self) -> u64 {
        self.link.arrived()
    }

    /// Whether what a replication left out is being fetched.
    pub fn is_repairing(&self) -> bool {
        self.repair.as_ref().is_some_and(Repair::is_running)
    }

    /// Whether something that a replication left out is still to be fetched.
    pub fn awaits_repair(&self) -> bool {
        self.repair.is_some()
    }

    /// How many objects have been handed out that replications had left out.
    pub fn repaired(&self) -> u64 {
        self.repaired
    }

    /// How many handed-out operations wait for an acknowledgement by id.
    pub fn in_flight(&self) -> usize {
        self.place.in_flight()
    }

    /// Whether nothing more may be handed out until something is acknowledged or saved.
    pub fn is_paused(&self) -> bool {
        self.place.is_full() || self.held_reset.is_some()
    }

    /// Tells that the caller was busy with something else than waiting, so that the time since
    /// is no silence of the server.
    pub fn hold(&mut self) {
        self.link.hold();
        if let Some(repair) = &mut self.repair {
            repair.hold();
        }
    }

    /// The next operation, as soon as there is one. Connects, and connects again, as needed.
    ///
    /// Pending without end while too much is in flight, and before a `reset`; to be polled again
    /// after each acknowledgement and after each save.
    ///
    /// # Errors
    /// When there can be nothing more.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, Error>> {
        loop {
            if let Some(reset) = self.release_reset() {
                return Poll::Ready(Ok(reset));
            }
            if self.is_paused() {
                self.hold();
                return Poll::Pending;
            }
            // By turns, so that neither of the two connections is left unread for the other.
            let repair_first = self.is_turn_of_repair;
            let mut polled = Poll::Pending;
            if repair_first {
                polled = self.poll_repair(cx).map(Ok);
            }
            if polled.is_pending() {
                polled = self.poll_link(cx);
            }
            if polled.is_pending() && !repair_first {
                polled = self.poll_repair(cx).map(Ok);
            }
            if let Some(delivery) = ready!(polled)? {
                return Poll::Ready(Ok(delivery));
            }
        }
    }

    /// What comes over the main connection; `None` where there is nothing to hand out.
    fn poll_link(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Delivery>, Error>> {
        let Self {
            link,
            place,
            observer,
            ..
        } = self;
        let linked = ready!(link.poll(cx, || place.ask(), &mut **observer))?;
        self.is_turn_of_repair = true;
        Poll::Ready(match linked {
            Linked::Opened { at } => {
                self.opened(at);
                Ok(None)
            }
            Linked::Event(record) => self.receive(record),
        })
    }

    /// Acknowledges everything handed out so far, where acknowledgements come in order.
    pub fn acknowledge_delivered(&mut self) {
        self.place.acknowledge_delivered();
    }

    /// Acknowledges the oldest operation in flight with this id.
    ///
    /// # Errors
    /// [`NotInFlight`] where there is none; nothing changes.
    pub fn acknowledge(&mut self, id: &str) -> Result<(), NotInFlight> {
        self.place.acknowledge(id)
    }

    /// Goes on past an event that is no operation: the position may move past it. Without this it
    /// stays before it, so that the next run meets the event again.
    pub fn skip(&mut self, invalid: &InvalidOperation) {
        if !self.invalid_is_of_repair
            && let Ok(position) = invalid.id.parse()
        {
            self.place.skip(position);
        }
    }

    /// Ends the connection and saves the position, within `patience`.
    ///
    /// # Errors
    /// When the position is not saved.
    pub fn stop(&mut self, patience: Duration) -> Result<(), Error> {
        self.link.disconnect();
        self.repair = None;
        Ok(self.place.finish(patience)?)
    }

    /// A connection stands, answered at this time by the server's clock.
    fn opened(&mut self, at: Timestamp) {
        self.awaits_first_event = true;
        self.answered_at = at;
        self.place.opened(at);
    }

    /// The UNIX second in which the present connection was answered, by the server's clock.
    fn answered_second(&self) -> u64 {
        u64::try_from(self.answered_at.as_second()).unwrap_or(0)
    }

    /// Takes an event in; `None` where there is nothing to hand out.
    fn receive(&mut self, record: Record) -> Result<Option<Delivery>, Error> {
        let position = record.id().parse::<Position>().ok();
        if std::mem::take(&mut self.awaits_first_event)
            && self.fell_back(record.event(), position)?
        {
            return Ok(None);
        }
        let fingerprint = self.place.fingerprint(position, &record);
        let is_known = self.place.is_known(position, fingerprint);
        if is_known && record.event() != Event::Live.name() {
            return Ok(None);
        }
        let operation = match Operation::new(record) {
            Ok(operation) => operation,
            Err(invalid) => {
                self.invalid_is_of_repair = false;
                return Ok(Some(Delivery::Invalid(invalid)));
            }
        };
        if is_known {
            self.plan_repair(&operation, position);
            return Ok(None);
        }
        if *operation.event() == Event::Reset {
            // Were it handed out or acknowledged before what is in flight, whoever handles it
            // would start from nothing, but the position would be an older one, after which the
            // server sends only a part.
            self.held_reset = Some(Decoded {
                operation,
                position,
                fingerprint,
            });
            return Ok(None);
        }
        Ok(Some(self.hand_out(operation, position, fingerprint)))
    }

    fn hand_out(
        &mut self,
        operation: Operation,
        position: Option<Position>,
        fingerprint: u64,
    ) -> Delivery {
        if let Some(position @ Position::Replication(_)) = position
            && self.config.repair
        {
            self.place
                .hold_young(position, self.answered_second(), repair::MARGIN);
        }
        self.place.deliver(&operation, position, fingerprint);
        self.plan_repair(&operation, position);
        Delivery::Operation(operation)
    }

    /// The `reset` that waits, if it may be handed out now.
    fn release_reset(&mut self) -> Option<Delivery> {
        let reset = self.held_reset.take_if(|_| self.place.start_over())?;
        Some(self.hand_out(reset.operation, reset.position, reset.fingerprint))
    }

    /// Looks at the first event of a connection: having asked to go on after an operation, a
    /// numeric id or `live` means that the server does not have it and sends states instead. After
    /// a made-up one that was to be expected; otherwise the resume has failed. Says whether the
    /// event is not to be handed out.
    fn fell_back(&mut self, event: &str, position: Option<Position>) -> Result<bool, Error> {
        let Some(operation) = self.place.asked_operation() else {
            return Ok(false);
        };
        if event != Event::Live.name() && !matches!(position, Some(Position::Replication(_))) {
            return Ok(false);
        }
        if operation.names_an_operation() {
            let choice = self.config.on_resume_failed;
            if choice == OnResumeFailed::Exit {
                return Err(Error::ResumeFailed(operation));
            }
            (self.observer)(Notice::ResumeFailed { operation, choice });
            if choice == OnResumeFailed::Replicate {
                self.place.replicate();
                self.link.disconnect();
                return Ok(true);
            }
        }
        if self.config.repair {
            self.place.hold_before(operation, repair::MARGIN);
        }
        Ok(false)
    }
}
