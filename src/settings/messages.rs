//! The answers to wrong command lines, for the list of messages.

use super::{Inputs, Settings};
use crate::cli;

/// What was typed, with the variables that are set before it as in a shell.
const TYPED: &[&str] = &[
    // What is contradictory or missing.
    "",
    "--demo --url http://h/",
    "--demo --proxy http://p/",
    "http://h/ --rewind --since 2h",
    "http://h/ --rewind --state st",
    "http://h/ --max-in-flight 5",
    "http://h/ --ack stdin --password-file -",
    "http://h/ --since 2h --start-id 0",
    "http://h/ --key k.pem",
    "http://h/ -q -v",
    // Where to start and to end.
    "http://h/ --start-id NOW",
    "http://h/ --start-id yesterday",
    "http://h/ --since sometime",
    "http://h/ --since 0",
    "http://h/ --since now",
    "http://h/ --since 30",
    "http://h/ --since -2h",
    "http://h/ --since 1000000d",
    "http://h/ --since 1969-12-31",
    "http://h/ --since 2030-01-01",
    "http://h/ --until NOW",
    "http://h/ --until later",
    // Numbers and words.
    "http://h/ -n 0",
    "http://h/ -n -1",
    "http://h/ -n 99999999999999999999999",
    "http://h/ --retries many",
    "http://h/ --timeout 30",
    "http://h/ --timeout 0",
    "http://h/ --timeout soon",
    "http://h/ --ack STDIN",
    "http://h/ -o yaml",
    // Flags that do not exist.
    "http://h/ --until-alive",
    "http://h/ -state st",
    "http://h/ --json",
    "http://h/ --frobnicate",
    "http://h/ -f",
    "http://h/ --follow",
    "http://h/ --tail 10",
    "http://h/ --lines=10",
    "http://h/ -10",
    // Addresses.
    "localhost:8042",
    "ftp://h/",
    "http://",
    "http://h/?types=a --types b",
    "http://h/ --types a,,b",
    "http://a:b%3Ac@h/ --header nonsense",
    "http://a%3Ab@h/",
    // Credentials.
    "http://h/ --password-file /nowhere/pw",
    "http://h/ --password-file /dev/null",
    "http://h/ --password-file /dev/zero",
    "http://h/ -H X",
    "http://h/ -H :x",
    "http://h/ -H Accept:x",
    "http://h/ -H Last-Event-ID:1",
    "http://h/ -H Connection:x",
    "http://h/ -H Content-Length:1",
    "http://h/ -H X:\u{7f}",
    "http://h/ --password p -H Authorization:x",
    // Certificates.
    "http://h/ --cacert /nowhere/ca.pem",
    "http://h/ --cacert /dev/null",
    "http://h/ --cert /dev/null",
    // Proxies.
    "http://h/ --proxy socks5://p:1080",
    "http://h/ --proxy ftp://p",
    "http://h/ --proxy p",
    "http://h/ --proxy http://a:b/c@p",
    "HTTP_PROXY=socks5://p:1080 http://h/",
    "HTTP_PROXY=ftp://p http://h/",
    "HTTP_PROXY=http:// http://h/",
    "HTTP_PROXY=\"http://p\" http://h/",
    "HTTP_PROXY=http://p NO_PROXY=\"a\" http://h/",
];

/// Each command line with the answer to it.
pub(crate) fn all() -> Vec<String> {
    TYPED.iter().map(|typed| answer(typed)).collect()
}

fn answer(typed: &'static str) -> String {
    let words = typed.split(' ');
    let (env, args): (Vec<_>, Vec<_>) = words.partition(|word| word.contains("_PROXY="));
    let line = [&["$"], &*env, &["oplog-tail"], &*args].concat().join(" ");
    let args = args.into_iter().filter(|arg| !arg.is_empty());
    let error = cli::parse(["oplog-tail"].into_iter().chain(args)).and_then(|cli| {
        let inputs = Inputs {
            env: Box::new(move |name| {
                let mut set = env.iter().filter_map(|word| word.split_once('='));
                Some(set.find(|(set, _)| *set == name)?.1.into())
            }),
            now: "2026-11-23T12:00:00Z".parse().unwrap(),
            time_zone: || jiff::tz::TimeZone::UTC,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            stderr_is_terminal_of_its_own: false,
            stdin: Box::new(std::io::empty()),
        };
        Ok(Settings::resolve(cli, inputs, None)?)
    });
    let said = error.expect_err(typed).to_string();
    // The usage and where to find help are the same everywhere.
    let said = said.split("\nUsage:").next().unwrap_or_default();
    let said = said
        .split("\nFor more information")
        .next()
        .unwrap_or_default();
    let lines = said.lines().filter(|line| !line.is_empty());
    lines.fold(line, |all, line| all + "\n  " + line.trim_end())
}
