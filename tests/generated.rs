//! The man page and the completion scripts in the repository are those of this program.

use std::path::Path;

use clap::ValueEnum as _;
use oplog_tail::cli::generate;

#[test]
fn files_are_up_to_date() {
    for (what, path) in generate::FILES {
        let mut expected = Vec::new();
        generate::write(what, &mut expected).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let found = std::fs::read(root.join(path)).unwrap_or_default();
        let value = what.to_possible_value().unwrap();
        assert!(
            found == expected,
            "{path} is out of date; regenerate it with:\n  cargo run -- --generate {} > {path}",
            value.get_name()
        );
    }
}

#[test]
fn every_document_has_a_file() {
    let documents = oplog_tail::cli::Generate::value_variants();
    for document in documents {
        assert!(generate::FILES.iter().any(|(what, _)| what == document));
    }
}

#[test]
fn the_man_page_has_every_flag() {
    let mut page = Vec::new();
    generate::write(oplog_tail::cli::Generate::Man, &mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    let command = <oplog_tail::cli::Cli as clap::CommandFactory>::command();
    for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
        let escaped = format!("\\-\\-{}", flag.replace('-', "\\-"));
        assert!(page.contains(&escaped), "--{flag}");
    }
}
