//! The parts of the `oplog-tail` program. Internal: the binary, its tests and its benches share
//! them; there is no stable interface.

pub mod cli;
pub mod consumer;
pub mod duration;
pub mod exit;
pub mod generate;
pub mod operation;
pub mod output;
pub mod position;
pub mod settings;
