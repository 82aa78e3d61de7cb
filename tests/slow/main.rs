//! Readers slower than the log: no gap in silence.
//!
//! The server's log is capped. A connection that is not read blocks, the log overtakes it, and the
//! server goes on behind the gap without a word. The model of the server does the same and counts
//! what it skipped. These tests hold the consumer and the program to what the model knows.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

#[path = "../support/mod.rs"]
mod support;

mod binary;
mod combined;
mod killed;
mod network;
mod scene;
mod schedules;
mod world;
