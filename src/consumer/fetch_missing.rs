//! Fetches what a replication leaves out, once it can; see [`backfill`](super::backfill).

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::Consumer;
use super::backfill::{Backfill, Step};
use super::delivery::{Delivery, Invalid};
use super::notice::Notice;
use super::status::BackfillEnd;
use crate::oplog::{Event, Operation, Position};

impl Consumer {
    /// Follows what the main connection sends, so that a repair can begin when it is due.
    pub(super) fn plan_backfill(
        &mut self,
        operation: &Operation,
        position: Option<Position>,
        is_behind: bool,
    ) {
        match operation.event() {
            // What an earlier replication left out counts no more.
            Event::Reset => self.backfill = None,
            Event::Live if !self.config.repair => self.tracker.release(),
            Event::Live => {
                let known = self.tracker.recent();
                let Some(from) = self.tracker.hold_after_replication() else {
                    return;
                };
                self.backfill_end = None;
                let over_at = self.answered.latest_now(self.config.clock.second());
                let (config, clients) = (Arc::clone(&self.config), Arc::clone(&self.clients));
                self.backfill = Some(Backfill::new(config, clients, from, over_at, known));
            }
            _ => {
                if let Some(repair) = &mut self.backfill
                    && repair.saw(operation, position, is_behind)
                {
                    repair.start();
                    (self.observer)(Notice::BackfillStarted);
                }
            }
        }
    }

    /// What the repair brings; `None` where there is nothing to hand out.
    pub(super) fn poll_backfill(&mut self, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        let Some(repair) = &mut self.backfill else {
            return Poll::Pending;
        };
        let step = ready!(repair.poll(cx, &mut *self.observer));
        self.is_turn_of_backfill = false;
        Poll::Ready(self.backfill_step(step))
    }

    fn backfill_step(&mut self, step: Step) -> Option<Delivery> {
        match step {
            Step::Missing(operation) => {
                self.backfilled += 1;
                self.tracker.deliver_repaired(&operation);
                return Some(Delivery::Operation(operation));
            }
            Step::Invalid(invalid) => {
                return Some(Delivery::Invalid(Invalid {
                    event: invalid,
                    moves_to: None,
                }));
            }
            Step::Done => {
                self.backfill_end = Some(BackfillEnd::Done);
                (self.observer)(Notice::Backfilled {
                    is_early: self.backfill.as_ref().is_some_and(Backfill::is_early),
                });
            }
            // While the server cannot be reached at all, that is for the main connection to judge.
            Step::Lost(_) if !self.main.is_connected() => {
                if let Some(repair) = &mut self.backfill {
                    repair.start();
                }
                return None;
            }
            Step::Lost(reason) | Step::GivenUp(reason) => {
                self.backfill_end = Some(BackfillEnd::GivenUp);
                (self.observer)(Notice::BackfillGivenUp { reason: &reason });
            }
        }
        self.backfill = None;
        self.tracker.release();
        None
    }
}
