//! What must hold when the network, the disk, the clock or the reader fail.
//!
//! A program of its own, so that it can be run alone: `cargo test --test faults`.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

#[path = "../support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "each test program uses its part")]
mod support;

mod cut;
mod disk;
mod garbage;
mod in_process;
mod kill;
mod strace;
