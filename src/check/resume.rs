//! Looks at a place in the log: whether the server still has it, and what waits after it.

use std::task::Poll;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use tokio::time::{Instant, timeout_at};

use super::agent::problem;
use super::record::{Findings, Resume};
use super::state::time_of;
use crate::consumer::OnResumeFailed;
use crate::exit::ExitStatus;
use crate::http::Failure;
use crate::oplog::{Event, Operation, Position, Record};
use crate::output::lag_ms;
use crate::quiet::Quiet;
use crate::report::{described, with_advice};
use crate::sse::{Connection, Received};

/// Everything that waited has come once nothing comes for so long.
const SILENCE: Duration = Duration::from_secs(1);
/// So many events are read before something else gets its turn, the end of the time included.
const AT_ONCE: u64 = 256;

/// What came over a connection.
#[derive(Debug, Default)]
pub struct Counted {
    /// How many operations.
    operations: u64,
    /// The age of the first of them, ms.
    oldest_ms: Option<i64>,
    /// Whether operations came and no states; `None` where neither came.
    kept: Option<bool>,
    /// There was a silence, so these are all.
    all: bool,
    /// Why the connection ended before that.
    failure: Option<Failure>,
}

/// Counts what comes over the connection, until there is silence or the time is over.
pub async fn count(mut connection: Connection, deadline: Instant) -> Counted {
    let mut counted = Counted::default();
    // The time being over leaves what has been counted by then.
    let _ = timeout_at(deadline, counted.take_all(&mut connection)).await;
    counted
}

impl Counted {
    async fn take_all(&mut self, connection: &mut Connection) {
        let mut silence = Silence::new();
        loop {
            for _ in 0..AT_ONCE {
                match silence.next(connection).await {
                    None => {
                        self.all = true;
                        return;
                    }
                    Some(Ok(Received::Event(record))) => self.take(record),
                    Some(Ok(Received::Heartbeat)) => {}
                    Some(Err(failure)) => {
                        self.failure = Some(failure);
                        return;
                    }
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn take(&mut self, record: Record) {
        // A block of fields without a name and without data is no event at all.
        if record.event() == "message" && record.data().is_empty() {
            return;
        }
        let event = Event::from_name(record.event());
        if self.kept.is_none() {
            self.kept = match record.id().parse() {
                Ok(Position::Operation(_)) => Some(true),
                // States, in place of operations.
                Ok(Position::Replication(_)) => Some(false),
                Err(_) if event == Event::Live => Some(false),
                Err(_) => None,
            };
        }
        if event.is_marker() {
            return;
        }
        self.operations += 1;
        if self.operations == 1 {
            self.oldest_ms = age_ms(record);
        }
    }
}

/// How long ago an operation happened, by its data or else by its id.
fn age_ms(record: Record) -> Option<i64> {
    let now = Timestamp::now();
    let at = record.id().parse().ok().and_then(time_of);
    let by_data = Operation::new(record)
        .ok()
        .and_then(|operation| lag_ms(&operation, now));
    by_data.or_else(|| Some(now.as_millisecond() - at?.as_millisecond()))
}

/// Waits for what comes, or for [`SILENCE`]. Heartbeats are silence; an operation that arrives
/// little by little is not.
struct Silence {
    quiet: Quiet,
    /// What had arrived when something was last complete.
    arrived: u64,
}

impl Silence {
    fn new() -> Self {
        Self {
            quiet: Quiet::new(SILENCE),
            arrived: 0,
        }
    }

    /// What comes next; `None` after a silence.
    async fn next(&mut self, connection: &mut Connection) -> Option<Result<Received, Failure>> {
        std::future::poll_fn(|cx| match connection.poll_event(cx) {
            Poll::Ready(received) => {
                self.arrived = connection.arrived();
                if matches!(received, Ok(Received::Event(_))) {
                    self.quiet.restart();
                }
                Poll::Ready(Some(received))
            }
            Poll::Pending => {
                let arrived = connection.arrived();
                if std::mem::replace(&mut self.arrived, arrived) != arrived {
                    self.quiet.restart();
                }
                self.quiet.poll(arrived, cx).map(|()| None)
            }
        })
        .await
    }
}

/// The record of a place in the log of an agent.
pub fn record(
    url: &Url,
    position: Position,
    counted: &Counted,
    on_resume_failed: OnResumeFailed,
) -> Resume {
    let kept = counted.kept.filter(|_| position.names_an_operation());
    let mut findings = Findings::default();
    if kept == Some(false) {
        let gone = format!("the server no longer has {}", described(position));
        if on_resume_failed == OnResumeFailed::Exit {
            let text = format!("{gone}, and --on-resume-failed exit ends a run then");
            findings = Findings::problem(ExitStatus::ResumeFailed, text);
        } else {
            findings.warn(format!(
                "{gone}: a run gets the last state of every object changed since, the steps in \
                 between are lost; --on-resume-failed says what else it can do"
            ));
        }
    }
    match &counted.failure {
        Some(failure) if counted.kept.is_none() && counted.operations == 0 => {
            findings = problem(failure);
        }
        Some(failure) => findings.warn(format!(
            "the connection broke while operations were counted: {}; a run makes a new one",
            with_advice(failure)
        )),
        None => {}
    }
    Resume {
        url: url.to_string(),
        ok: findings.is_ok(),
        position: position.to_string(),
        kept,
        waiting: counted.operations,
        all_counted: counted.all,
        oldest_ms: counted.oldest_ms,
        findings,
    }
}
