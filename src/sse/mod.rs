//! From bytes to records: exactly one connection, its event stream, and the fast path past the
//! event parser.

mod backlog;
mod body;
mod connection;
pub mod fast_path;
mod framing;
#[cfg(test)]
pub(crate) mod messages;
mod transport;

pub use backlog::Lateness;
pub use connection::{Attempt, Connection, Received};
pub use framing::MAX_LINE;
