//! The parts of the `oplog-tail` program. Internal: the binary, its tests and its benches share
//! them; there is no stable interface.
//!
//! Data flows one way: connection, decoding, in flight ([`consumer`]), printing into a batch
//! ([`feed`]), stdout ([`tail`]). Only the acknowledgement travels back.

mod acks;
mod advice;
mod at_start;
pub mod cli;
pub mod consumer;
pub mod demo;
mod diagnostics;
pub mod duration;
pub mod exit;
mod feed;
pub mod generate;
mod limits;
pub mod oplog;
mod outage;
pub mod output;
mod progress;
pub mod run;
pub mod server;
pub mod settings;
mod statistics;
mod stderr;
mod stdout;
mod supervisor;
mod tail;
