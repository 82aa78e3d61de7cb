//! A run of the program that has ended, with assertions that show the command when they fail.

use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

/// What a run says that starts from now because there is no such state file.
pub fn from_now(state: impl AsRef<Path>) -> String {
    let state = state.as_ref().display();
    format!(
        "oplog-tail: state file {state} is new, so the run starts from now; \
         --start-id or --since starts earlier\n"
    )
}

/// What a run leaves incomplete that ends before all of a replication is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It has not come to its `live`.
    Replication,
    /// What it left out has not been fetched.
    Repair,
}

impl Left {
    /// How the line on stderr begins that says so.
    pub fn begin(self) -> &'static str {
        match self {
            Self::Replication => {
                "oplog-tail: the run ended before the replication was complete, so objects are missing; "
            }
            Self::Repair => {
                "oplog-tail: objects that changed in the second before the replication may be \
                 missing, because they come only after the next operation of the log; "
            }
        }
    }

    /// Whether this line says so, and what to do about it.
    pub fn is_said_by(self, line: &str) -> bool {
        line.starts_with(self.begin()) && line.contains("--until-complete")
    }
}

/// A run of the program that has ended.
#[derive(Debug)]
pub struct Finished {
    pub command: String,
    pub status: ExitStatus,
    /// Everything it wrote to stdout, what the test had read before included.
    pub stdout: Vec<u8>,
    pub stderr: String,
    /// From its start to its end.
    pub elapsed: Duration,
}

impl Finished {
    /// The status as a shell shows it: 128 and the number of the signal that killed it, if any.
    pub fn shell_status(&self) -> i32 {
        self.status
            .code()
            .or_else(|| self.status.signal().map(|signal| 128 + signal))
            .unwrap_or(-1)
    }

    /// Asserts that it exited with this status.
    #[track_caller]
    pub fn exit(self, code: i32) -> Self {
        if self.status.code() != Some(code) {
            self.fail(&format!("expected exit status {code}, got {}", self.status));
        }
        self
    }

    /// Its stdout as text.
    #[track_caller]
    pub fn stdout_text(&self) -> &str {
        match std::str::from_utf8(&self.stdout) {
            Ok(text) => text,
            Err(error) => self.fail(&format!("stdout is not UTF-8: {error}")),
        }
    }

    /// The lines of its stdout; every one must have been ended.
    #[track_caller]
    pub fn stdout_lines(&self) -> Vec<String> {
        let text = self.stdout_text();
        if !text.is_empty() && !text.ends_with('\n') {
            self.fail("the last line of stdout is not ended");
        }
        // Not `lines()`: a carriage return would go unnoticed.
        text.split_terminator('\n').map(str::to_owned).collect()
    }

    /// Asserts that stdout is exactly these lines.
    #[track_caller]
    pub fn stdout_is<S: AsRef<str>>(self, expected: &[S]) -> Self {
        let expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
        let actual = self.stdout_lines();
        if let Some(difference) = difference(&expected, &actual) {
            self.fail(&format!("stdout differs (- expected, + got)\n{difference}"));
        }
        self
    }

    /// Asserts that stderr contains this text.
    #[track_caller]
    pub fn stderr_has(self, text: &str) -> Self {
        if !self.stderr.contains(text) {
            self.fail(&format!("stderr lacks {text:?}"));
        }
        self
    }

    /// Asserts that stderr does not contain this text.
    #[track_caller]
    pub fn stderr_lacks(self, text: &str) -> Self {
        if self.stderr.contains(text) {
            self.fail(&format!("stderr has {text:?}"));
        }
        self
    }

    /// Asserts that nothing was written to stderr.
    #[track_caller]
    pub fn stderr_is_empty(self) -> Self {
        if !self.stderr.is_empty() {
            self.fail("stderr is not empty");
        }
        self
    }

    /// Asserts that stderr says that this state file is new and the run starts from now, and
    /// nothing else.
    #[track_caller]
    pub fn stderr_is_from_now(self, state: impl AsRef<Path>) -> Self {
        let expected = from_now(state);
        if self.stderr != expected {
            self.fail(&format!("stderr is not {expected:?}"));
        }
        self
    }

    /// Asserts that stderr is exactly the one line which says what is left incomplete; empty where
    /// nothing is.
    #[track_caller]
    pub fn says_incomplete(self, left: impl Into<Option<Left>>) -> Self {
        let Some(left) = left.into() else {
            return self.stderr_is_empty();
        };
        let line = self.stderr.strip_suffix('\n');
        if !line.is_some_and(|line| !line.contains('\n') && left.is_said_by(line)) {
            self.fail(&format!("stderr is not the one line about {left:?}"));
        }
        self
    }

    /// Asserts that every line of stderr says who wrote it.
    #[track_caller]
    pub fn stderr_is_prefixed(self) -> Self {
        if let Some(line) = self.stderr.lines().find(|l| !l.starts_with("oplog-tail: ")) {
            self.fail(&format!("a line of stderr lacks the prefix: {line:?}"));
        }
        self
    }

    /// Asserts that the run took no longer than this.
    #[track_caller]
    pub fn within(self, limit: Duration) -> Self {
        if self.elapsed > limit {
            self.fail(&format!("took {:?}, longer than {limit:?}", self.elapsed));
        }
        self
    }

    /// Fails the test, showing the whole run.
    #[track_caller]
    pub fn fail(&self, what: &str) -> ! {
        panic!(
            "{what}\ncommand: {}\nstatus: {} after {:?}\nstdout:\n{}\nstderr:\n{}",
            self.command,
            self.status,
            self.elapsed,
            shortened(&String::from_utf8_lossy(&self.stdout)),
            shortened(&self.stderr)
        )
    }
}

/// The text, or its beginning and end where it is too long to read.
pub fn shortened(text: &str) -> String {
    const EDGE: usize = 4_000;
    if text.len() <= 2 * EDGE {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(EDGE);
    let tail = text.ceil_char_boundary(text.len() - EDGE);
    format!(
        "{}\n[… {} bytes …]\n{}",
        &text[..head],
        tail - head,
        &text[tail..]
    )
}

/// Shows where two lists of lines part, or nothing if they are the same.
fn difference(expected: &[&str], actual: &[String]) -> Option<String> {
    const SHOWN: usize = 5;
    let same = expected
        .iter()
        .zip(actual)
        .take_while(|(expected, actual)| **expected == actual.as_str())
        .count();
    if same == expected.len() && same == actual.len() {
        return None;
    }
    let mut text = format!(
        "{same} lines are the same; {} expected, {} got\n",
        expected.len(),
        actual.len()
    );
    for line in expected[same..].iter().take(SHOWN) {
        let _ = writeln!(text, "- {line}");
    }
    for line in actual[same..].iter().take(SHOWN) {
        let _ = writeln!(text, "+ {line}");
    }
    Some(text)
}
