//! The records as text: one line for each finding, what is fine in a dim colour.

use jiff::Timestamp;
use owo_colors::Style;

use super::judge::{self, ms_for_people};
use super::record::{Agent, Record, Resume, State};
use super::status::Status;
use crate::output::escaped;
use crate::report::described;

/// How a finding is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Fine,
    Warning,
    Problem,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }

    /// Told apart by weight and reversal before hue, as the events of the log are.
    fn style(self) -> Style {
        match self {
            Self::Fine => Style::new().dimmed(),
            Self::Warning => Style::new().magenta().bold(),
            Self::Problem => Style::new().red().reversed(),
        }
    }
}

/// Writes records as text.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Whether in colours.
    pub is_colored: bool,
}

impl Text {
    /// The record in lines.
    pub fn of(self, record: &Record) -> String {
        let (kind, subject, fine) = match record {
            Record::Agent(agent) => ("agent", &agent.url, of_agent(agent)),
            Record::State(state) => ("state", &state.file, of_state(state)),
            Record::Resume(resume) => ("resume", &resume.url, of_resume(resume)),
        };
        let findings = record.findings();
        let head = format!("{kind} {}", escaped(subject));
        let mut text = self.styled(&head, Style::new().bold()) + "\n";
        for line in fine {
            text += &self.line(Level::Fine, &line);
        }
        for warning in &findings.warnings {
            text += &self.line(Level::Warning, warning);
        }
        for problem in &findings.problems {
            text += &self.line(Level::Problem, &problem.text);
        }
        text
    }

    /// What is said after the last record.
    pub fn summary(self, problems: usize, warnings: usize) -> String {
        let count = |number, word: &str| match number {
            1 => format!("1 {word}"),
            _ => format!("{number} {word}s"),
        };
        let (level, text) = match (problems, warnings) {
            (0, 0) => (Level::Fine, "everything is fine".into()),
            (0, _) => (Level::Warning, count(warnings, "warning")),
            (_, 0) => (Level::Problem, count(problems, "problem")),
            _ => {
                let warnings = count(warnings, "warning");
                let text = format!("{}, {warnings}", count(problems, "problem"));
                (Level::Problem, text)
            }
        };
        self.styled(&text, level.style()) + "\n"
    }

    fn line(self, level: Level, text: &str) -> String {
        let word = format!("{:<7}", level.word());
        let text = escaped(text);
        match level {
            Level::Fine => format!(
                "  {}\n",
                self.styled(&format!("{word}  {text}"), level.style())
            ),
            _ => format!("  {}  {text}\n", self.styled(&word, level.style())),
        }
    }

    fn styled(self, text: &str, style: Style) -> String {
        if self.is_colored {
            style.style(text).to_string()
        } else {
            text.to_owned()
        }
    }
}

fn of_agent(agent: &Agent) -> Vec<String> {
    let mut fine = Vec::new();
    let proxy = agent.proxy.as_ref();
    let through = proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"));
    match (agent.connect_ms, agent.answer_ms) {
        (Some(connect), Some(answer)) => fine.push(format!(
            "connected{through} in {connect} ms, answered in {answer} ms"
        )),
        (None, Some(answer)) => fine.push(format!("answered{through} in {answer} ms")),
        _ => {}
    }
    // What is warned of is not told as fine, too.
    let ends_soon = |until| judge::of_certificate(until, Timestamp::now()).is_some();
    if let Some(until) = agent.certificate_until.filter(|until| !ends_soon(*until)) {
        fine.push(format!("certificate valid until {until}"));
    }
    if let Some(server) = &agent.server {
        fine.push(format!("server {server}"));
    }
    if let Some(clock) = agent
        .clock
        .filter(|clock| judge::of_clock(*clock).is_none())
    {
        fine.push(if clock.least_ms() == 0 {
            "its clock agrees with the one of this machine".into()
        } else {
            let (about, side) = (clock.about(), clock.side());
            format!("its clock is about {about} {side} the one of this machine")
        });
    }
    match &agent.status {
        Some(status) => fine.extend(of_status(status)),
        None if agent.ok => {
            fine.push("it has no /status: what it has discarded is not known".into());
        }
        None => {}
    }
    fine
}

/// The figures that are fine.
fn of_status(status: &Status) -> Option<String> {
    let names = [
        ("clients", "clients"),
        ("queue_size", "queue"),
        ("events_discarded", "discarded"),
        ("events_error", "refused"),
    ];
    let is_fine = judge::of_status(status).is_empty();
    let figures = names[..if is_fine { names.len() } else { 1 }].iter();
    let figures = figures.filter_map(|(name, words)| {
        let figure = status.text(name)?;
        Some(format!("{words} {figure}"))
    });
    let figures: Vec<_> = figures.collect();
    (!figures.is_empty()).then(|| format!("/status: {}", figures.join(", ")))
}

/// How long ago something was.
fn ago(age_ms: i64) -> String {
    if age_ms < 0 {
        return format!("{} from now", ms_for_people(age_ms));
    }
    format!("{} ago", ms_for_people(age_ms))
}

fn of_state(state: &State) -> Vec<String> {
    let mut fine = Vec::new();
    match (&state.position, state.at, state.age_ms) {
        (Some(position), Some(at), Some(age)) => {
            fine.push(format!("position {position}, of {at}, {}", ago(age)));
        }
        (Some(position), ..) => fine.push(format!("position {position}, a full replication")),
        (None, ..) => {}
    }
    match state.in_use {
        Some(false) => fine.push("no other process uses it".into()),
        Some(true) => {}
        None => fine.push("whether another process uses it is not known here".into()),
    }
    fine
}

fn of_resume(resume: &Resume) -> Vec<String> {
    let mut fine = Vec::new();
    match resume.kept {
        Some(true) => fine.push(format!(
            "the server still has operation {}",
            resume.position
        )),
        Some(false) => {}
        None => {
            let position = resume.position.parse().map(described);
            fine.push(format!("looked after {}", position.unwrap_or_default()));
        }
    }
    if resume.findings.problems.is_empty() || resume.waiting > 0 {
        let counted = match (resume.waiting, resume.all_counted) {
            (0, true) => "nothing waits".to_owned(),
            (0, false) => "nothing came in the time there was".to_owned(),
            (1, true) => "1 operation waits".to_owned(),
            (count, true) => format!("{count} operations wait"),
            (1, false) => "at least 1 operation waits: not all were counted".into(),
            (count, false) => format!("at least {count} operations wait: not all were counted"),
        };
        let oldest = resume.oldest_ms.map(|age| match ms_for_people(age) {
            age_of_first if age >= 0 => format!("; the first is {age_of_first} old"),
            ahead => format!("; the first is dated {ahead} ahead of the clock of this machine"),
        });
        fine.push(counted + &oldest.unwrap_or_default());
    }
    fine
}
