//! Builds a command line of the program.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Finished, PATIENCE, Running};

/// What the program finds on its stdin.
#[derive(Debug)]
pub enum Input {
    /// End of file at once.
    Nothing,
    /// A pipe the test writes to.
    Pipe,
    /// These bytes, then end of file.
    Bytes(Vec<u8>),
    /// What the test gives it.
    Other(Stdio),
}

/// A run of the program that has not been started.
#[derive(Debug)]
pub struct Tail {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    input: Input,
    output: Stdio,
    errors: Stdio,
    patience: Duration,
}

impl Tail {
    /// The program under test, without arguments.
    pub fn new() -> Self {
        Self::of(env!("CARGO_BIN_EXE_oplog-tail"))
    }

    /// The program under test, following this URL.
    pub fn url(url: impl AsRef<OsStr>) -> Self {
        Self::new().arg("--url").arg(url)
    }

    /// Any program, so that the runner itself can be tested.
    pub fn of(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            directory: None,
            input: Input::Nothing,
            output: Stdio::piped(),
            errors: Stdio::piped(),
            patience: PATIENCE,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, args: I) -> Self {
        for arg in args {
            self = self.arg(arg);
        }
        self
    }

    /// Sets a variable in the otherwise empty environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs in this folder.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// What the program reads on stdin.
    pub fn stdin_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Input::Bytes(bytes.into());
        self
    }

    /// Lets the test write to stdin while the program runs.
    pub fn stdin_piped(mut self) -> Self {
        self.input = Input::Pipe;
        self
    }

    /// What stdin is.
    pub fn stdin_from(mut self, input: impl Into<Stdio>) -> Self {
        self.input = Input::Other(input.into());
        self
    }

    /// Where stdout goes instead of to the test.
    pub fn stdout_to(mut self, output: impl Into<Stdio>) -> Self {
        self.output = output.into();
        self
    }

    /// Where stderr goes instead of to the test.
    pub fn stderr_to(mut self, errors: impl Into<Stdio>) -> Self {
        self.errors = errors.into();
        self
    }

    /// How long each wait for the program may take.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Finished {
        self.spawn().wait()
    }

    /// Starts it.
    pub fn spawn(self) -> Running {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear();
        // PATH for shells, the other for coverage runs.
        for name in ["PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let (stdin, bytes) = match self.input {
            Input::Nothing => (Stdio::null(), None),
            Input::Pipe => (Stdio::piped(), None),
            Input::Bytes(bytes) => (Stdio::piped(), Some(bytes)),
            Input::Other(stdin) => (stdin, None),
        };
        command
            .env("TZ", "UTC")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(stdin)
            .stdout(self.output)
            .stderr(self.errors);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let shown = self
            .env
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), quoted(value)))
            .chain(
                [&self.program]
                    .into_iter()
                    .chain(&self.args)
                    .map(|word| quoted(word)),
            )
            .collect::<Vec<_>>()
            .join(" ");
        Running::start(command, shown, bytes, self.patience)
    }
}

/// A word as one would type it.
fn quoted(word: &OsStr) -> String {
    let word = word.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn shell(script: &str) -> Tail {
    Tail::of("/bin/sh").arg("-c").arg(script)
}

#[test]
fn captures_both_outputs_and_the_status() {
    shell("echo out; echo err >&2; exit 3")
        .run()
        .exit(3)
        .stdout_is(&["out"])
        .stderr_has("err");
}

#[test]
fn clears_the_environment() {
    let run = shell("env").env("ONLY", "this").run().exit(0);
    let names: Vec<_> = run
        .stdout_lines()
        .iter()
        .map(|line| line.split('=').next().unwrap().to_owned())
        .collect();
    for name in ["HOME", "HTTP_PROXY", "http_proxy", "CARGO", "USER"] {
        assert!(!names.iter().any(|n| n == name), "{name} is set");
    }
    assert!(names.iter().any(|n| n == "ONLY"));
}

#[test]
fn gives_stdin() {
    let many = "x\n".repeat(100_000);
    shell("wc -l")
        .stdin_bytes(many)
        .run()
        .stdout_is(&["100000"]);
    let mut cat = shell("while read line; do echo got $line; done")
        .stdin_piped()
        .spawn();
    cat.write_stdin("a\n");
    assert_eq!(cat.read_line(), "got a");
    cat.write_stdin("b\n");
    assert_eq!(cat.wait_for_line(|line| line.ends_with('b')), "got b");
    cat.close_stdin();
    cat.wait().exit(0).stdout_is(&["got a", "got b"]);
}

#[test]
fn sends_signals_and_tells_them_from_statuses() {
    use rustix::process::Signal;
    let mut caught = shell("trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done").spawn();
    caught.read_line();
    caught.signal(Signal::TERM);
    caught.wait().exit(9);
    let mut killed = shell("echo ready; exec sleep 100").spawn();
    killed.read_line();
    killed.signal(Signal::TERM);
    assert_eq!(killed.wait().shell_status(), 128 + 15);
}

#[test]
fn a_reader_can_go_away() {
    let mut endless = shell("while echo y; do :; done 2>/dev/null; exit 4").spawn();
    endless.read_line();
    endless.wait_until_stdout_is_full();
    endless.close_stdout();
    endless.wait();
}

#[test]
fn waits_for_stderr() {
    let mut run = shell("echo one >&2; echo two >&2; read x; exit 0")
        .stdin_piped()
        .spawn();
    run.wait_for_stderr("two");
    run.close_stdin();
    run.wait();
}

#[test]
#[should_panic(expected = "said so far")]
fn a_run_that_hangs_is_killed_and_shown() {
    shell("echo said so far; exec sleep 100")
        .patience(Duration::from_secs(1))
        .run();
}

#[test]
#[should_panic(expected = "- two")]
fn a_difference_is_shown() {
    shell("echo one; echo three")
        .run()
        .stdout_is(&["one", "two"]);
}
