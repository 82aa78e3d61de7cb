//! The server of `--demo`: a few objects that keep changing.

use std::collections::VecDeque;
use std::io;
use std::net::TcpListener;
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinHandle;

use crate::server::model::ModelConfig;
use crate::server::object::{Action, Change};
use crate::server::{Handle, Server, ServerConfig, now_ms};

/// The most operations the log of the demo holds.
const LOG_CAPACITY: usize = 10_000;

/// The pause between two changes, in ms: about three changes per second, at uneven intervals like
/// real ones.
const PAUSE_MS: std::ops::Range<u64> = 150..520;

/// The length of a round, in ms. A round begins with a change of every object and does not depend on
/// the round before.
const ROUND_MS: u64 = 120_000;

/// One in this many objects changes only at the beginning of a round.
const QUIET: usize = 3;

/// A deleted object comes back after this many changes.
const GONE_FOR: u64 = 4;

/// No object is deleted in this last part of a round, in ms: too few changes may be left to bring it
/// back.
const LAST_DELETION_MS: u64 = 5_000;

/// All objects: type, id, parents. Their number is fixed, so the store stays small.
const POOL: [&str; 24] = [
    "user amelie",
    "user jonas",
    "video x8f3k2d-harbour-at-dawn user/amelie",
    "video x2m9qa1-first-snow user/amelie playlist/winter",
    "playlist winter user/amelie",
    "video xk32jd7-night-train-to-lyon user/jonas",
    "user zoé",
    "playlist été-à-la-mer user/zoé",
    "video x7c0wln-les-vagues user/zoé playlist/été-à-la-mer",
    "video xq51tb4-old-trailer user/jonas",
    "playlist road-trip user/jonas",
    "video x5nd8re-market-day user/amelie",
    "user mateus",
    "video x9rr2vo-street-football user/mateus",
    "video x3ua6he-sourdough-in-a-day user/amelie",
    "video x6jg4zc-northern-lights user/jonas playlist/winter",
    "playlist bread user/amelie",
    "video x1pw7yf-coast-road user/jonas playlist/road-trip",
    "user yuki",
    "video x4tb9sk-桜-in-the-rain user/yuki",
    "playlist quiet-mornings user/yuki",
    "video x0zm3gd-tea-house user/yuki playlist/quiet-mornings",
    "video xv82elq-drone-over-the-dunes user/mateus",
    "video xhy61aw-interview-2 user/zoé",
];

/// The running demo. Stops when dropped.
#[derive(Debug)]
pub struct Demo {
    server: Server,
    changing: JoinHandle<()>,
}

impl Demo {
    /// Serves the samples on `listener`, which should be bound to a loopback address, and begins
    /// to change them. Must be called within a tokio runtime with I/O and time enabled. A client
    /// can connect as soon as this has returned.
    ///
    /// # Errors
    /// What the system says about the listener.
    pub fn start(listener: TcpListener) -> io::Result<Self> {
        let config = ServerConfig {
            model: ModelConfig {
                capacity: LOG_CAPACITY,
                ..ModelConfig::default()
            },
            ..ServerConfig::default()
        };
        let server = Server::start(listener, config)?;
        let (rounds, next) = Rounds::until(now_ms(), &server);
        let changing = tokio::spawn(rounds.change_for_ever(next, server.handle()));
        Ok(Self { server, changing })
    }

    /// The URL to tail, such as `http://127.0.0.1:8042/`.
    pub fn url(&self) -> String {
        self.server.url()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.changing.abort();
    }
}

/// The changes of the demo, one after the other.
///
/// They depend only on the time. So all demos have the same objects with the same times, and the
/// output of two runs can be compared.
struct Rounds {
    /// The number of the round since 1970.
    round: u64,
    /// How many changes of the round there have been.
    changes: u64,
    /// When the last one was, UNIX ms.
    at_ms: u64,
    exist: Vec<bool>,
    /// Which objects are to come back, and at which change.
    gone: VecDeque<(usize, u64)>,
    random: Rng,
}

impl Rounds {
    /// Appends what happened until this UNIX time to the log, from the beginning of the round
    /// before on. Returns what is to come, and the first of it.
    fn until(now_ms: u64, handle: &Handle) -> (Self, (u64, Change)) {
        let round = (now_ms / ROUND_MS).saturating_sub(1);
        let mut rounds = Self {
            round,
            changes: 0,
            at_ms: round * ROUND_MS,
            exist: vec![false; POOL.len()],
            gone: VecDeque::new(),
            random: Rng::with_seed(round),
        };
        loop {
            let (at_ms, change) = rounds.next();
            if at_ms > now_ms {
                return (rounds, (at_ms, change));
            }
            handle.append_at(&change, at_ms);
        }
    }

    /// The next change, and when it happens.
    fn next(&mut self) -> (u64, Change) {
        self.at_ms += self.random.u64(PAUSE_MS);
        if self.at_ms >= (self.round + 1) * ROUND_MS {
            self.round = self.at_ms / ROUND_MS;
            self.random = Rng::with_seed(self.round);
            self.at_ms = self.round * ROUND_MS + self.random.u64(PAUSE_MS);
            self.changes = 0;
            self.gone.clear();
        }
        let index = self.next_object();
        let ends_soon = self.at_ms + LAST_DELETION_MS >= (self.round + 1) * ROUND_MS;
        let action = match self.exist[index] {
            false => Action::Insert,
            true if self.is_beginning() || ends_soon => Action::Update,
            true if self.random.u8(..4) == 0 => Action::Delete,
            true => Action::Update,
        };
        self.exist[index] = action != Action::Delete;
        if action == Action::Delete {
            self.gone.push_back((index, self.changes + GONE_FOR));
        }
        self.changes += 1;
        (self.at_ms, change(index, action))
    }

    /// At the beginning of a round every object changes once.
    fn is_beginning(&self) -> bool {
        self.changes < POOL.len() as u64
    }

    /// Which object changes next.
    fn next_object(&mut self) -> usize {
        if self.is_beginning() {
            return usize::try_from(self.changes).unwrap_or_default();
        }
        match self.gone.pop_front_if(|(_, due)| *due <= self.changes) {
            Some((index, _)) => index,
            None => match self.random.usize(..POOL.len() - 1) {
                quiet if quiet % QUIET == 0 => quiet + 1,
                index => index,
            },
        }
    }

    async fn change_for_ever(mut self, mut next: (u64, Change), handle: Handle) {
        loop {
            let (at_ms, change) = next;
            let now_ms = now_ms();
            if now_ms > at_ms + ROUND_MS {
                // The machine was suspended.
                (self, next) = Self::until(now_ms, &handle);
                continue;
            }
            tokio::time::sleep(Duration::from_millis(at_ms.saturating_sub(now_ms))).await;
            handle.append_at(&change, at_ms);
            next = self.next();
        }
    }
}

fn change(index: usize, action: Action) -> Change {
    let mut words = POOL[index].split(' ');
    let mut word = || words.next().unwrap_or_default();
    Change::new(action, word(), word()).parents(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::model::{Filter, Polled};
    use std::net::Ipv4Addr;

    fn started() -> (tokio::runtime::Runtime, Demo) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let demo = runtime.block_on(async { Demo::start(listener).unwrap() });
        (runtime, demo)
    }

    #[test]
    fn objects_are_there_at_once() {
        let (_runtime, demo) = started();
        let objects = demo.server.objects();
        assert!(objects.len() > POOL.len() / 2 && objects.len() <= POOL.len());
        let newest = demo.server.newest().unwrap();
        assert!(u64::from(newest.second()) * 1000 <= now_ms());
    }

    /// As a real server does.
    #[test]
    fn leaves_out_of_a_replication_what_changed_in_the_second_of_its_newest_operation() {
        let (_runtime, demo) = started();
        let later = now_ms() + 5000;
        let before = change(3, Action::Update);
        let newest = change(2, Action::Update);
        let replication = demo.server.with_model(|model| {
            model.append(&before, later / 1000 * 1000 - 1000);
            model.append(&newest, later / 1000 * 1000 + 500);
            let replication = model.subscribe(Some("0"), Filter::default()).unwrap();
            let mut sent = Vec::new();
            while model.poll(&replication, &mut sent) == Polled::More {}
            String::from_utf8(sent).unwrap()
        });
        assert!(replication.ends_with("event: live\n\n"), "{replication}");
        let has = |index: usize| replication.contains(POOL[index].split(' ').nth(1).unwrap());
        assert!(!has(2), "{replication}");
        assert!(has(3), "{replication}");
    }

    /// Begun in one round or in the one before, all demos agree about a moment.
    #[test]
    fn whenever_it_was_started_it_has_the_same_objects() {
        let (_runtime, demo) = started();
        let (_other_runtime, other) = started();
        let begin = (now_ms() / ROUND_MS + 10) * ROUND_MS;
        for later_ms in [100_000, 119_999, 120_000, 123_000, 130_000, 230_000] {
            let until = begin + later_ms;
            let (mut rounds, mut next) = Rounds::until(begin + 60_000, &demo.server);
            while next.0 <= until {
                demo.server.append_at(&next.1, next.0);
                next = rounds.next();
            }
            Rounds::until(until, &other.server);
            assert_eq!(demo.server.objects(), other.server.objects(), "{later_ms}");
        }
    }

    #[test]
    fn what_is_deleted_is_soon_there_again() {
        let (_runtime, demo) = started();
        let (mut rounds, _) = Rounds::until(now_ms(), &demo.server);
        let mut deleted_at = vec![0; POOL.len()];
        let mut deletions = 0;
        for _ in 0..5000 {
            let (at_ms, _) = rounds.next();
            for (index, deleted_at) in deleted_at.iter_mut().enumerate() {
                let is_new = *deleted_at == 0;
                match rounds.exist[index] {
                    true => *deleted_at = 0,
                    false if is_new => (*deleted_at, deletions) = (at_ms, deletions + 1),
                    false => assert!(at_ms - *deleted_at < 3000, "{index}"),
                }
            }
        }
        assert!(deletions > 500, "{deletions}");
    }
}
