//! `--check`: looks at everything that a run would need, says what is wrong, and changes nothing.
//!
//! It knows the consumer's lower parts (one connection, the state file) and not the loop that
//! follows the log.

mod agent;
mod certificate;
mod clock;
mod differences;
mod findings;
#[cfg(test)]
pub(crate) mod messages;
mod report;
mod resume;
mod state;
mod status;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::consumer::{Config, Notice};
use crate::duration::ForPeople;
use crate::exit::ExitStatus;
use crate::http::{Clients, Endpoint, Exchange, Failure};
use crate::output::{OutputError, Stdout};
use crate::report::Diagnostics;
use crate::settings::Settings;
use crate::sse::Connection;
use crate::tracker::{Resume as Place, first_resume};
use agent::Agent;
use report::Report;
use resume::Resume;

/// How long a check may take, where the command line does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// What is left of the time for printing, at most.
const PRINTING: Duration = Duration::from_millis(100);

/// Checks everything, prints what it finds, and tells how a run would end. A reader that goes away
/// has seen enough, as in a run.
///
/// # Errors
/// When stdout cannot be written.
pub(crate) async fn run(settings: &Settings) -> std::io::Result<ExitStatus> {
    let stdout = match Stdout::open() {
        Err(OutputError::Failed(error)) => return Err(error),
        Err(OutputError::ReaderGone) => return Ok(ExitStatus::Success),
        Ok(stdout) => stdout,
    };
    tokio::select! {
        biased;
        checked = check(settings) => checked,
        () = stdout.reader_gone() => Ok(ExitStatus::Success),
    }
}

async fn check(settings: &Settings) -> std::io::Result<ExitStatus> {
    let config = Arc::new(settings.consumer.clone());
    let timeout = settings.stop.timeout.unwrap_or(DEFAULT_TIMEOUT);
    let deadline = Instant::now() + timeout - PRINTING.min(timeout / 10);
    let timeout = ForPeople(timeout);
    let late = Failure::retry(format!(
        "no answer within {timeout} (--timeout gives it longer)"
    ));
    let starts_now = settings.starts_from_now_unasked();
    let state = settings.state_file.as_ref();
    let (state, saved) = state.map(|name| state::check(name, starts_now)).unzip();
    let saved = saved.flatten().filter(|_| !settings.rewind);
    let place = first_resume(config.start, config.exact_resume, saved);
    let looks = config.endpoints.iter().map(|endpoint| {
        let endpoint = Arc::new(endpoint.clone());
        let (config, late) = (Arc::clone(&config), late.clone());
        tokio::spawn(look(config, endpoint, place, deadline, late))
    });
    // All of them at once; collected so that all have begun before the first is waited for.
    let looks: Vec<_> = looks.collect();
    let (mut agents, mut counts) = (Vec::new(), Vec::new());
    let mut diagnostics = Diagnostics::new(settings.verbosity);
    for look in looks {
        // It fails only where its task panicked, which ends the program.
        let Ok((agent, exchanges, count)) = look.await else {
            continue;
        };
        for exchange in &exchanges {
            diagnostics.notice(&Notice::Exchanged(exchange));
        }
        agents.push(agent);
        counts.extend(count);
    }
    differences::of_agents(&mut agents);
    let mut report = Report::new(settings.format, settings.color);
    for agent in &agents {
        report.add("agent", &agent.url, &agent.findings, agent);
    }
    if let Some(state) = &state {
        report.add("state", &state.file, &state.findings, state);
    }
    // Counting may take the rest of the time.
    report.print()?;
    let mut resumes = Vec::new();
    for count in counts {
        resumes.extend(count.await.ok());
    }
    // A saved position has been judged with the state file.
    if let Some(place) = place.filter(|_| saved.is_none()) {
        for resume in &mut resumes {
            state::judge_future(place.after, Timestamp::now(), &mut resume.findings);
        }
    }
    differences::of_resumes(&mut resumes);
    for resume in &resumes {
        report.add("resume", &resume.url, &resume.findings, resume);
    }
    report.end()
}

/// Looks at one agent, and meanwhile begins to count what comes over its connection, so that the
/// server need not wait for a reader.
async fn look(
    config: Arc<Config>,
    endpoint: Arc<Endpoint>,
    place: Option<Place>,
    deadline: Instant,
    late: Failure,
) -> (Agent, Vec<Exchange>, Option<JoinHandle<Resume>>) {
    // Not shared between agents: they measure one request at a time.
    let clients = Arc::new(Clients::watching(Arc::new(config.http.clone())));
    let sent = place.map(|place| place.sent);
    // No read timeout: whoever reads decides how much silence is the end.
    let opening = Connection::open(Arc::clone(&clients), Arc::clone(&endpoint), sent, None);
    let (exchanges, result) = match timeout_at(deadline, opening).await {
        Ok(attempt) => (attempt.exchanges, attempt.result),
        Err(_) => (Vec::new(), Err(late)),
    };
    let failure = result.as_ref().err().cloned();
    // Without a place there is nothing to count, and the connection is closed at once.
    let count = result.ok().zip(place).map(|(connection, place)| {
        let url = endpoint.url.to_string();
        tokio::spawn(Resume::look(url, place, config, connection, deadline))
    });
    let last = exchanges.last();
    let mut agent = Agent::new(&endpoint.url, last, failure.as_ref());
    if let Some(last) = last {
        agent.add_status(agent::status(&clients, &endpoint, &last.url, deadline).await);
    }
    (agent, exchanges, count)
}
