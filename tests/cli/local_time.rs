//! Times without an offset are local. The zones are spelled out, so that the machine need not know
//! any place by its name.

use jiff::Timestamp;

use crate::support::{Script, ScriptServer, Tail, insert, insert_after};

/// Half past five hours ahead of UTC.
const INDIA: &str = "XXX-5:30";
/// Behind UTC: five hours, in summer four.
const NEW_YORK: &str = "EST5EDT,M3.2.0,M11.1.0";

/// The first 8 digits of an operation id of this second.
fn second(time: &str) -> String {
    let time: Timestamp = time.parse().unwrap();
    format!("{:08x}", time.as_second())
}

#[test]
fn since() {
    for (zone, when, start) in [
        (INDIA, "2026-01-20 10:00", "2026-01-20T04:30:00Z"),
        (INDIA, "2026-01-20", "2026-01-19T18:30:00Z"),
        (NEW_YORK, "2026-01-20T10:00", "2026-01-20T15:00:00Z"),
        (NEW_YORK, "2026-07-20T10:00", "2026-07-20T14:00:00Z"),
        (NEW_YORK, "2026-07-20T10:00:00Z", "2026-07-20T10:00:00Z"),
        (NEW_YORK, "2026-07-20T10:00+02:00", "2026-07-20T08:00:00Z"),
    ] {
        let server = ScriptServer::start([Script::events("id: \nevent: live\n\n").stall()]);
        Tail::url(server.url())
            .env("TZ", zone)
            .args(["--since", when, "-n", "1"])
            .run()
            .exit(0);
        let asked = second(start) + "0000000000000000";
        let request = server.request();
        assert_eq!(request.last_event_id(), Some(&*asked), "{zone} {when}");
    }
}

/// The first two operations are of 17:55:12 UTC, the third is five seconds later.
#[test]
fn until() {
    let events = insert(1) + &insert(2) + &insert_after(5, 3) + &insert_after(6, 4);
    for (zone, when, lines) in [
        (INDIA, "2026-11-23 23:25:11", 0),
        (INDIA, "2026-11-23 23:25:12", 2),
        (INDIA, "2026-11-23 23:25:17", 3),
        (NEW_YORK, "2026-11-23 12:55:12", 2),
        (NEW_YORK, "2026-11-23T17:55:12Z", 2),
    ] {
        let server = ScriptServer::start([Script::events(events.clone()).stall()]);
        let tail = Tail::url(server.url()).env("TZ", zone);
        let finished = tail.args(["--until", when]).run().exit(0);
        assert_eq!(finished.stdout_lines().len(), lines, "{zone} {when}");
    }
}
