//! The place of a consumer in the log: what has been handed out, what of it is acknowledged, and
//! what follows from both for the position and for where a new connection goes on.

use std::time::Duration;

use jiff::Timestamp;

use super::config::{Acknowledging, Config, Start};
use super::in_flight::{Id, InFlight, NotInFlight};
use super::resent::{Known, Resent};
use super::saver::Saver;
use super::state_file::StateError;
use crate::operation::{Event, Operation, Record};
use crate::position::Position;

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

/// Keeps the position back until what a replication left out has been fetched.
#[derive(Debug, Default)]
struct Hold {
    /// The position stays here.
    floor: Option<Position>,
    /// It stays there because of young states alone, see [`Place::hold_young`].
    is_young: bool,
    /// What a replication left out is handed out and not acknowledged.
    repairs_out: bool,
}

/// Keeps the place. The position goes to the saver whenever it changes.
#[derive(Debug)]
pub struct Place {
    acknowledging: Acknowledging,
    exact_resume: bool,
    origin: Origin,
    /// The position behind what the present connection was asked for.
    asked: Option<Position>,
    /// Start a full replication, whatever has been handed out.
    replicate: bool,
    /// The last position handed out.
    delivered: Option<Position>,
    /// The last position of the replication that the present connection has sent.
    replicated: Option<Position>,
    /// The last position acknowledged, where acknowledgements come in order.
    acknowledged: Option<Position>,
    /// The last position that was acknowledged or would be, were it not held back.
    handled: Option<Position>,
    hold: Hold,
    /// Something handed out was acknowledged, or passed over, even if older ones still wait.
    has_settled: bool,
    in_flight: InFlight,
    resent: Resent,
    saver: Option<Saver>,
}

impl Place {
    /// The place where `config` says to start.
    pub fn new(config: &Config, saver: Option<Saver>) -> Self {
        Self {
            acknowledging: config.acknowledging,
            exact_resume: config.exact_resume,
            origin: match config.start {
                Start::Now => Origin::Now,
                Start::At(position) => Origin::Given(position),
            },
            asked: None,
            replicate: false,
            delivered: None,
            replicated: None,
            acknowledged: None,
            handled: None,
            hold: Hold::default(),
            has_settled: false,
            in_flight: InFlight::default(),
            resent: Resent::default(),
            saver,
        }
    }

    /// Goes on where an earlier run left off, forgetting everything handed out so far.
    pub fn set_position(&mut self, position: Position) {
        self.origin = Origin::Reached(position);
        (self.delivered, self.replicated) = (None, None);
        (self.acknowledged, self.handled) = (None, None);
        self.hold = Hold::default();
        self.has_settled = false;
        self.in_flight = InFlight::default();
        self.resent.forget();
    }

    /// The position up to which everything is acknowledged; `None` while the run starts from
    /// now and has not connected.
    pub fn position(&self) -> Option<Position> {
        let acknowledged = match self.acknowledging {
            Acknowledging::InOrder => self.acknowledged,
            Acknowledging::ById { .. } => self.in_flight.watermark(),
        };
        acknowledged.or(match self.origin {
            Origin::Now => None,
            Origin::Given(position) | Origin::Reached(position) => Some(position),
        })
    }

    /// Decides what to ask a new connection for. From here on it is settled what may come again:
    /// what is acknowledged while the connection is being made comes again all the same.
    pub fn ask(&mut self) -> Option<Position> {
        let in_flight = self.in_flight.iter();
        let in_flight =
            in_flight.filter_map(|(id, fingerprint)| Some((id.position()?, fingerprint)));
        self.resent.expect(in_flight);
        self.replicated = None;
        let (position, as_it_is) = self.goes_on_after().unzip();
        self.asked = position;
        if as_it_is == Some(true) {
            position
        } else {
            position.map(Position::resumed)
        }
    }

    /// Where a new connection goes on, and whether that is to be sent as it is.
    ///
    /// What was handed out in this run stays handed out, so a new connection goes on after the
    /// last of it, acknowledged or not. Only a start that the user gave is sent again as it is,
    /// for as long as nothing is acknowledged: all that comes again is in flight then, and known.
    fn goes_on_after(&self) -> Option<(Position, bool)> {
        if self.replicate {
            return Some((Position::FULL_REPLICATION, true));
        }
        let by_id = matches!(self.acknowledging, Acknowledging::ById { .. });
        let nothing_settled = by_id && !self.has_settled;
        match (self.origin, self.delivered) {
            (Origin::Given(position), delivered) if delivered.is_none() || nothing_settled => {
                Some((position, true))
            }
            (_, Some(Position::Replication(_))) if self.hold.is_young => {
                Some((self.hold.floor?, self.exact_resume))
            }
            (_, Some(position)) | (Origin::Reached(position) | Origin::Given(position), None) => {
                Some((position, self.exact_resume))
            }
            (Origin::Now, None) => None,
        }
    }

    /// A connection stands, made at this time. Of a run that starts from now, the first one's
    /// second is a position from here on.
    pub fn opened(&mut self, at: Timestamp) {
        if let Origin::Now = self.origin {
            let second = u64::try_from(at.as_second()).unwrap_or(0);
            self.origin = Origin::Reached(Position::of_second(second));
        }
        if self.delivered.is_none() {
            self.save();
        }
    }

    /// After which operation the present connection was asked to go on: one of the log, or the
    /// made-up one of the second in which a run from now on began. Either has its second from the
    /// clock that stamps operations, whereas that of a time, or one that the user gave, is meant
    /// by the clock that stamps states.
    pub fn asked_operation(&self) -> Option<Position> {
        let is_given = matches!(self.origin, Origin::Given(_));
        self.asked.filter(|asked| match asked {
            Position::Operation(id) => !(id.is_made_up() && is_given),
            Position::Replication(_) => false,
        })
    }

    /// From the next connection on, starts a full replication until one has begun.
    pub fn replicate(&mut self) {
        self.replicate = true;
    }

    /// Whether nothing more may be handed out until something is acknowledged.
    pub fn is_full(&self) -> bool {
        match self.acknowledging {
            Acknowledging::InOrder => false,
            Acknowledging::ById { max_in_flight } => {
                self.in_flight.is_barred() || self.in_flight.len() >= max_in_flight
            }
        }
    }

    /// How many are handed out and wait for an acknowledgement by id.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Tells apart what has the same id; see [`Resent`].
    pub fn fingerprint(&self, position: Option<Position>, record: &Record) -> u64 {
        let (event, data) = (record.event(), record.data());
        self.resent.fingerprint(position, event, data)
    }

    /// Whether this was handed out over an earlier connection and is merely sent again.
    pub fn is_known(&mut self, position: Option<Position>, fingerprint: u64) -> bool {
        position.is_some_and(|position| self.resent.is_known(position, fingerprint))
    }

    /// Takes note that this operation is being handed out.
    pub fn deliver(&mut self, operation: &Operation, position: Option<Position>, fingerprint: u64) {
        self.replicate = false;
        let is_reset = *operation.event() == Event::Reset;
        if let Some(position) = position
            && !is_reset
        {
            self.resent.remember(position, fingerprint);
        }
        // What has no id cannot be acknowledged, so it neither holds nor moves the position.
        let has_id = !operation.id().trim().is_empty();
        if matches!(self.acknowledging, Acknowledging::ById { .. }) && has_id {
            self.in_flight
                .deliver(id_of(operation, position), fingerprint, is_reset);
        }
        if let Some(Position::Replication(_)) = position {
            self.replicated = position;
        }
        self.delivered = position.or(self.delivered);
    }

    /// Takes note that this object, which a replication left out, is being handed out. It counts
    /// among the replicated ones, so it changes nothing about where a connection goes on.
    pub fn deliver_repaired(&mut self, operation: &Operation) {
        self.hold.repairs_out = true;
        if let Acknowledging::ById { .. } = self.acknowledging {
            let id = Id::new(operation.id());
            self.in_flight.deliver_at_pin(id, 0);
        }
    }

    /// Acknowledges everything handed out so far, where acknowledgements come in order. In either
    /// way of acknowledging, a position that is held back since is saved: nothing else does, where
    /// no acknowledgement moves it.
    pub fn acknowledge_delivered(&mut self) {
        self.hold.repairs_out = false;
        self.handled = self.delivered;
        self.advance();
    }

    /// Moves the position to what was handled, or as far as the floor lets it, where
    /// acknowledgements come in order.
    fn advance(&mut self) {
        let reached = self.handled.and(self.hold.floor).or(self.handled);
        if reached.is_some() && self.acknowledged != reached {
            self.acknowledged = reached;
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
        self.has_settled = true;
        if self.in_flight.watermark() != before {
            self.save();
        }
        Ok(())
    }

    /// Goes on past what cannot be decoded.
    pub fn skip(&mut self, position: Position) {
        self.delivered = Some(position);
        self.has_settled = true;
        if matches!(self.acknowledging, Acknowledging::ById { .. }) {
            self.in_flight.pass_over(position);
            self.save();
        }
    }

    /// From here on the position stays at this second, if it is not already held back, until
    /// [`Place::release`].
    fn hold_at(&mut self, second: u64) {
        if self.hold.floor.is_none() {
            let floor = Position::Replication(second.max(1) * 1000);
            self.hold.floor = Some(floor);
            self.in_flight.pass_over(floor);
            self.in_flight.pin();
        }
        self.resent.remember_longer();
    }

    /// The server falls back to states since the second of an operation. It looks for them by the
    /// clock that stamps states, which may be behind the one that stamps operations; so the
    /// position stays `margin` seconds before the operation until the repair has brought the rest.
    pub fn hold_before(&mut self, operation: Position, margin: u64) {
        self.hold_at(operation.second().saturating_sub(margin));
        self.hold.is_young = false;
    }

    /// A state is about to be handed out that the server was asked for in the second `asked_at`,
    /// by the clock that stamps operations. If that clock is ahead, states come that are younger
    /// than the question; and of an object that was deleted in between only the operation tells,
    /// after `live`. So the position does not follow the states to less than `margin` seconds
    /// before the question, until operations show that all is well.
    pub fn hold_young(&mut self, state: Position, asked_at: u64, margin: u64) {
        let oldest = asked_at.saturating_sub(margin);
        if state.second() >= oldest.max(1) {
            self.hold.is_young |= self.hold.floor.is_none();
            self.hold_at(oldest);
        }
    }

    /// A replication is over: keeps the position at its end until [`Place::release`], and returns
    /// from which second on what it left out has to be asked for. An earlier hold that still
    /// stands goes on, because it lies further back.
    pub fn hold_after_replication(&mut self) -> Option<u64> {
        if self.hold.floor.is_none() {
            self.hold.floor = self.replicated.or(self.delivered).or(self.position());
            if self.hold.floor.is_some() {
                self.in_flight.pin();
            }
        }
        // Everything younger than such a floor has come, but for the last second.
        let last = self.replicated.filter(|_| self.hold.is_young);
        Some(last.or(self.hold.floor)?.second().max(1))
    }

    /// What the replication left out has been handed out: the position moves on.
    pub fn release(&mut self) {
        (self.hold.floor, self.hold.is_young) = (None, false);
        self.in_flight.unpin();
        match self.acknowledging {
            Acknowledging::ById { .. } => self.save(),
            // What has just been handed out must be written first: the acknowledgement of that
            // moves the position.
            Acknowledging::InOrder if self.hold.repairs_out => {}
            Acknowledging::InOrder => self.advance(),
        }
    }

    /// A `reset` is about to be handed out; says whether it may be. That has to wait for what is in
    /// flight, and for the position: whoever has seen the `reset` has forgotten everything, so from
    /// then on nothing but a full replication is a place to go on from.
    pub fn start_over(&mut self) -> bool {
        if self.in_flight() > 0 {
            return false;
        }
        self.set_position(Position::FULL_REPLICATION);
        self.save();
        let saver = self.saver.as_ref();
        saver.is_none_or(|saver| saver.saved() == Some(Position::FULL_REPLICATION))
    }

    /// What the present replication sent last, which comes again when its last second does.
    pub fn last_second(&self) -> Known {
        self.resent.recent()
    }

    /// Saves the position, within `patience`.
    ///
    /// # Errors
    /// When it is not saved.
    pub fn finish(&self, patience: Duration) -> Result<(), StateError> {
        self.saver
            .as_ref()
            .map_or(Ok(()), |saver| saver.finish(patience))
    }

    fn save(&self) {
        if let (Some(saver), Some(position)) = (&self.saver, self.position()) {
            saver.save(position);
        }
    }
}

fn id_of(operation: &Operation, position: Option<Position>) -> Id {
    // White space around it is not part of an acknowledgement.
    position.map_or_else(|| Id::new(operation.id().trim()), Id::Position)
}
