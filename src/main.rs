//! The `oplog-tail` program: parses the command line, runs, exits.

use std::process::ExitCode;

use oplog_tail::{app, cli};

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli) => app::run(cli).into(),
        Err(answer) => app::answer(&answer).into(),
    }
}
