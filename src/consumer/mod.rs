//! Consumes the log of an OpLog server and keeps its place in it.
//!
//! A [`Consumer`] starts from a position, hands out operations one after the other over as many
//! connections as it takes, is told which are acknowledged, and keeps the position before the
//! oldest that is not. It knows nothing of flags and prints nothing; what happens meanwhile it
//! tells as [`Notice`]s.

mod backoff;
mod certainty;
mod config;
mod doubt;
mod hold;
pub mod in_flight;
mod link;
mod notice;
mod place;
mod probe;
mod receive;
mod repair;
mod resent;
mod store;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use crate::http::{Clients, Failure};
use crate::oplog::{InvalidOperation, Operation, Position};
pub use certainty::Certainty;
pub use config::{Acknowledging, Clock, Config, OnResumeFailed, Start};
pub use in_flight::NotInFlight;
use link::{Answered, Link, Linked};
pub use notice::{Incomplete, Notice, Observer, RepairEnd};
use place::Place;
use probe::Probe;
use receive::{Decoded, Stage};
use repair::Repair;
pub use store::PositionStore;

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
    /// The server did not say whether it has skipped operations.
    #[error(
        "reading fell behind, and the server did not say in time whether it skipped operations"
    )]
    Uncertain,
}

/// A pause of reading that lasts so long ends the connection. A log that wraps in less time cannot
/// be followed over a lost connection either, since the next try comes no sooner; and what is
/// skipped in a shorter pause is noticed by the backlog that it leaves.
pub const PAUSE: Duration = Duration::from_secs(1);

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
    /// How the last repair ended.
    repair_end: Option<RepairEnd>,
    /// Asks whether something was skipped.
    probe: Probe,
    /// It has been said, at the end of the run, that operations after this one may have been skipped.
    told_gap: Option<Position>,
    /// When the present connection was answered.
    answered: Answered,
    stage: Stage,
    /// States have been handed out and no `live` after them.
    has_open_replication: bool,
    /// Counts polls up to 255, then from 0 again.
    polls: u8,
    /// Runs while nothing is read because of a pause of ours.
    pause: Option<Pin<Box<Sleep>>>,
    /// Ready once something may have been stored; there while a `reset` waits for that.
    stored: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// A `reset` that has come and waits until it may be handed out.
    held_reset: Option<Decoded>,
    /// The last invalid operation came from the repair, so it says nothing about the position.
    invalid_is_of_repair: bool,
    observer: Observer,
}

impl Consumer {
    /// A consumer that has not connected yet. Positions go to `store`, if there is one.
    pub fn new(config: Config, store: Option<Box<dyn PositionStore>>, observer: Observer) -> Self {
        let config = Arc::new(config);
        let clients = Arc::new(Clients::new(Arc::new(config.http.clone())));
        Self {
            link: Link::new(Arc::clone(&config), Arc::clone(&clients)),
            place: Place::new(&config, store),
            probe: Probe::new(Arc::clone(&config), Arc::clone(&clients)),
            config,
            clients,
            repair: None,
            is_turn_of_repair: false,
            repaired: 0,
            repair_end: None,
            told_gap: None,
            answered: Answered::new(None, 0),
            stage: Stage::Opened,
            has_open_replication: false,
            polls: 0,
            pause: None,
            stored: None,
            held_reset: None,
            invalid_is_of_repair: false,
            observer,
        }
    }

    /// Goes on where an earlier run left off, forgetting everything handed out so far.
    pub fn set_position(&mut self, position: Position) {
        self.disconnect();
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

    /// What would be missing if the run ended now; `None` where nothing would.
    pub fn incomplete(&self) -> Option<Incomplete> {
        if self.has_open_replication || self.place.awaits_replication() {
            Some(Incomplete::Replication)
        } else {
            self.repair.as_ref().map(|_| Incomplete::Repair)
        }
    }

    /// How the last repair of this run ended; `None` where none has.
    pub fn repair_end(&self) -> Option<RepairEnd> {
        self.repair_end
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

    /// Tells that the caller has read nothing for so long. After a [`PAUSE`] the connection is
    /// dropped: what lies unread in it may be followed by a gap, and a new one tells.
    pub fn was_away(&mut self, away: Duration) {
        self.hold();
        if away >= PAUSE {
            self.drop_unread();
        }
    }

    /// Ends a connection that brings operations. One that brings states is kept: states do not
    /// leave the store, and their end is checked by the repair.
    fn drop_unread(&mut self) {
        if self.link.is_connected() && self.stage != Stage::States {
            self.disconnect();
        }
    }

    fn disconnect(&mut self) {
        self.link.disconnect();
        self.place.forget_question();
        self.probe.stop();
    }

    /// Nothing may be handed out. No connection is held unread for longer than a [`PAUSE`].
    fn rest(&mut self, cx: &mut Context<'_>) {
        self.hold();
        let pause = self
            .pause
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(PAUSE)));
        if pause.as_mut().poll(cx).is_ready() {
            self.drop_unread();
        }
    }

    /// The next operation, as soon as there is one. Connects, and connects again, as needed.
    ///
    /// Pending without end while too much is in flight, and before a `reset`; to be polled again
    /// after each acknowledgement.
    ///
    /// # Errors
    /// When there can be nothing more.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, Error>> {
        loop {
            if let Poll::Ready(reset) = self.poll_reset(cx) {
                return Poll::Ready(Ok(reset));
            }
            if self.is_paused() {
                self.rest(cx);
                return Poll::Pending;
            }
            self.pause = None;
            // Now and then, also while there is always something to hand out: it takes a clock.
            self.polls = self.polls.wrapping_add(1);
            if self.polls == 0 && self.poll_doubt(cx).is_ready() {
                continue;
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
            match polled? {
                Poll::Ready(Some(delivery)) => return Poll::Ready(Ok(delivery)),
                Poll::Ready(None) => {}
                Poll::Pending if self.poll_doubt(cx).is_ready() => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// What comes over the main connection; `None` where there is nothing to hand out.
    fn poll_link(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Delivery>, Error>> {
        let Self {
            link,
            place,
            probe,
            observer,
            ..
        } = self;
        let ask = || {
            // The new connection answers what was asked over another one.
            probe.stop();
            place.ask()
        };
        let linked = match link.poll(cx, ask, &mut **observer) {
            Poll::Ready(linked) => linked?,
            Poll::Pending => {
                let answered = self.answered;
                link.nothing_ready(|| place.comes_late(answered.earliest_now()), cx);
                return Poll::Pending;
            }
        };
        self.is_turn_of_repair = true;
        Poll::Ready(match linked {
            Linked::Opened(answered) => {
                self.opened(answered);
                Ok(None)
            }
            Linked::Event(record) => {
                let is_behind = self.link.is_behind();
                let delivery = self.receive(record, is_behind);
                if is_behind && self.stage == Stage::Operations {
                    self.place.fell_behind();
                }
                delivery
            }
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

    /// Ends the connections.
    pub fn stop(&mut self) {
        self.disconnect();
        self.repair = None;
    }
}
