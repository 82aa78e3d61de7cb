//! The recipes of man/cookbook.md, run as they stand there.

mod contract;
mod kitchen;
mod readme;
mod recipes;
mod redis;
mod systemd;
mod workers;

#[test]
fn every_recipe_is_run() {
    let cookbook = kitchen::cookbook();
    let printed: Vec<_> = cookbook
        .split("<!-- recipe: ")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(" -->")?.0))
        .collect();
    let run = [
        "count",
        "deletions",
        "since",
        "lag",
        "snapshot",
        "catch-up",
        "redis",
        "systemd",
        "fifo",
        "coprocess",
        "compare",
        "behind",
        "check",
        "missing",
    ];
    assert_eq!(printed, run, "give a new recipe a test in this folder");
}
