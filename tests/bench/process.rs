//! A program that is run, waited for with a limit, and measured.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// What a run cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// From the start to the end.
    pub wall: Duration,
    /// User and system time.
    pub cpu: Duration,
    /// The most memory it held at once, in bytes.
    pub peak_rss: u64,
}

/// A running program. Killed when it takes too long or is dropped.
pub struct Process {
    child: Child,
    pid: Pid,
    /// Whether it is known to have ended; its number may then belong to another one.
    ended: Arc<Mutex<bool>>,
    started: Instant,
    what: String,
    /// Dropped to end the thread that watches the time.
    _watch: Sender<()>,
}

impl Process {
    /// Starts it; it has to end within `limit`.
    pub fn start(command: &mut Command, limit: Duration) -> anyhow::Result<Self> {
        let what = format!("{command:?}");
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {what}"))?;
        let pid = Pid::from_child(&child);
        let ended = Arc::new(Mutex::new(false));
        let (watch, dropped) = channel::<()>();
        let has_ended = Arc::clone(&ended);
        std::thread::spawn(move || {
            if dropped.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                kill_unless(&has_ended, pid);
            }
        });
        Ok(Self {
            child,
            pid,
            ended,
            started,
            what,
            _watch: watch,
        })
    }

    /// Its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// When it was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Waits for its end, which has to be a success.
    pub fn finish(self) -> anyhow::Result<Cost> {
        self.finish_with(0)
    }

    /// Waits for its end, which has to be with this status.
    pub fn finish_with(self, expected: i32) -> anyhow::Result<Cost> {
        // Ended but not yet reaped, so that nothing else can have its number until the watch
        // knows.
        let wait = || {
            waitid(
                WaitId::Pid(self.pid),
                WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
            )
        };
        rustix::io::retry_on_intr(wait)?;
        let wall = self.started.elapsed();
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let (status, usage) = reap(self.pid)?;
        if status.code() != Some(expected) {
            bail!("{} ended with {status} after {wall:.1?}", self.what);
        }
        let time = |time: libc::timeval| {
            Duration::from_secs(time.tv_sec.unsigned_abs())
                + Duration::from_micros(time.tv_usec.unsigned_abs())
        };
        Ok(Cost {
            wall,
            cpu: time(usage.ru_utime) + time(usage.ru_stime),
            peak_rss: usage.ru_maxrss.unsigned_abs() * 1024,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if kill_unless(&self.ended, self.pid) {
            let _ = self.child.wait();
        }
    }
}

/// Kills it unless it is known to have ended; says whether it was not.
fn kill_unless(ended: &Mutex<bool>, pid: Pid) -> bool {
    let ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
    if !*ended {
        let _ = kill_process(pid, Signal::KILL);
    }
    !*ended
}

/// The status of a process that has ended, and what it used.
fn reap(pid: Pid) -> io::Result<(ExitStatus, libc::rusage)> {
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to live values of the types that the call writes; all bytes zero
    // are a valid `rusage`. Neither std nor rustix has a call that tells what one child used, and
    // /proc no longer tells the memory of a process that has ended.
    #[expect(unsafe_code, reason = "only wait4 tells it; see above")]
    let (reaped, usage) = unsafe {
        let pid = libc::wait4(
            pid.as_raw_nonzero().get(),
            &raw mut status,
            0,
            usage.as_mut_ptr(),
        );
        (pid, usage.assume_init())
    };
    if reaped < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((ExitStatus::from_raw(status), usage))
}
