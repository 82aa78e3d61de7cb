//! An OpLog server in memory. `--demo`, the tests and the benches share it, so that the semantics
//! of the real one (`oplogd`) are written down once.

mod accept;
mod asked;
mod connection;
pub mod handle;
pub mod http;
pub mod model;
pub mod object;
mod status;
mod thread;
