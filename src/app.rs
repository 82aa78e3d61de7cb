//! Puts a run together: settings, state file, signals, consumer, output.

#[cfg(test)]
pub(crate) mod messages;
mod words;

use std::io::{IsTerminal as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use crate::check;
use crate::cli::{Cli, Generate, generate};
use crate::compare;
use crate::consumer::{Consumer, OnResumeFailed, Start};
use crate::demo::Demo;
use crate::error::{Error, Step};
use crate::exit::ExitStatus;
use crate::limits;
use crate::oplog::Position;
use crate::output::{self, Stdout};
use crate::report::{Diagnostics, SharedStatistics, Verbosity, described, stderr};
use crate::settings::{Ack, Inputs, Settings};
use crate::state::{Saver, StateFile, peek};
use crate::tail::supervisor::{self, Terms};
use crate::tail::{self, Tail};

/// How long letting go of the state file may take where the run does not begin.
const LETTING_GO: Duration = Duration::from_secs(3);

/// Prints what clap answers to the command line: the help, the version, or what is wrong with it.
pub fn answer(answer: &clap::Error) -> ExitStatus {
    if answer.use_stderr() {
        let _ = answer.print();
        return ExitStatus::Usage;
    }
    print(|| answer.print()).unwrap_or_else(|error| error.report())
}

/// Runs what the command line asks for and says on stderr why, if it fails.
pub fn run(cli: Cli) -> ExitStatus {
    execute(cli).unwrap_or_else(|error| error.report())
}

fn execute(cli: Cli) -> Result<ExitStatus, Error> {
    if let Some(what) = cli.generate {
        return generated(what);
    }
    limits::check_descriptors()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context(Step::SetUp)?;
    limits::check_threads()?;
    let in_runtime = runtime.enter();
    let file_size = supervisor::outlive_file_size().context(Step::Signals)?;
    let demo = if cli.source.demo {
        Some(start_demo().context(Step::Demo)?)
    } else {
        None
    };
    let demo_url = demo.as_ref().map(Demo::url);
    let mut settings = Settings::resolve(cli, Inputs::of_process(), demo_url.as_deref())?;
    let status = if settings.check {
        runtime
            .block_on(check::run(&settings))
            .context(Step::Print)
            .map_err(Into::into)
    } else if let Some(dump) = &settings.compare {
        let compared = compare::run(&settings, dump);
        runtime.block_on(compared).map_err(Into::into)
    } else {
        if let Some(url) = &demo_url {
            if !settings.start_given {
                settings.consumer.start = Start::At(Position::FULL_REPLICATION);
            }
            tell_demo(url, &settings);
        }
        follow(&settings, &runtime)
    };
    drop((demo, file_size, in_runtime));
    // A name that is being looked up must not hold up the end.
    runtime.shutdown_background();
    status
}

/// Follows the log.
fn follow(settings: &Settings, runtime: &Runtime) -> Result<ExitStatus, Error> {
    let place = Place::find(settings)?;
    let saver = place.saver.clone();
    let status = assemble(settings, place).map(|tail| run_to_its_end(runtime, tail));
    if let Some(saver) = saver.filter(|_| status.is_err()) {
        // Lets go of the state file, and removes it where nothing was saved in it. What went wrong
        // with it is told elsewhere.
        let _ = saver.finish(LETTING_GO);
    }
    status
}

/// Runs to the end. Says why it failed, if it did, and then shows the
/// statistics: they come last.
fn run_to_its_end(runtime: &Runtime, tail: Tail) -> ExitStatus {
    let statistics = tail.statistics.clone();
    let status = runtime
        .block_on(tail.run())
        .unwrap_or_else(|error| Error::from(error).report());
    stderr::write(&statistics.last_lines());
    status
}

/// Prints what `--generate` asks for.
fn generated(what: Generate) -> Result<ExitStatus, Error> {
    // Put together first, so that it is written at once or not at all.
    let mut text = Vec::new();
    generate::write(what, &mut text).context(Step::Generate)?;
    print(|| std::io::stdout().write_all(&text))
}

/// Prints something that is no record.
fn print(write: impl FnOnce() -> std::io::Result<()>) -> Result<ExitStatus, Error> {
    output::print(write).context(Step::Print)?;
    Ok(ExitStatus::Success)
}

/// The parts of a run, in the order in which what they need can fail.
fn assemble(settings: &Settings, place: Place) -> Result<Tail, Error> {
    let verbosity = settings.verbosity;
    for note in place.saver.iter().flat_map(Saver::take_notes) {
        verbosity.info(&note);
    }
    if let Some(line) = &place.from_now {
        verbosity.warn(line);
    }
    let stdout = Stdout::open().map_err(tail::Error::from)?;
    let statistics =
        SharedStatistics::new(settings.stats_format, settings.stats, place.saver.clone());
    let terms = Terms {
        timeout: settings.stop.timeout,
        has_condition: settings.stop.any_asked_for(),
        is_quiet: verbosity == Verbosity::Quiet,
        fails_if_uncertain: settings.consumer.on_resume_failed == OnResumeFailed::Exit,
        next_run: settings.next_run(),
    };
    let controls =
        supervisor::start(terms, place.saver.clone(), statistics.clone()).context(Step::Signals)?;
    let mut diagnostics = Diagnostics::new(verbosity);
    let mut consumer = Consumer::new(
        settings.consumer.clone(),
        place.saver.clone().map(|saver| Box::new(saver) as _),
        Box::new(move |notice| diagnostics.notice(&notice)),
    );
    if let Some(saved) = place.saved {
        if settings.rewind {
            verbosity.info(&words::leaving(&described(saved)));
        } else {
            if settings.start_given {
                verbosity.warn(&words::going_on(&described(saved)));
            }
            consumer.set_position(saved);
        }
    }
    let tail = Tail::new(
        settings,
        consumer,
        place.saver,
        stdout,
        controls,
        statistics,
    );
    Ok(tail?)
}

/// Says where the demo listens: to a person at a terminal. A script hears of it as of any server.
fn tell_demo(url: &str, settings: &Settings) {
    if std::io::stderr().is_terminal() {
        settings.verbosity.warn(&words::demo(url));
    } else {
        settings.verbosity.info(&words::demo(url));
    }
}

fn start_demo() -> std::io::Result<Demo> {
    Demo::start(TcpListener::bind("127.0.0.1:0")?)
}

/// The position of earlier runs, and where that of this one goes.
#[derive(Default)]
struct Place {
    saved: Option<Position>,
    saver: Option<Saver>,
    /// What to say where a state file was named, it holds no position and the run starts from now.
    from_now: Option<String>,
}

impl Place {
    /// Reads the state file, and takes possession of it unless the run only looks.
    fn find(settings: &Settings) -> Result<Self, Error> {
        let Some(path) = &settings.state_file else {
            return Ok(Self::default());
        };
        if settings.ack == Ack::None {
            return Ok(Self {
                saved: Some(peek(path)?),
                ..Self::default()
            });
        }
        let (file, saved) = StateFile::open(path)?;
        let is_from_now = saved.is_none() && settings.starts_from_now_unasked();
        let from_now = is_from_now.then(|| words::from_now(path, file.is_new()));
        Ok(Self {
            saved,
            saver: Some(Saver::start(path, file, saved)?),
            from_now,
        })
    }
}
