//! The `oplog-tail` program: parses the command line, runs, exits.

use std::process::ExitCode;

use oplog_tail::{cli, run};

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli) => run::run(cli).into(),
        Err(answer) => run::answer(&answer).into(),
    }
}
