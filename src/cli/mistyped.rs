//! Hints for a command line that is nearly right.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use crate::duration;

/// The minimum similarity, from 0 to 1, of a flag that begins like the typed one.
const ALIKE: f64 = 0.8;

/// The error of clap, made useful where it is about a flag that does not exist.
///
/// The advice of clap is left out: it explains how to pass the flag as a URL, finds `--color` similar
/// to `--follow`, and finds nothing similar to `--ulr`.
pub(super) fn explained(
    mut error: clap::Error,
    command: &Command,
    args: &[OsString],
) -> clap::Error {
    match error.kind() {
        ErrorKind::UnknownArgument => {}
        ErrorKind::InvalidValue => return with_value_in_lower_case(error),
        _ => return error,
    }
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg).cloned() else {
        return error;
    };
    if let Some(error) = negative_value(command, args, &unknown) {
        return error;
    }
    let hint = habit_of_tail(command, args, &unknown);
    if let Some(message) = hint.or_else(|| single_dash(command, args, &unknown)) {
        return command.clone().error(ErrorKind::ValueValidation, message);
    }
    error.remove(ContextKind::Suggested);
    error.remove(ContextKind::SuggestedArg);
    if let Some(name) = unknown.strip_prefix("--")
        && let Some(meant) = elsewhere(name).or_else(|| similar_flag(command, name))
    {
        let meant = ContextValue::String(format!("--{meant}"));
        error.insert(ContextKind::SuggestedArg, meant);
    }
    error
}

/// `--ack STDIN`: clap finds nothing similar to it.
fn with_value_in_lower_case(mut error: clap::Error) -> clap::Error {
    if let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue)
        && let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue)
        && let Some(meant) = valid.iter().find(|valid| valid.eq_ignore_ascii_case(value))
    {
        let meant = ContextValue::String(meant.clone());
        error.insert(ContextKind::SuggestedValue, meant);
    }
    error
}

/// The flag here for a flag of other tools.
fn elsewhere(name: &str) -> Option<&'static str> {
    match name {
        "json" => Some("output json"),
        "text" => Some("output text"),
        "format" => Some("output"),
        "server" | "host" => Some("url"),
        _ => None,
    }
}

/// `-n -1`: clap takes the value for a flag. The message must be that of `-n=-1`.
fn negative_value(command: &Command, args: &[OsString], unknown: &str) -> Option<clap::Error> {
    if !duration::looks_negative(unknown) {
        return None;
    }
    let words: Vec<_> = words(args).collect();
    words.windows(2).enumerate().find_map(|(at, pair)| {
        let is_meant = takes_next_word(command, pair[0]) && pair[1].starts_with(unknown);
        let joined = is_meant.then(|| format!("{}={}", pair[0], pair[1]))?;
        let before = ["oplog-tail"].iter().chain(&words[..at]).copied();
        let error = command
            .clone()
            .try_get_matches_from(before.chain([joined.as_str()]))
            .err()?;
        matches!(
            error.kind(),
            ErrorKind::ValueValidation | ErrorKind::InvalidValue
        )
        .then_some(error)
    })
}

/// `-f`, `--tail 10`, `-10`: flags of `tail` and similar programs.
fn habit_of_tail(command: &Command, args: &[OsString], unknown: &str) -> Option<String> {
    let is_count = |word: &&str| {
        let digits = word.strip_prefix('-').unwrap_or_default();
        word.starts_with(unknown) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    match unknown {
        "-f" | "-F" | "--follow" => Some(format!(
            "unknown flag '{unknown}': leave it out, following is the default; -n N stops after N \
             lines"
        )),
        "--tail" | "--lines" => Some(format!(
            "unknown flag '{unknown}': -n N stops after N lines; there is no history to begin with, \
             --since WHEN prints the objects changed since WHEN"
        )),
        _ if duration::looks_negative(unknown) => {
            let typed = words(args).find(is_count)?;
            let before = words(args).take_while(|word| *word != typed).last();
            if before.is_some_and(|flag| takes_next_word(command, flag)) {
                return None;
            }
            let count = typed.trim_start_matches('-');
            Some(format!(
                "unknown flag '{typed}': -n {count} stops after {count} lines; without it, \
                 following never stops"
            ))
        }
        _ => None,
    }
}

/// `-state-file` and the like, which the Go tool takes. Here it would mean `-s tate-file`: a state
/// file of an odd name instead of an error.
pub(super) fn flag_of_go_tool(command: &Command, args: &[OsString]) -> Option<String> {
    let mut previous = "";
    words(args).find_map(|word| {
        // A password may begin with a dash.
        let is_password = std::mem::replace(&mut previous, word) == "--password";
        let name = after_one_dash(word).filter(|_| !is_password)?;
        let mut flags = command.get_arguments().flat_map(names);
        flags
            .any(|long| long == name)
            .then(|| two_dashes(name, name))
    })
}

/// `-type video`: clap has read only the first letter of the word.
fn single_dash(command: &Command, args: &[OsString], unknown: &str) -> Option<String> {
    let letter = unknown
        .strip_prefix('-')
        .filter(|rest| !rest.starts_with('-'))?;
    words(args).find_map(|word| {
        let name = after_one_dash(word)?;
        // What comes after a flag with a value is the value.
        let (before, _) = name.split_once(letter)?;
        if name.chars().count() < 2 || !before.chars().all(|c| is_switch(command, c)) {
            return None;
        }
        Some(two_dashes(name, similar_flag(command, name)?))
    })
}

/// Whether this letter is a flag without a value.
fn is_switch(command: &Command, letter: char) -> bool {
    let mut args = command.get_arguments();
    args.any(|arg| arg.get_short() == Some(letter) && !arg.get_action().takes_values())
}

/// The name in `-name` or `-name=value`.
fn after_one_dash(word: &str) -> Option<&str> {
    let name = word.strip_prefix('-')?.split('=').next()?;
    (!name.starts_with('-')).then_some(name)
}

/// What to say where one dash was typed and two are needed.
fn two_dashes(typed: &str, meant: &str) -> String {
    format!("unknown flag '-{typed}': did you mean '--{meant}' (two dashes)?")
}

/// The words before `--`. One that is not UTF-8 is no flag, and nothing here.
fn words(args: &[OsString]) -> impl Iterator<Item = &str> {
    let words = args.iter().skip(1);
    let words = words.map(|arg| arg.to_str().unwrap_or_default());
    words.take_while(|word| *word != "--")
}

/// Whether this word is a flag that takes the next word as its value.
fn takes_next_word(command: &Command, word: &str) -> bool {
    let is_meant = |arg: &&Arg| match word.strip_prefix("--") {
        Some(long) => names(arg).any(|name| name == long),
        None => word.starts_with('-') && arg.get_short() == word.chars().last(),
    };
    let mut args = command.get_arguments().filter(is_meant);
    args.any(|arg| arg.get_action().takes_values())
}

/// The long names of a flag.
fn names(arg: &Arg) -> impl Iterator<Item = &str> {
    arg.get_long_and_visible_aliases().into_iter().flatten()
}

/// The long flag that was probably meant: a few letters away, or one that goes on where this ends.
fn similar_flag<'a>(command: &'a Command, typed: &str) -> Option<&'a str> {
    let typed = &*typed.to_ascii_lowercase();
    let most = 1 + typed.chars().count() / 4;
    let near = |name: &&str| {
        strsim::osa_distance(typed, name) <= most || strsim::jaro_winkler(typed, name) >= ALIKE
    };
    let flags = command.get_arguments().flat_map(names).filter(near);
    flags.min_by_key(|name| (!name.starts_with(typed), strsim::osa_distance(typed, name)))
}
