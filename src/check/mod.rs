//! `--check`: looks at everything that a run would need, says what is wrong, and changes nothing.
//!
//! It knows the consumer's lower parts (one connection, the state file) and not the loop that
//! follows the log.

mod agent;
mod certificate;
mod judge;
mod record;
mod resume;
mod state;
mod status;
mod text;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::consumer::{Config, Notice, Start};
use crate::exit::ExitStatus;
use crate::http::Exchange;
use crate::output::{self, Format};
use crate::report::Diagnostics;
use crate::settings::Settings;
use crate::tracker;
use agent::Subject;
use record::{Agent, Findings, Record, Resume};
use resume::Counted;
use text::Text;

/// How long a check may take, where the command line does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// What is left of the time for printing, at most.
const PRINTING: Duration = Duration::from_millis(100);

/// Looks at everything, prints what it finds, and tells how a run would end.
///
/// # Errors
/// When stdout cannot be written.
pub async fn run(settings: &Settings) -> std::io::Result<ExitStatus> {
    let timeout = settings.stop.timeout.unwrap_or(DEFAULT_TIMEOUT);
    let deadline = Instant::now() + timeout - PRINTING.min(timeout / 10);
    let starts_now = settings.consumer.start == Start::Now && !settings.start_given;
    let state = settings.state_file.as_ref();
    let (state, saved) = state.map(|name| state::check(name, starts_now)).unzip();
    let saved = saved.flatten().filter(|_| !settings.rewind);
    let config = &settings.consumer;
    let place = tracker::first_resume(config.start, config.exact_resume, saved);
    let http = Arc::new(config.http.clone());
    let looks = config.endpoints.iter().map(|endpoint| {
        let subject = Subject::new(&http, endpoint, timeout, deadline);
        Looking::start(subject, place)
    });
    // All of them at once; collected so that all have begun before the first is waited for.
    let mut looks: Vec<_> = looks.collect();
    let diagnostics = Diagnostics::new(settings.verbosity);
    let mut report = Report::new(settings);
    for record in report_agents(&mut looks, diagnostics).await {
        report.add(&Record::Agent(record));
    }
    report.add_all(state.map(Record::State));
    report.print()?;
    if let Some(place) = place {
        let resumes = resumes(looks, place, config).await;
        report.add_all(resumes.into_iter().map(Record::Resume));
    }
    report.end()
}

/// A look at one agent, which goes on by itself.
struct Looking {
    url: reqwest::Url,
    agent: oneshot::Receiver<(Agent, Vec<Exchange>)>,
    counted: JoinHandle<Option<Counted>>,
}

impl Looking {
    fn start(subject: Subject, place: Option<tracker::Resume>) -> Self {
        let url = subject.url().clone();
        let (tell, agent) = oneshot::channel();
        let counted = tokio::spawn(async move {
            let sent = place.map(|place| place.sent);
            let connected = subject.connect(sent).await;
            let (connection, findings) = match connected.result {
                Ok(connection) => (Some(connection), Findings::default()),
                Err(findings) => (None, findings),
            };
            // Without a place there is nothing to count, and the connection is closed at once.
            let connection = connection.filter(|_| place.is_some());
            let counting = async {
                match connection {
                    Some(connection) => Some(resume::count(connection, subject.deadline()).await),
                    None => None,
                }
            };
            // Meanwhile, so that the server need not wait for a reader.
            let asking = async {
                let exchanges = connected.exchanges;
                let status = subject.status(&exchanges).await;
                let agent = agent::record(subject.url(), &exchanges, findings, status);
                // Nobody waits for it where the check has failed.
                let _ = tell.send((agent, exchanges));
            };
            tokio::join!(counting, asking).0
        });
        Self {
            url,
            agent,
            counted,
        }
    }
}

/// The records of the agents, once all are there.
async fn report_agents(looks: &mut [Looking], mut diagnostics: Diagnostics) -> Vec<Agent> {
    let mut agents = Vec::with_capacity(looks.len());
    for look in looks {
        // It fails only where its task panicked, which ends the program.
        let Ok((agent, exchanges)) = (&mut look.agent).await else {
            continue;
        };
        for exchange in &exchanges {
            diagnostics.notice(&Notice::Exchanged(exchange));
        }
        agents.push(agent);
    }
    judge::compare_agents(&mut agents);
    agents
}

/// The records of the place at each agent that could be reached, once all are there.
async fn resumes(looks: Vec<Looking>, place: tracker::Resume, config: &Config) -> Vec<Resume> {
    let mut resumes = Vec::new();
    for look in looks {
        if let Ok(Some(counted)) = look.counted.await {
            let choice = config.on_resume_failed;
            resumes.push(resume::record(&look.url, place.after, &counted, choice));
        }
    }
    judge::compare_resumes(&mut resumes);
    resumes
}

/// What is found, and what of it is printed.
struct Report {
    format: Format,
    text: Text,
    /// Not printed yet.
    lines: String,
    problems: usize,
    warnings: usize,
    /// How a run would end of the first problem.
    status: ExitStatus,
}

impl Report {
    fn new(settings: &Settings) -> Self {
        Self {
            format: settings.format,
            text: Text {
                is_colored: settings.color,
            },
            lines: String::new(),
            problems: 0,
            warnings: 0,
            status: ExitStatus::Success,
        }
    }

    fn add(&mut self, record: &Record) {
        let findings = record.findings();
        if let Some(first) = findings.problems.first().filter(|_| self.problems == 0) {
            self.status = first.status;
        }
        self.problems += findings.problems.len();
        self.warnings += findings.warnings.len();
        self.lines += &match self.format {
            Format::Text => self.text.of(record),
            // It holds nothing that JSON cannot.
            Format::Json => serde_json::to_string(record).unwrap_or_default() + "\n",
        };
    }

    fn add_all(&mut self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            self.add(&record);
        }
    }

    fn print(&mut self) -> std::io::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        output::print(|| std::io::stdout().write_all(lines.as_bytes()))
    }

    fn end(mut self) -> std::io::Result<ExitStatus> {
        if self.format == Format::Text {
            self.lines += &self.text.summary(self.problems, self.warnings);
        }
        self.print()?;
        Ok(self.status)
    }
}
