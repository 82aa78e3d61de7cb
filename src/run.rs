//! Puts a run together: settings, state file, signals, consumer, output.

use std::cell::RefCell;
use std::io::Write as _;
use std::net::TcpListener;
use std::rc::Rc;

use anyhow::Context as _;

use crate::cli::{Cli, Generate};
use crate::consumer::{Consumer, OnResumeFailed, Saver, StateError, StateFile, peek};
use crate::demo::Demo;
use crate::diagnostics::{Diagnostics, described};
use crate::exit::{ExitStatus, report};
use crate::generate;
use crate::position::Position;
use crate::settings::{Ack, Inputs, Settings, Verbosity};
use crate::statistics::SharedStatistics;
use crate::stdout::{self, Stdout};
use crate::supervisor::{self, Terms};
use crate::tail::{Parts, Tail};

/// Prints what clap answers to the command line: the help, the version, or what is wrong with it.
pub fn answer(answer: &clap::Error) -> ExitStatus {
    if answer.use_stderr() {
        let _ = answer.print();
        return ExitStatus::Usage;
    }
    print(|| answer.print()).unwrap_or_else(|error| report(&error))
}

/// Runs what the command line asks for and says on stderr why, if it fails.
pub fn run(cli: Cli) -> ExitStatus {
    execute(cli).unwrap_or_else(|error| report(&error))
}

fn execute(cli: Cli) -> anyhow::Result<ExitStatus> {
    if let Some(what) = cli.generate {
        return generated(what);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot set up input and output")?;
    let in_runtime = runtime.enter();
    let demo = if cli.source.demo {
        Some(start_demo().context("cannot start the demo server")?)
    } else {
        None
    };
    let demo_url = demo.as_ref().map(Demo::url);
    let mut settings = Settings::resolve(cli, Inputs::of_process(), demo_url.as_deref())?;
    if demo.is_some() && !settings.start_given {
        settings.consumer.start = crate::consumer::Start::At(Position::FULL_REPLICATION);
    }
    let parts = put_together(&settings)?;
    let status = Tail::new(&settings, parts).map(|tail| runtime.block_on(tail.run()));
    drop((demo, in_runtime));
    // A name that is being looked up must not hold up the end.
    runtime.shutdown_background();
    status
}

/// Prints what `--generate` asks for.
fn generated(what: Generate) -> anyhow::Result<ExitStatus> {
    // Put together first, so that it is written at once or not at all.
    let mut text = Vec::new();
    generate::write(what, &mut text)?;
    print(|| std::io::stdout().write_all(&text))
}

/// Prints something that is no record.
fn print(write: impl FnOnce() -> std::io::Result<()>) -> anyhow::Result<ExitStatus> {
    stdout::print(write).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// The parts of a run, in the order in which what they need can fail.
fn put_together(settings: &Settings) -> anyhow::Result<Parts> {
    let diagnostics = Rc::new(RefCell::new(Diagnostics::new(settings.verbosity)));
    let place = Place::find(settings)?;
    let stdout = Stdout::open()?;
    let statistics = SharedStatistics::new(settings.stats_format, settings.stats);
    let terms = Terms {
        timeout: settings.stop.timeout,
        has_condition: settings.stop.any_asked_for(),
        is_quiet: settings.verbosity == Verbosity::Quiet,
        fails_if_uncertain: settings.consumer.on_resume_failed == OnResumeFailed::Exit,
        keeps_position: place.saver.is_some(),
    };
    let orders = supervisor::start(terms, place.saver.clone(), statistics.clone())
        .context("cannot receive signals")?;
    let observer = Rc::clone(&diagnostics);
    let mut consumer = Consumer::new(
        settings.consumer.clone(),
        place.saver.clone(),
        Box::new(move |notice| observer.borrow_mut().notice(&notice)),
    );
    if let Some(position) = place.saved {
        start_at(position, &mut consumer, settings, &diagnostics.borrow());
    }
    Ok(Parts {
        consumer,
        saver: place.saver,
        stdout,
        orders,
        diagnostics,
        statistics,
    })
}

/// Goes on at the saved position, unless that is to be left.
fn start_at(
    saved: Position,
    consumer: &mut Consumer,
    settings: &Settings,
    diagnostics: &Diagnostics,
) {
    let position = described(saved);
    if settings.rewind {
        diagnostics.tell(&format_args!("leaving the saved position, {position}"));
        return;
    }
    if settings.start_given {
        diagnostics.warn(&format_args!(
            "going on at the saved position, {position}; --rewind starts where --start-id or --since says"
        ));
    }
    consumer.set_position(saved);
}

fn start_demo() -> std::io::Result<Demo> {
    Demo::start(TcpListener::bind("127.0.0.1:0")?)
}

/// The position of earlier runs, and where that of this one goes.
struct Place {
    saved: Option<Position>,
    saver: Option<Saver>,
}

impl Place {
    /// Reads the state file, and takes possession of it unless the run only looks.
    fn find(settings: &Settings) -> anyhow::Result<Self> {
        let Some(path) = &settings.state_file else {
            return Ok(Self {
                saved: None,
                saver: None,
            });
        };
        if settings.ack == Ack::None {
            return Ok(Self {
                saved: peek(path)?,
                saver: None,
            });
        }
        let (file, saved) = StateFile::open(path)?;
        let saver = Saver::start(file, saved).map_err(|source| StateError::Open {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            saved,
            saver: Some(saver),
        })
    }
}
