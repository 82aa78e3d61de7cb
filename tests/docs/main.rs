//! README.md, the cookbook, the man page and the completions say what the program does, and
//! nothing else.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod completions;
mod markdown;
mod pages;
mod rooms;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap()
}

/// Runs a tool. `None` where it is not installed, which is said on the stderr of the test run,
/// past the capturing of output.
fn run(tool: &str, args: &[&str]) -> Option<std::process::Output> {
    let command = Command::new(tool)
        .args(args)
        .stdin(Stdio::null())
        .current_dir(file(""))
        .output();
    match command {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let _ = writeln!(std::io::stderr(), "SKIPPED: not installed: {tool}");
            None
        }
        Err(error) => panic!("{tool}: {error}"),
    }
}
