//! The records for people.

use oplog_tail::server::object::Change;

use super::{check, scripted, server, status};
use crate::support::{Finished, Script, State, Terminal, closed_port};

/// What differs from run to run.
fn without_figures(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if out.ends_with('N') => {}
            '0'..='9' => out.push('N'),
            _ => out.push(c),
        }
    }
    out.replace("N.N", "N")
}

#[test]
fn one_line_for_each_finding() {
    let server = server();
    let id = server.append(&Change::insert("video", "1")).to_string();
    server.append(&Change::insert("video", "2"));
    server.figures().events_discarded = 3;
    let (state, dead) = (State::holding(&id), closed_port());
    let finished = check(&[server.url(), dead.clone()])
        .args(["-o", "text"])
        .state(state.path())
        .run()
        .exit(4)
        .stderr_is_empty();
    let lines = finished.stdout_lines();
    let begins = [
        format!("agent {}", server.url()),
        "  ok       connected in ".into(),
        "  ok       server oplog/1.1.6".into(),
        "  ok       its clock agrees with the one of this machine".into(),
        "  ok       /status: clients 1, operations received 2, stored 2, sent 1, refused 0, queue 0 of 100,000".into(),
        "  warning  it has discarded 3 operations since".into(),
        format!("agent {dead}"),
        "  problem  cannot connect: ".into(),
        format!("state {}", state.path().display()),
        format!("  ok       position {id}, of "),
        "  ok       no other process uses it".into(),
        format!("resume {}", server.url()),
        format!("  ok       the server still has operation {id}"),
        "  ok       1 operation waits; the first is ".into(),
        "1 problem, 1 warning".into(),
    ];
    for (line, begin) in lines.iter().zip(&begins) {
        assert!(line.starts_with(begin), "{line:?}, not {begin:?}");
    }
    assert_eq!(lines.len(), begins.len(), "{lines:#?}");
}

fn in_color(url: String) -> Finished {
    let args = ["-o", "text", "--color", "always"];
    check(&[url]).args(args).run()
}

#[test]
fn what_is_fine_is_dim_and_what_is_not_stands_out() {
    let server = server();
    let plain = check(&[server.url()]).args(["-o", "text"]).run().exit(0);
    let colored = in_color(server.url()).exit(0);
    let text = colored.stdout_text();
    assert!(
        text.contains("\u{1b}[2mok       server oplog/1.1.6\u{1b}[0m\n"),
        "{text}"
    );
    assert!(
        text.ends_with("\u{1b}[2meverything is fine\u{1b}[0m\n"),
        "{text}"
    );
    // Without its colours it is the same text.
    let bare = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m"]
        .iter()
        .fold(text.to_owned(), |text, code| text.replace(code, ""));
    assert_eq!(without_figures(&bare), without_figures(plain.stdout_text()));
    let dead = in_color(closed_port()).exit(4);
    let text = dead.stdout_text();
    assert!(
        text.contains("\u{1b}[31;7mproblem\u{1b}[0m  cannot"),
        "{text:?}"
    );
    server.figures().events_error = 1;
    let warned = in_color(server.url()).exit(0);
    let text = warned.stdout_text();
    assert!(
        text.contains("\u{1b}[35;1mwarning\u{1b}[0m  it has refused 1 "),
        "{text:?}"
    );
    assert!(
        text.ends_with("\u{1b}[35;1m1 warning\u{1b}[0m\n"),
        "{text:?}"
    );
}

#[test]
fn text_on_a_terminal_and_json_elsewhere() {
    let (server, terminal) = (server(), Terminal::with_columns(120));
    check(&[server.url()])
        .env("TERM", "xterm")
        .stdout_to(terminal.stdio())
        .run()
        .exit(0);
    let text = terminal.wait_for_text("everything is fine");
    assert!(text.contains("\u{1b}[1magent "), "{text:?}");
}

/// Nothing that an agent says drives the terminal.
#[test]
fn what_an_agent_says_is_escaped() {
    let name = [
        ("Server", "x\u{202e}y"),
        ("Content-Type", "text/event-stream"),
    ];
    let agent = scripted(
        Script::answer(200, &name, ""),
        status(r#"{"clients":1,"\u001b[31m":2}"#),
    );
    let finished = check(&[agent.url()]).args(["-o", "text"]).run().exit(0);
    let text = finished.stdout_text();
    assert!(text.contains(r"server x\u{202e}y"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}
