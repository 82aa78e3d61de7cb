//! What a consumer needs to know, already validated.

use crate::clock::Clock;
use crate::http::{self, Endpoint};
use crate::oplog::{Event, Position};
use crate::tracker::{Acknowledging, Rules, Start};

/// What to do when the server no longer has the operation to resume from.
///
/// The completion scripts show what stands at each choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OnResumeFailed {
    /// Take the states the server falls back to.
    Continue,
    /// Start a full replication instead.
    Replicate,
    /// Give up.
    Exit,
}

/// Everything a consumer needs to know before it connects.
#[derive(Clone, Debug)]
pub struct Config {
    /// The agents, at least one; when one fails the next is tried.
    pub endpoints: Vec<Endpoint>,
    pub http: http::Config,
    /// How many new tries follow a failure, counted afresh after each event; `None` for ever.
    pub retries: Option<u32>,
    /// Where to start without a saved position.
    pub start: Start,
    /// Resume from a time as it is, without the deletions since (what the Go client does).
    pub exact_resume: bool,
    /// What to do when the server no longer has the operation to resume from.
    pub on_resume_failed: OnResumeFailed,
    /// Whether to fetch what the server leaves out of a replication.
    pub backfill: bool,
    pub acknowledging: Acknowledging,
    pub clock: Clock,
    /// Hand out no operation of a later UNIX second than this; see [`end`](super::end).
    pub last_second: Option<u64>,
}

impl Config {
    /// What of it the tracker goes by.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            start: self.start,
            acknowledging: self.acknowledging,
            exact_resume: self.exact_resume,
        }
    }

    /// What a command line without flags means, for these agents.
    pub fn of(endpoints: Vec<Endpoint>) -> Self {
        Self {
            endpoints,
            http: http::Config::direct(),
            retries: None,
            start: Start::Now,
            exact_resume: false,
            on_resume_failed: OnResumeFailed::Continue,
            backfill: true,
            acknowledging: Acknowledging::InOrder,
            clock: Clock::system(),
            last_second: None,
        }
    }

    /// Whether this event is an operation of a later second than the last that is wanted.
    pub fn is_past(&self, event: &str, position: Option<Position>) -> bool {
        let (Some(Position::Operation(id)), Some(last)) = (position, self.last_second) else {
            return false;
        };
        u64::from(id.second()) > last && !Event::from_name(event).is_marker()
    }
}
