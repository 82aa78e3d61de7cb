//! The figures of `/status` of a model agent.

/// The figures of an agent that a test can set.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Its `Server` header.
    pub server: String,
    /// How many operations it has refused as invalid.
    pub events_error: u64,
    /// How many operations it has discarded because its queue was full.
    pub events_discarded: u64,
    /// How many operations are in its queue.
    pub queue_size: u64,
    /// How many operations its queue holds.
    pub queue_max_size: u64,
}

impl Default for Figures {
    /// The figures of a healthy agent.
    fn default() -> Self {
        Self {
            server: "oplog/1.1.6".into(),
            events_error: 0,
            events_discarded: 0,
            queue_size: 0,
            queue_max_size: 100_000,
        }
    }
}
