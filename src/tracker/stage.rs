//! How far a connection has got, and how far the log has come.

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

/// How far the log has come, where a run is to go no further than a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every operation so far belongs to the run.
    Ahead,
    /// A later operation was handed out.
    Passed,
    /// A later operation came and was not handed out.
    Reached,
}
