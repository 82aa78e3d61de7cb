//! What `--demo` tails: a small server whose objects keep changing.

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

/// The pause between two changes, ms: about three changes a second, unevenly like real ones.
const PAUSE_MS: std::ops::Range<u64> = 150..520;

/// How many minutes before the start the samples begin.
const SAMPLE_MINUTES: u64 = 6;

/// An object of the demo: type, id, parents. All there will ever be, so the store stays small.
type Sample = (&'static str, &'static str, &'static [&'static str]);

/// The first [`EXISTING`] are there from the start.
const POOL: &[Sample] = &[
    ("user", "amelie", &[]),
    ("user", "jonas", &[]),
    ("video", "x8f3k2d-harbour-at-dawn", &["user/amelie"]),
    (
        "video",
        "x2m9qa1-first-snow",
        &["user/amelie", "playlist/winter"],
    ),
    ("playlist", "winter", &["user/amelie"]),
    ("video", "xk32jd7-night-train-to-lyon", &["user/jonas"]),
    ("user", "zoé", &[]),
    ("playlist", "été-à-la-mer", &["user/zoé"]),
    (
        "video",
        "x7c0wln-les-vagues",
        &["user/zoé", "playlist/été-à-la-mer"],
    ),
    ("video", "xq51tb4-old-trailer", &["user/jonas"]),
    ("playlist", "road-trip", &["user/jonas"]),
    ("video", "x5nd8re-market-day", &["user/amelie"]),
    ("user", "mateus", &[]),
    ("video", "x9rr2vo-street-football", &["user/mateus"]),
    ("video", "x3ua6he-sourdough-in-a-day", &["user/amelie"]),
    (
        "video",
        "x6jg4zc-northern-lights",
        &["user/jonas", "playlist/winter"],
    ),
    ("playlist", "bread", &["user/amelie"]),
    (
        "video",
        "x1pw7yf-coast-road",
        &["user/jonas", "playlist/road-trip"],
    ),
    ("user", "yuki", &[]),
    ("video", "x4tb9sk-桜-in-the-rain", &["user/yuki"]),
    ("playlist", "quiet-mornings", &["user/yuki"]),
    (
        "video",
        "x0zm3gd-tea-house",
        &["user/yuki", "playlist/quiet-mornings"],
    ),
    ("video", "xv82elq-drone-over-the-dunes", &["user/mateus"]),
    ("video", "xhy61aw-interview-2", &["user/zoé"]),
];

/// How many objects of the pool exist at the start.
const EXISTING: usize = 12;

/// Those of them that are deleted at the start.
const DELETED: [usize; 2] = [9, 10];

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
        let objects = Objects::samples(&server, now_ms());
        let changing = tokio::spawn(objects.change_for_ever(server.handle()));
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

/// Which objects of the pool exist.
struct Objects {
    exist: Vec<bool>,
    random: Rng,
}

impl Objects {
    /// Appends the samples to the log as if they had changed during the last minutes.
    fn samples(handle: &Handle, now_ms: u64) -> Self {
        let begin_ms = now_ms.saturating_sub(SAMPLE_MINUTES * 60_000);
        let count = u64::try_from(EXISTING + DELETED.len()).unwrap_or(u64::MAX);
        let step_ms = SAMPLE_MINUTES * 60_000 / (count + 1);
        let mut random = Rng::new();
        let mut exist = vec![false; POOL.len()];
        let steps = (0..EXISTING)
            .map(|index| (index, Action::Insert))
            .chain(DELETED.map(|index| (index, Action::Delete)));
        for (number, (index, action)) in (1..).zip(steps) {
            let at_ms = begin_ms + number * step_ms + random.u64(0..step_ms / 2);
            handle.append_at(&change(index, action), at_ms);
            exist[index] = action == Action::Insert;
        }
        Self { exist, random }
    }

    async fn change_for_ever(mut self, handle: Handle) {
        loop {
            let pause = Duration::from_millis(self.random.u64(PAUSE_MS));
            tokio::time::sleep(pause).await;
            handle.append(&self.next());
        }
    }

    /// Mostly updates; deletions are rarer than what exists, so that the store stays filled.
    fn next(&mut self) -> Change {
        let index = self.random.usize(..POOL.len());
        let action = match self.exist[index] {
            false => Action::Insert,
            true if self.random.u8(..4) == 0 => Action::Delete,
            true => Action::Update,
        };
        self.exist[index] = action != Action::Delete;
        change(index, action)
    }
}

fn change(index: usize, action: Action) -> Change {
    let (kind, id, parents) = POOL[index];
    Change::new(action, kind, id).parents(parents.iter().copied())
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
    fn samples_are_there_at_once() {
        let (_runtime, demo) = started();
        let objects = demo.server.objects();
        assert_eq!(objects.len(), EXISTING - DELETED.len());
        assert!(!objects.contains_key("video/xq51tb4-old-trailer"));
        let newest = demo.server.newest().unwrap();
        assert!(u64::from(newest.second()) * 1000 < now_ms());
    }

    /// As a real server does.
    #[test]
    fn leaves_out_of_a_replication_what_changed_in_the_second_of_its_newest_operation() {
        let (_runtime, demo) = started();
        let changed = Change::update(POOL[2].0, POOL[2].1);
        let within_a_second = now_ms() / 1000 * 1000 + 500;
        let replication = demo.server.with_model(|model| {
            model.append(&changed, within_a_second);
            let mut replication = model.subscribe(Some("0"), Filter::default()).unwrap();
            let mut sent = Vec::new();
            while model.poll(&mut replication, &mut sent) == Polled::More {}
            String::from_utf8(sent).unwrap()
        });
        assert!(replication.ends_with("event: live\n\n"), "{replication}");
        assert!(!replication.contains(POOL[2].1), "{replication}");
        assert!(replication.contains(POOL[3].1), "{replication}");
    }

    #[test]
    fn changes_never_leave_the_pool_nor_empty_it() {
        let (_runtime, demo) = started();
        let mut objects = Objects::samples(&demo.server, now_ms());
        for _ in 0..5000 {
            let existed = demo.server.objects();
            let next = objects.next();
            demo.server.append(&next);
            assert!(existed.len() > 2 && existed.len() <= POOL.len());
        }
    }
}
