//! How arguments, environment and standard input come together.

mod source;

use std::num::NonZeroU64;
use std::time::Duration;

use super::*;
use crate::consumer::OnResumeFailed;
use crate::oplog::Position;

/// What a run with these arguments in this environment does; `stdin` is what is typed into it.
struct Given<'a> {
    env: &'a [(&'a str, &'a str)],
    stdin: &'a str,
    stdout_is_terminal: bool,
    demo_url: Option<&'a str>,
}

const NOTHING: Given<'_> = Given {
    env: &[],
    stdin: "",
    stdout_is_terminal: false,
    demo_url: None,
};

fn resolve_given(args: &[&str], given: &Given<'_>) -> Result<Settings, UsageError> {
    let env: Vec<(String, String)> = given
        .env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let inputs = Inputs {
        env: Box::new(move |name| {
            let found = env.iter().find(|(key, _)| key == name)?;
            Some(found.1.clone().into())
        }),
        now: "2026-11-23T12:00:00Z".parse().unwrap(),
        time_zone: || jiff::tz::TimeZone::UTC,
        stdout_is_terminal: given.stdout_is_terminal,
        stderr_is_terminal: false,
        stderr_is_terminal_of_its_own: false,
        stdin: Box::new(std::io::Cursor::new(given.stdin.to_owned())),
    };
    let cli = cli::parse([&["oplog-tail"], args].concat()).unwrap();
    Settings::resolve(cli, inputs, given.demo_url)
}

/// With `--url http://h/` before the arguments.
fn resolve(args: &[&str]) -> Settings {
    resolve_given(&[&["--url", "http://h/"], args].concat(), &NOTHING).unwrap()
}

fn error(args: &[&str]) -> String {
    let args = [&["--url", "http://h/"], args].concat();
    resolve_given(&args, &NOTHING).unwrap_err().to_string()
}

fn url_of(settings: &Settings) -> &str {
    settings.consumer.endpoints[0].url.as_str()
}

#[test]
fn defaults() {
    let settings = resolve(&[]);
    let consumer = &settings.consumer;
    assert_eq!(url_of(&settings), "http://h/");
    assert_eq!(consumer.http.connect_timeout, Duration::from_secs(10));
    assert_eq!(consumer.http.read_timeout, Some(Duration::from_mins(1)));
    assert_eq!((consumer.retries, consumer.start), (None, Start::Now));
    assert_eq!(consumer.on_resume_failed, OnResumeFailed::Continue);
    assert_eq!(consumer.acknowledging, Acknowledging::InOrder);
    assert!(!consumer.exact_resume && !consumer.http.tls.accept_invalid);
    assert!(consumer.endpoints[0].authorization.is_none());
    assert_eq!(
        (settings.ack, settings.on_invalid),
        (Ack::Auto, OnInvalid::Skip)
    );
    assert_eq!(settings.stop, Stopping::default());
    assert!(!settings.stop.any_asked_for());
    assert_eq!(settings.verbosity, Verbosity::Normal);
    assert!(!settings.start_given && !settings.rewind && !settings.lag && !settings.stats);
}

#[test]
fn where_to_start() {
    let replication = Start::At(Position::FULL_REPLICATION);
    for (args, start, given) in [
        (&["--start-id", "now"][..], Start::Now, true),
        (&["--start-id", "0"], replication, true),
        (&["--allow-replication"], replication, true),
        (
            &["--since", "1970-01-01"],
            Start::At(Position::of_second(1)),
            true,
        ),
        (
            &["--since", "12h"],
            Start::At(Position::of_second(1_795_392_000)),
            true,
        ),
    ] {
        let settings = resolve(args);
        assert_eq!(
            (settings.consumer.start, settings.start_given),
            (start, given),
            "{args:?}"
        );
    }
    assert!(error(&["--start-id", "-1"]).starts_with("--start-id \"-1\": "));
}

#[test]
fn contradictions_are_refused() {
    for (args, about) in [
        (&["--rewind"][..], "--state"),
        (&["--rewind", "--start-id", "0"], "--state"),
        (&["--rewind", "--state", "st"], "--start-id"),
        (&["--max-in-flight", "5"], "--ack stdin"),
        (&["--max-in-flight", "5", "--ack", "none"], "--ack stdin"),
        (
            &["--ack", "stdin", "--password-file", "-"],
            "--password-file -",
        ),
    ] {
        assert!(error(args).contains(about), "{args:?}");
    }
    let rewind = resolve(&["--rewind", "--state", "st", "--allow-replication"]);
    assert!(rewind.rewind);
    for args in [
        &["--since", "1h", "--start-id", "0"][..],
        &["--allow-replication", "--start-id", "0"],
        &["--allow-replication", "--since", "1h"],
        &["-q", "-v"],
        &["--timeout", "0"],
        &["--read-timeout", "5"],
        &["-n", "0"],
        &["--state", ""],
        &["--max-in-flight", "0", "--ack", "stdin"],
        &["--ack", "maybe"],
    ] {
        let error = cli::parse([&["oplog-tail"], args].concat()).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{args:?}");
    }
}

#[test]
fn acknowledging_and_stopping() {
    let by_id = |max_in_flight| Acknowledging::ById { max_in_flight };
    assert_eq!(
        resolve(&["--ack", "stdin"]).consumer.acknowledging,
        by_id(1000)
    );
    let limited = resolve(&["--ack", "stdin", "--max-in-flight", "7"]);
    assert_eq!(
        (limited.ack, limited.consumer.acknowledging),
        (Ack::Stdin, by_id(7))
    );
    let settings = resolve(&[
        "-n",
        "3",
        "--until-live",
        "--until-idle",
        "2s",
        "--timeout",
        "1m",
    ]);
    assert_eq!(settings.stop.count, NonZeroU64::new(3));
    assert!(settings.stop.until_live && settings.stop.any_asked_for());
    assert_eq!(settings.stop.until_idle, Some(Duration::from_secs(2)));
    assert_eq!(settings.stop.timeout, Some(Duration::from_mins(1)));
    assert!(!resolve(&["--timeout", "1m"]).stop.any_asked_for());
    assert_eq!(
        resolve(&["--read-timeout", "0"]).consumer.http.read_timeout,
        None
    );
}

#[test]
fn output_and_diagnostics() {
    let terminal = Given {
        stdout_is_terminal: true,
        ..NOTHING
    };
    for (args, given, format, color) in [
        (&[][..], &NOTHING, Format::Json, false),
        (&[], &terminal, Format::Text, true),
        (&["-o", "json"], &terminal, Format::Json, true),
        (&["-o", "text"], &NOTHING, Format::Text, false),
        (
            &["-o", "text", "--color", "always"],
            &NOTHING,
            Format::Text,
            true,
        ),
        (&["--color", "never"], &terminal, Format::Text, false),
    ] {
        let settings = resolve_given(&[&["http://h/"], args].concat(), given).unwrap();
        assert_eq!(
            (settings.format, settings.color),
            (format, color),
            "{args:?}"
        );
    }
    for (args, verbosity) in [
        (&["-q"][..], Verbosity::Quiet),
        (&["-v"], Verbosity::Verbose),
        (&["-vv"], Verbosity::Trace),
        (&["-vvv"], Verbosity::Trace),
    ] {
        assert_eq!(resolve(args).verbosity, verbosity);
    }
}

#[test]
fn usage_errors_exit_with_2() {
    let error = clap::Error::from(UsageError::new("--since \"x\": no"));
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().starts_with("error: --since \"x\": no"));
}
