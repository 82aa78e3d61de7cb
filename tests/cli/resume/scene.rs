//! A server to which things happen, and the positions a consumer can come from.

use oplog_tail::server::model::{Filter, Polled};
use oplog_tail::server::object::Change;
use oplog_tail::server::{ServerThread, now_ms};

use crate::support::{Replica, State, keeping_server};

/// Where a run comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// `--start-id 0`.
    GivenZero,
    /// A saved `0`: not even the `reset` was acknowledged.
    SavedZero,
    /// A saved `1`: only the `reset` was.
    SavedReset,
    /// A saved time in milliseconds.
    SavedTime,
    /// A saved second, as the made-up operation id of it.
    SavedSecond,
    /// A saved operation.
    SavedOperation,
    /// Nowhere: what happens from now on, and after that the first connection's second.
    Now,
    /// A second since which nothing has happened, which brings a `live` with an empty id.
    EmptyLive,
}

impl From {
    pub const ALL: [Self; 8] = [
        Self::GivenZero,
        Self::SavedZero,
        Self::SavedReset,
        Self::SavedTime,
        Self::SavedSecond,
        Self::SavedOperation,
        Self::Now,
        Self::EmptyLive,
    ];

    /// What a consumer knows that comes from there: what was there `before`, or `all`.
    fn known(self, mut before: Replica, all: Replica) -> Replica {
        match self {
            // What a `reset` must clear away.
            Self::GivenZero | Self::SavedZero => {
                before.apply_line(r#"{"event":"insert","data":{"type":"ghost","id":"1"}}"#);
                before
            }
            Self::SavedReset => Replica::default(),
            Self::Now | Self::EmptyLive => all,
            Self::SavedTime | Self::SavedSecond | Self::SavedOperation => before,
        }
    }
}

/// A server with a past, and a consumer that knows its past up to a position.
pub struct Scene {
    pub server: ServerThread,
    pub from: From,
    pub known: Replica,
    saved: Option<String>,
    /// How many events the first connection brings before anything more happens.
    pub first_events: usize,
}

/// What a saved operation, the last of these, has behind it; each so many ms after the beginning.
/// Ids repeat within a millisecond, and a second holds several.
fn known_past() -> [(u64, Change); 6] {
    [
        (0, Change::insert("video", "a")),
        (0, Change::insert("video", "b")),
        (1, Change::insert("user", "c")),
        (1000, Change::update("video", "b")),
        (1400, Change::insert("video", "d")),
        (1400, Change::delete("user", "c")),
    ]
}

/// What happened after that.
fn unknown_past() -> [(u64, Change); 4] {
    [
        (3000, Change::insert("video", "e")),
        (3000, Change::update("video", "a")),
        (3500, Change::delete("video", "d")),
        (5000, Change::insert("user", "f")),
    ]
}

impl Scene {
    pub fn new(from: From) -> Self {
        // What changes within the second of the newest operation would be left out of
        // replications. What the program does about that has tests of its own; here it would hide
        // what the program itself might lose.
        let server = keeping_server();
        // Ten minutes ago, so that the present is later than anything in it.
        let begin_ms = now_ms() / 1000 * 1000 - 600_000;
        let happen = |changes: &[(u64, Change)]| {
            for (later_ms, change) in changes {
                server.append_at(change, begin_ms + later_ms);
            }
        };
        happen(&known_past());
        let before = Replica::of_objects(server.objects());
        let operation = server.newest().unwrap().to_string();
        happen(&unknown_past());
        let all = Replica::of_objects(server.objects());
        let second = |later_ms: u64| format!("{:08x}{:016}", (begin_ms + later_ms) / 1000, 0);
        let saved = match from {
            From::GivenZero | From::Now => None,
            From::SavedZero => Some("0".to_owned()),
            From::SavedReset => Some("1".to_owned()),
            From::SavedTime => Some((begin_ms + 1400).to_string()),
            From::SavedSecond => Some(second(1400)),
            From::SavedOperation => Some(operation),
            From::EmptyLive => Some(second(100_000)),
        };
        let asked = match from {
            From::GivenZero => Some("0".to_owned()),
            From::SavedReset => Some(format!("00000001{:016}", 0)),
            From::SavedTime => Some(second(1400)),
            _ => saved.clone(),
        };
        Self {
            known: from.known(before, all),
            first_events: events_after(&server, asked.as_deref()),
            server,
            from,
            saved,
        }
    }

    pub fn state(&self) -> State {
        match &self.saved {
            None => State::absent(),
            Some(saved) => State::holding(saved),
        }
    }

    pub fn args(&self) -> &'static [&'static str] {
        match self.from {
            From::GivenZero => &["--start-id", "0"],
            _ => &[],
        }
    }

    /// What happens while the first connection stands.
    pub const LIVE: usize = 3;

    pub fn happen_live(&self) {
        self.server.append(&Change::update("video", "e"));
        self.server.append(&Change::insert("user", "g"));
        self.server.append(&Change::delete("video", "b"));
    }

    /// What happens while nobody is connected: of what a consumer knows, much is gone.
    pub fn happen_away(&self) {
        for change in [
            Change::update("user", "f"),
            Change::delete("video", "e"),
            Change::delete("video", "b"),
            Change::insert("video", "h"),
            Change::delete("user", "g"),
            Change::insert("user", "c"),
            Change::delete("user", "f"),
        ] {
            self.server.append(&change);
        }
    }

    pub fn objects(&self) -> Replica {
        Replica::of_objects(self.server.objects())
    }

    pub fn newest(&self) -> String {
        self.server.newest().unwrap().to_string()
    }
}

/// How many events the server has for this position.
fn events_after(server: &ServerThread, position: Option<&str>) -> usize {
    server.with_model(|model| {
        let subscription = model.subscribe(position, Filter::default()).unwrap();
        let mut bytes = Vec::new();
        while model.poll(&subscription, &mut bytes) == Polled::More {}
        model.end(&subscription);
        bytes.windows(2).filter(|pair| pair == b"\n\n").count()
    })
}
