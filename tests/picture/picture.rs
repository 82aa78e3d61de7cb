//! Makes the picture in the README from what the program really prints:
//!
//! ```sh
//! cargo run --example picture > man/oplog-tail.svg
//! ```
//!
//! It runs the demo in a process of its own and draws its lines as a terminal does, on a dark
//! background for who prefers that and on a light one otherwise. What the demo does depends on
//! the time of day, so every picture is another one.

mod svg;

use std::io::Write as _;
use std::process::{Command, ExitCode};

use oplog_tail::{app, cli};

/// Says to be the program instead of drawing it.
const BE_THE_PROGRAM: &str = "--be-the-program";
/// What is drawn: videos alone, so that a replication and some changes fit.
const ARGS: [&str; 9] = [
    "--demo", "--types", "video", "-o", "text", "--color", "always", "-n", "24",
];
/// What has to be on a picture: each event at least once.
const SHOWN: [&str; 5] = ["** reset", "** live", "insert", "update", "delete"];
/// How many runs may pass until one shows all of it.
const RUNS: usize = 10;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|arg| arg == BE_THE_PROGRAM) {
        return match cli::parse(args.into_iter().skip(1)) {
            Ok(cli) => app::run(cli).into(),
            Err(error) => error.exit(),
        };
    }
    let Some(text) = (0..RUNS).find_map(|_| captured()) else {
        eprintln!("no run of the demo showed every event");
        return ExitCode::FAILURE;
    };
    let picture = svg::draw("oplog-tail --demo --types video", &text);
    match std::io::stdout().write_all(picture.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What one run prints, if it shows everything.
fn captured() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let mut command = Command::new(program);
    let output = command.arg(BE_THE_PROGRAM).args(ARGS).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    SHOWN.iter().all(|part| text.contains(part)).then_some(text)
}
