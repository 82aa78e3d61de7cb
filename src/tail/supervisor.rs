//! Ends the program after a signal or `--timeout`, even if the main thread is blocked.
//!
//! The main thread writes to stdout with blocking calls. That is the fastest way, and nothing is
//! acknowledged too early. But if the reader stops reading, the main thread is blocked. So this
//! thread receives signals and the timeout and tells the main thread. If the main thread does not
//! end in time, this thread saves the position and ends the process.

use std::fmt::Display;
use std::io;
use std::process;
use std::time::Duration;

use rustix::process::{Signal as System, getpgrp, getpid, getppid, getsid, kill_process};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::words::TIMED_OUT;
use crate::consumer;
use crate::exit::ExitStatus;
use crate::output::echo;
use crate::report::{NextRun, SharedStatistics, incomplete, stderr};
use crate::state::Saver;

/// How long the main thread gets to end by itself. With [`SAVING`] it stays below the two seconds
/// that the user is promised.
const GRACE: Duration = Duration::from_millis(1200);
/// How long the main thread gets to show the summary.
const STUCK: Duration = Duration::from_millis(300);
/// How long saving the position may take after that.
const SAVING: Duration = Duration::from_millis(500);
/// How long tidying up the terminal may take after that.
const CLOSING: Duration = Duration::from_millis(100);

/// What the supervisor tells the main thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// End the run, with this status if it has a stop condition: a signal came, or `--timeout` has
    /// passed.
    Stop(ExitStatus),
    /// Show the statistics so far (SIGUSR1).
    ShowStatistics,
}

/// The settings that decide how a run ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// It ends after this long.
    pub timeout: Option<Duration>,
    /// A stop condition is to be met.
    pub has_condition: bool,
    /// Only fatal errors are printed.
    pub is_quiet: bool,
    /// The run fails if operations may have been skipped.
    pub fails_if_uncertain: bool,
    /// Where the next run starts.
    pub next_run: NextRun,
}

/// Starts the supervisor; from here on signals are received. Fails if the system gives no thread or
/// no signal handler.
pub(crate) fn start(
    terms: Terms,
    saver: Option<Saver>,
    statistics: SharedStatistics,
) -> io::Result<mpsc::Receiver<Control>> {
    // A few controls may wait; see `show_statistics` for what has no place.
    let (controls, receiver) = mpsc::channel(4);
    let (started, is_started) = std::sync::mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let (runtime, mut signals) = match receive_signals() {
                Ok(ready) => ready,
                Err(error) => return drop(started.send(Err(error))),
            };
            drop(started.send(Ok(())));
            runtime.block_on(async {
                let signal = signals.next(|| show_statistics(&controls, &statistics));
                let limit = terms.timeout.unwrap_or(Duration::MAX);
                let status = timeout(limit, signal).await;
                let status = status.unwrap_or(ExitStatus::TimedOut);
                // Fails if the run is ending already.
                let _ = controls.try_send(Control::Stop(status));
                if let Ok(status) = timeout(GRACE, signals.next(|| {})).await {
                    stderr::close(String::new(), CLOSING);
                    process::exit(status.code().into());
                }
                end(status, terms, saver, &statistics);
            });
        })?;
    is_started.recv().map_err(io::Error::other)??;
    Ok(receiver)
}

/// Ends the process in place of the main thread.
fn end(status: ExitStatus, terms: Terms, saver: Option<Saver>, statistics: &SharedStatistics) -> ! {
    let saved = saver.map_or(Ok(()), |saver| saver.finish(SAVING));
    let run = statistics.status();
    let mut last_lines = String::new();
    let mut tell = |message: &dyn Display| last_lines += &stderr::line(message);
    if !terms.is_quiet
        && let Some(left) = run.incomplete
    {
        tell(&incomplete(left, terms.next_run));
    }
    let fails = run.is_uncertain && terms.fails_if_uncertain;
    if fails || (run.is_uncertain && !terms.is_quiet) {
        tell(&consumer::Error::Uncertain);
    }
    let status = match saved {
        Err(error) => {
            tell(&error);
            ExitStatus::StateFile
        }
        Ok(()) if fails => ExitStatus::ResumeFailed,
        Ok(()) if !terms.has_condition => ExitStatus::Success,
        Ok(()) => {
            if status == ExitStatus::TimedOut && !terms.is_quiet {
                tell(&TIMED_OUT);
            }
            status
        }
    };
    stderr::close(last_lines + &statistics.last_lines(), CLOSING);
    process::exit(status.code().into())
}

struct Signals {
    interrupt: Option<Signal>,
    terminate: Signal,
    hangup: Option<Signal>,
    quit: Option<Signal>,
    stop: Option<Signal>,
    go_on: Signal,
    statistics: Signal,
}

/// Receives signals, in a runtime of their own.
fn receive_signals() -> io::Result<(Runtime, Signals)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let in_runtime = runtime.enter();
    let signals = Signals::new()?;
    drop(in_runtime);
    Ok((runtime, signals))
}

/// Catches SIGXFSZ, so that a write past the limit on the size of a file fails like a write to a
/// full disk and does not kill the process. Call it within a runtime. It lasts until the process
/// ends.
pub(crate) fn outlive_file_size() -> io::Result<Signal> {
    signal(kind(System::XFSZ))
}

impl Signals {
    /// Installs the handlers. A signal that the parent had ignored (`nohup`, a background job of
    /// a script) stays ignored.
    fn new() -> io::Result<Self> {
        let ignored = ignored_signals();
        let unless_ignored = |kind: SignalKind| match ignored >> (kind.as_raw_value() - 1) & 1 {
            0 => signal(kind).map(Some),
            _ => Ok(None),
        };
        let interrupt = unless_ignored(SignalKind::interrupt())?;
        if interrupt.is_some() {
            echo::watch()?;
        }
        Ok(Self {
            interrupt,
            terminate: signal(SignalKind::terminate())?,
            hangup: unless_ignored(SignalKind::hangup())?,
            quit: unless_ignored(SignalKind::quit())?,
            stop: unless_ignored(kind(System::TSTP))?,
            go_on: signal(kind(System::CONT))?,
            statistics: signal(SignalKind::user_defined1())?,
        })
    }

    /// Waits for a signal that ends the run and returns its status. Handles Ctrl-Z and `fg`
    /// meanwhile, and calls `show_statistics` when the summary is asked for.
    async fn next(&mut self, show_statistics: impl Fn()) -> ExitStatus {
        loop {
            tokio::select! {
                () = received(self.interrupt.as_mut()) => return ExitStatus::Signal(2),
                () = received(Some(&mut self.terminate)) => return ExitStatus::Signal(15),
                () = received(self.hangup.as_mut()) => return ExitStatus::Signal(1),
                () = received(self.quit.as_mut()) => quit(),
                () = received(self.stop.as_mut()) => stop(),
                () = received(Some(&mut self.go_on)) => stderr::allow_status(),
                () = received(Some(&mut self.statistics)) => show_statistics(),
            }
        }
    }
}

/// Ends the process at once, as Ctrl-\ does by default, once the status line is gone.
fn quit() {
    stderr::close(String::new(), CLOSING);
    let quit = SignalKind::quit().as_raw_value();
    let _ = signal_hook::low_level::emulate_default_handler(quit);
    process::abort();
}

/// Stops the process, as Ctrl-Z does by default, once the status line is gone.
fn stop() {
    stderr::forbid_status(CLOSING);
    if !has_job_control() || kill_process(getpid(), System::STOP).is_err() {
        stderr::allow_status();
    }
}

/// True if a shell can continue a stopped process. Otherwise the process would stay stopped forever,
/// so Ctrl-Z does nothing, which is also the default of the system.
fn has_job_control() -> bool {
    let session = getsid(None);
    // A shell with job control puts each job into a group of its own.
    session.is_ok_and(|session| session != getpgrp())
        && getppid().is_some_and(|parent| getsid(Some(parent)) == session)
}

/// Has the summary shown by the main thread, or by a new thread if the main thread is blocked. Not by
/// this thread, because stderr can block too.
fn show_statistics(controls: &mpsc::Sender<Control>, statistics: &SharedStatistics) {
    let needs_watch = statistics.ask();
    // One place is kept for the control to stop.
    if controls.capacity() > 1 {
        let _ = controls.try_send(Control::ShowStatistics);
    }
    if needs_watch {
        let statistics = statistics.clone();
        // If the system gives no thread, only the main thread can do it.
        let _ = std::thread::Builder::new().spawn(move || {
            std::thread::sleep(STUCK);
            statistics.show_if_asked();
        });
    }
}

fn kind(signal: System) -> SignalKind {
    SignalKind::from_raw(signal.as_raw())
}

async fn received(signal: Option<&mut Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// The signals that were ignored when the program started: bit 0 is signal 1. Zero if the system
/// does not tell.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
