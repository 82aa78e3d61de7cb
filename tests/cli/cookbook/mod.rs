//! The recipes of README.md, run as they stand there.

mod contract;
mod kitchen;
mod recipes;
mod redis;
mod systemd;
mod workers;

#[test]
fn every_recipe_is_run() {
    let readme = kitchen::readme();
    let printed: Vec<_> = readme
        .split("<!-- recipe: ")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(" -->")?.0))
        .collect();
    let run = [
        "count",
        "deletions",
        "snapshot",
        "catch-up",
        "since",
        "lag",
        "check",
        "compare",
        "missing",
        "fifo",
        "coprocess",
        "redis",
        "systemd",
        "behind",
    ];
    assert_eq!(printed, run, "give a new recipe a test in this folder");
}
