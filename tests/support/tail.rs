//! Builds a command line of the program.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Finished, PATIENCE, Running, signals};

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

    /// Keeps its position in this file.
    pub fn state(self, path: impl AsRef<OsStr>) -> Self {
        self.arg("--state").arg(path)
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
        signals::stop_ignoring();
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
