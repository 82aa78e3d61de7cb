//! The parts of the `oplog-tail` program. Internal: the binary, its tests and its benches share
//! them; there is no stable interface.

pub mod consumer;
pub mod demo;
pub mod exit;
pub mod operation;
pub mod position;
pub mod server;
