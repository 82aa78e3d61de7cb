//! What must hold when the network, the disk, the clock or the reader fail.
//!
//! A program of its own, so that it can be run alone: `cargo test --test faults`.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

#[path = "../support/mod.rs"]
mod support;

mod check;
mod clock;
mod cut;
mod disk;
mod failed_save;
mod garbage;
mod in_process;
mod kill;
mod limits;
mod meddling;
mod network;
mod secrets;
mod signals;
mod state_file;
mod stdout;
mod stopped;
mod strace;
mod system;
