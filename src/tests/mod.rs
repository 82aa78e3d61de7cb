//! Every message of the program in one list, to be read side by side: what is new in it shows in
//! the review, next to how the others put such things.
//!
//! Each room has its words in one place, and next to them a `messages.rs` that calls all of it.
//! Where the words are those of an enum, [`every!`] does not compile while a variant is missing.

/// Values of an enum, by its variants: one without fields, or `Variant => values`. Does not compile
/// where one is missing.
macro_rules! every {
    ($type:ident: $($variant:ident $(=> $values:expr)?),+ $(,)?) => {{
        let _ = |value: &$type| match value { $($type::$variant { .. } => ()),+ };
        let all: Vec<Vec<$type>> = vec![$(every!(@$type $variant $($values)?).into()),+];
        all.into_iter().flatten().collect::<Vec<$type>>()
    }};
    (@$type:ident $variant:ident) => { [$type::$variant] };
    (@$type:ident $variant:ident $values:expr) => { $values };
}

use std::fmt::Write as _;
use std::io;

use crate::consumer::Error as Consumer;
use crate::error::{Error, Step};
use crate::http::{self, Failure};
use crate::limits::LimitError;
use crate::oplog::Position;
use crate::output::OutputError;
use crate::{app, check, compare, report, settings, sse, state, tail};
use compare::Error as Compare;
use tail::Error as Tail;

fn system() -> io::Error {
    io::Error::other("what the system says")
}

/// A failure as it is told when the connection is tried again.
fn told(failures: &[Failure]) -> Vec<String> {
    failures.iter().map(report::with_advice).collect()
}

/// Why a run fails, but for its state file.
fn failures() -> Vec<String> {
    let limits = every!(LimitError:
        Descriptors => [Some(16), None].map(|limit| LimitError::Descriptors { limit, enough: 64 }),
        System,
        Threads => [LimitError::Threads(system())],
    );
    let steps = every!(Step: SetUp, Signals, Demo, Generate, Print);
    let tail = every!(Tail:
        Consumer => [],
        State => [],
        Invalid,
        Incomplete,
        Output => [OutputError::Failed(system()).into()],
        NoAcks => [Tail::NoAcks(system())],
        Acks => [Tail::Acks(system())],
    );
    let failure = || Failure::retry("REASON");
    let position = Position::Replication(1_415_271_879_041);
    let consumer = every!(Consumer:
        AccessDenied => [Consumer::AccessDenied(failure())],
        Refused => [Consumer::Refused(failure())],
        ConnectionLost => [1, 6].map(|failed| Consumer::ConnectionLost { failure: failure(), failed }),
        ResumeFailed => [Consumer::ResumeFailed(position)],
        Uncertain,
    );
    let compare = every!(Compare:
        Dump => [], Consumer => [], Invalid, Silent => [], Full => [], Output => [], System => [],
    );
    let mut all: Vec<Error> = limits.into_iter().map(Error::from).collect();
    let step = |step| Error::Other(anyhow::Error::new(system()).context(step));
    all.extend(steps.into_iter().map(step));
    all.extend(tail.into_iter().map(Error::from));
    all.extend(consumer.into_iter().map(Tail::Consumer).map(Error::from));
    all.extend(compare.into_iter().map(Error::from));
    all.iter().map(Error::message).collect()
}

#[test]
fn every_message() {
    let of_state = state::messages::all().into_iter().map(Error::from);
    let of_state = of_state.map(|error| error.message()).collect();
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
