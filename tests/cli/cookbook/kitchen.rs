//! Where recipes are run: a folder, a server, a shell and the tools on `PATH`.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use oplog_tail::server::ServerThread;
use oplog_tail::server::object::Change;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::support::{PATIENCE, at_once, keeping_server, signals};

const TICK: Duration = Duration::from_millis(5);

/// The text of a recipe of the cookbook, as printed.
#[track_caller]
pub fn recipe(name: &str) -> String {
    let cookbook = cookbook();
    let mark = format!("<!-- recipe: {name} -->\n```");
    let (_, rest) = cookbook
        .split_once(&mark)
        .unwrap_or_else(|| panic!("man/cookbook.md has no recipe {name}"));
    let (_language, rest) = rest.split_once('\n').unwrap();
    let (text, _) = rest.split_once("\n```").unwrap();
    text.to_owned() + "\n"
}

pub fn cookbook() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/man/cookbook.md")).unwrap()
}

pub fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// Where a tool is found.
fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(tool))
        .find(|file| file.is_file())
}

/// Whether all of these are installed. What is not is named on the stderr of the test run, past
/// the capturing of output.
pub fn installed(test: &str, tools: &[&str]) -> bool {
    let missing = tools.iter().filter(|tool| find(tool).is_none());
    let missing: Vec<_> = missing.copied().collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {test}: not installed: {missing}"
        );
    }
    missing.is_empty()
}

/// Runs the check in a kitchen of each shell, if the tools are there.
pub fn in_shells(test: &str, shells: &[&'static str], tools: &[&str], check: fn(&Kitchen)) {
    if !installed(test, tools) {
        return;
    }
    let shells = shells.iter().filter(|shell| installed(test, &[shell]));
    at_once(shells, |shell| check(&Kitchen::new(shell)));
}

/// Runs the check under every shell that recipes are for, if the tools are there.
pub fn in_both_shells(test: &str, tools: &[&str], check: fn(&Kitchen)) {
    in_shells(test, &["bash", "dash"], tools, check);
}

pub struct Kitchen {
    folder: TempDir,
    pub server: ServerThread,
    shell: &'static str,
    env: Mutex<Vec<(String, String)>>,
    runs: AtomicUsize,
}

impl Kitchen {
    fn new(shell: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        let program = folder.path().join("bin/oplog-tail");
        symlink(env!("CARGO_BIN_EXE_oplog-tail"), program).unwrap();
        let server = keeping_server();
        let kitchen = Self {
            folder,
            shell,
            env: Mutex::default(),
            runs: AtomicUsize::new(0),
            server,
        };
        kitchen.env("OPLOG_TAIL_URL", &kitchen.server.url());
        kitchen
    }

    /// Sets a variable for the recipes that are started from now on.
    pub fn env(&self, name: &str, value: &str) {
        let mut env = self.env.lock().unwrap();
        env.push((name.to_owned(), value.to_owned()));
    }

    /// Puts a script on the `PATH` of recipes.
    pub fn tool(&self, name: &str, script: &str) {
        let file = self.path("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a file holds; nothing where there is none.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub fn lines(&self, name: &str) -> Vec<String> {
        self.read(name).lines().map(str::to_owned).collect()
    }

    /// Waits until this is so.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let until = Instant::now() + 2 * PATIENCE;
        while !is_so() {
            if Instant::now() > until {
                let errors = (0..self.runs.load(Ordering::Relaxed))
                    .map(|run| self.read(&format!("stderr.{run}")));
                let errors: String = errors.collect();
                panic!("{}: never so: {what}\n{errors}", self.shell);
            }
            std::thread::sleep(TICK);
        }
    }

    /// Waits until the state file holds the newest operation of the server.
    #[track_caller]
    pub fn wait_until_caught_up(&self) {
        let newest = self.server.newest().unwrap().to_string();
        self.wait_until("the position is the newest operation", || {
            self.read("position") == newest
        });
    }

    /// Waits until what runs has everything there was and follows the live stream: the position
    /// is an operation that was appended for this.
    #[track_caller]
    pub fn wait_until_live(&self) {
        let probed = Mutex::new((Instant::now(), String::new()));
        self.wait_until("it follows the live stream", || {
            let mut probed = probed.lock().unwrap();
            if probed.1.is_empty() || probed.0.elapsed() > Duration::from_secs(2) {
                let probe = self.server.append(&Change::insert("probe", "p"));
                *probed = (Instant::now(), probe.to_string());
            }
            self.read("position") == probed.1
        });
    }

    /// Waits until nobody uses the state file: killed processes take a moment to go.
    #[track_caller]
    pub fn wait_until_free(&self) {
        self.wait_until("nobody uses the state file", || {
            File::open(self.path("position")).is_ok_and(|file| file.try_lock().is_ok())
                || !self.path("position").exists()
        });
    }

    /// Waits until so many requests came in all.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) {
        let requests = self.server.wait_for_requests(count, PATIENCE);
        assert!(requests.len() >= count, "only {} requests", requests.len());
    }

    /// Starts a recipe, once what an earlier one has started is gone, as a supervisor does.
    #[track_caller]
    pub fn cook(&self, name: &str) -> Cooking {
        self.wait_until_free();
        self.start(&recipe(name))
    }

    /// Starts a script.
    pub fn start(&self, script: &str) -> Cooking {
        signals::stop_ignoring();
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| self.path(&format!("{name}.{run}")));
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(find(self.shell).unwrap());
        command
            .args(["-c", script])
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .envs(self.env.lock().unwrap().iter().cloned())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .process_group(0);
        let child = command.spawn().unwrap();
        Cooking {
            shell: self.shell,
            child,
            stdout,
            stderr,
        }
    }
}

/// A recipe that runs. Everything it started ends when it is dropped.
pub struct Cooking {
    shell: &'static str,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Cooking {
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// Sends a signal to every process of it.
    pub fn signal(&self, signal: Signal) {
        kill_process_group(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Whether all of it that the shell waits for is over.
    pub fn has_ended(&self) -> bool {
        let group = Pid::from_child(&self.child);
        // A process that has ended is there until it is waited for.
        rustix::process::waitid(
            rustix::process::WaitId::Pid(group),
            rustix::process::WaitIdOptions::EXITED
                | rustix::process::WaitIdOptions::NOHANG
                | rustix::process::WaitIdOptions::NOWAIT,
        )
        .unwrap()
        .is_some()
    }

    /// Kills every process of it.
    pub fn kill(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }

    /// Waits for the end; its status as a shell shows it.
    #[track_caller]
    pub fn wait(mut self) -> Served {
        let until = Instant::now() + 2 * PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Served {
                    shell: self.shell,
                    status: status
                        .code()
                        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
                    stdout: read(&self.stdout),
                    stderr: read(&self.stderr),
                };
            }
            assert!(
                Instant::now() < until,
                "{}: it did not end\nstdout:\n{}\nstderr:\n{}",
                self.shell,
                read(&self.stdout),
                read(&self.stderr)
            );
            std::thread::sleep(TICK);
        }
    }
}

impl Drop for Cooking {
    fn drop(&mut self) {
        self.kill();
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// What came of a recipe.
pub struct Served {
    shell: &'static str,
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Served {
    /// It ended with this status and said this on stderr.
    #[track_caller]
    pub fn ended(self, status: i32, stderr: &str) -> Self {
        assert_eq!(
            (self.status, self.stderr.trim()),
            (status, stderr),
            "{}, stdout:\n{}",
            self.shell,
            self.stdout
        );
        self
    }
}

/// Appends a change of another object every now and then, until it is stopped.
pub struct Producer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<usize>>,
}

impl Producer {
    /// One change each `pause`, of `video/1`, `video/2`, ...
    pub fn start(server: &ServerThread, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (handle, stopped) = ((**server).clone(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut count = 0;
            while !stopped.load(Ordering::Relaxed) {
                count += 1;
                handle.append(&Change::insert("video", &count.to_string()));
                std::thread::sleep(pause);
            }
            count
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Stops, and tells how many changes there were.
    pub fn stop(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
