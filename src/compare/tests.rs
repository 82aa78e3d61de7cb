//! Random servers and dumps, with changes and deletions while they are compared, against a naive
//! comparison.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use jiff::tz::Offset;
use reqwest::Url;

use super::filter::Filter;
use super::gather::{Gathering, Plan};
use super::outcome::Outcome;
use crate::consumer::Config;
use crate::http::Endpoint;
use crate::output::Format;
use crate::report::Verbosity;
use crate::server::model::ModelConfig;
use crate::server::object::{Action, Change};
use crate::server::{ServerConfig, ServerThread, now_ms};
use crate::settings::OnInvalid;

const CASES: u64 = 600;
const KINDS: [&str; 3] = ["video", "user", "a/b"];
const IDS: [&str; 5] = ["1", "x 2", "\u{e9}\"", "http", "0"];

/// Type and id of an object; its parents follow from them.
type Name = (&'static str, &'static str);

/// What the test knows of an object: whether it lives, and when it changed last.
type Truth = BTreeMap<Name, (bool, i64)>;

fn parents((kind, id): Name) -> Vec<&'static str> {
    match (kind.len() + id.len()) % 3 {
        0 => vec![],
        1 => vec!["user/1"],
        _ => vec!["user/2", "video/\u{e9}"],
    }
}

/// A random case.
struct Case {
    random: Rng,
    server: ServerThread,
    truth: Mutex<Truth>,
    query: &'static str,
    /// Timestamps lie near this moment, so that many are the same.
    about_ms: i64,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let config = ServerConfig {
            model: ModelConfig {
                capacity: random.usize(100..200),
                object_url: random.bool().then(|| "http://api/{{type}}/{{id}}?a".into()),
                lossy: random.u8(..4) > 0,
            },
            ..ServerConfig::default()
        };
        let queries = [
            "",
            "",
            "types=video",
            "parents=user/1",
            "types=user,video&parents=user%2F2",
        ];
        Self {
            query: queries[random.usize(..queries.len())],
            about_ms: i64::try_from(now_ms()).unwrap() - 60_000,
            server: ServerThread::on_loopback(config).unwrap(),
            truth: Mutex::default(),
            random,
        }
    }

    /// Something changes at this moment of the store's clock, with a timestamp near it or not.
    fn change(&self, random: &mut Rng, at_ms: u64) {
        let name = (
            KINDS[random.usize(..KINDS.len())],
            IDS[random.usize(..IDS.len())],
        );
        let actions = [
            Action::Insert,
            Action::Update,
            Action::Delete,
            Action::Create,
        ];
        let action = actions[random.usize(..4)];
        let stamp = self.about_ms + random.i64(0..12) / 3 * random.i64(1..400);
        let change = Change::new(action, name.0, name.1)
            .parents(parents(name))
            .timestamp(u64::try_from(stamp).unwrap());
        let mut truth = self.truth.lock().unwrap();
        self.server.append_at(&change, at_ms);
        truth.insert(name, (action != Action::Delete, stamp));
    }

    /// A dump that has some of what the server had at some time, and more.
    fn dump(&mut self) -> Vec<(Name, i64)> {
        let mut lines = Vec::new();
        let truth = self.truth.lock().unwrap().clone();
        for kind in KINDS {
            for id in IDS {
                let stamp = match truth.get(&(kind, id)) {
                    Some((true, _)) if self.random.u8(..5) == 0 => continue,
                    Some((false, _)) | None if self.random.u8(..3) > 0 => continue,
                    Some((_, stamp)) => *stamp,
                    None => self.about_ms,
                };
                let moved = match self.random.u8(..4) {
                    0 => self.random.i64(-3..=3),
                    _ => 0,
                };
                lines.push(((kind, id), stamp + moved));
            }
        }
        self.random.shuffle(&mut lines);
        if self.random.bool() {
            lines.truncate(self.random.usize(..=lines.len()));
        }
        if let Some(line) = lines.first().copied()
            && self.random.u8(..3) == 0
        {
            lines.push((line.0, line.1 - 1));
        }
        lines
    }

    fn is_compared(&self, name: Name) -> bool {
        let parents = parents(name);
        match self.query {
            "" => true,
            "types=video" => name.0 == "video",
            "parents=user/1" => parents.contains(&"user/1"),
            _ => ["user", "video"].contains(&name.0) && parents.contains(&"user/2"),
        }
    }

    /// The differences as one who has all the memory and the time would find them.
    fn naive(&self, dump: &[(Name, i64)]) -> Vec<String> {
        let newest = dump
            .iter()
            .map(|(_, stamp)| *stamp)
            .max()
            .unwrap_or(i64::MAX);
        let in_dump: BTreeMap<Name, i64> = dump.iter().copied().collect();
        let truth = self.truth.lock().unwrap();
        let mut differences = Vec::new();
        let mut names: Vec<Name> = truth.keys().chain(in_dump.keys()).copied().collect();
        names.sort_unstable();
        names.dedup();
        for name in names.into_iter().filter(|name| self.is_compared(*name)) {
            let known = truth.get(&name);
            if known.is_some_and(|(_, stamp)| *stamp > newest) {
                continue;
            }
            let server = known.and_then(|(lives, stamp)| lives.then_some(*stamp));
            let dump = in_dump.get(&name).copied();
            let difference = match (server, dump) {
                (Some(_), None) => "missing",
                (None, Some(_)) => "extra",
                (Some(server), Some(dump)) if dump < server => "older",
                (Some(server), Some(dump)) if dump > server => "newer",
                _ => continue,
            };
            let shown = |ms: Option<i64>| {
                ms.map_or("-".into(), |ms| {
                    format!("{:.3}", Timestamp::from_millisecond(ms).unwrap())
                })
            };
            let (kind, id) = name;
            let (server, dump) = (shown(server), shown(dump));
            differences.push(format!(
                "{difference} {kind}/{id}  server {server}  dump {dump}"
            ));
        }
        differences
    }
}

/// The dump as a file, its times written in various ways.
fn written(random: &mut Rng, dump: &[(Name, i64)]) -> String {
    let mut text = String::new();
    for (name, stamp) in dump {
        let time = Timestamp::from_millisecond(*stamp).unwrap();
        let time = match random.u8(..4) {
            0 => format!("{time:.9}"),
            1 => time
                .display_with_offset(Offset::constant(random.i8(-12..=12)))
                .to_string(),
            // Below a millisecond nothing counts.
            2 => format!("{time:.3}").replace('Z', "999Z"),
            _ => time.to_string(),
        };
        let (kind, id) = name;
        let parents = parents(*name);
        text += &serde_json::json!({
            "id": id, "parents": parents, "more": {"id": 1}, "timestamp": time, "type": kind,
        })
        .to_string();
        text.push('\n');
    }
    text
}

fn check(seed: u64) -> usize {
    let mut case = Case::new(seed);
    let mut random = case.random.fork();
    let mut at_ms = now_ms() - 30_000;
    for _ in 0..random.usize(..60) {
        at_ms += random.u64(..400);
        case.change(&mut random, at_ms);
    }
    let dump = case.dump();
    let text = written(&mut random, &dump);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let is_over = AtomicBool::new(false);
    let printed = std::thread::scope(|scope| {
        let (case, is_over) = (&case, &is_over);
        scope.spawn(move || meanwhile(case, &mut random, is_over));
        let printed = runtime.block_on(compared(case, &text));
        is_over.store(true, Ordering::Relaxed);
        printed
    });
    let expected = case.naive(&dump);
    let unescaped = printed.replace("\\u{e9}", "\u{e9}");
    let lines: Vec<&str> = unescaped.lines().collect();
    assert_eq!(
        lines, expected,
        "seed {seed}, query {:?}, dump:\n{text}",
        case.query
    );
    lines.len()
}

/// Changes while it runs, and then operations that are so late that what the replication left out
/// can be fetched.
fn meanwhile(case: &Case, random: &mut Rng, is_over: &AtomicBool) {
    for _ in 0..random.usize(..30) {
        case.change(random, now_ms());
        std::thread::sleep(Duration::from_micros(random.u64(..500)));
    }
    case.server.wait_for_requests(1, Duration::from_secs(20));
    while !is_over.load(Ordering::Relaxed) {
        // It matches every filter, and neither side has it.
        let tick = Change::delete("video", "tick").parents(["user/1", "user/2"]);
        case.server.append_at(&tick.timestamp(1), now_ms() + 20_000);
        std::thread::sleep(Duration::from_millis(5));
    }
}

async fn compared(case: &Case, dump: &str) -> String {
    let mut url: Url = case.server.url().parse().unwrap();
    url.set_query(Some(case.query).filter(|query| !query.is_empty()));
    let dump = super::dump::read(&mut dump.as_bytes(), &Filter::of(&url)).unwrap();
    let consumer = Config::of(vec![Endpoint {
        url,
        authorization: None,
    }]);
    let plan = Plan {
        timeout: Some(Duration::from_mins(1)),
        on_invalid: OnInvalid::Exit,
        shows_status: false,
    };
    let mut gathering = Gathering::new(consumer, plan, dump.ledger, Verbosity::Quiet);
    let is_complete = poll_fn(|cx| gathering.poll(cx)).await.unwrap();
    assert!(is_complete);
    let newest_state = gathering.newest_state;
    let outcome = Outcome::of(gathering.ledger, dump.newest, true, newest_state);
    let mut out = Vec::new();
    for record in outcome.records() {
        record.print(Format::Text, false, &mut out);
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn finds_what_a_naive_comparison_finds() {
    let differences: usize = std::thread::scope(|scope| {
        let share = |first| move || (first..CASES).step_by(4).map(check).sum::<usize>();
        let shares: Vec<_> = (0..4).map(|first| scope.spawn(share(first))).collect();
        shares.into_iter().map(|share| share.join().unwrap()).sum()
    });
    let least = usize::try_from(CASES).unwrap();
    assert!(
        differences > least,
        "a test that finds nothing shows nothing: {differences}"
    );
}
