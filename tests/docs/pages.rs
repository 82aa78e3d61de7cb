//! The man page and its parts against the definitions in the code, both ways.

use std::collections::BTreeSet;

use clap::{Arg, CommandFactory as _};
use oplog_tail::cli::{self, Cli};
use oplog_tail::exit::ExitStatus;

use crate::{file, run, text};

/// What the program reads from its environment: its own variables, and what it follows of others.
pub const VARIABLES: [&str; 11] = [
    cli::URL_VARIABLE,
    cli::PASSWORD_VARIABLE,
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "REQUEST_METHOD",
    "NO_COLOR",
    "CLICOLOR_FORCE",
    "CLICOLOR",
    "TERM",
];

/// The man page without its escapes.
pub fn man() -> String {
    text("man/oplog-tail.1")
        .replace("\\-", "-")
        .replace("\\fB", "")
        .replace("\\fI", "")
        .replace("\\fR", "")
}

/// Every long flag and alias of the program, with its dashes.
pub fn flags() -> BTreeSet<String> {
    let command = Cli::command();
    command
        .get_arguments()
        .flat_map(|arg| arg.get_long_and_visible_aliases().unwrap_or_default())
        .map(|long| format!("--{long}"))
        .collect()
}

/// Everything in a text that looks like a long flag.
pub fn mentioned_flags(text: &str) -> BTreeSet<String> {
    let is_flag = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.split(|c: char| !is_flag(c))
        .filter(|word| word.starts_with("--") && word.len() > 3 && !word.starts_with("---"))
        .map(|word| word.trim_end_matches('-').to_owned())
        .collect()
}

#[test]
fn the_copy_of_the_short_help_is_up_to_date() {
    let mut command = Cli::command().term_width(100);
    let help = cli::short_help(&mut command).to_string();
    assert!(
        text("man/help.txt") == help,
        "man/help.txt is out of date; regenerate it with:\n  cargo run -- -h > man/help.txt"
    );
}

#[test]
fn every_flag_is_in_the_man_page_and_no_other() {
    assert_eq!(mentioned_flags(&man()), flags());
    for short in Cli::command().get_arguments().filter_map(Arg::get_short) {
        assert!(man().contains(&format!("\n-{short}, --")), "-{short}");
    }
}

#[test]
fn every_variable_is_in_the_man_page_and_no_other() {
    let man = man();
    let (_, rest) = man.split_once("\n.SH ENVIRONMENT\n").unwrap();
    let section = rest.split("\n.SH ").next().unwrap();
    let mut lines = section.lines();
    let mut named = Vec::new();
    while let Some(line) = lines.next() {
        if line == ".TP" {
            let names = lines.next().unwrap();
            let names = names.trim_start_matches(".BR ").trim_start_matches(".B ");
            let names = names.split([' ', '"', ',']).filter(|name| !name.is_empty());
            named.extend(names.map(str::to_owned));
        }
    }
    assert_eq!(named, VARIABLES);
}

/// The code below this folder.
fn sources(folder: &str) -> String {
    let mut sources = Vec::new();
    let mut folders = vec![file(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                sources.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    sources.concat()
}

/// What the consumer says is about servers and connections; what to type is said elsewhere.
#[test]
fn the_consumer_knows_no_flags() {
    for line in sources("src/consumer").lines() {
        let is_comment = line.trim_start().starts_with("//");
        assert!(is_comment || mentioned_flags(line).is_empty(), "{line}");
    }
}

/// The names that the code looks up are those of the list above.
#[test]
fn the_code_reads_the_variables_that_are_documented() {
    let sources = sources("src");
    for name in VARIABLES.iter().filter(|name| !name.contains("_PROXY")) {
        assert!(sources.contains(&format!("\"{name}\"")), "{name}");
    }
    let calls = ["env(\"", "env)(\"", "non_empty(\"", "var(\"", "var_os(\""];
    for call in calls {
        for rest in sources.split(call).skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(VARIABLES.contains(&name), "{name} is not documented");
        }
    }
}

#[test]
fn every_exit_status_is_in_the_man_page_and_no_other() {
    let man = man();
    let (_, rest) = man.split_once("\n.SH EXIT STATUS\n").unwrap();
    let section = rest.split("\n.SH ").next().unwrap();
    let codes: Vec<_> = section
        .lines()
        .filter_map(|line| line.strip_prefix(".B "))
        .collect();
    let mut expected: Vec<_> = ExitStatus::TABLE.map(|(code, _)| code.to_string()).into();
    expected.push("128+n".into());
    assert_eq!(codes, expected);
}

/// The status of every variant, so that a new one cannot be left out of the table.
#[test]
fn the_table_of_exit_statuses_is_complete() {
    let all = [
        ExitStatus::Success,
        ExitStatus::Failure,
        ExitStatus::Usage,
        ExitStatus::AccessDenied,
        ExitStatus::CannotConnect,
        ExitStatus::StateFile,
        ExitStatus::ResumeFailed,
        ExitStatus::TimedOut,
        ExitStatus::Differences,
    ];
    for status in all {
        match status {
            ExitStatus::Success
            | ExitStatus::Failure
            | ExitStatus::Usage
            | ExitStatus::AccessDenied
            | ExitStatus::CannotConnect
            | ExitStatus::StateFile
            | ExitStatus::ResumeFailed
            | ExitStatus::TimedOut
            | ExitStatus::Differences
            | ExitStatus::Signal(_) => {}
        }
    }
    let codes = ExitStatus::TABLE.map(|(code, _)| code);
    assert_eq!(all.map(ExitStatus::code), codes);
}

/// Of the release that the changelogs and the man page are of.
#[test]
fn the_debian_package_has_the_version_and_the_date_of_the_release() {
    let version = env!("CARGO_PKG_VERSION");
    let changelog = text("man/changelog.Debian");
    let newest = format!("oplog-tail ({version}-1) ");
    assert!(changelog.starts_with(&newest), "{changelog}");
    let man = man();
    let header = man.lines().next().unwrap();
    let released: jiff::civil::Date = header.split(' ').nth(3).unwrap().parse().unwrap();
    let signed = changelog.lines().find_map(|line| line.strip_prefix(" -- "));
    let date = released.strftime("  %a, %d %b %Y ").to_string();
    assert!(signed.unwrap().contains(&date), "{date:?}: {changelog}");
}

/// Where Debian wants what is in the package.
#[test]
fn the_debian_package_has_everything() {
    let manifest = text("Cargo.toml");
    for (file, place) in [
        ("target/release/oplog-tail", "usr/bin/"),
        ("man/oplog-tail.1", "usr/share/man/man1/"),
        (
            "completions/oplog-tail.bash",
            "usr/share/bash-completion/completions/oplog-tail",
        ),
        (
            "completions/_oplog-tail",
            "usr/share/zsh/vendor-completions/",
        ),
        (
            "completions/oplog-tail.fish",
            "usr/share/fish/vendor_completions.d/",
        ),
        ("man/cookbook.md", "usr/share/doc/oplog-tail/"),
        ("CHANGELOG.md", "usr/share/doc/oplog-tail/changelog"),
    ] {
        let asset = format!("[\"{file}\", \"{place}\", ");
        assert!(manifest.contains(&asset), "{asset}");
    }
}

#[test]
fn the_man_page_has_the_usual_sections() {
    let page = text("man/oplog-tail.1");
    let sections = page.lines().filter_map(|line| line.strip_prefix(".SH "));
    assert_eq!(
        sections.collect::<Vec<_>>(),
        [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "EXIT STATUS",
            "ENVIRONMENT",
            "FILES",
            "SIGNALS",
            "OUTPUT",
            "SUMMARY",
            "INSTEAD OF FOLLOWING",
            "POSITIONS",
            "REPLICATIONS",
            "SLOW READERS",
            "PROTOCOL NOTES",
            "LIMITS",
            "EXAMPLES",
            "COMING FROM THE GO TOOL",
            "SEE ALSO"
        ]
    );
}

#[test]
fn the_man_page_is_clean() {
    let Some(output) = run("mandoc", &["-Tlint", "man/oplog-tail.1"]) else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
