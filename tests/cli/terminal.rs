//! What a person sees: colours, and the status line while a replication runs.

use std::ffi::OsStr;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{
    Finished, Gate, Left, Running, Script, ScriptServer, Tail, Terminal, fixture, insert,
    record_count,
};

/// A replication that begins, and ends when the gate opens.
pub fn replication(gate: &Gate) -> Script {
    let body = fixture("replication.sse");
    let live = body.len() - b"event: live\n\n".len();
    let live = body[..live]
        .windows(2)
        .rposition(|pair| pair == b"\n\n")
        .map_or(0, |end| end + 2);
    Script::events(&body[..live])
        .wait_for(gate)
        .send(&body[live..])
        .stall()
}

/// Ends a run with the replication.
pub fn to_the_end() -> [String; 2] {
    let count = record_count(&fixture("replication.sse"));
    ["-n".to_owned(), count.to_string()]
}

/// Asserts that the terminal shows nothing but what the run left incomplete.
#[track_caller]
fn shows_only(terminal: &Terminal, left: Left) {
    let screen = terminal.screen();
    assert_eq!(screen.len(), 1, "{screen:#?}");
    assert!(left.is_said_by(&screen[0]), "{screen:#?}");
}

/// A run that replicates onto a pipe, with stderr on the terminal.
fn replicating(terminal: &Terminal, server: &ScriptServer, args: &[impl AsRef<OsStr>]) -> Running {
    Tail::url(server.url())
        .args(["--start-id", "0"])
        .args(args)
        .env("TERM", "xterm")
        .stderr_to(terminal.stdio())
        .spawn()
}

/// On a terminal that shows stdout and, if wanted, stderr too.
fn printed_on(terminal: &Terminal, env: &[(&str, &str)], args: &[&str]) -> Finished {
    let server = ScriptServer::start([Script::events(insert(1)).stall()]);
    let tail = Tail::url(server.url())
        .args(["-n", "1"])
        .args(args)
        .stdout_to(terminal.stdio());
    let tail = env
        .iter()
        .fold(tail, |tail, (name, value)| tail.env(name, value));
    tail.run().exit(0).stderr_is_empty()
}

const INSERT_1: &str = "2026-11-23T17:55:12Z: insert #6b047e00686c822d00000001 video/1 ()";

#[test]
fn text_in_colour() {
    let terminal = Terminal::with_columns(80);
    printed_on(&terminal, &[("TERM", "xterm")], &[]);
    assert_eq!(terminal.screen(), [INSERT_1]);
    assert!(terminal.written().contains("\u{1b}["), "no colour");
}

#[test]
fn text_without_colour() {
    for (env, args) in [
        (&[("TERM", "xterm"), ("NO_COLOR", "1")][..], &[][..]),
        (&[("TERM", "dumb")], &[]),
        (&[("TERM", "xterm")], &["--color", "never"]),
    ] {
        let terminal = Terminal::with_columns(80);
        printed_on(&terminal, env, args);
        terminal.wait_for_text(INSERT_1);
        assert_eq!(terminal.screen(), [INSERT_1]);
        assert!(!terminal.written().contains('\u{1b}'), "{env:?} {args:?}");
    }
}

#[test]
fn a_status_line_while_a_replication_runs() {
    let (terminal, gate) = (Terminal::with_columns(100), Gate::new());
    let server = ScriptServer::start([replication(&gate)]);
    let mut run = replicating(&terminal, &server, &to_the_end());
    terminal.wait_for("the numbers", |written| {
        written.contains(" operations, ") && written.contains("/s, at 2026-11-23 17:55:1")
    });
    assert!(run.is_running());
    gate.open();
    run.wait().exit(0);
    shows_only(&terminal, Left::Repair);
}

#[test]
fn the_status_line_is_gone_once_live() {
    let (terminal, gate) = (Terminal::with_columns(100), Gate::new());
    let server = ScriptServer::start([replication(&gate)]);
    let mut run = replicating(&terminal, &server, &["-o", "json"]);
    terminal.wait_for_text("replicating: ");
    gate.open();
    run.wait_for_line(|line| line.contains("live"));
    terminal.wait_for("a cleared line", |written| {
        written.ends_with("\r\u{1b}[K\u{1b}[J\r")
    });
    run.signal(Signal::TERM);
    run.wait().exit(0);
    shows_only(&terminal, Left::Repair);
}

#[test]
fn diagnostics_and_the_status_line_do_not_mix() {
    let (terminal, gate) = (Terminal::with_columns(100), Gate::new());
    let body = fixture("replication.sse");
    let server = ScriptServer::start([
        Script::events(&body[..body.len() / 2]).wait_for(&gate),
        Script::status(403),
    ]);
    let run = replicating(&terminal, &server, &["--stats", "-o", "json"]);
    terminal.wait_for_text("replicating: ");
    gate.open();
    run.wait().exit(3);
    let screen = terminal.screen();
    assert_eq!(screen.len(), 4, "{screen:#?}");
    assert!(screen[0].starts_with("oplog-tail: http://"), "{screen:#?}");
    assert!(screen[0].contains("; trying again in "), "{screen:#?}");
    assert!(Left::Replication.is_said_by(&screen[1]), "{screen:#?}");
    assert!(
        screen[2].starts_with("oplog-tail: access denied"),
        "{screen:#?}"
    );
    assert!(screen[3].starts_with("{\"events\":{"), "{screen:#?}");
}

#[test]
fn a_summary_on_demand_and_the_status_line_do_not_mix() {
    let (terminal, gate) = (Terminal::with_columns(100), Gate::new());
    let server = ScriptServer::start([replication(&gate)]);
    let run = replicating(&terminal, &server, &to_the_end());
    terminal.wait_for_text("replicating: ");
    run.signal(Signal::USR1);
    let summary = terminal.wait_for_text("elapsed ");
    terminal.wait_for("the status line again", |written| {
        written[summary.len()..].contains("replicating: ")
    });
    gate.open();
    run.wait().exit(0);
    let screen = terminal.screen();
    // The summary, what is left incomplete, and nothing of the status line.
    let (left, summary) = screen.split_last().unwrap();
    assert!(Left::Repair.is_said_by(left), "{screen:#?}");
    assert!(
        summary.last().unwrap().starts_with("oplog-tail: elapsed "),
        "{screen:#?}"
    );
    for line in screen {
        assert!(line.starts_with("oplog-tail: "), "{line}");
        assert!(!line.contains("replicating"), "{line}");
    }
}

#[test]
fn no_status_line() {
    // On the terminal that shows the records.
    let (terminal, gate) = (Terminal::with_columns(100), Gate::new());
    let server = ScriptServer::start([replication(&gate)]);
    let run = Tail::url(server.url())
        .args(["--start-id", "0"])
        .args(to_the_end())
        .stdout_to(terminal.stdio())
        .stderr_to(terminal.stdio())
        .spawn();
    let screen = no_line_comes(&terminal, &gate, run);
    let [.., live, left] = &screen[..] else {
        panic!("{screen:#?}");
    };
    assert_eq!(live, "** live");
    assert!(Left::Repair.is_said_by(left), "{left}");

    // Where it was not wanted, and where the terminal can only print.
    for (args, term) in [(&["-q"][..], "xterm"), (&[], "dumb")] {
        let (terminal, gate) = (Terminal::with_columns(100), Gate::new());
        let server = ScriptServer::start([replication(&gate)]);
        let run = Tail::url(server.url())
            .args(["--start-id", "0"])
            .args(to_the_end())
            .args(args)
            .env("TERM", term)
            .stderr_to(terminal.stdio())
            .spawn();
        no_line_comes(&terminal, &gate, run);
        let written = terminal.written();
        let Some(left) = written.strip_suffix("\u{4}end\u{4}") else {
            panic!("{written:?}");
        };
        if args.contains(&"-q") {
            assert_eq!(left, "");
        } else {
            let left = left.strip_suffix("\r\n").unwrap();
            assert!(Left::Repair.is_said_by(left), "{left:?}");
            assert!(!left.contains(['\r', '\n', '\u{1b}']), "{left:?}");
        }
    }
}

/// `oplog-tail … | less`: the pager shows the records on the same terminal.
#[test]
fn a_pager_has_the_terminal_for_itself() {
    let (terminal, gate) = (Terminal::with_columns(100), Gate::new());
    terminal.set_taken(true);
    let server = ScriptServer::start([replication(&gate)]);
    let run = replicating(&terminal, &server, &to_the_end());
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(terminal.written(), "");
    terminal.set_taken(false);
    terminal.wait_for_text("replicating: ");
    gate.open();
    run.wait().exit(0);
    shows_only(&terminal, Left::Repair);
}

/// Lets the run go on for longer than a status line takes to come, then ends it. Returns what the
/// terminal shows then.
#[track_caller]
fn no_line_comes(terminal: &Terminal, gate: &Gate, run: Running) -> Vec<String> {
    std::thread::sleep(Duration::from_millis(600));
    gate.open();
    run.wait().exit(0);
    let screen = terminal.screen();
    assert!(!terminal.written().contains("replicating"), "{screen:#?}");
    screen
}

/// Nobody asked for JSON but `auto`, for the records, which go elsewhere.
#[test]
fn a_summary_for_the_person_at_the_terminal() {
    for (args, is_text) in [(&[][..], true), (&["-o", "json"], false)] {
        let terminal = Terminal::with_columns(100);
        let server = ScriptServer::start([Script::events(insert(1)).stall()]);
        let run = Tail::url(server.url())
            .args(["-n", "1", "--stats"])
            .args(args)
            .stderr_to(terminal.stdio())
            .run()
            .exit(0);
        assert!(run.stdout_lines()[0].starts_with('{'));
        let first = terminal.screen().remove(0);
        assert_eq!(
            first.starts_with("oplog-tail: insert         1"),
            is_text,
            "{first}"
        );
        assert_eq!(first.starts_with("{\"events\""), !is_text, "{first}");
    }
}

#[test]
fn two_terminals() {
    let (records, terminal) = (Terminal::with_columns(100), Terminal::with_columns(100));
    let gate = Gate::new();
    let server = ScriptServer::start([replication(&gate)]);
    let run = Tail::url(server.url())
        .args(["--start-id", "0"])
        .args(to_the_end())
        .stdout_to(records.stdio())
        .stderr_to(terminal.stdio())
        .spawn();
    terminal.wait_for_text("replicating: ");
    gate.open();
    run.wait().exit(0);
    shows_only(&terminal, Left::Repair);
    assert!(!records.written().contains("replicating"));
}

#[test]
fn signals_leave_nothing_behind() {
    for (number, signal) in [(2, Signal::INT), (15, Signal::TERM), (1, Signal::HUP)] {
        let (terminal, gate) = (Terminal::with_columns(100), Gate::new());
        let server = ScriptServer::start([replication(&gate)]);
        let run = replicating(&terminal, &server, &to_the_end());
        terminal.wait_for_text("replicating: ");
        run.signal(signal);
        run.wait().exit(128 + number);
        shows_only(&terminal, Left::Replication);
    }
}

/// A replication that nobody takes: the program hangs in writing, and its supervisor ends it.
fn stuck(terminal: &Terminal) -> (Running, ScriptServer) {
    let flood = |number: u64| {
        let ms = 1_795_456_500_000 + number;
        format!("id: {ms}\nevent: insert\ndata: {{\"timestamp\":\"2026-11-23T17:55:12Z\",\"parents\":[],\"type\":\"video\",\"id\":\"{number}\"}}\n\n").into_bytes()
    };
    let script = Script::events("id: 1\nevent: reset\n\n")
        .pause(Duration::from_millis(600))
        .flood(flood);
    let server = ScriptServer::start([script]);
    let mut run = replicating(terminal, &server, &["-o", "json"]);
    terminal.wait_for_text("replicating: ");
    run.wait_until_stdout_is_full();
    (run, server)
}

#[test]
fn a_forced_end_leaves_nothing_behind() {
    let terminal = Terminal::with_columns(100);
    let (run, _server) = stuck(&terminal);
    run.signal(Signal::TERM);
    run.wait_without_reading()
        .exit(0)
        .within(Duration::from_secs(20));
    shows_only(&terminal, Left::Replication);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let terminal = Terminal::with_columns(100);
    let (mut run, _server) = stuck(&terminal);
    // Two that come before the program has seen the first are one.
    while run.is_running() {
        run.signal(Signal::INT);
        std::thread::sleep(Duration::from_millis(50));
    }
    // Not 0, with which the supervisor would have ended it.
    run.wait_without_reading().exit(130);
    assert_eq!(terminal.screen(), [""; 0]);
}

#[test]
fn the_status_line_follows_the_window() {
    let (terminal, gate) = (Terminal::with_columns(100), Gate::new());
    let server = ScriptServer::start([replication(&gate)]);
    let run = replicating(&terminal, &server, &to_the_end());
    terminal.wait_for_text("replicating: ");
    for columns in [50, 20, 2, 1, 0] {
        terminal.resize(columns);
        let before = terminal.written().len();
        terminal.wait_for("two more drawings", |written| {
            written[before..].matches("\u{1b}[J").count() > 2
        });
        let written = terminal.written();
        let last = written.rsplit("\u{1b}[K").nth(1).unwrap();
        let (last, _) = last.split_once("\u{1b}[J").unwrap();
        // A terminal without a size is taken for one of the usual size.
        let room = if columns == 0 {
            80
        } else {
            usize::from(columns)
        };
        assert!(
            last.trim_end().chars().count() < room,
            "{columns}: {last:?}"
        );
    }
    terminal.resize(120);
    gate.open();
    run.wait().exit(0);
    shows_only(&terminal, Left::Repair);
}
