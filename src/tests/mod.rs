//! Every message of the program in one list, to be read side by side: what is new in it shows in
//! the review, next to how the others put such things.
//!
//! Each room has its words in one place, and next to them a `messages.rs` that calls all of it.
//! Where the words are those of an enum, [`every!`] does not compile while a variant is missing.

/// Values of an enum; does not compile where one of its variants is missing.
macro_rules! every {
    ($type:ty, $($variant:pat => [$($value:expr),* $(,)?]),+ $(,)?) => {{
        let _ = |value: &$type| match value { $($variant => ()),+ };
        let all: Vec<$type> = vec![$($($value,)*)+];
        all
    }};
    // The variants have no fields.
    ($type:ident { $($variant:ident),+ $(,)? }) => {
        every!($type, $($type::$variant => [$type::$variant]),+)
    };
}

use std::fmt::Write as _;
use std::io;

use crate::error::{Error, Step};
use crate::http::{self, Failure};
use crate::limits::LimitError;
use crate::oplog::Position;
use crate::output::OutputError;
use crate::state::StateError;
use crate::{app, check, report, settings, sse, state, tail};
use crate::{compare, consumer};

fn system() -> io::Error {
    io::Error::other("what the system says")
}

/// A failure as it is told when the connection is tried again.
fn told(failures: &[Failure]) -> Vec<String> {
    failures.iter().map(report::with_advice).collect()
}

/// Why a run fails, but for its state file.
fn failures() -> Vec<String> {
    let limits = every!(LimitError,
        LimitError::Descriptors { .. } => [
            LimitError::Descriptors { limit: Some(16), enough: 64 },
            LimitError::Descriptors { limit: None, enough: 64 },
        ],
        LimitError::System => [LimitError::System],
        LimitError::Threads(_) => [LimitError::Threads(system())],
    );
    let steps = every!(Step {
        SetUp,
        Signals,
        Demo,
        Generate,
        Print
    });
    let tail = every!(tail::Error,
        tail::Error::Consumer(_) => [],
        tail::Error::State(_) => [],
        tail::Error::Invalid => [tail::Error::Invalid],
        tail::Error::Incomplete => [tail::Error::Incomplete],
        tail::Error::Output(_) => [OutputError::Failed(system()).into()],
        tail::Error::NoAcks(_) => [tail::Error::NoAcks(system())],
        tail::Error::Acks(_) => [tail::Error::Acks(system())],
    );
    let failure = || Failure::retry("REASON");
    let position = Position::Replication(1_415_271_879_041);
    let consumer = every!(consumer::Error,
        consumer::Error::AccessDenied(_) => [consumer::Error::AccessDenied(failure())],
        consumer::Error::Refused(_) => [consumer::Error::Refused(failure())],
        consumer::Error::ConnectionLost { .. } => [
            consumer::Error::ConnectionLost { failure: failure(), failed: 1 },
            consumer::Error::ConnectionLost { failure: failure(), failed: 6 },
        ],
        consumer::Error::ResumeFailed(_) => [consumer::Error::ResumeFailed(position)],
        consumer::Error::Uncertain => [consumer::Error::Uncertain],
    );
    let compare = every!(compare::Error,
        compare::Error::Dump(_) => [],
        compare::Error::Consumer(_) => [],
        compare::Error::Invalid => [compare::Error::Invalid],
        compare::Error::Silent(_) => [],
        compare::Error::Full(_) => [],
        compare::Error::Output(_) => [],
        compare::Error::System(..) => [],
    );
    let consumer = consumer.into_iter().map(tail::Error::Consumer);
    let all = limits.into_iter().map(Error::from);
    let all = all.chain(
        steps
            .into_iter()
            .map(|step| Error::Other(anyhow::Error::new(system()).context(step))),
    );
    let all = all.chain(tail.into_iter().chain(consumer).map(Error::from));
    let all = all.chain(compare.into_iter().map(Error::from));
    all.map(|error| error.message()).collect()
}

#[test]
fn every_message() {
    let of_state = state::messages::all().into_iter();
    let of_state: Vec<_> = of_state
        .map(|error: StateError| Error::from(error).message())
        .collect();
    let sections = [
        ("A run begins", app::messages::all()),
        ("Connections", report::messages::of_connections()),
        ("Outages", report::messages::of_outages()),
        ("Replications", report::messages::of_replications()),
        ("The summary", report::messages::of_summaries()),
        ("A run and its end", tail::messages::all()),
        ("Why a run fails", failures()),
        ("The state file", of_state),
        ("Advice", told(&http::messages::hints())),
        ("Requests", told(&http::messages::of_requests())),
        ("Answers", told(&http::messages::of_answers())),
        ("Event streams", told(&sse::messages::all())),
        ("TLS", told(&http::messages::of_tls())),
        ("A check", check::messages::all()),
        ("Comparisons", compare::messages::all()),
        ("Command lines", settings::messages::all()),
    ];
    let mut list = String::new();
    for (title, messages) in sections {
        let _ = writeln!(list, "# {title}\n");
        for message in messages {
            let _ = writeln!(list, "{message}");
        }
        list.push('\n');
    }
    let settings = || {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../tests/snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings
    };
    settings().bind(|| insta::assert_snapshot!("messages", list));
}
