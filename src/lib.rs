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
mod error_text;
pub mod exit;
mod feed;
pub mod generate;
pub mod http;
mod limits;
pub mod oplog;
mod outage;
pub mod output;
mod progress;
mod quiet;
mod redact;
pub mod run;
pub mod server;
pub mod settings;
pub mod sse;
mod statistics;
mod stderr;
mod stdout;
mod supervisor;
mod tail;
