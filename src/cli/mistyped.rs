//! What to say about a command line that is nearly right.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use super::usage_error;

/// How alike two names are, from 0 to 1, where one begins like the other and then goes on.
const ALIKE: f64 = 0.8;

/// The error of clap, made useful where it is about a flag that does not exist.
///
/// clap's own advice is left out: it tells how to pass the flag as a URL, which no URL looks like,
/// and finds `--color` similar to `--follow`, but nothing similar to `--ulr`.
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
    if let Some(message) =
        negative_value(command, args, &unknown).or_else(|| single_dash(command, args, &unknown))
    {
        return usage_error(message);
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

/// `--ack STDIN`: to clap nothing is similar to that.
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

/// What is called here what other tools call this.
fn elsewhere(name: &str) -> Option<&'static str> {
    match name {
        "json" => Some("output json"),
        "text" => Some("output text"),
        "format" => Some("output"),
        "server" | "host" => Some("url"),
        _ => None,
    }
}

/// `-n -1`: what was taken for a flag is the value of the one before.
fn negative_value(command: &Command, args: &[OsString], unknown: &str) -> Option<String> {
    if !unknown
        .strip_prefix('-')?
        .starts_with(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    words(args).collect::<Vec<_>>().windows(2).find_map(|pair| {
        let arg = flag_with_value(command, pair[0])?;
        let value = pair[1].starts_with(unknown).then_some(pair[1])?;
        Some(format!(
            "invalid value '{value}' for '{arg}': it cannot be negative"
        ))
    })
}

/// `-type video`: the word of which clap has read the first letter only.
fn single_dash(command: &Command, args: &[OsString], unknown: &str) -> Option<String> {
    let letter = unknown
        .strip_prefix('-')
        .filter(|rest| !rest.starts_with('-'))?;
    words(args).find_map(|word| {
        let name = word
            .strip_prefix('-')
            .filter(|name| !name.starts_with('-'))?;
        let name = name.split('=').next().unwrap_or_default();
        if name.chars().count() < 2 || !name.contains(letter) {
            return None;
        }
        Some(two_dashes(name, similar_flag(command, name)?))
    })
}

/// What to say where one dash was typed and two are needed.
pub(super) fn two_dashes(typed: &str, meant: &str) -> String {
    format!("unknown flag '-{typed}': did you mean '--{meant}' (two dashes)?")
}

/// The words before `--`.
fn words(args: &[OsString]) -> impl Iterator<Item = &str> {
    let words = args.iter().skip(1).filter_map(|arg| arg.to_str());
    words.take_while(|word| *word != "--")
}

/// The flag that this word is, if it takes the next word as its value.
fn flag_with_value<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let is_meant = |arg: &&Arg| match word.strip_prefix("--") {
        Some(long) => names(arg).any(|name| name == long),
        None => word.starts_with('-') && arg.get_short() == word.chars().last(),
    };
    let mut args = command.get_arguments().filter(is_meant);
    args.find(|arg| arg.get_action().takes_values())
}

/// The long names of a flag.
pub(super) fn names(arg: &Arg) -> impl Iterator<Item = &str> {
    arg.get_long_and_visible_aliases().into_iter().flatten()
}

/// The long flag that was probably meant: a few letters away, or one that goes on where this ends.
fn similar_flag<'a>(command: &'a Command, typed: &str) -> Option<&'a str> {
    let most = 1 + typed.chars().count() / 4;
    let near = |name: &&str| {
        strsim::osa_distance(typed, name) <= most || strsim::jaro_winkler(typed, name) >= ALIKE
    };
    let flags = command.get_arguments().flat_map(names).filter(near);
    flags.min_by_key(|name| strsim::osa_distance(typed, name))
}
