//! Recipes in which workers acknowledge.

use oplog_tail::server::object::Change;

use super::kitchen::{Cooking, Kitchen, in_both_shells, in_shells};
use crate::support::Replica;

/// How many workers the recipes let run at once.
const AT_ONCE: usize = 4;

/// Notes how many of it run, takes a moment, then notes what it was given.
const WORK: &str = r#"
    mkdir -p running
    touch running/$$
    ls running | wc -l >> at-once
    sleep 0.05
    printf '%s\n' "$1" >> done.jsonl
    rm running/$$
"#;

/// The same, but there is an object it cannot handle before it is told the cure.
const PICKY_WORK: &str = r#"
    case $1 in *poison*) [ -e cure ] || exit 1 ;; esac
    printf '%s\n' "$1" >> done.jsonl
"#;

fn videos(count: u64) -> Vec<String> {
    let mut names: Vec<_> = (1..=count).map(|id| format!("video/{id}")).collect();
    names.sort();
    names
}

fn append(kitchen: &Kitchen, count: u64) {
    for id in 1..=count {
        kitchen
            .server
            .append(&Change::insert("video", &id.to_string()));
    }
}

/// Every operation is handled once, several at a time, and the position reaches the last.
fn four_at_a_time(kitchen: &Kitchen, recipe: &str) {
    kitchen.tool("work", WORK);
    let _cooking = kitchen.cook(recipe);
    kitchen.wait_for_requests(1);
    append(kitchen, 40);
    kitchen.wait_until_caught_up();
    let lines = kitchen.lines("done.jsonl");
    assert_eq!(lines.len(), 40);
    assert_eq!(Replica::of(&lines).names(), videos(40));
    let at_once = kitchen.lines("at-once");
    let most = at_once.iter().filter_map(|count| count.trim().parse().ok());
    let most: usize = most.max().unwrap();
    assert!((2..=AT_ONCE).contains(&most), "{most} at once");
}

/// Starts it, and has it meet what it cannot handle between two others. Returns the position
/// before that.
fn with_poison(kitchen: &Kitchen, recipe: &str) -> (Cooking, String) {
    kitchen.tool("work", PICKY_WORK);
    let cooking = kitchen.cook(recipe);
    kitchen.wait_for_requests(1);
    kitchen.server.append(&Change::insert("video", "1"));
    let before = kitchen.server.newest().unwrap().to_string();
    kitchen.server.append(&Change::insert("video", "poison"));
    kitchen.server.append(&Change::insert("video", "2"));
    kitchen.wait_until("the others are handled", || {
        kitchen.lines("done.jsonl").len() == 2 && kitchen.read("position") == before
    });
    (cooking, before)
}

/// The poison was handled in the end, and the position is past it.
fn recovers(kitchen: &Kitchen) {
    kitchen.wait_until_caught_up();
    let names = Replica::of(&kitchen.lines("done.jsonl")).names();
    assert_eq!(names, ["video/1", "video/2", "video/poison"]);
}

/// What is not acknowledged when everything is killed comes again.
fn killed_with_poison(kitchen: &Kitchen, recipe: &str) {
    let (mut cooking, before) = with_poison(kitchen, recipe);
    cooking.kill();
    assert_eq!(kitchen.read("position"), before);
    std::fs::write(kitchen.path("cure"), "").unwrap();
    let _cooking = kitchen.cook(recipe);
    recovers(kitchen);
}

#[test]
fn fifo() {
    in_both_shells("fifo", &["jq", "xargs"], |kitchen| {
        four_at_a_time(kitchen, "fifo");
    });
}

#[test]
fn fifo_with_a_worker_that_fails() {
    let test = "fifo_with_a_worker_that_fails";
    in_both_shells(test, &["jq", "xargs"], |kitchen| {
        let _cooking = with_poison(kitchen, "fifo");
        std::fs::write(kitchen.path("cure"), "").unwrap();
        recovers(kitchen);
    });
}

#[test]
fn fifo_killed() {
    in_both_shells("fifo_killed", &["jq", "xargs"], |kitchen| {
        killed_with_poison(kitchen, "fifo");
    });
}

#[test]
fn coprocess() {
    in_shells("coprocess", &["bash"], &[], |kitchen| {
        four_at_a_time(kitchen, "coprocess");
    });
}

#[test]
fn coprocess_killed() {
    in_shells("coprocess_killed", &["bash"], &[], |kitchen| {
        killed_with_poison(kitchen, "coprocess");
    });
}
