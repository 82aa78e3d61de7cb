//! What a world is like when a test begins.

use oplog_tail::consumer::{Acknowledging, OnResumeFailed, Start};
use oplog_tail::oplog::Position;

pub const BY_ID: Acknowledging = Acknowledging::ById {
    max_in_flight: 1000,
};

/// What a world is like.
#[derive(Clone)]
pub struct Setup {
    /// By how many ms the clock of the agent that the consumer asks is ahead of the store's.
    pub agent_offset_ms: i64,
    /// The same of the agent that takes the operations in, which stamps the states.
    pub taker_offset_ms: i64,
    pub acknowledging: Acknowledging,
    pub backfill: bool,
    pub start: Start,
    /// The query of the URL.
    pub query: &'static str,
    pub on_resume_failed: OnResumeFailed,
    pub exact_resume: bool,
    pub retries: Option<u32>,
    /// How often the agent is named: when it fails, the next is tried at once, and the first one
    /// again after a second.
    pub agents: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            agent_offset_ms: 0,
            taker_offset_ms: 0,
            acknowledging: Acknowledging::InOrder,
            backfill: true,
            start: Start::At(Position::FULL_REPLICATION),
            query: "",
            on_resume_failed: OnResumeFailed::Continue,
            exact_resume: false,
            retries: None,
            agents: 2,
        }
    }
}
