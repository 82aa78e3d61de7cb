//! How far a connection has got, and whether the log has come to the end of the run.

/// How far the present connection has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing has come over it.
    Opened,
    /// It brings states: a replication or a fallback, up to `live`.
    States,
    /// It brings operations. From here on the server may skip some, if it has to wait.
    Operations,
}

/// Whether the log has come past the point in time at which the run ends, if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every operation so far belongs to the run.
    Ahead,
    /// A later operation was handed out, because a backfill waited for it.
    Passed,
    /// A later operation came and was not handed out: the run ends.
    Reached,
}
