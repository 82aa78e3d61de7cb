//! The command line: what was typed, not yet what it means (that is `settings`).

mod args;
mod connection;
pub mod generate;
mod mistyped;
mod modes;
mod values;

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::ErrorKind;
use clap::{ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches, Parser, ValueEnum};

use crate::exit::ExitStatus;

pub use args::{Output, Position, Source, Stopping};
pub use connection::Connection;
pub use modes::Modes;
pub use values::{Ack, OnInvalid, OutputFormat, Secret};

/// The environment variable that gives the URL where the command line gives none.
pub const URL_VARIABLE: &str = "OPLOG_TAIL_URL";

/// The environment variable that gives the password where no flag gives it.
pub const PASSWORD_VARIABLE: &str = "OPLOG_TAIL_PASSWORD";

/// Follow the operation log of an OpLog server
///
/// Prints every operation of the log to stdout, one per line: as text on a terminal, as JSON lines
/// elsewhere. Follows forever, and reconnects by itself. With --state the next run continues where
/// this one stopped: a crash may repeat operations, but never loses one.
///
/// DUR is a duration: 500ms, 2s, 5m, 1h30m, 1d. WHEN of --since and --until is how long ago (2h, 2
/// hours ago, 2w), a time (10:00, yesterday 10:00, 2026-11-23T10:00:00Z) or a date (2026-11-23).
#[derive(Clone, Debug, Parser)]
#[command(
    name = "oplog-tail",
    version,
    max_term_width = 100,
    hide_possible_values = true,
    disable_help_flag = true,
    disable_version_flag = true,
    override_usage = "oplog-tail [OPTIONS] <URL>...",
    after_help = SHORT_EXIT_STATUSES,
    after_long_help = exit_statuses()
)]
pub struct Cli {
    #[command(flatten)]
    pub source: Source,
    /// The URLs in the order in which they were typed.
    #[arg(skip)]
    pub typed_urls: Vec<TypedUrl>,
    #[command(flatten)]
    pub position: Position,
    #[command(flatten)]
    pub stopping: Stopping,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub connection: Connection,
    #[command(flatten)]
    pub modes: Modes,

    /// Print the man page or a completion script
    ///
    /// WHAT is man, complete-bash, complete-zsh, complete-fish or complete-powershell. Takes no other
    /// flag. Example: --generate complete-bash > /etc/bash_completion.d/oplog-tail
    #[arg(
        long,
        value_name = "WHAT",
        exclusive = true,
        hide_short_help = true,
        help_heading = "Instead of following"
    )]
    pub generate: Option<Generate>,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "Instead of following")]
    version: Option<bool>,

    /// Print help; --help has more flags and explains all
    ///
    /// -h is the summary: one line per flag, without those that are seldom needed.
    #[arg(short, long, action = ArgAction::Help, help_heading = "Instead of following")]
    help: Option<bool>,
}

/// A URL that was typed.
#[derive(Clone, Debug)]
pub struct TypedUrl {
    /// The URL, which may hold a password.
    pub url: Secret,
    /// The flag, or what the usage calls the argument.
    pub origin: &'static str,
}

/// What `--generate` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Generate {
    /// The man page.
    Man,
    /// The completion script for bash.
    CompleteBash,
    /// The completion script for zsh.
    CompleteZsh,
    /// The completion script for fish.
    CompleteFish,
    /// As the help of the value has it, which is plain text.
    #[value(
        name = "complete-powershell",
        help = "The completion script for PowerShell"
    )]
    CompletePowerShell,
}

/// Reads the arguments, the first of which is the name of the program.
///
/// # Errors
/// What clap makes of wrong usage (to be printed, exit 2), `--help` and `--version` (exit 0):
/// [`clap::Error::exit`] does both.
pub fn parse<I>(args: I) -> Result<Cli, clap::Error>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    if let Some(message) = mistyped::flag_of_go_tool(&Cli::command(), &args) {
        return Err(usage_error(message));
    }
    let matches = Cli::command().try_get_matches_from(&args);
    let parsed = matches.and_then(|matches| {
        let mut cli = Cli::from_arg_matches(&matches)?;
        cli.typed_urls = in_order(&cli.source, &matches);
        Ok(cli)
    });
    parsed.map_err(|error| {
        let mut command = Cli::command();
        if error.kind() == ErrorKind::DisplayHelp
            && error.to_string() == command.render_help().to_string()
        {
            let command = Cli::command().override_help(short_help(&mut command));
            return command.try_get_matches_from(&args).err().unwrap_or(error);
        }
        command.build();
        mistyped::explained(error, &command, &args)
    })
}

/// The URLs in the order in which they were typed, with and without the flag.
fn in_order(source: &Source, matches: &ArgMatches) -> Vec<TypedUrl> {
    let of = |id: &str, urls: &[Secret], origin: &'static str| -> Vec<(usize, TypedUrl)> {
        let places = matches.indices_of(id).into_iter().flatten();
        let typed = urls.iter().cloned().map(|url| TypedUrl { url, origin });
        places.zip(typed).collect()
    };
    let mut urls = of("urls", &source.urls, "--url");
    urls.extend(of("url_arguments", &source.url_arguments, "URL"));
    urls.sort_by_key(|(place, _)| *place);
    urls.into_iter().map(|(_, url)| url).collect()
}

/// What `-h` prints: clap's help without its first blank line, so that it fits a screen of 50 lines.
pub fn short_help(command: &mut Command) -> StyledStr {
    let help = command.render_help().ansi().to_string();
    help.replacen("\n\n", "\n", 1).into()
}

/// Wrong usage found outside of clap, in clap's form: exit status 2.
pub fn usage_error(message: impl std::fmt::Display) -> clap::Error {
    Cli::command().error(ErrorKind::ValueValidation, message)
}

/// The exit statuses for the end of `-h`, in one line of 80 columns.
const SHORT_EXIT_STATUSES: &str =
    "Exit: 2 usage, 3 denied, 4 network, 5 state file, 6 resume, 7 timeout, 8 differs";

/// The list of exit statuses for the end of `--help`.
fn exit_statuses() -> String {
    let rows = ExitStatus::TABLE.map(|(code, meaning)| format!("  {code:<5}  {meaning}\n"));
    format!(
        "Exit status:\n{}  128+n  signal n came before the stop condition was met",
        rows.concat()
    )
}

#[cfg(test)]
mod tests;
