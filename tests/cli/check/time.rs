//! How long a check takes.

use std::time::Duration;

use oplog_tail::server::object::Change;
use serde_json::json;

use super::{check, has_problem, only, quiet, records, scripted, server};
use crate::support::{Script, at_once, insert_numbered};

#[test]
fn it_ends_in_its_time_whatever_the_servers_do() {
    let second = Duration::from_secs(1);
    at_once(
        [
            (Script::silent().stall(), 4),
            // A head that never ends.
            (
                Script::raw("HTTP/1.1 200 OK\r\nX: ").heartbeats(Duration::from_millis(10)),
                4,
            ),
            (Script::redirect(302, "/again"), 4),
            (quiet().heartbeats(Duration::from_millis(10)), 0),
            (Script::events("").heartbeats(Duration::from_millis(1)), 0),
            (Script::events("").flood(insert_numbered), 0),
        ],
        |(stream, code)| {
            let server = scripted(stream, Script::silent().stall());
            let finished = check(&[server.url()])
                .args(["--timeout", "4s", "--start-id", "6b047e00686c822d00000000"])
                .run();
            let finished = finished.exit(code).within(second * 12);
            if code == 4 {
                assert_eq!(records(&finished).len(), 1);
            }
        },
    );
    // A line without an end, which is too long sooner or later.
    let endless = Script::events("").flood(|_| vec![b'x'; 1 << 16]);
    let agent = scripted(endless, Script::silent().stall());
    let finished = check(&[agent.url()])
        .args(["--timeout", "15s", "--start-id", "6b047e00686c822d00000000"])
        .run()
        .exit(4)
        .within(second * 20);
    has_problem(&records(&finished)[1], &["a line of more than 16 MiB"]);
    // One that says nothing keeps nobody from the others.
    let (well, silent) = (
        server(),
        scripted(Script::silent().stall(), Script::status(404)),
    );
    let id = well.append(&Change::insert("video", "1")).to_string();
    well.append(&Change::insert("video", "2"));
    let finished = check(&[silent.url(), well.url()])
        .args(["--timeout", "3s", "--start-id", &id])
        .run()
        .exit(4)
        .within(second * 8);
    let records = records(&finished);
    has_problem(&records[0], &["no answer within 3 s", "--timeout"]);
    let resume = only(&records, "resume");
    assert_eq!(resume["url"], well.url());
    assert_eq!(
        (&resume["waiting"], &resume["all_counted"]),
        (&json!(1), &json!(true))
    );
}

#[test]
fn a_reader_that_goes_away_ends_it_at_once() {
    let log = Script::events("").flood(insert_numbered);
    let server = scripted(log, Script::status(404));
    let mut run = check(&[server.url()])
        .args(["--timeout", "1m", "--start-id", "6b047e00686c822d00000000"])
        .spawn();
    run.read_line();
    run.close_stdout();
    run.wait().exit(0).within(Duration::from_secs(20));
}
