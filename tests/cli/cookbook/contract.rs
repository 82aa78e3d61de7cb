//! What the contract says of exit statuses, signals, broken pipes, colours and `-q` holds in the
//! recipes too.

use oplog_tail::server::object::Change;
use rustix::process::Signal;

use super::kitchen::{Kitchen, in_both_shells, recipe};
use super::recipes::{INCOMPLETE, take_snapshot};
use crate::support::from_now;

const TOOLS: &[&str] = &["jq", "xargs"];

/// The recipe with these flags added to every oplog-tail in it.
fn with_flags(name: &str, flags: &str) -> String {
    let recipe = recipe(name);
    let changed = recipe.replace("oplog-tail -", &format!("oplog-tail {flags} -"));
    assert_ne!(changed, recipe, "{name}");
    changed
}

/// Two agents with the same objects, for the recipes that end by themselves.
fn lay_out(kitchen: &Kitchen) {
    for name in ["AGENT_A", "AGENT_B"] {
        kitchen.env(name, &kitchen.server.url());
    }
    for id in ["1", "2"] {
        kitchen.server.append(&Change::insert("video", id));
    }
}

#[test]
fn nothing_is_coloured_that_a_program_reads() {
    in_both_shells("nothing_is_coloured", TOOLS, |kitchen| {
        lay_out(kitchen);
        kitchen.env("CLICOLOR_FORCE", "1");
        for name in ["snapshot", "since", "compare", "catch-up"] {
            let served = match name {
                "snapshot" => take_snapshot(kitchen, &recipe(name)),
                _ => kitchen.cook(name).wait(),
            };
            assert_eq!(served.status, 0, "{name}: {}", served.stderr);
            assert!(!served.stdout.contains('\u{1b}'), "{name}");
            assert!(!served.stderr.contains('\u{1b}'), "{name}");
        }
        for file in ["snapshot.jsonl", "a.jsonl", "a.txt"] {
            let content = kitchen.read(file);
            assert!(content.contains("video"), "{file}");
            assert!(!content.contains('\u{1b}'), "{file}");
        }
    });
}

#[test]
fn quiet_leaves_out_what_is_not_fatal() {
    in_both_shells("quiet_leaves_out", TOOLS, |kitchen| {
        lay_out(kitchen);
        for name in ["since", "compare"] {
            let served = kitchen.cook(name).wait();
            assert!(served.stderr.contains(INCOMPLETE), "{name}");
            kitchen.start(&with_flags(name, "-q")).wait().ended(0, "");
        }
        take_snapshot(kitchen, &with_flags("snapshot", "-q")).ended(0, "");
        let nowhere = format!("{}nowhere", kitchen.server.url());
        kitchen.env("OPLOG_TAIL_URL", &nowhere);
        let served = kitchen.start(&with_flags("snapshot", "-q")).wait();
        assert_eq!(served.status, 4);
        assert!(served.stderr.contains("answered 404"), "{}", served.stderr);
    });
}

#[test]
fn what_fails_fails_with_the_status_of_the_program() {
    in_both_shells("what_fails_fails", &[], |kitchen| {
        std::fs::write(kitchen.path("position"), "nonsense").unwrap();
        let served = kitchen.cook("catch-up").wait();
        assert_eq!(served.status, 5, "{}", served.stderr);
        assert_eq!(kitchen.read("operations.jsonl"), "");
        assert_eq!(kitchen.read("position"), "nonsense");
    });
}

/// Ctrl-C, or the end that a supervisor makes, goes to every process of a recipe.
#[test]
fn a_signal_ends_all_of_a_recipe() {
    in_both_shells("a_signal_ends_all", TOOLS, |kitchen| {
        kitchen.tool("work", "true");
        kitchen.tool("logger", "true");
        let mut requests = 0;
        for (name, keeps_position) in [
            ("count", false),
            ("deletions", false),
            ("catch-up", true),
            ("lag", false),
            ("fifo", true),
        ] {
            for (signal, number) in [(Signal::TERM, 15), (Signal::INT, 2)] {
                // From now each time: after a fallback it would be incomplete, and say so.
                let _ = std::fs::remove_file(kitchen.path("position"));
                let cooking = kitchen.cook(name);
                requests += 1;
                kitchen.wait_for_requests(requests);
                if keeps_position {
                    kitchen.wait_until("a position", || kitchen.read("position").len() == 24);
                }
                cooking.signal(signal);
                let served = cooking.wait();
                assert_eq!(served.status, 128 + number, "{name}: {}", served.stderr);
                let told = served.stderr.replace(&from_now("position"), "");
                assert!(!told.contains("oplog-tail: "), "{told}");
                kitchen.wait_until_free();
                if keeps_position {
                    assert_eq!(kitchen.read("position").len(), 24, "{name}");
                }
            }
        }
    });
}

/// Nobody reads what the recipe prints any more.
#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    in_both_shells("a_reader_that_goes_away", TOOLS, |kitchen| {
        let script = format!("{{\n{}}} | head -n 1", recipe("deletions"));
        let cooking = kitchen.start(&script);
        kitchen.wait_for_requests(1);
        let mut count = 0;
        while !cooking.has_ended() {
            count += 1;
            let id = count.to_string();
            kitchen.server.append(&Change::delete("video", &id));
            // jq meets the closed pipe when it writes, and oplog-tail that jq is gone.
            std::thread::sleep(std::time::Duration::from_millis(5));
            assert!(count < 4000, "it never ends");
        }
        let served = cooking.wait().ended(0, "");
        assert_eq!(served.stdout.lines().count(), 1);
    });
}
