//! How far a connection has got.

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
