//! The five things that README.md shows, run on the demo as they stand there.

use rustix::process::Signal;

use super::kitchen::{Cooking, Kitchen, in_both_shells, readme};

/// The command lines.
fn five_things() -> Vec<String> {
    let readme = readme();
    let (_, rest) = readme
        .split_once("\n## Five things people do most\n")
        .unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|it| it.starts_with("oplog-tail"));
    lines.map(str::to_owned).collect()
}

/// Waits until it prints objects, presses Ctrl-C, and returns what was printed.
fn interrupt(kitchen: &Kitchen, cooking: Cooking) -> String {
    kitchen.wait_until("objects are printed", || cooking.stdout().contains("user"));
    cooking.signal(Signal::INT);
    let served = cooking.wait();
    for line in served.stderr.lines() {
        // The demo was not at its end.
        assert!(line.contains("missing"), "{}", served.stderr);
    }
    served.stdout
}

#[test]
fn the_five_things_work_as_printed() {
    in_both_shells("the_five_things_work_as_printed", &["jq"], |kitchen| {
        let things = five_things();
        let cooking: Vec<_> = things.iter().map(|line| kitchen.start(line)).collect();
        let [watch, filter, copy, since, keep]: [Cooking; 5] = cooking.try_into().ok().unwrap();

        assert!(interrupt(kitchen, watch).contains(r#""event":"reset""#));
        let filtered = interrupt(kitchen, filter);
        assert!(!filtered.contains(r#""type": "playlist""#), "{filtered}");
        kitchen.wait_until("a position", || !kitchen.read("position.txt").is_empty());
        interrupt(kitchen, keep);

        assert_eq!(copy.wait().ended(0, "").stdout, "");
        assert!(kitchen.read("all.jsonl").contains(r#""event":"live""#));
        let changed = since.wait().ended(0, "").stdout;
        assert!(changed.contains(r#""event":"delete""#), "{changed}");
    });
}
