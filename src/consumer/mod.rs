//! Consumes the log of an OpLog server and keeps its place in it.
//!
//! A [`Consumer`] starts from a position, hands out operations one after the other over as many
//! connections as it takes, is told which are acknowledged, and keeps the position before the
//! oldest that is not. It knows nothing of flags and prints nothing; what happens meanwhile it
//! tells as [`Notice`]s.

mod backoff;
mod config;
mod connection;
mod framing;
mod in_flight;
mod resent;
mod saver;
mod state_file;
mod transport;
mod userinfo;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Sleep;

use crate::operation::{Event, InvalidOperation, Operation};
use crate::position::Position;
use backoff::Backoff;
pub use config::{Acknowledging, Config, Endpoint, OnResumeFailed, Start, Tls};
pub use connection::Failure;
use connection::{Attempt, Connection, Received, Remedy};
pub use in_flight::NotInFlight;
use in_flight::{Id, InFlight};
use resent::Resent;
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
    AccessDenied(String),
    /// The server answers, and trying again will not change the answer.
    #[error("cannot follow the log: {0}")]
    Refused(String),
    /// The connection is lost and the retries are used up.
    #[error("{reason}; gave up after {} (--retries)", tries(*.failed))]
    ConnectionLost {
        /// Why the last try failed.
        reason: String,
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

/// What is handed out.
#[derive(Debug)]
pub enum Delivery {
    /// An operation or a marker.
    Operation(Operation),
    /// An event that is no operation. [`Consumer::skip`] goes on past it.
    Invalid(Box<InvalidOperation>),
}

/// Something that happened on the way, for whoever wants to tell a person.
#[derive(Debug)]
pub enum Notice<'a> {
    /// A connection is about to be made.
    Connecting {
        /// To this agent.
        endpoint: &'a Endpoint,
        /// Asking for what came after this position; `None` asks for what comes from now on.
        after: Option<Position>,
    },
    /// A request was answered.
    Exchanged(&'a Exchange),
    /// The connection stands, with this agent.
    Connected(&'a Endpoint),
    /// The server showed that it is there.
    Heartbeat,
    /// The connection was not made, or it ended.
    Lost {
        /// Why.
        failure: &'a Failure,
        /// How many tries, or rounds over all agents, have failed in a row.
        failures: u32,
        /// How long until the next try.
        wait: Duration,
        /// The agent that failed.
        endpoint: &'a Endpoint,
        /// The agent that is tried next.
        next: &'a Endpoint,
    },
    /// The server no longer has the operation to resume after.
    ResumeFailed {
        /// That operation.
        operation: Position,
        /// What is being done about it.
        choice: OnResumeFailed,
    },
}

/// Told what happens on the way.
pub type Observer = Box<dyn FnMut(Notice<'_>)>;

/// Where the run starts.
#[derive(Clone, Copy, Debug)]
enum Origin {
    /// With what happens after the first connection.
    Now,
    /// As the user said: sent as it is.
    Given(Position),
    /// Where an earlier run, or the first connection of this one, left off.
    Reached(Position),
}

enum Phase {
    Idle,
    Connecting(Pin<Box<dyn Future<Output = Attempt>>>),
    Connected(Box<Connection>),
    Waiting(Pin<Box<Sleep>>),
}

/// A consumer of one log.
pub struct Consumer {
    config: Arc<Config>,
    clients: Arc<Clients>,
    endpoints: Vec<Arc<Endpoint>>,
    /// The agent that is spoken to.
    current: usize,
    phase: Phase,
    origin: Origin,
    /// What the present connection was asked to resume after.
    asked: Option<Position>,
    /// Nothing has come over the present connection yet.
    awaits_first_event: bool,
    /// Start a full replication, whatever has been handed out.
    replicate: bool,
    /// The last position handed out.
    delivered: Option<Position>,
    /// The last position acknowledged, where acknowledgements come in order.
    acknowledged: Option<Position>,
    in_flight: InFlight,
    resent: Resent,
    backoff: Backoff,
    /// The failures of the agents tried since the last event or wait.
    round: Vec<Failure>,
    saver: Option<Saver>,
    observer: Observer,
}

impl Consumer {
    /// A consumer that has not connected yet. Positions go to `saver`, if there is one.
    pub fn new(config: Config, saver: Option<Saver>, observer: Observer) -> Self {
        let origin = match config.start {
            Start::Now => Origin::Now,
            Start::At(position) => Origin::Given(position),
        };
        let endpoints = config.endpoints.iter().cloned().map(Arc::new).collect();
        let config = Arc::new(config);
        Self {
            clients: Arc::new(Clients::new(Arc::clone(&config))),
            config,
            endpoints,
            current: 0,
            phase: Phase::Idle,
            origin,
            asked: None,
            awaits_first_event: false,
            replicate: false,
            delivered: None,
            acknowledged: None,
            in_flight: InFlight::default(),
            resent: Resent::default(),
            backoff: Backoff::default(),
            round: Vec::new(),
            saver,
            observer,
        }
    }

    /// Goes on where an earlier run left off, forgetting everything handed out so far.
    pub fn set_position(&mut self, position: Position) {
        self.phase = Phase::Idle;
        self.origin = Origin::Reached(position);
        (self.delivered, self.acknowledged) = (None, None);
        self.in_flight = InFlight::default();
        self.resent.forget();
    }

    /// The position up to which everything is acknowledged; `None` while the run starts from
    /// now and has not connected.
    pub fn position(&self) -> Option<Position> {
        let acknowledged = match self.config.acknowledging {
            Acknowledging::InOrder => self.acknowledged,
            Acknowledging::ById { .. } => self.in_flight.watermark(),
        };
        acknowledged.or(match self.origin {
            Origin::Now => None,
            Origin::Given(position) | Origin::Reached(position) => Some(position),
        })
    }

    /// Whether a connection stands.
    pub fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected(_))
    }

    /// How many handed-out operations wait for an acknowledgement by id.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Tells that the caller was busy with something else than waiting, so that the time since
    /// is no silence of the server.
    pub fn hold(&mut self) {
        if let Phase::Connected(connection) = &mut self.phase {
            connection.hold();
        }
    }

    /// The next operation, as soon as there is one. Connects, and connects again, as needed.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, Error>> {
        loop {
            match &mut self.phase {
                Phase::Idle => self.connect(),
                Phase::Connecting(attempt) => {
                    let attempt = ready!(attempt.as_mut().poll(cx));
                    self.connected(attempt)?;
                }
                Phase::Waiting(timer) => {
                    ready!(timer.as_mut().poll(cx));
                    self.phase = Phase::Idle;
                }
                Phase::Connected(connection) => {
                    if is_full(&self.in_flight, self.config.acknowledging) {
                        connection.hold();
                        return Poll::Pending;
                    }
                    match ready!(connection.poll_event(cx)) {
                        Ok(Received::Event(event)) => {
                            if let Some(delivery) = self.receive(event)? {
                                return Poll::Ready(Ok(delivery));
                            }
                        }
                        Ok(Received::Heartbeat) => (self.observer)(Notice::Heartbeat),
                        Err(failure) => self.fail(failure)?,
                    }
                }
            }
        }
    }

    /// Acknowledges everything handed out so far, where acknowledgements come in order.
    pub fn acknowledge_delivered(&mut self) {
        if self.delivered.is_some() && self.acknowledged != self.delivered {
            self.acknowledged = self.delivered;
            self.save();
        }
    }

    /// Acknowledges the oldest operation in flight with this id.
    ///
    /// # Errors
    /// [`NotInFlight`] where there is none; nothing changes.
    pub fn acknowledge(&mut self, id: &str) -> Result<(), NotInFlight> {
        let before = self.in_flight.watermark();
        self.in_flight.acknowledge(&Id::new(id))?;
        if self.in_flight.watermark() != before {
            self.save();
        }
        Ok(())
    }

    /// Goes on past an event that is no operation: the position may move past it. Without this it
    /// stays before it, so that the next run meets the event again.
    pub fn skip(&mut self, invalid: &InvalidOperation) {
        let Ok(position) = invalid.id.parse() else {
            return;
        };
        self.delivered = Some(position);
        if matches!(self.config.acknowledging, Acknowledging::ById { .. }) {
            self.in_flight.pass_over(position);
            self.save();
        }
    }

    /// Ends the connection and saves the position, within `patience`.
    ///
    /// # Errors
    /// When the position is not saved.
    pub fn stop(&mut self, patience: Duration) -> Result<(), Error> {
        self.phase = Phase::Idle;
        match &self.saver {
            Some(saver) => Ok(saver.finish(patience)?),
            None => Ok(()),
        }
    }

    fn save(&self) {
        if let (Some(saver), Some(position)) = (&self.saver, self.position()) {
            saver.save(position);
        }
    }

    /// What to send as `Last-Event-ID`.
    ///
    /// What was handed out in this run stays handed out, so a new connection goes on after the
    /// last of it, acknowledged or not. Only a start that the user gave is sent again as it is
    /// for as long as nothing is acknowledged.
    fn resume_after(&self) -> Option<Position> {
        if self.replicate {
            return Some(Position::FULL_REPLICATION);
        }
        let by_id = matches!(self.config.acknowledging, Acknowledging::ById { .. });
        let nothing_acknowledged = by_id && self.in_flight.watermark().is_none();
        let reached = match (self.origin, self.delivered) {
            (Origin::Given(position), delivered) if delivered.is_none() || nothing_acknowledged => {
                return Some(position);
            }
            (_, Some(delivered)) => delivered,
            (Origin::Reached(position) | Origin::Given(position), None) => position,
            (Origin::Now, None) => return None,
        };
        Some(if self.config.exact_resume {
            reached
        } else {
            reached.resumed()
        })
    }

    fn connect(&mut self) {
        let endpoint = Arc::clone(&self.endpoints[self.current]);
        self.asked = self.resume_after();
        (self.observer)(Notice::Connecting {
            endpoint: &endpoint,
            after: self.asked,
        });
        let clients = Arc::clone(&self.clients);
        let read_timeout = self.config.read_timeout;
        self.phase = Phase::Connecting(Box::pin(Connection::open(
            clients,
            endpoint,
            self.asked,
            read_timeout,
        )));
    }

    fn connected(&mut self, attempt: Attempt) -> Result<(), Error> {
        for exchange in &attempt.exchanges {
            (self.observer)(Notice::Exchanged(exchange));
        }
        let connection = match attempt.result {
            Ok(connection) => connection,
            Err(failure) => return self.fail(failure),
        };
        (self.observer)(Notice::Connected(&self.endpoints[self.current]));
        if let Origin::Now = self.origin {
            // From here on there is a position: the second in which this connection was made.
            let date = attempt
                .exchanges
                .last()
                .and_then(|exchange| connection::date_of(&exchange.answer));
            let second = date.unwrap_or_else(Timestamp::now).as_second();
            self.origin = Origin::Reached(Position::of_second(u64::try_from(second).unwrap_or(0)));
        }
        if self.delivered.is_none() {
            self.save();
        }
        self.awaits_first_event = true;
        let in_flight = self.in_flight.iter();
        self.resent
            .expect(in_flight.filter_map(|(id, fingerprint)| Some((id.position()?, fingerprint))));
        self.phase = Phase::Connected(Box::new(connection));
        Ok(())
    }

    /// Decides what follows a failed try: the next agent at once, the first one again after a
    /// while, or giving up.
    fn fail(&mut self, failure: Failure) -> Result<(), Error> {
        let failed = Arc::clone(&self.endpoints[self.current]);
        self.current = (self.current + 1) % self.endpoints.len();
        self.round.push(Failure {
            reason: format!("{}: {}", failed.url, failure.reason),
            ..failure.clone()
        });
        let mut wait = Duration::ZERO;
        self.phase = Phase::Idle;
        if self.round.len() >= self.endpoints.len() {
            let round = std::mem::take(&mut self.round);
            if round
                .iter()
                .all(|failure| !matches!(failure.remedy, Remedy::Retry(_)))
            {
                return Err(give_up(round));
            }
            if self
                .config
                .retries
                .is_some_and(|retries| self.backoff.failures() >= retries)
            {
                let reason = round
                    .into_iter()
                    .next_back()
                    .map_or(failure.reason, |last| last.reason);
                let failed = self.backoff.failures() + 1;
                return Err(Error::ConnectionLost { reason, failed });
            }
            let asked = round.iter().filter_map(|failure| match failure.remedy {
                Remedy::Retry(asked) => asked,
                _ => None,
            });
            wait = self.backoff.fail(fastrand::f64(), asked.max());
            self.phase = Phase::Waiting(Box::pin(tokio::time::sleep(wait)));
        }
        (self.observer)(Notice::Lost {
            failure: &failure,
            failures: self.backoff.failures(),
            wait,
            endpoint: &failed,
            next: &self.endpoints[self.current],
        });
        Ok(())
    }

    /// Takes an event in; `None` where there is nothing to hand out.
    fn receive(&mut self, event: eventsource_client::Event) -> Result<Option<Delivery>, Error> {
        if event.event_type == "message" && event.data.is_empty() {
            // Not an event at all: a block of fields without a name and without data.
            return Ok(None);
        }
        self.backoff.succeed();
        self.round.clear();
        let id = event.id.unwrap_or_default();
        let position = id.parse::<Position>().ok();
        if std::mem::take(&mut self.awaits_first_event)
            && self.resume_failed(&event.event_type, position)?
        {
            return Ok(None);
        }
        let fingerprint = self
            .resent
            .fingerprint(position, &event.event_type, &event.data);
        if position.is_some_and(|position| self.resent.is_known(position, fingerprint)) {
            return Ok(None);
        }
        let operation = match Operation::new(id, &event.event_type, event.data) {
            Ok(operation) => operation,
            Err(invalid) => return Ok(Some(Delivery::Invalid(invalid))),
        };
        self.replicate = false;
        let is_reset = *operation.event() == Event::Reset;
        if is_reset {
            self.resent.forget();
        } else if let Some(position) = position {
            self.resent.remember(position, fingerprint);
        }
        if matches!(self.config.acknowledging, Acknowledging::ById { .. })
            && !(operation.id().is_empty() && *operation.event() == Event::Live)
        {
            let id = position.map_or_else(|| Id::Other(operation.id().into()), Id::Position);
            self.in_flight.deliver(id, fingerprint, is_reset);
        }
        self.delivered = position.or(self.delivered);
        Ok(Some(Delivery::Operation(operation)))
    }

    /// Looks at the first event of a connection: having asked to resume after an operation, a
    /// numeric id or `live` means that the server no longer has it and sends states instead.
    /// Says whether the event is not to be handed out.
    fn resume_failed(&mut self, event: &str, position: Option<Position>) -> Result<bool, Error> {
        let Some(operation) = self.asked.filter(|asked| asked.names_an_operation()) else {
            return Ok(false);
        };
        if event != "live" && !matches!(position, Some(Position::Replication(_))) {
            return Ok(false);
        }
        let choice = self.config.on_resume_failed;
        if choice == OnResumeFailed::Exit {
            return Err(Error::ResumeFailed(operation));
        }
        (self.observer)(Notice::ResumeFailed { operation, choice });
        if choice == OnResumeFailed::Replicate {
            self.replicate = true;
            self.phase = Phase::Idle;
        }
        Ok(self.replicate)
    }
}

/// A number of tries in words.
fn tries(number: u32) -> String {
    match number {
        1 => "one try".into(),
        number => format!("{number} tries"),
    }
}

/// Whether nothing more may be handed out until something is acknowledged.
fn is_full(in_flight: &InFlight, acknowledging: Acknowledging) -> bool {
    match acknowledging {
        Acknowledging::InOrder => false,
        Acknowledging::ById { max_in_flight } => {
            in_flight.is_barred() || in_flight.len() >= max_in_flight
        }
    }
}

/// The error for a round in which every agent refused; the first one's word counts.
fn give_up(round: Vec<Failure>) -> Error {
    match round.into_iter().next() {
        Some(Failure {
            reason,
            remedy: Remedy::Authenticate,
        }) => Error::AccessDenied(reason),
        Some(Failure { reason, .. }) => Error::Refused(reason),
        None => Error::Refused("no URL".into()),
    }
}
