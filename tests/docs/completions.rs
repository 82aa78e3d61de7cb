//! The completions in the shells they are for.

use crate::{file, run};

/// Flags whose values are no names of files, and none is offered.
const NO_FILES: [&str; 7] = [
    "--types",
    "--parents",
    "--start-id",
    "--since",
    "--until",
    "--count",
    "--timeout",
];

/// What the shell prints, one completion a line; `None` where it is not installed.
fn completions(shell: &str, args: &[&str]) -> Option<Vec<String>> {
    let output = run(shell, args)?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{shell}: {}\n{said}",
        output.status
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let words = text.split(['\n', '\r', '\0']).map(|line| {
        let line = line.trim_end();
        line.split('\t').next().unwrap_or_default().to_owned()
    });
    Some(words.filter(|word| !word.is_empty()).collect())
}

/// Each flag that names a file completes to one.
fn flags_of_files_complete_files(complete: impl Fn(&str) -> Option<Vec<String>>) {
    for flag in [
        "-s",
        "--state",
        "--state-file",
        "--cacert",
        "--cert",
        "--key",
        "--password-file",
    ] {
        let line = format!("oplog-tail {flag} READ");
        assert_eq!(complete(&line).unwrap(), ["README.md"], "{flag}");
    }
}

/// What bash completes the last of these words to.
fn bash(words: &[&str]) -> Option<Vec<String>> {
    let script = format!(
        "compopt() {{ :; }}; source {}; COMP_WORDS=({}); COMP_CWORD={}; \
         _oplog__tail oplog-tail \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        file("completions/oplog-tail.bash").display(),
        words
            .iter()
            .map(|word| format!("'{word}'"))
            .collect::<Vec<_>>()
            .join(" "),
        words.len() - 1
    );
    completions("bash", &["--norc", "--noprofile", "-c", &script])
}

#[test]
fn in_bash() {
    let Some(values) = bash(&["oplog-tail", "--ack", ""]) else {
        return;
    };
    assert_eq!(values, ["auto", "stdin", "none"]);
    assert_eq!(bash(&["oplog-tail", "--ack", "s"]).unwrap(), ["stdin"]);
    assert_eq!(
        bash(&["oplog-tail", "-o", ""]).unwrap(),
        ["auto", "text", "json"]
    );
    assert_eq!(
        bash(&["oplog-tail", "--until-l"]).unwrap(),
        ["--until-live"]
    );
    flags_of_files_complete_files(|line| bash(&line.split(' ').collect::<Vec<_>>()));
    // With an equals sign bash makes three words of it.
    assert_eq!(
        bash(&["oplog-tail", "--color", "=", "al"]).unwrap(),
        ["always"]
    );
    assert_eq!(
        bash(&["oplog-tail", "--ack", "="]).unwrap(),
        ["auto", "stdin", "none"]
    );
    assert_eq!(
        bash(&["oplog-tail", "--state", "=", "READ"]).unwrap(),
        ["README.md"]
    );
    for flag in NO_FILES {
        assert_eq!(bash(&["oplog-tail", flag, "READ"]).unwrap(), ["READ"]);
        assert!(bash(&["oplog-tail", flag, ""]).unwrap().is_empty());
    }
}

/// What fish completes this command line to.
fn fish(line: &str) -> Option<Vec<String>> {
    let script = format!(
        "set -e fish_complete_path; source {}; complete -C '{line}'",
        file("completions/oplog-tail.fish").display()
    );
    completions("fish", &["--no-config", "-c", &script])
}

#[test]
fn in_fish() {
    let Some(mut values) = fish("oplog-tail --ack ") else {
        return;
    };
    values.sort();
    assert_eq!(values, ["auto", "none", "stdin"]);
    assert_eq!(fish("oplog-tail -o te").unwrap(), ["text"]);
    assert_eq!(fish("oplog-tail --until-l").unwrap(), ["--until-live"]);
    flags_of_files_complete_files(fish);
    for flag in NO_FILES {
        let offered = fish(&format!("oplog-tail {flag} READ")).unwrap();
        assert!(offered.is_empty(), "{flag}: {offered:?}");
    }
}

/// What zsh completes this command line to. Its completion works only where a line is edited, so
/// a shell on a terminal of its own finds the line there when it begins to edit.
fn zsh(line: &str) -> Option<Vec<String>> {
    let script = r#"
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "line=${(q)1}"
        zpty -w shell '
            PS1= PS2= RPS1= TERM=dumb; unsetopt prompt_cr prompt_sp
            fpath=(completions $fpath); autoload -Uz compinit; compinit -u -D
            compadd() {
                local -a matches
                builtin compadd -A matches "$@"
                (( $#matches )) && print -rl -- "match "$^matches
                builtin compadd "$@"
            }
            zle -C list list-choices list; list() { _main_complete }
            zle -N zle-line-init begin; begin() {
                BUFFER=$line CURSOR=$#line; zle list; print -r -- "en""d"; exit
            }
        '
        local said
        zpty -r -m shell said "*end*" && print -r -- "$said"
    "#;
    run("zsh", &["--version"])?;
    let said = completions("timeout", &["30", "zsh", "-f", "-c", script, "zsh", line])?;
    let mut matches: Vec<_> = said
        .iter()
        .filter_map(|line| Some(line.strip_prefix("match ")?.to_owned()))
        .collect();
    matches.sort();
    matches.dedup();
    Some(matches)
}

#[test]
fn in_zsh() {
    let Some(values) = zsh("oplog-tail --ack ") else {
        return;
    };
    assert_eq!(values, ["auto", "none", "stdin"]);
    assert_eq!(zsh("oplog-tail --ack=").unwrap(), ["auto", "none", "stdin"]);
    assert_eq!(zsh("oplog-tail --until-l").unwrap(), ["--until-live"]);
    flags_of_files_complete_files(zsh);
    for flag in NO_FILES {
        let offered = zsh(&format!("oplog-tail {flag} READ")).unwrap();
        assert!(offered.is_empty(), "{flag}: {offered:?}");
    }
}
