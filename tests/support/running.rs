//! A run of the program that is under way.
//!
//! Nothing reads stdout but the test itself, when it asks for it: so a test can be the reader
//! that stops reading or goes away.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::Finished;
use super::finished::shortened;

/// How often the end of the process is looked for; there is no portable way to wait for it and
/// for its output at once.
const TICK: Duration = Duration::from_millis(2);

/// A run of the program that is under way. Dropping it kills it.
pub struct Running {
    command: String,
    child: Child,
    started: Instant,
    patience: Duration,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    received: Vec<u8>,
    /// How much of `received` was handed to the test as lines.
    taken: usize,
    stderr: Arc<Stderr>,
}

#[derive(Default)]
struct Stderr {
    text: Mutex<(Vec<u8>, bool)>,
    changed: Condvar,
}

enum Fill {
    Data,
    Ended,
    Nothing,
}

impl Running {
    pub(super) fn start(
        mut command: Command,
        shown: String,
        input: Option<Vec<u8>>,
        patience: Duration,
    ) -> Self {
        let started = Instant::now();
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
        let mut stdin = child.stdin.take();
        if let Some(bytes) = input
            && let Some(mut stdin) = stdin.take()
        {
            // The program may end without reading it all.
            std::thread::spawn(move || drop(stdin.write_all(&bytes)));
        }
        let stderr = Arc::new(Stderr::default());
        let pipe = child.stderr.take();
        let shared = Arc::clone(&stderr);
        std::thread::spawn(move || {
            let Some(mut pipe) = pipe else {
                shared.text.lock().unwrap().1 = true;
                return shared.changed.notify_all();
            };
            let mut buffer = [0; 4096];
            loop {
                let count = pipe.read(&mut buffer).unwrap_or(0);
                let mut text = shared.text.lock().unwrap();
                text.0.extend_from_slice(&buffer[..count]);
                text.1 = count == 0;
                shared.changed.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self {
            command: shown,
            started,
            patience,
            stdin,
            stdout: child.stdout.take(),
            child,
            received: Vec::new(),
            taken: 0,
            stderr,
        }
    }

    /// Waits for output until then and takes in what there is.
    fn fill(&mut self, until: Instant) -> Fill {
        let Some(stdout) = &mut self.stdout else {
            return Fill::Ended;
        };
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).expect("a short time");
        let mut fds = [PollFd::new(stdout, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Fill::Nothing,
            Ok(_) => {}
            Err(error) => panic!("poll: {error}"),
        }
        let mut buffer = [0; 16 * 1024];
        match stdout.read(&mut buffer) {
            Ok(0) => {
                self.stdout = None;
                Fill::Ended
            }
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                Fill::Data
            }
            Err(error) => panic!("reading stdout: {error}"),
        }
    }

    /// The next line of stdout, without its end, or `None` when there are no more.
    #[track_caller]
    pub fn next_line(&mut self) -> Option<String> {
        let until = Instant::now() + self.patience;
        loop {
            let rest = &self.received[self.taken..];
            if let Some(length) = rest.iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8(rest[..length].to_vec()).expect("UTF-8 on stdout");
                self.taken += length + 1;
                return Some(line);
            }
            match self.fill(until) {
                Fill::Data => {}
                Fill::Ended => return None,
                Fill::Nothing if Instant::now() < until => {}
                Fill::Nothing => self.fail("no line came"),
            }
        }
    }

    /// Reads what stdout holds by now, for [`Running::next_line`] to hand out.
    pub fn read_ahead(&mut self) {
        while let Fill::Data = self.fill(Instant::now()) {}
    }

    /// The next line of stdout; there must be one.
    #[track_caller]
    pub fn read_line(&mut self) -> String {
        match self.next_line() {
            Some(line) => line,
            None => self.fail("stdout ended"),
        }
    }

    /// Reads that many lines.
    #[track_caller]
    pub fn read_lines(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.read_line()).collect()
    }

    /// Reads lines until one is as wanted, and returns it.
    #[track_caller]
    pub fn wait_for_line(&mut self, mut wanted: impl FnMut(&str) -> bool) -> String {
        loop {
            let line = self.read_line();
            if wanted(&line) {
                return line;
            }
        }
    }

    /// Waits until stderr contains this, and returns all of it.
    #[track_caller]
    pub fn wait_for_stderr(&mut self, pattern: &str) -> String {
        self.wait_for_stderr_with(pattern, |text| text.contains(pattern))
    }

    /// Waits until stderr has so many lines, and returns all of it.
    #[track_caller]
    pub fn wait_for_stderr_lines(&mut self, count: usize) -> String {
        self.wait_for_stderr_with(&format!("{count} lines"), |text| {
            text.matches('\n').count() >= count
        })
    }

    /// What stderr has by now.
    pub fn stderr_so_far(&self) -> String {
        String::from_utf8_lossy(&self.stderr.text.lock().unwrap().0).into_owned()
    }

    #[track_caller]
    fn wait_for_stderr_with(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let shared = Arc::clone(&self.stderr);
        let text = shared.text.lock().unwrap();
        let lacks = |(text, ended): &mut (Vec<u8>, bool)| {
            !*ended && !wanted(&String::from_utf8_lossy(text))
        };
        let text = shared
            .changed
            .wait_timeout_while(text, self.patience, lacks)
            .unwrap()
            .0;
        let shown = String::from_utf8_lossy(&text.0).into_owned();
        drop(text);
        if !wanted(&shown) {
            self.fail(&format!("stderr never had {what:?}"));
        }
        shown
    }

    /// Waits until the program can write no more to the pipe that nobody reads.
    #[track_caller]
    pub fn wait_until_stdout_is_full(&mut self) {
        // A pipe of 64 KiB can be full at little more than half of that, since a write does not
        // always go on in the page the one before it began. So it is full when it holds that
        // much and no more comes.
        const HALF: u64 = 28 * 1024;
        const SETTLED: Duration = Duration::from_millis(150);
        let until = Instant::now() + self.patience;
        let stdout = self.stdout.as_ref().expect("stdout is read by the test");
        let (mut held, mut since) = (0, Instant::now());
        while held < HALF || since.elapsed() < SETTLED {
            let now = rustix::io::ioctl_fionread(stdout).expect("a pipe tells its length");
            if now != held {
                (held, since) = (now, Instant::now());
            }
            if Instant::now() > until {
                self.fail(&format!("stdout never filled up, it holds {held} bytes"));
            }
            std::thread::sleep(TICK);
        }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is there");
    }

    /// Stops it (`SIGSTOP`), does this once it stands still, lets that much time pass, and lets it
    /// go on.
    #[track_caller]
    pub fn stop_for(&self, time: Duration, meanwhile: impl FnOnce()) {
        self.signal(Signal::STOP);
        let child = WaitId::Pid(Pid::from_child(&self.child));
        waitid(child, WaitIdOptions::STOPPED).expect("the child is ours");
        meanwhile();
        std::thread::sleep(time);
        self.signal(Signal::CONT);
    }

    /// Writes to its stdin.
    #[track_caller]
    pub fn write_stdin(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is a pipe");
        stdin
            .write_all(text.as_bytes())
            .expect("the program reads its stdin");
    }

    /// Ends its stdin.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Goes away as the reader of its stdout.
    pub fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the child is ours").is_none()
    }

    /// A figure of `/proc/PID/status`, in KiB: `VmRSS` is its memory now, `VmHWM` the most so far.
    #[cfg(target_os = "linux")]
    #[track_caller]
    pub fn memory_kib(&self, figure: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(&path).expect("the process is there");
        text.lines()
            .find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'))
            .and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok())
            .unwrap_or_else(|| panic!("no {figure} in {path}"))
    }

    /// Reads the rest of stdout and waits for the end.
    #[track_caller]
    pub fn wait(mut self) -> Finished {
        let until = Instant::now() + self.patience;
        loop {
            match self.fill(until) {
                Fill::Ended => break,
                _ if Instant::now() > until => self.fail("it did not end"),
                _ => {}
            }
        }
        self.finish(until)
    }

    /// Waits for the end without reading stdout; what the pipe still holds is read afterwards.
    #[track_caller]
    pub fn wait_without_reading(mut self) -> Finished {
        let until = Instant::now() + self.patience;
        self.status(until);
        let elapsed = self.started.elapsed();
        let finished = self.wait();
        Finished {
            elapsed,
            ..finished
        }
    }

    #[track_caller]
    fn status(&mut self, until: Instant) -> ExitStatus {
        loop {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                return status;
            }
            if Instant::now() > until {
                self.fail("it did not end");
            }
            std::thread::sleep(TICK);
        }
    }

    #[track_caller]
    fn finish(&mut self, until: Instant) -> Finished {
        let status = self.status(until);
        let elapsed = self.started.elapsed();
        let text = self.stderr.text.lock().unwrap();
        let left = until.saturating_duration_since(Instant::now());
        let text = self
            .stderr
            .changed
            .wait_timeout_while(text, left, |text| !text.1);
        let stderr = String::from_utf8_lossy(&text.unwrap().0.0).into_owned();
        Finished {
            command: self.command.clone(),
            status,
            stdout: std::mem::take(&mut self.received),
            stderr,
            elapsed,
        }
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        let stderr = self.stderr_so_far();
        panic!(
            "{what}\ncommand: {}\nstill running after {:?}\nstdout so far:\n{}\nstderr so far:\n{}",
            self.command,
            self.started.elapsed(),
            shortened(&String::from_utf8_lossy(&self.received)),
            shortened(&stderr)
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
