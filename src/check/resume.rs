//! Looks at a place in the log: whether the server still has it, and what waits after it.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout_at};

use super::findings::Findings;
use crate::consumer::{Config, OnResumeFailed};
use crate::duration::{ForPeople, grouped};
use crate::exit::ExitStatus;
use crate::http::Failure;
use crate::oplog::{Event, Operation, Position, Record};
use crate::output::lag_ms;
use crate::quiet::Quiet;
use crate::report::{described, with_advice};
use crate::sse::{Connection, Received};
use crate::tracker::{Resume as Place, was_kept};

/// Everything that waited has come once nothing comes for so long.
const SILENCE: Duration = Duration::from_secs(1);

/// The place in the log of an agent.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(tag = "check", rename = "resume")]
pub(super) struct Resume {
    /// Where the agent was asked.
    pub url: String,
    /// Whether a run could go on from there.
    pub ok: bool,
    /// The position that was asked for.
    pub position: String,
    /// Whether the server still has the operation; `None` if the position names none, or nothing
    /// came.
    pub kept: Option<bool>,
    pub waiting: u64,
    /// Whether those that came are all.
    pub all_counted: bool,
    /// The age of the first of them.
    pub oldest_ms: Option<i64>,
    #[serde(flatten)]
    pub findings: Findings,
}

impl Resume {
    /// Counts what comes over the connection to the agent at `url` that was asked for this `place`,
    /// until there is silence or the time is over, and says what that means.
    pub(super) async fn look(
        url: String,
        place: Place,
        config: Arc<Config>,
        mut connection: Connection,
        deadline: Instant,
    ) -> Self {
        let mut resume = Self {
            url,
            position: place.after.to_string(),
            ..Self::default()
        };
        // At the deadline, what has been counted so far stays.
        let counting = resume.count(&mut connection, place, &config);
        let counted = timeout_at(deadline, counting).await;
        resume.all_counted = matches!(counted, Ok(Ok(())));
        let failure = counted.ok().and_then(Result::err);
        resume.judge(place.after, config.on_resume_failed, failure);
        resume.ok = resume.findings.problems.is_empty();
        resume
    }

    /// Counts until there is silence, or the first operation after the last second that counts.
    async fn count(
        &mut self,
        connection: &mut Connection,
        place: Place,
        config: &Config,
    ) -> Result<(), Failure> {
        let (mut quiet, mut arrived) = (Quiet::new(SILENCE), 0);
        // States come, and before them and their `live` the store takes the time that it needs.
        let mut awaits_live = !place.sent.names_an_operation();
        loop {
            // Lets the deadline end this even if there is always another event.
            consume_budget().await;
            let next = std::future::poll_fn(|cx| {
                let next = connection.poll_event(cx);
                let before = std::mem::replace(&mut arrived, connection.arrived());
                // Heartbeats are silence; an operation that arrives little by little is not.
                let is_event = matches!(next, Poll::Ready(Ok(Received::Event(_))));
                if is_event || (next.is_pending() && arrived != before) {
                    quiet.restart();
                }
                match next {
                    Poll::Pending => quiet.poll_while(!awaits_live, arrived, cx).map(|()| None),
                    Poll::Ready(received) => Poll::Ready(Some(received)),
                }
            });
            let record = match next.await.transpose()? {
                None => return Ok(()),
                Some(Received::Heartbeat) => continue,
                Some(Received::Event(record)) => record,
            };
            let event = Event::from_name(record.event());
            if record.is_blank() {
                continue;
            }
            let position = record.id().parse().ok();
            let is_operation = matches!(position, Some(Position::Operation(_)));
            awaits_live &= !is_operation && event != Event::Live;
            self.kept = self.kept.or_else(|| was_kept(&record));
            if config.is_past(record.event(), position) {
                return Ok(());
            }
            if !event.is_marker() {
                if self.waiting == 0 {
                    self.oldest_ms = age_ms(record, position);
                }
                self.waiting += 1;
            }
        }
    }

    /// Says what it means, with why the connection ended if it did.
    pub(super) fn judge(
        &mut self,
        position: Position,
        choice: OnResumeFailed,
        failure: Option<Failure>,
    ) {
        let counted = self.counted();
        let findings = &mut self.findings;
        if let Some(failure) = &failure
            && self.kept.is_none()
            && self.waiting == 0
        {
            return findings.fail_by(failure);
        }
        self.kept = self.kept.filter(|_| position.names_an_operation());
        let described = described(position);
        let gone = format!("the server no longer has {described}");
        match self.kept {
            Some(true) => findings.fine(format!("the server still has {described}")),
            Some(false) if choice == OnResumeFailed::Exit => {
                let text = format!("{gone}, and --on-resume-failed exit ends a run then");
                findings.fail(ExitStatus::ResumeFailed, text);
            }
            Some(false) => findings.warn(format!(
                "{gone}: a run gets the latest state of each object changed since; intermediate \
                 operations are lost (--on-resume-failed chooses what else to do)"
            )),
            None => findings.fine(format!("asked for what comes after {described}")),
        }
        findings.fine(counted);
        if let Some(failure) = failure {
            findings.warn(format!(
                "the connection broke while operations were counted: {}; a run makes a new one",
                with_advice(&failure)
            ));
        }
    }

    /// What has been counted.
    fn counted(&self) -> String {
        let counted = match (self.waiting, self.all_counted) {
            (0, true) => "nothing waits".to_owned(),
            (0, false) => "nothing has come so far; the count is not complete".to_owned(),
            (1, true) => "1 operation waits".to_owned(),
            (count, true) => format!("{} operations wait", grouped(count)),
            (count, false) => format!(
                "{} or more operations wait; the count is not complete",
                grouped(count)
            ),
        };
        let oldest = self.oldest_ms.map(|age| {
            let time = ForPeople(Duration::from_millis(age.unsigned_abs()));
            match age {
                0.. => format!("; the first is {time} old"),
                _ => format!("; the first is dated {time} ahead of the clock of this machine"),
            }
        });
        counted + &oldest.unwrap_or_default()
    }
}

/// How long ago an operation happened, by its data or else by its id.
fn age_ms(record: Record, position: Option<Position>) -> Option<i64> {
    let now = Timestamp::now();
    let by_data = Operation::new(record)
        .ok()
        .and_then(|operation| lag_ms(&operation, now));
    by_data.or_else(|| Some(now.as_millisecond() - position?.time()?.as_millisecond()))
}
