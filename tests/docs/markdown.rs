//! README.md and the documents that it leads to.

use std::collections::BTreeSet;
use std::path::Path;

use oplog_tail::cli;
use oplog_tail::exit::ExitStatus;

use crate::pages::{VARIABLES, flags, man, mentioned_flags};
use crate::{file, text};

/// What a person reads, apart from the man page.
const DOCUMENTS: [&str; 4] = [
    "README.md",
    "man/cookbook.md",
    "man/contributing.md",
    "tests/README.md",
];

/// Flags that the documents mention and that are none of the program.
const FOREIGN_FLAGS: [&str; 12] = [
    "--example",         // cargo
    "--release",         // cargo
    "--locked",          // cargo
    "--path",            // cargo
    "--test",            // cargo
    "--lib",             // cargo
    "--unbuffered",      // jq
    "--arg",             // jq
    "--no-auth-warning", // redis-cli
    "--quick",           // the bench
    "--follow",          // tail
    "--tail",            // docker logs, kubectl logs
];

/// The longest that README.md may be.
const README_LINES: usize = 250;

/// What stands below this heading, up to the next one of its kind.
fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let (_, rest) = document.split_once(&format!("\n{heading}\n")).unwrap();
    let (level, _) = heading.split_once(' ').unwrap();
    rest.split(&format!("\n{level} ")).next().unwrap()
}

/// The rows of the tables in it: their cells.
fn rows(section: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut is_in_table = false;
    for line in section.lines() {
        let Some(row) = line.strip_prefix('|') else {
            is_in_table = false;
            continue;
        };
        let row = row.trim_end_matches('|');
        let is_head = !std::mem::replace(&mut is_in_table, true);
        if !is_head && !row.starts_with("---") {
            rows.push(row.split(" | ").map(|it| it.trim().to_owned()).collect());
        }
    }
    rows
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The name that GitHub gives to a heading.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The headings of a document, outside of its code.
fn anchors(document: &str) -> BTreeSet<String> {
    let prose = document.split("\n```").step_by(2);
    prose
        .flat_map(str::lines)
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' '))
        .map(anchor)
        .collect()
}

#[test]
fn the_readme_is_short() {
    let count = text("README.md").lines().count();
    assert!(count <= README_LINES, "{count} lines");
}

#[test]
fn every_flag_is_in_the_readme_and_no_document_has_others() {
    let known: BTreeSet<_> = flags()
        .into_iter()
        .chain(FOREIGN_FLAGS.map(str::to_owned))
        .collect();
    for document in DOCUMENTS {
        let mentioned = mentioned_flags(&text(document));
        let unknown: Vec<_> = mentioned.difference(&known).collect();
        assert!(unknown.is_empty(), "{document}: no flags: {unknown:?}");
    }
    let mentioned = mentioned_flags(&text("README.md"));
    let missing: Vec<_> = flags().difference(&mentioned).cloned().collect();
    assert!(missing.is_empty(), "not in README.md: {missing:?}");
}

#[test]
fn no_document_has_variables_of_the_program_that_it_does_not_read() {
    for document in DOCUMENTS {
        let text = text(document);
        let words = text.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        for word in words.filter(|word| word.starts_with("OPLOG_TAIL_")) {
            assert!(VARIABLES.contains(&word), "{document}: {word}");
        }
    }
}

#[test]
fn every_exit_status_is_in_the_readme_and_no_other() {
    let mut expected: Vec<_> = ExitStatus::TABLE
        .map(|(code, meaning)| vec![code.to_string(), meaning.to_owned()])
        .into();
    expected.push(vec![
        "128+n".into(),
        "signal n came before the stop condition was met".into(),
    ]);
    assert_eq!(
        rows(section(&text("README.md"), "## Exit status")),
        expected
    );
}

/// That they work as printed is tested where the recipes are.
#[test]
fn the_five_things_are_command_lines() {
    let readme = text("README.md");
    let section = section(&readme, "## Five things people do most");
    let commands = section.lines().filter(|it| it.starts_with("oplog-tail"));
    let commands: Vec<_> = commands.collect();
    assert_eq!(commands.len(), 5);
    for command in commands {
        let mut words = command.split(['|', '#', '>']);
        let words = words.next().unwrap().split_whitespace();
        assert!(cli::parse(words).is_ok(), "{command}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    for document in DOCUMENTS {
        let source = text(document);
        let links = source.split("](").skip(1);
        for link in links.map(|rest| rest.split(')').next().unwrap()) {
            if link.starts_with("https://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(document).parent().unwrap();
            let target = match path {
                "" => document.to_owned(),
                path => folder.join(path).to_str().unwrap().to_owned(),
            };
            assert!(file(&target).exists(), "{document}: {link}");
            let is_there = anchor.is_empty() || anchors(&text(&target)).contains(anchor);
            assert!(is_there, "{document}: {link}");
        }
    }
}

/// README.md refers to them by their headings.
#[test]
fn the_sections_of_the_man_page_that_the_readme_names_exist() {
    let readme = text("README.md");
    let man = man();
    let mut count = 0;
    for mark in ["man: ", "man page, "] {
        for rest in readme.split(mark).skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != ' ');
            let name = rest[..end.unwrap()].trim();
            if name.len() > 1 {
                assert!(man.contains(&format!("\n.SH {name}\n")), "{name}");
                count += 1;
            }
        }
    }
    assert!(count > 5, "only {count}");
}

/// Recipes are run where they stand in the cookbook.
#[test]
fn recipes_are_in_the_cookbook_alone() {
    for document in DOCUMENTS.iter().filter(|it| !it.ends_with("cookbook.md")) {
        assert!(!text(document).contains("<!-- recipe: "), "{document}");
    }
}

/// The tests that the list of promises names.
#[test]
fn the_tests_behind_the_promises_exist() {
    let overview = text("tests/README.md");
    let promises = rows(section(&overview, "## The promises"));
    assert!(promises.len() > 20, "{promises:?}");
    for row in promises {
        let names: Vec<_> = quoted(&row[1]).collect();
        assert!(!names.is_empty(), "no test for: {}", row[0]);
        for name in names.into_iter().filter(|name| name.contains("::")) {
            let (module, test) = name.rsplit_once("::").unwrap();
            let path = module.replace("::", "/");
            let roots = ["tests", "tests/cli"].map(|root| file(root).join(&path));
            let candidates = roots
                .iter()
                .flat_map(|root| [root.with_extension("rs"), root.join("mod.rs")]);
            let found = candidates
                .filter_map(|path| std::fs::read_to_string(path).ok())
                .any(|source| source.contains(&format!("fn {test}(")));
            assert!(found, "there is no test {name}");
        }
    }
}

/// Every folder and every file at the top of `tests/` is in the overview.
#[test]
fn the_overview_names_every_suite() {
    let overview = text("tests/README.md");
    for entry in std::fs::read_dir(file("tests")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let is_folder = entry.file_type().unwrap().is_dir();
        let name = if is_folder { name + "/" } else { name };
        let is_named = name == "README.md" || overview.contains(&format!("`{name}`"));
        assert!(is_named, "{name}");
    }
}
