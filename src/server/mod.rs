//! An OpLog server in memory. `--demo`, the tests and the benches share it, so that the semantics
//! of the real one (`oplogd`) are written down once.

pub mod handle;
pub mod http;
pub mod model;
pub mod object;
