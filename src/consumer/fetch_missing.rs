//! Fetches what a replication leaves out, once it can; see [`backfill`](super::backfill).

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::Consumer;
use super::backfill::{Backfill, Step};
use super::delivery::{Delivery, Invalid};
use super::notice::Notice;
use super::reconnect::Reconnect;
use super::status::BackfillEnd;
use crate::oplog::{Event, Operation, Position};

/// How often it is tried again, where `--retries` does not say more: about five minutes.
const LEAST_RETRIES: u32 = 12;

impl Consumer {
    /// Follows what the main connection sends, so that fetching can begin when it is time.
    pub(super) fn plan_backfill(&mut self, operation: &Operation, position: Option<Position>) {
        match operation.event() {
            // What an earlier replication left out counts no more.
            Event::Reset => self.backfill.cancel(),
            Event::Live if !self.config.backfill => self.tracker.release(),
            Event::Live => {
                let known = self.tracker.recent();
                let Some(from) = self.tracker.hold_after_replication() else {
                    return;
                };
                let over_at = self.answered.latest_now(self.config.clock.second());
                self.backfill = Backfill::new(from, over_at, known);
            }
            _ => {
                let is_behind = || self.main.is_behind();
                if self.backfill.saw(operation, position, is_behind) {
                    self.fetch();
                    (self.observer)(Notice::BackfillStarted);
                }
            }
        }
    }

    /// Begins to fetch, or begins again.
    fn fetch(&mut self) {
        // To give up lets the position move past what is missing, so it takes more than the few
        // tries that a run may be allowed.
        let retries = self
            .config
            .retries
            .map_or(LEAST_RETRIES, |it| it.max(LEAST_RETRIES));
        let clients = Arc::clone(&self.clients);
        let connection = Reconnect::new(&self.config, Some(retries), clients);
        self.backfill.fetch(connection);
    }

    /// What the backfill brings; `None` where there is nothing to hand out.
    pub(super) fn poll_backfill(&mut self, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        match ready!(self.backfill.poll(cx, &mut *self.observer)) {
            Step::Missing(operation) => {
                self.backfilled += 1;
                self.tracker.deliver_backfilled(&operation);
                return Poll::Ready(Some(Delivery::Operation(operation)));
            }
            Step::Invalid(event) => {
                let moves_to = None;
                return Poll::Ready(Some(Delivery::Invalid(Invalid { event, moves_to })));
            }
            Step::Done => {
                let is_uncertain = self.backfill.is_uncertain();
                self.backfill = Backfill::Idle(Some(BackfillEnd::Done));
                (self.observer)(Notice::Backfilled { is_uncertain });
            }
            // While the server cannot be reached at all, that is for the main connection to judge.
            Step::Lost(_) if !self.main.is_connected() => {
                self.fetch();
                return Poll::Ready(None);
            }
            Step::Lost(reason) | Step::GivenUp(reason) => {
                self.backfill = Backfill::Idle(Some(BackfillEnd::GivenUp));
                (self.observer)(Notice::BackfillGivenUp { reason: &reason });
            }
        }
        self.tracker.release();
        Poll::Ready(None)
    }
}
