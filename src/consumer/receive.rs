//! Takes in what comes over the main connection: notices a fallback, drops what was handed out
//! before, and keeps a `reset` back until it may be handed out.

use std::task::{Context, Poll, ready};

use super::Consumer;
use super::config::OnResumeFailed;
use super::delivery::{Decoded, Delivery, Invalid};
use super::error::Error;
use super::notice::Notice;
use crate::clock::Answered;
use crate::oplog::{Event, Operation, Position, Record};
use crate::tracker::MARGIN;

impl Consumer {
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
        self.connections += 1;
        self.tracker.opened(answered.earliest());
        self.answered = answered;
    }

    /// Takes an event in; `None` where there is nothing to hand out.
    pub(super) fn receive(&mut self, record: Record) -> Result<Option<Delivery>, Error> {
        let position = record.id().parse::<Position>().ok();
        let is_live = record.event() == Event::Live.name();
        if let Some((asked, margin)) = self.tracker.advance(is_live, position)
            && !self.falls_back(asked, margin)?
        {
            return Ok(None);
        }
        let (fingerprint, is_known) = self.tracker.take_in(is_live, position, &record);
        if is_known && !is_live {
            return Ok(None);
        }
        if self.ends_before(record.event(), position) {
            return Ok(None);
        }
        if let Some(position @ Position::Replication(_)) = position
            && self.config.backfill
        {
            self.tracker
                .hold_for_recent_state(position, self.answered.earliest());
        }
        let operation = match Operation::new(record) {
            Ok(operation) => operation,
            Err(event) => {
                let moves_to = position;
                return Ok(Some(Delivery::Invalid(Invalid { event, moves_to })));
            }
        };
        let decoded = Decoded {
            operation,
            position,
            fingerprint,
        };
        if is_known {
            self.plan_backfill(&decoded.operation, position);
            return Ok(None);
        }
        if *decoded.operation.event() == Event::Reset {
            // It waits for what is in flight: a reader starts from nothing at a `reset`, and after
            // an older position the server would send only a part.
            self.held_reset = Some(decoded);
            return Ok(None);
        }
        Ok(Some(self.hand_out(decoded)))
    }

    fn hand_out(&mut self, decoded: Decoded) -> Delivery {
        let Decoded {
            operation,
            position,
            fingerprint,
        } = decoded;
        self.tracker.deliver(&operation, position, fingerprint);
        self.plan_backfill(&operation, position);
        Delivery::Operation(operation)
    }

    /// The `reset` that waits, as soon as it may be handed out.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Delivery> {
        while self.held_reset.is_some() {
            // Made before the look at what is stored, so that a save in between is not missed.
            if self.stored.is_none() {
                self.stored = self.tracker.stored();
            }
            if let Some(reset) = self.held_reset.take_if(|_| self.tracker.start_over()) {
                self.stored = None;
                return Poll::Ready(self.hand_out(reset));
            }
            match &mut self.stored {
                Some(stored) => ready!(stored.as_mut().poll(cx)),
                None => return Poll::Pending,
            }
            self.stored = None;
        }
        Poll::Pending
    }

    /// The server brings states since `asked`, in place of what came after it. After an operation
    /// id this means that the server does not have the operation: the resume has failed, unless the id
    /// is synthetic. Returns whether the states may be handed out.
    fn falls_back(&mut self, asked: Position, margin: u64) -> Result<bool, Error> {
        // What is left of an earlier replication comes with this one.
        self.backfill.cancel();
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
        // What is in doubt waits for the states, whether or not a backfill follows them.
        if self.config.backfill || self.tracker.is_in_doubt() {
            self.tracker.hold_for_fallback(asked, margin);
        }
        Ok(true)
    }
}
