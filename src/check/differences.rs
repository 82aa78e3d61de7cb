//! Points out what differs between the agents of one log.

use std::cmp::Reverse;

use super::agent::Agent;
use super::resume::Resume;
use crate::duration::grouped;

/// What is compared, in words and as it is said of an agent, and what to do where it differs.
type Difference = (&'static str, fn(&Agent) -> Option<String>, &'static str);

const DIFFERENCES: [Difference; 3] = [
    (
        "server",
        |agent| agent.server.clone().or(Some("without a name".into())),
        "run the same version everywhere",
    ),
    (
        "/status",
        |agent| {
            let word = |has_it| if has_it { "there" } else { "missing" };
            agent.has_status.map(word).map(str::to_owned)
        },
        "is it the same kind of agent?",
    ),
    (
        "largest queue",
        |agent| agent.status.as_ref()?.count("queue_max_size").map(grouped),
        "give both the same",
    ),
];

/// Points out what differs between agents, at the one that differs from most of them.
pub(super) fn of_agents(agents: &mut [Agent]) {
    for (what, value, advice) in DIFFERENCES {
        // An agent that cannot be used has a problem that says so; that is enough.
        let of = |agent: &Agent| value(agent).filter(|_| agent.ok);
        let values: Vec<_> = agents.iter().map(of).collect();
        let known = (0..values.len()).filter(|place| values[*place].is_some());
        let count = |place: usize| values.iter().filter(|it| **it == values[place]).count();
        // Of those that are as frequent, the first.
        let Some(usual) = known.max_by_key(|place| (count(*place), Reverse(*place))) else {
            continue;
        };
        let url = agents[usual].url.clone();
        for (agent, own) in agents.iter_mut().zip(&values) {
            if let (Some(own), Some(usual)) = (own, &values[usual])
                && own != usual
            {
                agent.findings.warn(format!(
                    "its {what} is {own}, that of {url} is {usual}: {advice}"
                ));
            }
        }
    }
    for later in 1..agents.len() {
        let (before, rest) = agents.split_at_mut(later);
        let (clock, findings) = (rest[0].clock, &mut rest[0].findings);
        let apart = before.iter().find_map(|other| {
            let apart = clock?.apart(other.clock?)?;
            let url = &other.url;
            Some(format!(
                "its clock and the one of {url} are about {apart} apart: set both"
            ))
        });
        findings.warnings.extend(apart);
    }
}

/// Points out agents that no longer have an operation that others have.
pub(super) fn of_resumes(resumes: &mut [Resume]) {
    let keeper = resumes.iter().find(|resume| resume.kept == Some(true));
    let Some(url) = keeper.map(|resume| resume.url.clone()) else {
        return;
    };
    for resume in resumes.iter_mut().filter(|it| it.kept == Some(false)) {
        resume.findings.warn(format!(
            "{url} still has it: do both read the same log? As long as it is there, name that URL first"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Offset;
    use super::super::status::Figures;
    use super::*;

    fn agent(url: &str) -> Agent {
        Agent {
            url: url.into(),
            ok: true,
            server: Some("oplog/1.1.6".into()),
            status: Some(with_queue(r#"{"queue_max_size":10}"#)),
            has_status: Some(true),
            ..Agent::default()
        }
    }

    fn with_queue(figures: &str) -> Figures {
        Figures::parse(figures.as_bytes()).unwrap()
    }

    fn resume(url: &str, kept: Option<bool>) -> Resume {
        Resume {
            url: url.into(),
            kept,
            ..Resume::default()
        }
    }

    /// The places of the agents with a warning.
    fn warned(agents: &mut [Agent]) -> Vec<usize> {
        of_agents(agents);
        (0..agents.len())
            .filter(|place| !agents[*place].findings.warnings.is_empty())
            .collect()
    }

    #[test]
    fn who_differs_from_most_is_pointed_out() {
        let three = || [agent("a"), agent("b"), agent("c")];
        assert_eq!(warned(&mut three()), [0_usize; 0]);
        let mut agents = three();
        agents[0].server = Some("oplog/1.1.5".into());
        assert_eq!(warned(&mut agents), [0]);
        assert!(
            agents[0].findings.warnings[0]
                .contains("its server is oplog/1.1.5, that of b is oplog/1.1.6")
        );
        let mut agents = three();
        (agents[1].status, agents[1].has_status) = (None, Some(false));
        assert_eq!(warned(&mut agents), [1]);
        let mut agents = three();
        agents[2].status = Some(with_queue(r#"{"queue_max_size":9}"#));
        assert_eq!(warned(&mut agents), [2]);
        // Of two, the first is what the second differs from.
        let mut agents = [agent("a"), agent("b")];
        agents[0].server = None;
        assert_eq!(warned(&mut agents), [1]);
        // What cannot be used has its problem, and is no measure.
        let mut agents = three();
        agents[0].server = Some("nginx".into());
        agents[0].ok = false;
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
        assert!(agents[2].findings.warnings[0].contains("the one of a are about 5 s apart"));
        let mut agents = [at("a", 5000), at("b", -5000)];
        assert_eq!(warned(&mut agents), [1]);
        assert!(agents[1].findings.warnings[0].contains("are about 10 s apart"));
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
        of_resumes(&mut resumes);
        let warnings = resumes.map(|resume| resume.findings.warnings);
        assert_eq!(warnings.each_ref().map(Vec::len), [0, 1, 0]);
        assert!(warnings[1][0].starts_with("c still has it"));
        let mut none = [resume("a", Some(false)), resume("b", Some(false))];
        of_resumes(&mut none);
        assert!(none.iter().all(|it| it.findings.warnings.is_empty()));
    }
}
