//! The status line: the progress of a replication.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, Sleep};

use super::stderr;
use crate::duration::{ForPeople, grouped};
use crate::oplog::{Event, Operation};

/// The status line appears after this long, and changes this often.
const PAUSE: Duration = Duration::from_millis(200);
/// The rate is an average over this many seconds.
const RATE_SECONDS: usize = 5;
/// The remaining time is shown after this long.
const LEFT_AFTER: Duration = Duration::from_secs(2);
/// The most digits of an id that is a time.
const TIME_DIGITS: usize = 13;

/// Shows how far a replication is, from its first operation until it is over.
#[derive(Debug)]
pub(crate) struct Progress {
    replication: Option<Replication>,
    is_shown: bool,
    timer: Pin<Box<Sleep>>,
}

impl Progress {
    /// Nothing is being replicated yet. Must be called within a tokio runtime.
    pub(crate) fn new() -> Self {
        Self {
            replication: None,
            is_shown: false,
            timer: Box::pin(tokio::time::sleep(PAUSE)),
        }
    }

    /// One more line was printed. Reads no clock unless a replication begins.
    pub(crate) fn count(&mut self, operation: &Operation) {
        let mut begin = || {
            let now = Instant::now();
            self.timer.as_mut().reset(now + PAUSE);
            Replication::begin(now)
        };
        match operation.event() {
            Event::Reset => self.replication = Some(begin()),
            Event::Live => self.replication = None,
            _ if operation.id().len() > TIME_DIGITS => self.replication = None,
            _ => self
                .replication
                .get_or_insert_with(begin)
                .count(operation.id()),
        }
    }

    /// Redraws the status line if it is due, and wakes the task when it is due next. `last_id` is the
    /// id of the last line printed.
    pub(crate) fn update(&mut self, last_id: &str, cx: &mut Context<'_>) {
        let Some(replication) = &mut self.replication else {
            if std::mem::take(&mut self.is_shown) {
                stderr::clear_status();
            }
            return;
        };
        let now = Instant::now();
        if now < self.timer.deadline() && self.timer.as_mut().poll(cx).is_pending() {
            return;
        }
        let now_ms = Timestamp::now().as_millisecond();
        let line = replication.line(now, now_ms, last_id, stderr::status_width());
        stderr::show_status(&line);
        self.is_shown = true;
        self.timer.as_mut().reset(now + PAUSE);
        // A timer that was reset wakes nobody until it is polled.
        if let Poll::Ready(()) = self.timer.as_mut().poll(cx) {
            cx.waker().wake_by_ref();
        }
    }
}

/// One replication.
#[derive(Debug)]
struct Replication {
    began: Instant,
    operations: u64,
    /// The time of the first id.
    first_ms: Option<i64>,
    /// The number of operations at each of the last seconds.
    marks: [(Instant, u64); RATE_SECONDS],
}

impl Replication {
    fn begin(now: Instant) -> Self {
        Self {
            began: now,
            operations: 0,
            first_ms: None,
            marks: [(now, 0); RATE_SECONDS],
        }
    }

    fn count(&mut self, id: &str) {
        if self.first_ms.is_none() {
            self.first_ms = id.parse().ok();
        }
        self.operations += 1;
    }

    /// Operations per second, over the last seconds.
    fn rate(&mut self, now: Instant) -> u64 {
        let [.., (newest, _)] = self.marks;
        if now.duration_since(newest) >= Duration::from_secs(1) {
            self.marks[0] = (now, self.operations);
            self.marks.rotate_left(1);
        }
        let [(since, before), ..] = self.marks;
        let elapsed_ms = u64::try_from(now.duration_since(since).as_millis()).unwrap_or(u64::MAX);
        (self.operations - before).saturating_mul(1000) / elapsed_ms.max(1)
    }

    /// What to show in this many columns.
    fn line(&mut self, now: Instant, now_ms: i64, last_id: &str, width: usize) -> String {
        let count = grouped(self.operations);
        let s = if self.operations == 1 { "" } else { "s" };
        let rate = grouped(self.rate(now));
        let running = now.duration_since(self.began);
        let elapsed = ForPeople(running);
        let (how_far, at) = self.reached(now_ms, last_id, running).unwrap_or_default();
        // The first line that fits the width.
        let lines = [
            format!("replicating: {how_far}{count} operation{s}, {rate}/s{at}, {elapsed}"),
            format!("{how_far}{count} op{s}, {rate}/s{at}, {elapsed}"),
            format!("{how_far}{count} op{s}, {rate}/s{at}"),
            format!("{how_far}{count} op{s}, {rate}/s"),
            format!("{count} op{s}, {rate}/s"),
            format!("{count} op{s}"),
        ];
        let fits = |line: &String| line.chars().count() <= width;
        lines.into_iter().find(fits).unwrap_or_default()
    }

    /// `63%, about 20 s left; ` as far as that is known, and `, at ` the date of the last object.
    fn reached(&self, now_ms: i64, last_id: &str, running: Duration) -> Option<(String, String)> {
        let first_ms = self.first_ms?;
        let ms = last_id.parse().ok()?;
        let date = Timestamp::from_millisecond(ms).ok()?;
        let at = date.strftime(", at %Y-%m-%d %H:%M:%SZ").to_string();
        // A server whose clock is ahead must not show more than 100 %.
        let span = now_ms - first_ms;
        let done = (ms - first_ms).min(span);
        if span <= 0 || done < 0 {
            return Some((String::new(), at));
        }
        let percent = done * 100 / span;
        let left = left_of(running, done.unsigned_abs(), span.unsigned_abs());
        // Earlier the estimate would jump.
        let is_steady = percent > 0 && running >= LEFT_AFTER;
        let how_far = if is_steady && left >= Duration::from_secs(1) {
            format!("{percent}%, about {} left; ", ForPeople(left))
        } else {
            format!("{percent}%; ")
        };
        Some((how_far, at))
    }
}

/// The remaining time at the speed so far: `done` of `span` took `running`.
fn left_of(running: Duration, done: u64, span: u64) -> Duration {
    let left = running.as_millis() * u128::from(span - done) / u128::from(done.max(1));
    Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn replication(ids: &[&str]) -> (Replication, Instant) {
        let began = Instant::now();
        let mut replication = Replication::begin(began);
        for id in ids {
            replication.count(id);
        }
        (replication, began)
    }

    #[test]
    fn tells_how_far_it_is() {
        // From 2014-11-06T11:04:39Z; half of the time until now.
        let ids = ["1415271879000", "1415271979000"];
        let (mut replication, began) = replication(&ids);
        let line = |replication: &mut Replication, width| {
            replication.line(began + 90 * SECOND, 1_415_272_079_000, ids[1], width)
        };
        assert_eq!(
            line(&mut replication, 79),
            "50%, about 1 min 30 s left; 2 ops, 0/s, at 2014-11-06 11:06:19Z, 1 min 30 s"
        );
        assert_eq!(
            line(&mut replication, 120),
            "replicating: 50%, about 1 min 30 s left; 2 operations, 0/s, at 2014-11-06 11:06:19Z, 1 min 30 s"
        );
        for (width, shown) in [
            (
                74,
                "50%, about 1 min 30 s left; 2 ops, 0/s, at 2014-11-06 11:06:19Z",
            ),
            (50, "50%, about 1 min 30 s left; 2 ops, 0/s"),
            (21, "2 ops, 0/s"),
            (9, "2 ops"),
            (4, ""),
        ] {
            assert_eq!(line(&mut replication, width), shown, "{width}");
        }
    }

    #[test]
    fn tells_what_it_knows() {
        let (mut replication, began) = replication(&[]);
        assert_eq!(
            replication.line(began + SECOND, 0, "1", 79),
            "replicating: 0 operations, 0/s, 1 s"
        );
        // The clock of the server is ahead of this one.
        replication.count("1415271879000");
        assert_eq!(
            replication.line(began + SECOND, 1_415_271_878_000, "1415271879000", 79),
            "replicating: 1 operation, 1/s, at 2014-11-06 11:04:39Z, 1 s"
        );
        replication.count("9999999999999");
        let line = replication.line(began + SECOND, 1_415_271_880_000, "9999999999999", 79);
        assert!(line.contains(" 100%; "), "{line}");
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let (mut replication, began) = replication(&[]);
        for second in 1..=20_u32 {
            replication.operations += if second <= 10 { 1000 } else { 10 };
            let rate = replication.rate(began + second * SECOND);
            match second {
                1 | 10 => assert_eq!(rate, 1000),
                16.. => assert_eq!(rate, 10),
                _ => {}
            }
        }
    }
}
