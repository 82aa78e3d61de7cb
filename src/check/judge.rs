//! Warnings about agents, and about what differs between them. Pure. Those about the state file and
//! the place in the log stand beside what finds them.

use std::time::Duration;

use jiff::Timestamp;

use super::record::{Agent, Offset, Resume};
use super::status::Status;
use crate::duration::ForPeople;

/// Clocks that are further apart than this mislead: the rules by which a run decides what may be
/// missing hold for less.
const CLOCKS_APART_MS: i64 = 3000;

/// A certificate that ends sooner than this should have been renewed.
const RENEWAL: Duration = Duration::from_hours(7 * 24);

/// Milliseconds as people read them, without a sign.
pub fn ms_for_people(ms: i64) -> ForPeople {
    ForPeople(Duration::from_millis(ms.unsigned_abs()))
}

/// What the figures of an agent say.
pub fn of_status(status: &Status) -> Vec<String> {
    let mut warnings = Vec::new();
    let lost = |name| {
        let count = status.text(name).filter(|_| status.get(name) > Some(0.0))?;
        let operations = if count == "1" {
            "operation"
        } else {
            "operations"
        };
        Some(format!("{count} {operations}"))
    };
    if let Some(count) = lost("events_discarded") {
        warnings.push(format!(
            "it has discarded {count} since it was started, because its queue was full: \
             no consumer gets them; oplog-sync with a dump of the source brings the objects back"
        ));
    }
    if let Some(count) = lost("events_error") {
        warnings.push(format!(
            "it has refused {count} as invalid since it was started: no consumer gets them; look at \
             what the producers send"
        ));
    }
    if let (Some(size), Some(most)) = (status.get("queue_size"), status.get("queue_max_size"))
        && most > 0.0
        && size * 2.0 > most
    {
        warnings.push(format!(
            "its queue is {:.0} % full ({size} of {most}): once it is full, operations are \
             discarded; look after its store, or have the producers send less",
            size * 100.0 / most
        ));
    }
    warnings
}

/// What the clock of an agent says.
pub fn of_clock(offset: Offset) -> Option<String> {
    (offset.least_ms().abs() > CLOCKS_APART_MS).then(|| {
        format!(
            "its clock is about {} {} the one of this machine: ages and delays are wrong by that \
             much; set both clocks (a proxy before it may have written the date)",
            offset.about(),
            offset.side()
        )
    })
}

/// What the end of a certificate says.
pub fn of_certificate(until: Timestamp, now: Timestamp) -> Option<String> {
    let left = until.duration_since(now);
    if left.is_negative() {
        return Some(format!("its certificate ended at {until}: renew it"));
    }
    (left.unsigned_abs() < RENEWAL).then(|| {
        let left = ForPeople(left.unsigned_abs());
        format!("its certificate ends in {left}, at {until}: renew it")
    })
}

/// Points out what differs between agents, at the one that differs from most of them.
pub fn compare_agents(agents: &mut [Agent]) {
    let urls: Vec<_> = agents.iter().map(|agent| agent.url.clone()).collect();
    // One that is no agent, or lets nobody in, has its problem told.
    let usable = |agent: &Agent| agent.findings.is_ok();
    let differ = |agents: &[Agent], of: &dyn Fn(&Agent) -> Option<String>| {
        let values = agents
            .iter()
            .map(|agent| usable(agent).then(|| of(agent)).flatten());
        odd_ones(&values.collect::<Vec<_>>())
    };
    let name = |agent: &Agent| agent.server.clone().unwrap_or_else(|| "nothing".into());
    for (odd, usual) in differ(agents, &|agent| Some(name(agent))) {
        let warning = format!(
            "it calls itself {}, {} calls itself {}: run the same version everywhere",
            name(&agents[odd]),
            urls[usual],
            name(&agents[usual])
        );
        agents[odd].findings.warn(warning);
    }
    let has_status = |agent: &Agent| Some(agent.status.is_some().to_string());
    for (odd, usual) in differ(agents, &has_status) {
        let url = &urls[usual];
        let warning = match agents[odd].status {
            None => format!("it has no /status, {url} has one: is it the same kind of agent?"),
            Some(_) => format!("it has a /status, {url} has none: is it the same kind of agent?"),
        };
        agents[odd].findings.warn(warning);
    }
    let queue = |agent: &Agent| {
        let most = agent.status.as_ref()?.text("queue_max_size")?;
        Some(most.to_owned())
    };
    for (odd, usual) in differ(agents, &queue) {
        let of = |agent| queue(agent).unwrap_or_default();
        let warning = format!(
            "its queue holds {} operations at most, the one of {} {}: give them the same",
            of(&agents[odd]),
            urls[usual],
            of(&agents[usual])
        );
        agents[odd].findings.warn(warning);
    }
    compare_clocks(agents);
}

/// Points out agents whose clocks are apart although each is near enough to the one of this
/// machine.
fn compare_clocks(agents: &mut [Agent]) {
    let near = |agent: &Agent| agent.clock.filter(|clock| of_clock(*clock).is_none());
    for later in 1..agents.len() {
        let Some((low, high)) = near(&agents[later]).map(Offset::range_ms) else {
            continue;
        };
        let apart = agents[..later].iter().find_map(|agent| {
            let (other_low, other_high) = near(agent)?.range_ms();
            let apart = (low - other_high).max(other_low - high);
            (apart > CLOCKS_APART_MS).then(|| (ms_for_people(apart), agent.url.clone()))
        });
        let warning = apart.map(|(apart, url)| {
            format!("its clock and the one of {url} are {apart} apart: set both")
        });
        agents[later].findings.warn(warning);
    }
}

/// Points out agents that no longer have an operation that others have.
pub fn compare_resumes(resumes: &mut [Resume]) {
    let keeper = resumes.iter().find(|resume| resume.kept == Some(true));
    let Some(url) = keeper.map(|resume| resume.url.clone()) else {
        return;
    };
    for resume in resumes.iter_mut().filter(|it| it.kept == Some(false)) {
        resume.findings.warnings.push(format!(
            "{url} still has it: do both read the same log? As long as it is there, name that URL first"
        ));
    }
}

/// The places whose value is not the most frequent one, each with the first place that has it.
/// Where several are as frequent, the first counts. `None` is no value.
fn odd_ones(values: &[Option<String>]) -> Vec<(usize, usize)> {
    let count = |value: &Option<String>| values.iter().filter(|it| *it == value).count();
    let known = (0..values.len()).filter(|place| values[*place].is_some());
    // Of equals, the last one is the maximum.
    let Some(usual) = known
        .clone()
        .rev()
        .max_by_key(|place| count(&values[*place]))
    else {
        return Vec::new();
    };
    let usual = values
        .iter()
        .position(|value| *value == values[usual])
        .unwrap_or(usual);
    known
        .filter(|place| values[*place] != values[usual])
        .map(|odd| (odd, usual))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::record::Findings;
    use super::*;
    use crate::exit::ExitStatus;

    fn agent(url: &str) -> Agent {
        Agent {
            url: url.into(),
            ok: true,
            connect_ms: Some(1.2),
            answer_ms: Some(3.4),
            server: Some("oplog/1.1.6".into()),
            clock: None,
            proxy: None,
            certificate_until: None,
            status: Status::parse(br#"{"queue_max_size":10}"#),
            findings: Findings::default(),
        }
    }

    fn resume(url: &str, kept: Option<bool>) -> Resume {
        Resume {
            url: url.into(),
            ok: true,
            position: "6b047e00686c822d00000001".into(),
            kept,
            waiting: 0,
            all_counted: true,
            oldest_ms: None,
            findings: Findings::default(),
        }
    }

    /// The places of the agents with a warning.
    fn warned(agents: &mut [Agent]) -> Vec<usize> {
        compare_agents(agents);
        (0..agents.len())
            .filter(|place| !agents[*place].findings.warnings.is_empty())
            .collect()
    }

    #[test]
    fn figures_that_are_warned_of() {
        for (figures, words) in [
            (
                r#"{"events_discarded":0,"events_error":0,"queue_size":0,"queue_max_size":10}"#,
                None,
            ),
            (r#"{"queue_size":5,"queue_max_size":10}"#, None),
            (r#"{"queue_size":6}"#, None),
            (r#"{"queue_size":6,"queue_max_size":0}"#, None),
            (
                r#"{"queue_size":6,"queue_max_size":10}"#,
                Some("60 % full (6 of 10)"),
            ),
            (
                r#"{"events_discarded":1}"#,
                Some("discarded 1 operation since"),
            ),
            (
                r#"{"events_error":12345678901234567890}"#,
                Some("refused 12345678901234567890 "),
            ),
        ] {
            let warnings = of_status(&Status::parse(figures.as_bytes()).unwrap());
            assert_eq!(warnings.len(), usize::from(words.is_some()), "{figures}");
            assert!(
                words.is_none_or(|words| warnings[0].contains(words)),
                "{warnings:?}"
            );
        }
    }

    #[test]
    fn clocks_are_warned_of_when_they_are_certainly_apart() {
        for (ms, margin_ms, words) in [
            (-999, 5, None),
            (2999, 0, None),
            (3001, 0, Some("about 4 s ahead of")),
            (3001, 2, None),
            (-3999, 0, None),
            (-4001, 0, Some("4 s behind")),
            (3_600_000, 0, Some("1 h ahead of")),
            (-60_600, 0, Some("about 1 min behind")),
        ] {
            let warning = of_clock(Offset { ms, margin_ms });
            match words {
                None => assert_eq!(warning, None, "{ms}"),
                Some(words) => assert!(warning.unwrap().contains(words), "{ms}"),
            }
        }
    }

    #[test]
    fn certificates_are_warned_of_before_they_end() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for (until, words) in [
            ("2026-11-23T11:59:59Z", Some("ended at")),
            ("2026-11-25T12:00:00Z", Some("ends in 2 d")),
            ("2026-11-30T12:00:00Z", None),
        ] {
            let warning = of_certificate(until.parse().unwrap(), now);
            assert_eq!(warning.is_some(), words.is_some());
            assert!(words.is_none_or(|words| warning.unwrap().contains(words)));
        }
    }

    #[test]
    fn who_differs_from_most_is_pointed_out() {
        let three = || [agent("a"), agent("b"), agent("c")];
        assert_eq!(warned(&mut three()), [0_usize; 0]);
        let mut agents = three();
        agents[0].server = Some("oplog/1.1.5".into());
        assert_eq!(warned(&mut agents), [0]);
        assert!(agents[0].findings.warnings[0].contains("oplog/1.1.5, b calls itself oplog/1.1.6"));
        let mut agents = three();
        agents[1].status = None;
        assert_eq!(warned(&mut agents), [1]);
        let mut agents = three();
        agents[2].status = Status::parse(br#"{"queue_max_size":9}"#);
        assert_eq!(warned(&mut agents), [2]);
        // Of two, the first is what the second differs from.
        let mut agents = [agent("a"), agent("b")];
        agents[0].server = None;
        assert_eq!(warned(&mut agents), [1]);
        // What cannot be used has its problem, and is no measure.
        let mut agents = three();
        agents[0].server = Some("nginx".into());
        agents[0].findings = Findings::problem(ExitStatus::CannotConnect, "x".into());
        assert_eq!(warned(&mut agents), [0_usize; 0]);
    }

    #[test]
    fn clocks_of_agents_are_compared_too() {
        let at = |url: &str, ms| Agent {
            clock: Some(Offset { ms, margin_ms: 0 }),
            ..agent(url)
        };
        assert_eq!(warned(&mut [at("a", -2500), at("b", 1400)]), [0_usize; 0]);
        let mut agents = [at("a", -2500), at("b", -500), at("c", 2000)];
        assert_eq!(warned(&mut agents), [2]);
        assert!(agents[2].findings.warnings[0].contains("the one of a are 3.5 s apart"));
        // One that is far from this machine is told by itself.
        assert_eq!(warned(&mut [at("a", -60_000), at("b", 0)]), [0_usize; 0]);
    }

    #[test]
    fn who_no_longer_has_the_operation_that_others_have() {
        let mut resumes = [
            resume("a", None),
            resume("b", Some(false)),
            resume("c", Some(true)),
        ];
        compare_resumes(&mut resumes);
        let warnings = resumes.map(|resume| resume.findings.warnings);
        assert_eq!(warnings.each_ref().map(Vec::len), [0, 1, 0]);
        assert!(warnings[1][0].starts_with("c still has it"));
        let mut none = [resume("a", Some(false)), resume("b", Some(false))];
        compare_resumes(&mut none);
        assert!(none.iter().all(|it| it.findings.warnings.is_empty()));
    }
}
