//! Takes in what comes over the main connection: notices a fallback, drops what was handed out
//! before, and keeps a `reset` back until it may be handed out.

use std::task::{Context, Poll, ready};

use super::Consumer;
use super::config::OnResumeFailed;
use super::delivery::{Decoded, Delivery, Invalid};
use super::error::Error;
use super::notice::Notice;
use super::reconnect::Answered;
use crate::oplog::{Event, Operation, Position, Record};
use crate::tracker::{MARGIN, Stage};

impl Consumer {
    /// A connection stands.
    pub(super) fn opened(&mut self, answered: Answered) {
        if self.tracker.starts_now()
            && let Some(date) = answered.date
            && date.abs_diff(answered.local) > MARGIN
        {
            (self.observer)(Notice::ClocksDiffer {
                server: date,
                local: answered.local,
            });
        }
        self.stage = Stage::Opened;
        self.tracker.opened(answered.earliest());
        self.answered = answered;
    }

    /// Takes an event in; `None` where there is nothing to hand out. `is_behind` says whether the
    /// server may have had to wait before it sent the event.
    pub(super) fn receive(
        &mut self,
        record: Record,
        is_behind: bool,
    ) -> Result<Option<Delivery>, Error> {
        let position = record.id().parse::<Position>().ok();
        if !self.advance_stage(record.event(), position)? {
            return Ok(None);
        }
        let fingerprint = self.tracker.fingerprint(position, &record);
        let is_known = self.tracker.is_known(position, fingerprint);
        if is_known && record.event() != Event::Live.name() {
            return Ok(None);
        }
        if self.ends_before(record.event(), position) {
            return Ok(None);
        }
        if let Some(position @ Position::Replication(_)) = position
            && self.config.repair
        {
            self.tracker.hold_young(position, self.answered.earliest());
        }
        let operation = match Operation::new(record) {
            Ok(operation) => operation,
            Err(event) => {
                let moves_to = position;
                return Ok(Some(Delivery::Invalid(Invalid { event, moves_to })));
            }
        };
        if is_known {
            self.plan_repair(&operation, position, is_behind);
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
        Ok(Some(self.hand_out(
            operation,
            position,
            fingerprint,
            is_behind,
        )))
    }

    fn hand_out(
        &mut self,
        operation: Operation,
        position: Option<Position>,
        fingerprint: u64,
        is_behind: bool,
    ) -> Delivery {
        self.tracker.deliver(&operation, position, fingerprint);
        self.plan_repair(&operation, position, is_behind);
        Delivery::Operation(operation)
    }

    /// The `reset` that waits, as soon as it may be handed out.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Delivery> {
        while self.held_reset.is_some() {
            // There before the look at what is stored, so that nothing goes unnoticed in between.
            if self.stored.is_none() {
                self.stored = self.tracker.stored();
            }
            if let Some(reset) = self.held_reset.take_if(|_| self.tracker.start_over()) {
                self.stored = None;
                let Decoded {
                    operation,
                    position,
                    fingerprint,
                } = reset;
                return Poll::Ready(self.hand_out(operation, position, fingerprint, false));
            }
            match &mut self.stored {
                Some(stored) => ready!(stored.as_mut().poll(cx)),
                None => return Poll::Pending,
            }
            self.stored = None;
        }
        Poll::Pending
    }

    /// Follows how far the connection has got. Returns whether the event may be handed out.
    fn advance_stage(&mut self, event: &str, position: Option<Position>) -> Result<bool, Error> {
        let is_live = event == Event::Live.name();
        let was = self.stage;
        self.stage = match position {
            _ if is_live => Stage::Operations,
            Some(Position::Replication(_)) if was != Stage::Operations => Stage::States,
            Some(Position::Operation(_)) => Stage::Operations,
            _ => was,
        };
        let is_first = was == Stage::Opened && self.stage != Stage::Opened;
        if is_first && (self.stage == Stage::States || is_live) && !self.falls_back()? {
            return Ok(false);
        }
        if self.stage == Stage::States {
            self.has_open_replication = true;
        } else if is_live {
            self.has_open_replication = false;
        }
        Ok(true)
    }

    /// The first event of a connection is a state, or the `live` that follows states. After an
    /// operation id this means that the server does not have the operation: the resume has failed,
    /// unless the id is synthetic. Returns whether the states may be handed out.
    fn falls_back(&mut self) -> Result<bool, Error> {
        let Some((asked, margin)) = self.tracker.fallback() else {
            return Ok(true);
        };
        self.tracker.fell_back();
        // What is left of an earlier replication comes with this one.
        self.backfill = None;
        if asked.names_an_operation() {
            let choice = self.config.on_resume_failed;
            if choice == OnResumeFailed::Exit {
                return Err(Error::ResumeFailed(asked));
            }
            (self.observer)(Notice::ResumeFailed {
                operation: asked,
                choice,
            });
            if choice == OnResumeFailed::Replicate {
                self.tracker.replicate();
                self.disconnect();
                return Ok(false);
            }
        }
        // What is in doubt waits for the states, whether or not a repair follows them.
        if self.config.repair || self.tracker.is_in_doubt() {
            self.tracker.hold_before(asked, margin);
        }
        Ok(true)
    }
}
