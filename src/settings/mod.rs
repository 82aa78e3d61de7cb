//! The meaning of the command line: validated, with defaults and the environment.

mod certificates;
mod credentials;
mod error;
mod inputs;
#[cfg(test)]
pub(crate) mod messages;
mod proxy;
mod start;
mod url;
mod when;

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::{self, Cli};
use crate::consumer::{Acknowledging, Clock, Config, Start};
use crate::http::{self, Endpoint, ProxyChoice};
use crate::output::{Format, color};
use crate::report::{NextRun, Verbosity};

pub use crate::cli::{Ack, OnInvalid, Stopping};
pub use credentials::is_stdin;
pub use error::UsageError;
pub use inputs::{Environment, Inputs};

/// The most lines out at once with `--ack stdin`, where the command line does not say.
const DEFAULT_MAX_IN_FLIGHT: usize = 1000;

/// Everything a run needs to know.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Settings {
    pub consumer: Config,
    /// Compare this dump instead of following; `-` is stdin.
    pub compare: Option<PathBuf>,
    /// Where the position is kept.
    pub state_file: Option<PathBuf>,
    /// Start at the given position even though the state file holds one.
    pub rewind: bool,
    /// Whether the command line says where to start, so that a saved position overrules it.
    pub start_given: bool,
    /// Look at what a run would need, instead of running.
    pub check: bool,
    pub ack: Ack,
    pub stop: Stopping,
    /// How long to wait until the time of `--until` is past by the clock of the store too.
    pub until_wait: Option<Duration>,
    pub format: Format,
    pub color: bool,
    /// Whether lines say how long each operation took to arrive.
    pub lag: bool,
    pub stats: bool,
    pub stats_format: Format,
    /// Whether to show how far a replication is.
    pub status_line: bool,
    pub on_invalid: OnInvalid,
    pub verbosity: Verbosity,
}

impl Settings {
    /// Whether a run without a saved position starts from now and nobody said so: a mistyped name of
    /// a state file must not look like a consumer that is up to date.
    pub fn starts_from_now_unasked(&self) -> bool {
        self.consumer.start == Start::Now && !self.start_given
    }

    /// Where the run that follows this one starts.
    pub fn next_run(&self) -> NextRun {
        match (&self.state_file, self.ack) {
            (None, _) => NextRun::StartsOver,
            (Some(_), Ack::None) => NextRun::Repeats,
            (Some(_), _) => NextRun::GoesOn,
        }
    }

    /// Works out what the command line means. `demo_url` is the address of the sample server, to
    /// be given with `--demo` and only then.
    ///
    /// Reads the files that `--password-file`, `--cacert`, `--cert` and `--key` name.
    ///
    /// # Errors
    /// [`UsageError`] for a value that makes no sense, flags that contradict each other, and
    /// files that cannot be read.
    pub fn resolve(
        cli: Cli,
        mut inputs: Inputs,
        demo_url: Option<&str>,
    ) -> Result<Self, UsageError> {
        check_contradictions(&cli)?;
        let now = || inputs.now.to_zoned((inputs.time_zone)());
        let start = start::start(&cli.position, now)?;
        // What a check counts is what such a run would print.
        let checked = cli.modes.check.then_some("now");
        let until = checked.or(cli.stopping.until.as_deref());
        let until = until.map(|when| start::until(when, &now())).transpose()?;
        let password = credentials::password(&cli.connection, &mut inputs)?;
        let typed_urls = url::typed(&cli, &inputs, demo_url)?;
        let endpoints = url::endpoints(&cli.source, &typed_urls, password.as_ref())?;
        // Who lets the records go to a file reads the summary on the terminal all the same.
        let any_is_terminal = inputs.stdout_is_terminal || inputs.stderr_is_terminal;
        // The demo server runs inside this program; no proxy leads there.
        let proxy = match demo_url {
            Some(_) => ProxyChoice::Direct,
            None => proxy::choose(cli.connection.proxy.as_ref(), &inputs.env, &endpoints)?,
        };
        let consumer = Config {
            http: requests(&cli.connection, proxy, &endpoints)?,
            endpoints,
            retries: cli.connection.retries,
            start: start.unwrap_or(Start::Now),
            exact_resume: cli.position.exact_resume,
            on_resume_failed: cli.position.on_resume_failed,
            backfill: !cli.position.no_repair,
            acknowledging: acknowledging(&cli.position),
            clock: Clock::system(),
            last_second: until.map(|until| until.last_second),
        };
        Ok(Self {
            consumer,
            compare: cli.modes.compare,
            state_file: cli.position.state_file,
            rewind: cli.position.rewind,
            start_given: start.is_some(),
            check: cli.modes.check,
            ack: cli.position.ack,
            stop: cli.stopping,
            until_wait: until.map(|until| until.wait),
            format: format(cli.output.format, inputs.stdout_is_terminal),
            color: is_colored(&cli.output, &inputs),
            lag: cli.output.lag,
            stats: cli.output.stats,
            stats_format: format(cli.output.format, any_is_terminal),
            status_line: has_status_line(&cli.output, &inputs),
            on_invalid: cli.output.on_invalid,
            verbosity: verbosity(&cli.output),
        })
    }
}

/// How requests to these endpoints are made.
fn requests(
    typed: &cli::Connection,
    proxy: ProxyChoice,
    endpoints: &[Endpoint],
) -> Result<http::Config, UsageError> {
    Ok(http::Config {
        headers: credentials::headers(&typed.headers, endpoints)?,
        tls: certificates::tls(typed)?,
        proxy,
        connect_timeout: typed.connect_timeout,
        read_timeout: Some(typed.read_timeout).filter(|timeout| !timeout.is_zero()),
    })
}

fn is_colored(typed: &cli::Output, inputs: &Inputs) -> bool {
    let text_of = |name: &str| {
        let value = (inputs.env)(name)?;
        Some(value.to_string_lossy().into_owned())
    };
    color::choose(typed.color, inputs.stdout_is_terminal, text_of)
}

fn has_status_line(typed: &cli::Output, inputs: &Inputs) -> bool {
    inputs.stderr_is_terminal_of_its_own
        && !typed.quiet
        && (inputs.env)("TERM").is_none_or(|term| term != "dumb")
}

fn check_contradictions(cli: &Cli) -> Result<(), UsageError> {
    let start_given = cli.position.start_id.is_some()
        || cli.position.since.is_some()
        || cli.position.allow_replication;
    let by_stdin = cli.position.ack == Ack::Stdin;
    let password_from_stdin = cli
        .connection
        .password_file
        .as_deref()
        .is_some_and(is_stdin);
    let dump_from_stdin = cli.modes.compare.as_deref().is_some_and(is_stdin);
    let message = if cli.source.demo && cli.connection.proxy.is_some() {
        "--demo runs inside this program, so it needs no proxy: leave --proxy out"
    } else if cli.position.rewind && cli.position.state_file.is_none() {
        "--rewind ignores a saved position: name the file that holds it with --state"
    } else if cli.position.rewind && !start_given {
        "--rewind needs a place to start: give --start-id, --since or --allow-replication"
    } else if cli.position.max_in_flight.is_some() && !by_stdin {
        "--max-in-flight limits the unacknowledged lines of --ack stdin: give that too"
    } else if password_from_stdin && dump_from_stdin {
        "--password-file - and --compare - both read stdin: keep the password in a file"
    } else if password_from_stdin && by_stdin {
        "--password-file - and --ack stdin both read stdin: keep the password in a file"
    } else {
        return Ok(());
    };
    Err(UsageError::new(message))
}

fn format(typed: cli::OutputFormat, is_terminal: bool) -> Format {
    match typed {
        cli::OutputFormat::Text => Format::Text,
        cli::OutputFormat::Auto if is_terminal => Format::Text,
        cli::OutputFormat::Json | cli::OutputFormat::Auto => Format::Json,
    }
}

fn acknowledging(typed: &cli::Position) -> Acknowledging {
    match typed.ack {
        Ack::Auto | Ack::None => Acknowledging::InOrder,
        Ack::Stdin => Acknowledging::ById {
            max_in_flight: typed
                .max_in_flight
                .map_or(DEFAULT_MAX_IN_FLIGHT, Into::into),
        },
    }
}

fn verbosity(typed: &cli::Output) -> Verbosity {
    match typed.verbose {
        _ if typed.quiet => Verbosity::Quiet,
        0 => Verbosity::Normal,
        1 => Verbosity::Verbose,
        _ => Verbosity::Trace,
    }
}

#[cfg(test)]
mod tests;
