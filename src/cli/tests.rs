use super::*;

fn error(args: &[&str]) -> clap::Error {
    parse([&["oplog-tail"], args].concat()).unwrap_err()
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn single_dash_flags_of_the_go_tool_get_a_hint() {
    for (args, meant) in [
        (&["-state-file", "x"][..], "--state-file"),
        (&["http://h/", "-password=secret"], "--password"),
        (&["-types", "video"], "--types"),
        (&["-parents", "user/1"], "--parents"),
        (&["-allow-replication"], "--allow-replication"),
    ] {
        let error = error(args);
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        assert!(text.contains(&format!("did you mean '{meant}'")), "{text}");
        assert!(!text.contains("secret"));
    }
}

#[test]
fn short_flags_and_odd_passwords_need_no_hint() {
    let cli = parse(["oplog-tail", "-vv", "-n5", "-sx", "--password", "-types"]).unwrap();
    assert_eq!(cli.output.verbose, 2);
    assert_eq!(cli.connection.password.unwrap().expose(), "-types");
    assert!(parse(["oplog-tail", "--", "-types"]).is_ok());
}

#[test]
fn help_and_version_are_no_failures() {
    for flag in ["-h", "--help", "-V", "--version"] {
        assert_eq!(error(&[flag]).exit_code(), 0, "{flag}");
    }
    assert_eq!(error(&["--nonsense"]).exit_code(), 2);
    assert_eq!(error(&["--generate", "man", "--demo"]).exit_code(), 2);
}

#[test]
fn short_help_fits_a_screen_with_one_line_a_flag() {
    let help = error(&["-h"]).to_string();
    // With the command line before and the prompt after it, 50.
    let last = help.trim_end().lines().last().unwrap_or_default();
    for (code, _) in &ExitStatus::TABLE[2..] {
        assert!(last.contains(&format!(" {code} ")), "{last}");
    }
    assert!(help.lines().count() <= 48, "{}", help.lines().count());
    assert!(
        help.lines().all(|line| line.chars().count() <= 80),
        "{help}"
    );
    let indented = |line: &&str| line.starts_with("   ");
    for line in help.lines().filter(indented) {
        assert!(
            line.trim_start().starts_with('-') || line.contains("oplog-tail"),
            "{line}"
        );
    }
    let long_help = error(&["--help"]).to_string();
    for arg in Cli::command()
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
    {
        let long = format!("--{}", arg.get_long().unwrap());
        let is_of_flag = |line: &&str| {
            let mut words = line.split_whitespace().take(2);
            line.trim_start().starts_with('-')
                && words.any(|word| word.trim_end_matches('.') == long)
        };
        let first_words = help.lines().filter(is_of_flag).count();
        let expected = usize::from(!arg.is_hide_short_help_set());
        assert_eq!(first_words, expected, "{long}\n{help}");
        // The examples in the long help name flags as well.
        let first_words = long_help.lines().filter(is_of_flag).count();
        assert!(first_words >= 1, "{long}\n{long_help}");
    }
}

/// Following is the default, and there are no last lines.
#[test]
fn the_flags_of_tail_get_a_hint() {
    for (args, typed, hint) in [
        (&["-f"][..], "-f", "following is the default"),
        (&["-vf"], "-f", "following is the default"),
        (&["--follow"], "--follow", "following is the default"),
        (&["--tail", "10"], "--tail", "-n N stops after N lines"),
        (&["--tail=10"], "--tail", "-n N stops after N lines"),
        (&["--lines", "10"], "--lines", "-n N stops after N lines"),
        (&["-10"], "-10", "-n 10 stops after 10 lines"),
        (&["http://h/", "-5"], "-5", "-n 5 stops after 5 lines"),
    ] {
        let error = error(args);
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        let unknown = format!("unknown flag '{typed}': ");
        assert!(text.contains(&unknown) && text.contains(hint), "{text}");
    }
}

#[test]
fn what_is_mistyped_is_suggested_only_where_it_is_near() {
    for (typed, meant) in [
        ("--ulr", "--url"),
        ("--uri", "--url"),
        ("--type", "--types"),
        ("--passwd", "--password"),
        ("--until_live", "--until-live"),
        ("--retry", "--retries"),
        ("--verb", "--verbose"),
        ("--max", "--max-in-flight"),
        ("--json", "--output json"),
        ("--format", "--output"),
        ("--URL", "--url"),
        ("--State", "--state"),
    ] {
        let text = error(&[typed]).to_string();
        let tip = format!("tip: a similar argument exists: '{meant}'");
        assert!(text.contains(&tip), "{text}");
    }
    for typed in ["--follow", "--frobnicate", "-Z"] {
        let text = error(&[typed]).to_string();
        assert!(text.contains(&format!("'{typed}'")), "{text}");
        assert!(!text.contains("tip:"), "{text}");
    }
    let text = error(&["-type", "video"]).to_string();
    assert!(
        text.contains("did you mean '--types' (two dashes)?"),
        "{text}"
    );
    // What comes after -s is its value.
    for args in [["-sstate", "-t"], ["-sstats", "-a"]] {
        let text = error(&args).to_string();
        assert!(text.contains(&format!("'{}'", args[1])), "{text}");
        assert!(!text.contains("did you mean"), "{text}");
    }
}

/// A file, a header and a URL have no sign.
#[test]
fn only_numbers_can_be_negative() {
    for args in [
        ["--password-file", "-5"],
        ["-s", "-5"],
        ["-H", "-5: x"],
        ["-u", "-5"],
    ] {
        let text = error(&args).to_string();
        assert!(text.contains("unexpected argument '-5'"), "{text}");
        assert!(!text.contains("negative"), "{text}");
    }
}

#[test]
fn numbers_that_make_no_sense_are_told_why() {
    for (args, problem) in [
        (
            &["-n", "-1"][..],
            "invalid value '-1' for '--count <N>': it cannot be negative",
        ),
        (
            &["-vn", "-1"],
            "invalid value '-1' for '--count <N>': it cannot be negative",
        ),
        (
            &["--timeout", "-5s"],
            "invalid value '-5s' for '--timeout <DUR>': it cannot be negative",
        ),
        (
            &["--retries", "-1"],
            "invalid value '-1' for '--retries <N>': it cannot be negative",
        ),
        (
            &["-n", "0"],
            "invalid value '0' for '--count <N>': expected a whole number, 1 or more",
        ),
        (
            &["-n=-1"],
            "invalid value '-1' for '--count <N>': it cannot be negative",
        ),
        (
            &["--timeout=-5s"],
            "invalid value '-5s' for '--timeout <DUR>': it cannot be negative",
        ),
        (
            &["-n", "99999999999999999999999"],
            "for '--count <N>': too large",
        ),
        (
            &["--retries", "4294967296"],
            "for '--retries <N>': too large",
        ),
        (
            &["--color", "-5"],
            "invalid value '-5' for '--color <WHEN>'",
        ),
        (
            &["--max-in-flight", "x"],
            "for '--max-in-flight <N>': expected a whole number, 1 or more",
        ),
        (
            &["--retries", "1.5"],
            "for '--retries <N>': expected a whole number, 0 or more",
        ),
    ] {
        let error = error(args);
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        assert!(text.contains(problem), "{text}");
        assert!(!text.contains("tip:"), "{text}");
    }
}

/// The text of every flag says once what happens without it, and shows it where it takes a value.
#[test]
fn long_help_has_a_default_and_an_example_for_each_flag() {
    for arg in Cli::command()
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
    {
        let name = arg.get_long().unwrap();
        if ["help", "version", "generate"].contains(&name) {
            continue;
        }
        let text = arg.get_long_help().unwrap().to_string();
        let defaults = text.matches("Default: ").count() + text.matches("[default: ").count();
        assert_eq!(defaults, 1, "{name}: {text}");
        if arg.get_action().takes_values() {
            assert!(text.contains("Example: "), "{name}");
        }
    }
}

#[test]
fn long_help_explains_the_exit_statuses() {
    let help = error(&["--help"]).to_string();
    for (code, _) in ExitStatus::TABLE {
        assert!(help.contains(&format!("\n  {code}      ")), "{code}");
    }
    assert!(help.contains("128+n"));
}
