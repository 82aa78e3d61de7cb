//! Follows the log of an OpLog server over as many connections as it takes.
//!
//! A [`Consumer`] starts from a position and hands out operations one after the other. Its caller
//! says which are acknowledged; the [`Tracker`] keeps the position before the oldest that is not.
//! It knows nothing of files or threads, and prints nothing: it reports what happens as
//! [`Notice`]s.
//!
//! | File | Its part |
//! |---|---|
//! | `mod.rs` | what the caller uses; takes turns between the connections |
//! | `reconnect.rs` | the main connection, made again whenever it breaks |
//! | `receive.rs`, `end.rs` | what becomes of an event of the main connection |
//! | `backfill.rs`, `fetch_missing.rs` | a second connection that fetches what a replication left out |
//! | `probe.rs`, `certainty.rs` | a third one that asks whether operations were skipped |

mod backfill;
mod certainty;
mod config;
mod delivery;
mod end;
mod error;
mod fetch_missing;
mod notice;
mod probe;
mod receive;
mod reconnect;
mod status;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use crate::clock::Answered;
pub use crate::clock::Clock;
use crate::http::Clients;
use crate::oplog::Position;
pub use crate::tracker::{Acknowledging, Start};
use crate::tracker::{NotInFlight, PositionStore, Stage, Tracker};
use backfill::Backfill;
pub use config::{Config, OnResumeFailed};
use delivery::Decoded;
pub use delivery::{Delivery, Invalid};
pub use error::Error;
pub use notice::{Notice, Observer};
use probe::Probe;
use reconnect::{Incoming, Reconnect};
pub use status::{BackfillEnd, Incomplete, Status};

/// The longest that a connection is left unread; then it is ended. A shorter pause that made the
/// server skip operations shows in the backlog that it leaves. A log that discards operations within
/// a second cannot be followed anyway: making a lost connection again takes about as long.
pub const PAUSE: Duration = Duration::from_secs(1);

/// A consumer of one log.
pub struct Consumer {
    config: Config,
    clients: Arc<Clients>,
    main: Reconnect,
    tracker: Tracker,
    backfill: Backfill,
    /// How many objects backfills have brought.
    backfilled: u64,
    probe: Probe,
    /// The operation after which a gap has been told at the end of the run.
    told_gap: Option<Position>,
    /// The log has come past the point in time at which the run ends.
    is_past_end: bool,
    /// How many connections have stood so far.
    connections: u64,
    /// When the present connection was answered.
    answered: Answered,
    /// Counts polls up to 255, then from 0 again.
    polls: u8,
    /// Runs while nothing is read because of a pause of ours.
    pause: Option<Pin<Box<Sleep>>>,
    /// Ready once something may have been stored; present while a `reset` waits for that.
    stored: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// A `reset` that has come and waits until it may be handed out.
    held_reset: Option<Decoded>,
    observer: Observer,
}

impl Consumer {
    /// A consumer that has not connected yet. Positions go to `store`, if there is one.
    pub fn new(config: Config, store: Option<Box<dyn PositionStore>>, observer: Observer) -> Self {
        let clients = Arc::new(Clients::new(Arc::new(config.http.clone())));
        Self {
            main: Reconnect::new(&config, config.retries, Arc::clone(&clients)),
            tracker: Tracker::new(config.rules(), store),
            probe: Probe::default(),
            config,
            clients,
            backfill: Backfill::Idle(None),
            backfilled: 0,
            told_gap: None,
            is_past_end: false,
            connections: 0,
            answered: Answered::new(None, 0),
            polls: 0,
            pause: None,
            stored: None,
            held_reset: None,
            observer,
        }
    }

    /// Goes on where an earlier run left off. To be said before the first connection.
    pub fn set_position(&mut self, position: Position) {
        self.tracker.set_position(position);
    }

    /// The position up to which everything is acknowledged; `None` while the run starts from
    /// now and has not connected.
    pub fn position(&self) -> Option<Position> {
        self.tracker.position()
    }

    pub fn status(&self) -> Status {
        Status {
            position: self.position(),
            reconnections: self.connections.saturating_sub(1),
            backfilled: self.backfilled,
            backfill_end: self.backfill_end(),
            incomplete: self.incomplete(),
            is_uncertain: self.is_uncertain(),
            lines_out: self.tracker.lines_out(),
        }
    }

    pub fn is_connected(&self) -> bool {
        self.main.is_connected()
    }

    /// A number that changes whenever something arrives over the connection.
    pub fn arrived(&self) -> u64 {
        self.main.arrived()
    }

    /// Whether what a replication left out is being fetched.
    pub fn is_backfilling(&self) -> bool {
        self.backfill.is_running()
    }

    /// What would be missing if the run ended now; `None` where nothing would.
    pub fn incomplete(&self) -> Option<Incomplete> {
        if self.tracker.awaits_replication() {
            Some(Incomplete::Replication)
        } else {
            self.backfill.is_pending().then_some(Incomplete::Backfill)
        }
    }

    /// How the last backfill of this run ended; `None` where none has.
    pub fn backfill_end(&self) -> Option<BackfillEnd> {
        self.backfill.end()
    }

    /// How many handed-out operations wait for an acknowledgement by id.
    pub fn in_flight(&self) -> usize {
        self.tracker.in_flight()
    }

    /// Sets the time at which the next operations count as handed out.
    pub fn set_time(&mut self) {
        self.tracker.set_time();
    }

    /// True if the limit in flight is reached, or a `reset` waits for an acknowledgement or a save.
    pub fn is_paused(&self) -> bool {
        self.tracker.is_full() || self.held_reset.is_some()
    }

    /// The caller was busy with something else, so that the time since the last poll is no silence
    /// of the server.
    pub fn pause_clock(&mut self) {
        self.main.pause_clock();
        self.backfill.pause_clock();
    }

    /// The caller has read nothing for so long. After a [`PAUSE`] the connection is dropped: what
    /// lies unread in it may be followed by a gap, which only a new connection shows.
    pub fn was_away(&mut self, away: Duration) {
        self.pause_clock();
        if away >= PAUSE {
            self.drop_unread();
        }
    }

    /// Ends a connection that brings operations. One that brings states is kept: states do not
    /// leave the store, and their end is checked by the backfill.
    fn drop_unread(&mut self) {
        if self.main.is_connected() && self.tracker.stage() != Stage::States {
            self.disconnect();
        }
    }

    fn disconnect(&mut self) {
        self.main.disconnect();
        self.tracker.forget_question();
        self.probe.stop();
    }

    /// Nothing may be handed out. No connection is held unread for longer than a [`PAUSE`].
    fn rest(&mut self, cx: &mut Context<'_>) {
        self.pause_clock();
        let pause = self
            .pause
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(PAUSE)));
        if pause.as_mut().poll(cx).is_ready() {
            self.drop_unread();
        }
    }

    /// The next operation, as soon as there is one. Connects, and connects again, as needed.
    ///
    /// Pending without end while too much is in flight, before a `reset`, and once the log
    /// [has ended](Self::has_ended); to be polled again after each acknowledgement.
    ///
    /// # Errors
    /// When there can be nothing more.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, Error>> {
        loop {
            if self.has_ended() {
                return Poll::Pending;
            }
            if let Poll::Ready(reset) = self.poll_reset(cx) {
                return Poll::Ready(Ok(reset));
            }
            if self.is_paused() {
                self.rest(cx);
                return Poll::Pending;
            }
            self.pause = None;
            // Also while there is always something to hand out, but seldom: it reads the clock.
            self.polls = self.polls.wrapping_add(1);
            if self.polls == 0 && self.poll_doubt(cx).is_ready() {
                continue;
            }
            // In turns, so that neither of the two connections is left unread for the other.
            let backfill_first = self.polls.is_multiple_of(2);
            let mut polled = Poll::Pending;
            if backfill_first {
                polled = self.poll_backfill(cx).map(Ok);
            }
            if polled.is_pending() {
                polled = self.poll_main(cx);
            }
            if polled.is_pending() && !backfill_first {
                polled = self.poll_backfill(cx).map(Ok);
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
    fn poll_main(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Delivery>, Error>> {
        let Self {
            main,
            tracker,
            probe,
            observer,
            ..
        } = self;
        let ask = || {
            // The new connection answers what was asked over another one.
            probe.stop();
            tracker.ask()
        };
        let incoming = match main.poll(cx, ask, &mut **observer) {
            Poll::Ready(incoming) => incoming?,
            Poll::Pending => {
                let answered = self.answered;
                main.nothing_ready(|| tracker.lateness(answered.earliest_now()), cx);
                if main.is_behind() {
                    tracker.fell_behind();
                }
                return Poll::Pending;
            }
        };
        Poll::Ready(match incoming {
            Incoming::Opened(answered) => {
                self.opened(answered);
                Ok(None)
            }
            Incoming::Event(record) => {
                let is_behind = self.main.is_behind();
                let delivery = self.receive(record);
                if is_behind {
                    self.tracker.fell_behind();
                }
                delivery
            }
        })
    }

    /// Acknowledges everything handed out so far, where acknowledgements come in order.
    pub fn acknowledge_delivered(&mut self) {
        self.tracker.acknowledge_delivered();
    }

    /// Acknowledges the oldest operation in flight with this id.
    ///
    /// # Errors
    /// [`NotInFlight`] where there is none; nothing changes.
    pub fn acknowledge(&mut self, id: &str) -> Result<(), NotInFlight> {
        self.tracker.acknowledge(id)
    }

    /// Lets the position move past an event that is no operation. Otherwise the position stays
    /// before it, and the next run meets the event again.
    pub fn skip(&mut self, invalid: &Invalid) {
        if let Some(position) = invalid.moves_to {
            self.tracker.skip(position);
        }
    }

    pub fn stop(&mut self) {
        self.disconnect();
        self.backfill.cancel();
    }
}
