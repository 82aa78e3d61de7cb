//! Every line about a comparison, for the list of messages.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::difference::Server;
use super::dump::{DumpError, Problem, read};
use super::error::Error;
use super::filter::Filter;
use super::ledger::{Full, Ledger};
use super::moment::Moment;
use super::outcome::Outcome;
use super::words;
use crate::oplog::{Operation, Record};
use crate::settings::OnInvalid;

/// Every line, but for those that other failures have too.
pub(crate) fn all() -> Vec<String> {
    let undated = r#"{"timestamp":"today","type":"video","id":"1"}"#;
    let operation = Operation::new(Record::new("1", "insert", undated));
    let operation = operation.expect("it has all that it takes");
    let on_invalid = every!(OnInvalid: Skip, Exit);
    let empty = r#"{"timestamp":"","type":"video","id":""}"#;
    let lines = ["not json", "1", "{}", undated, empty];
    let mut lines: Vec<Vec<u8>> = lines.map(|line| line.as_bytes().to_owned()).into();
    lines.extend([vec![0xff], vec![b' '; crate::sse::MAX_LINE + 1]]);
    let problem = |line: Vec<u8>| {
        let read = read(&mut line.as_slice(), &Filter::default());
        read.expect_err("it is no object")
    };
    let mut problems: Vec<_> = lines.into_iter().map(problem).collect();
    problems.extend(every!(Problem:
        Unreadable => [io::Error::other("what the system says").into()],
        Line => [],
        Full => [Full.into()],
    ));
    let dumps = problems.into_iter().map(|problem| {
        let path = Path::new("dump.jsonl").to_owned();
        Error::from(DumpError { path, problem }).to_string()
    });
    let mut all: Vec<_> = dumps.collect();
    all.extend([None, Some(1_234_567)].map(words::progress));
    all.extend([words::FETCHING, words::WAITING, words::READER_GONE].map(str::to_owned));
    let undated = |on_invalid| words::undated(&operation, "today", on_invalid);
    all.extend(on_invalid.into_iter().map(undated));
    all.extend([
        Error::Silent(Duration::from_mins(1)).to_string(),
        Error::from(Full).to_string(),
    ]);
    all.extend([0, 1, 12].map(words::doubt));
    all.extend([None, Some(Moment(1_415_271_879_041))].map(summary));
    all
}

/// The summary of a comparison with a dump whose newest timestamp this is.
fn summary(newest: Option<Moment>) -> String {
    let mut ledger = Ledger::default();
    let server = Server::Live(Moment(1_415_271_879_042));
    let set = ledger.set_server(("video", "1"), server, None);
    set.expect("there is room for one");
    Outcome::of(ledger, newest, true, None).summary()
}
