//! What an agent of the model says about itself.

/// What an agent says about itself, as far as a test decides.
#[derive(Clone, Debug)]
pub struct Figures {
    /// What it calls itself in each answer.
    pub server: String,
    /// How many operations it has refused as invalid.
    pub events_error: u64,
    /// How many operations it has thrown away because its queue was full.
    pub events_discarded: u64,
    /// How many operations are in its queue.
    pub queue_size: u64,
    /// How many operations its queue holds.
    pub queue_max_size: u64,
}

impl Default for Figures {
    /// Those of an agent that is well.
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
