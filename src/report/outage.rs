//! Messages about lost connections: a new failure at once, a repeated one at intervals, and that the
//! outage is over.

use std::time::{Duration, Instant};

use crate::duration::ForPeople;

/// While the same failure repeats, it is printed this often.
pub(super) const REPEAT: Duration = Duration::from_mins(1);
/// The first repetition comes sooner: after "trying again in 1 s" a person waits for news.
const FIRST_REPEAT: Duration = Duration::from_secs(10);
/// This many losses within [`REPEAT`] of each other are printed one by one; after that only their
/// number. A loss counts here if the connection had brought something.
const TOLD_LOSSES: u32 = 3;
/// This many different failures are remembered. If a server causes more, they are printed again.
const KNOWN: usize = 16;

/// A connection that was not made or that ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost<'a> {
    /// The agent that failed.
    pub url: &'a str,
    /// Why.
    pub reason: &'a str,
    /// How often in a row all agents that may be tried have failed.
    pub failures: u32,
    /// How long until the next try.
    pub wait: Duration,
    /// The agent that is tried next.
    pub next: &'a str,
}

impl Lost<'_> {
    fn told(&self, follows: &str) -> String {
        format!("{}: {}; {follows}", self.url, self.reason)
    }

    /// What the program does next.
    fn follows(&self) -> String {
        if self.wait.is_zero() {
            format!("trying {}", self.next)
        } else {
            format!("trying again in {}", ForPeople(self.wait))
        }
    }
}

/// The agent that failed, and why.
type Cause = (String, String);

/// Follows the connections of a run. An outage lasts from the first failure until an event or a
/// heartbeat comes. A server that accepts every connection and drops it is still in an outage.
#[derive(Debug, Default)]
pub(super) struct Outages {
    outage: Option<Outage>,
    has_connected: bool,
    unrest: Option<Unrest>,
}

/// A series of outages with the same cause.
#[derive(Debug)]
struct Unrest {
    cause: Cause,
    since: Instant,
    /// When the last of them began.
    last: Instant,
    told: Instant,
    losses: u32,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    /// When something was last printed about it.
    told: Instant,
    /// How long nothing more is printed while it repeats.
    pause: Duration,
    /// What was printed in full; the newest comes first.
    known: Vec<Cause>,
    /// The agent connected to, and whether that was printed.
    connected: Option<(String, bool)>,
    said_connected: bool,
    /// Nothing was printed about it, because it is one of many.
    is_unsaid: bool,
}

impl Outages {
    /// The message about this failure, if one is due; always one with `in_full`.
    pub(super) fn lost(&mut self, now: Instant, lost: Lost<'_>, in_full: bool) -> Option<String> {
        let cause = (lost.url.to_owned(), lost.reason.to_owned());
        let Some(outage) = &mut self.outage else {
            return self.begin(now, lost, cause, in_full);
        };
        outage.connected = None;
        if in_full || !outage.known.contains(&cause) {
            outage.known.truncate(KNOWN - 1);
            outage.known.insert(0, cause);
            (outage.told, outage.is_unsaid) = (now, false);
            return Some(lost.told(&lost.follows()));
        }
        // With another agent at hand it is not over yet.
        if lost.wait.is_zero() || now.duration_since(outage.told) < outage.pause {
            return None;
        }
        (outage.told, outage.pause, outage.is_unsaid) = (now, REPEAT, false);
        let lasting = ForPeople(now.duration_since(outage.since));
        let (failures, wait) = (lost.failures, ForPeople(lost.wait));
        Some(lost.told(&format!(
            "still trying, {failures} failures in {lasting}, next in {wait}"
        )))
    }

    /// A connection that brought something is lost, or the first one is not made. The message about
    /// it: this is news, or one of many.
    fn begin(
        &mut self,
        now: Instant,
        lost: Lost<'_>,
        cause: Cause,
        in_full: bool,
    ) -> Option<String> {
        let goes_on =
            |unrest: &Unrest| now.duration_since(unrest.last) < REPEAT && unrest.cause == cause;
        let unrest = self.unrest.take().filter(goes_on);
        let unrest = self.unrest.insert(unrest.unwrap_or_else(|| Unrest {
            cause: cause.clone(),
            since: now,
            last: now,
            told: now,
            losses: 0,
        }));
        (unrest.last, unrest.losses) = (now, unrest.losses + 1);
        let is_news = in_full || unrest.losses <= TOLD_LOSSES;
        self.outage = Some(Outage {
            since: now,
            told: now,
            pause: FIRST_REPEAT,
            known: vec![cause],
            connected: None,
            said_connected: false,
            is_unsaid: !is_news,
        });
        if !is_news && now.duration_since(unrest.told) < REPEAT {
            return None;
        }
        unrest.told = now;
        if is_news {
            return Some(lost.told(&lost.follows()));
        }
        let lasting = ForPeople(now.duration_since(unrest.since));
        let (losses, follows) = (unrest.losses, lost.follows());
        Some(lost.told(&format!(
            "connected and lost {losses} times in {lasting}, {follows}"
        )))
    }

    /// A connection was made. The message about it, if one is due.
    pub(super) fn connected(&mut self, now: Instant, url: &str) -> Option<String> {
        let again = if std::mem::replace(&mut self.has_connected, true) {
            " again"
        } else {
            ""
        };
        let outage = self.outage.as_mut()?;
        let says = !outage.is_unsaid && !std::mem::replace(&mut outage.said_connected, true);
        outage.connected = Some((url.to_owned(), says));
        let lasting = ForPeople(now.duration_since(outage.since));
        says.then(|| format!("connected to {url}{again}, after {lasting}"))
    }

    /// Something came over the connection: the outage is over. The message about it, if one is due.
    pub(super) fn over(&mut self, now: Instant) -> Option<String> {
        let outage = self.outage.take()?;
        let (url, said) = outage.connected?;
        let lasting = ForPeople(now.duration_since(outage.since));
        (!said && !outage.is_unsaid).then(|| format!("connected to {url} again, after {lasting}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "http://a/";
    const B: &str = "http://b/";

    /// Says what is said at this second of a run.
    struct Run {
        outages: Outages,
        began: Instant,
    }

    impl Run {
        fn new() -> Self {
            Self {
                outages: Outages::default(),
                began: Instant::now(),
            }
        }

        fn at(&self, second: u64) -> Instant {
            self.began + Duration::from_secs(second)
        }

        fn lost(&mut self, second: u64, failures: u32, wait: u64, in_full: bool) -> Option<String> {
            let lost = Lost {
                url: A,
                reason: "refused",
                failures,
                wait: Duration::from_secs(wait),
                next: A,
            };
            self.outages.lost(self.at(second), lost, in_full)
        }
    }

    #[test]
    fn what_repeats_is_told_soon_and_then_once_a_minute() {
        let mut run = Run::new();
        assert_eq!(
            run.lost(0, 1, 1, false).as_deref(),
            Some("http://a/: refused; trying again in 1 s")
        );
        let said: Vec<_> = (1..=12_u32)
            .filter_map(|n| run.lost(u64::from(n) * 15, n + 1, 30, false))
            .collect();
        assert_eq!(
            said,
            [
                "http://a/: refused; still trying, 2 failures in 15 s, next in 30 s",
                "http://a/: refused; still trying, 6 failures in 1 min 15 s, next in 30 s",
                "http://a/: refused; still trying, 10 failures in 2 min 15 s, next in 30 s",
            ]
        );
        let now = run.at(185);
        assert_eq!(
            run.outages.connected(now, A).as_deref(),
            Some("connected to http://a/, after 3 min 5 s")
        );
        assert_eq!(run.outages.over(now), None);
        assert_eq!(run.outages.over(now), None);
    }

    #[test]
    fn in_full_nothing_is_left_out() {
        let mut run = Run::new();
        let said = (0..5_u32).filter_map(|n| run.lost(u64::from(n), n + 1, 1, true));
        assert_eq!(said.count(), 5);
    }

    #[test]
    fn agents_that_fail_in_turn_repeat_too() {
        let mut run = Run::new();
        let mut said = Vec::new();
        for round in 0..4_u32 {
            for (url, next, wait) in [(A, B, 0), (B, A, 20)] {
                let lost = Lost {
                    url,
                    reason: url,
                    failures: round + 1,
                    wait: Duration::from_secs(wait),
                    next,
                };
                let now = run.at(u64::from(round) * 20);
                said.extend(run.outages.lost(now, lost, false));
            }
        }
        assert_eq!(
            said,
            [
                "http://a/: http://a/; trying http://b/",
                "http://b/: http://b/; trying again in 20 s",
                "http://b/: http://b/; still trying, 2 failures in 20 s, next in 20 s",
            ]
        );
    }

    #[test]
    fn connections_that_are_dropped_at_once_are_one_outage() {
        let mut run = Run::new();
        let now = run.at(0);
        assert_eq!(run.outages.connected(now, A), None);
        assert!(run.lost(0, 1, 1, false).is_some());
        let now = run.at(1);
        assert_eq!(
            run.outages.connected(now, A).as_deref(),
            Some("connected to http://a/ again, after 1 s")
        );
        assert_eq!(run.lost(2, 2, 1, false), None);
        let now = run.at(3);
        assert_eq!(run.outages.connected(now, A), None);
        // It was said that it is connected, and then nothing: so it is said once more.
        assert_eq!(
            run.outages
                .over(run.began + Duration::from_secs(4))
                .as_deref(),
            Some("connected to http://a/ again, after 4 s")
        );
        assert!(run.lost(9, 1, 1, false).is_some());
    }

    #[test]
    fn connections_that_do_some_good_and_are_lost_again_and_again_are_counted() {
        let mut run = Run::new();
        let mut said = Vec::new();
        for second in (0..200).step_by(2) {
            said.extend(run.lost(second, 1, 1, false));
            let now = run.at(second + 1);
            said.extend(run.outages.connected(now, A));
            said.extend(run.outages.over(now));
        }
        let [lost, again] = [
            "http://a/: refused; trying again in 1 s",
            "connected to http://a/ again, after 1 s",
        ];
        assert_eq!(said[2..6], [lost, again, lost, again]);
        assert_eq!(
            said[6..],
            [
                "http://a/: refused; connected and lost 33 times in 1 min 4 s, trying again in 1 s",
                "http://a/: refused; connected and lost 63 times in 2 min 4 s, trying again in 1 s",
                "http://a/: refused; connected and lost 93 times in 3 min 4 s, trying again in 1 s",
            ]
        );
        // When it does not come back, that is told; and so is that it does.
        assert_eq!(run.lost(200, 1, 1, false), None);
        assert_eq!(
            run.lost(215, 2, 1, false).as_deref(),
            Some("http://a/: refused; still trying, 2 failures in 15 s, next in 1 s")
        );
        assert!(run.outages.connected(run.at(216), A).is_some());
        assert_eq!(run.outages.over(run.at(216)), None);
        // Another reason, or one after some rest, is news.
        assert_eq!(run.lost(218, 1, 1, false), None);
        assert!(run.outages.over(run.at(219)).is_none());
        assert!(run.lost(300, 1, 1, false).is_some());
    }

    #[test]
    fn no_number_of_reasons_fills_the_memory() {
        let mut run = Run::new();
        for n in 0..1000_u32 {
            let reason = n.to_string();
            let lost = Lost {
                url: A,
                reason: &reason,
                failures: n,
                wait: REPEAT,
                next: A,
            };
            assert!(run.outages.lost(run.began, lost, false).is_some());
        }
        assert!(run.outages.outage.unwrap().known.len() <= KNOWN);
    }
}
