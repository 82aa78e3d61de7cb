//! What is refused before anything is done.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::support::{Script, ScriptServer, State, Tail, insert, operation_id};

/// A run with these arguments, which must be refused with a message that has all of `named`.
#[track_caller]
fn refused(args: &[&str], named: &[&str]) {
    let state = State::holding(operation_id(1));
    let server = ScriptServer::repeating(Script::events(insert(2)).stall());
    let mut finished = Tail::url(server.url())
        .state(state.path())
        .args(args)
        .run()
        .exit(2)
        .stdout_is::<&str>(&[]);
    for text in named {
        finished = finished.stderr_has(text);
    }
    assert!(server.requests().is_empty());
    state.is(&operation_id(1));
}

#[test]
fn no_url() {
    let finished = Tail::new().run().exit(2).stderr_has("--url");
    finished.stdout_is::<&str>(&[]);
}

/// What is set and cannot be read is not taken for unset.
#[test]
fn variables_that_are_not_utf_8() {
    let value = OsStr::from_bytes(b"http://hush\xff/");
    for name in ["OPLOG_TAIL_URL", "OPLOG_TAIL_PASSWORD"] {
        Tail::new()
            .env(name, value)
            .run()
            .exit(2)
            .stderr_has(&format!("{name}: its value is not UTF-8"))
            .stderr_lacks("hush");
    }
}

#[test]
fn unknown_flags() {
    refused(&["--no-such-flag"], &["--no-such-flag"]);
    refused(&["-Z"], &["-Z"]);
}

#[test]
fn values_that_are_none_of_the_choices() {
    for flag in [
        "--output",
        "--color",
        "--ack",
        "--on-invalid",
        "--on-resume-failed",
        "--generate",
    ] {
        refused(&[flag, "sideways"], &[flag, "sideways"]);
    }
}

#[test]
fn what_is_mistyped_gets_a_suggestion() {
    for (typed, meant) in [
        (&["--tpyes", "video"][..], "--types"),
        (&["--stat-file", "x"], "--state-file"),
        (&["--until-alive"], "--until-live"),
        (&["--ack", "sdtin"], "stdin"),
        (&["-o", "jsn"], "json"),
        (&["--on-resume-failed", "contiune"], "continue"),
        (&["--ulr", "http://127.0.0.1:1/"], "--url"),
        (&["--ack", "STDIN"], "stdin"),
        (&["-o", "Json"], "json"),
        (&["--json"], "--output json"),
        (&["-state-file", "x"], "--state-file"),
        (&["-type", "video"], "--types"),
        (&["-allow-replication"], "--allow-replication"),
    ] {
        refused(typed, &[&format!("'{meant}'")]);
    }
    refused(&["--start-id", "NOW"], &["did you mean \"now\"?"]);
}

#[test]
fn a_url_without_its_scheme_gets_it_suggested() {
    for (url, meant) in [
        ("localhost:8042", "http://localhost:8042?"),
        ("oplog.example.com/ops", "http://oplog.example.com/ops?"),
        ("10.0.0.1", "http://10.0.0.1?"),
        ("//localhost:9", "http://localhost:9?"),
    ] {
        refused(
            &["--url", url],
            &["must begin with http://", "did you mean", meant],
        );
    }
    let finished = Tail::url("user:hush@host:8042").run().exit(2);
    finished.stderr_lacks("did you mean").stderr_lacks("hush");
}

#[test]
fn ids() {
    for id in [
        "abc",
        "12345678901234",
        "545b55c7f095528dd0f3863",
        "545b55c7f095528dd0f3863g",
        "",
    ] {
        refused(&["--start-id", id], &["--start-id", id]);
    }
    refused(&["--start-id=-1"], &["--start-id", "-1"]);
}

#[test]
fn times() {
    for since in [
        "yesterday-ish",
        "2026-13-01",
        "2026-11-23T25:00:00Z",
        "2026-11-23T10:00:00+25:00",
        "5x",
        "",
    ] {
        refused(&["--since", since], &["--since", since]);
    }
}

#[test]
fn durations() {
    for flag in [
        "--until-idle",
        "--timeout",
        "--connect-timeout",
        "--read-timeout",
    ] {
        for value in ["5x", "soon", "", "1h30"] {
            refused(&[flag, value], &[flag, value]);
        }
        let negative = format!("{flag}=-1s");
        refused(&[&negative], &[flag, "-1s"]);
        refused(&[flag, "-1s"], &[flag, "-1s", "cannot be negative"]);
    }
}

#[test]
fn numbers() {
    for flag in ["--count", "--retries", "--max-in-flight"] {
        for value in ["many", "1.5", ""] {
            refused(&[flag, value], &[flag, value]);
        }
        let negative = format!("{flag}=-1");
        refused(&[&negative], &[flag, "-1"]);
        refused(&[flag, "-1"], &[flag, "-1", "cannot be negative"]);
    }
    refused(&["--max-in-flight", "0"], &["--max-in-flight", "0"]);
}

#[test]
fn headers() {
    for value in [
        "no colon",
        "Bad Name: x",
        ": empty",
        "X: a\nb",
        "X: a\r\nY: b",
    ] {
        // Only the name is sure to be shown: the value may be a secret.
        let shown = value.split(':').next().unwrap();
        refused(&["--header", value], &["--header", shown]);
    }
}

#[test]
fn urls() {
    for url in [
        "ftp://127.0.0.1/",
        "127.0.0.1:1",
        "http://",
        "http://127.0.0.1:99999/",
        "a b",
        "",
    ] {
        let finished = Tail::url(url)
            .run()
            .exit(2)
            .stderr_has("--url")
            .stderr_has(url);
        finished.stdout_is::<&str>(&[]);
        refused(&["--url", url], &["--url", url]);
    }
    refused(&["--proxy", "not a url"], &["--proxy", "not a url"]);
}

#[test]
fn certificates() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authority.pem");
    let shown = path.display().to_string();
    refused(&["--cacert", &shown], &["--cacert", &shown]);
    for content in [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
    ] {
        std::fs::write(&path, content).unwrap();
        refused(&["--cacert", &shown], &["--cacert", &shown]);
    }
}

#[test]
fn password_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    let shown = path.display().to_string();
    refused(&["--password-file", &shown], &["--password-file", &shown]);
    std::fs::write(&path, b"\xff\xfe").unwrap();
    refused(&["--password-file", &shown], &["--password-file", &shown]);
    let folder = folder.path().display().to_string();
    refused(&["--password-file", &folder], &["--password-file", &folder]);
}

#[test]
fn contradictions() {
    refused(
        &["--since", "2h", "--start-id", "0"],
        &["--since", "--start-id"],
    );
    refused(&["-q", "-v"], &["--quiet", "--verbose"]);
    refused(
        &["--demo", "--proxy", "http://127.0.0.1:1"],
        &["--demo", "--proxy"],
    );
    // Both would read stdin.
    refused(
        &["--ack", "stdin", "--password-file", "-"],
        &["--ack", "--password-file"],
    );
}

#[test]
fn help_and_version_are_no_errors() {
    for flag in ["-h", "--help", "-V", "--version"] {
        let finished = Tail::new().arg(flag).run().exit(0).stderr_is_empty();
        assert!(finished.stdout_text().contains("oplog-tail"));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn help_that_cannot_be_written_is_a_failure() {
    for args in ["-h", "--help", "-V", "--version", "--generate man"] {
        for (redirection, problem) in [
            (">/dev/full", "No space left on device"),
            (">&-", "it is closed"),
        ] {
            let script = format!("exec \"$0\" {args} {redirection}");
            Tail::of("/bin/sh")
                .args(["-c", &script, env!("CARGO_BIN_EXE_oplog-tail")])
                .run()
                .exit(1)
                .stderr_is_prefixed()
                .stderr_has(&format!("cannot write to stdout: {problem}"))
                .stderr_lacks("os error");
        }
    }
}

/// One of 50 lines and 80 columns, with the command line before it and the prompt after it.
#[test]
fn the_short_help_fits_a_screen() {
    let lines = Tail::new().arg("-h").run().exit(0).stdout_lines();
    assert!(lines.len() <= 48, "{}", lines.len());
    for line in lines {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
