//! `--check` finds what would make a save fail, as a run does, and changes nothing to find it.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use serde_json::Value;

use crate::strace;
use crate::support::{Script, ScriptServer, State, Tail, operation_id};
use crate::system::{
    NOBODY, NOT_WRITABLE, as_nobody, can_mark, can_mount, is_root, mode, mounted, open_to_all,
    while_marked,
};

/// What the check in this run says of the state file.
#[track_caller]
fn found(run: Tail, path: &Path, code: i32) -> Value {
    let silent = Script::events("").stall();
    let server = ScriptServer::repeating(silent);
    let finished = run
        .args(["--check", "--timeout", "3s", "--url", &server.url()])
        .state(path)
        .run()
        .exit(code)
        .stderr_is_empty();
    let record = &finished.stdout_lines()[1];
    serde_json::from_str(record).unwrap()
}

/// The check ends with 5, says this and nothing else, and leaves the file as it is.
#[track_caller]
fn finds(run: Tail, state: &State, words: &str) {
    let traces = || {
        let there = state.path().metadata().ok()?;
        let times = (there.mtime_nsec(), there.ctime_nsec());
        Some((there.ino(), there.mode(), there.uid(), times))
    };
    let (before, files) = (traces(), state.files());
    let record = found(run, state.path(), 5);
    let problems = record["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{record:#}");
    let problem = problems[0].as_str().unwrap();
    assert!(problem.contains(words), "{words:?} is not in {problem:?}");
    assert!(!problem.contains("(os error"), "{problem}");
    assert_eq!((traces(), state.files()), (before, files));
}

/// Nothing is wrong with the file.
#[track_caller]
fn finds_nothing(run: Tail, state: &State) {
    let record = found(run, state.path(), 0);
    assert_eq!(record["ok"], true, "{record:#}");
}

#[test]
fn what_is_mounted() {
    if !can_mount("what_is_mounted") {
        return;
    }
    let alone = "cp $STATE $FOLDER/../source; mount --bind $FOLDER/../source $STATE";
    let read_only = "mount --bind $FOLDER $FOLDER; mount -o remount,bind,ro $FOLDER";
    let full = format!(
        "mount -t tmpfs -o size=8k none $FOLDER; cd $FOLDER; echo {} > $STATE; \
         (cat /dev/zero > fill 2>/dev/null || true)",
        operation_id(1)
    );
    for (setup, words) in [
        (alone, "mounted as a single file"),
        (read_only, "file system is read-only"),
        (&full, "disk is full"),
    ] {
        let outer = tempfile::tempdir().unwrap();
        let state = State::in_folder(outer.path(), operation_id(1));
        finds(mounted(setup, &state), &state, words);
    }
    let state = State::holding(operation_id(1));
    finds_nothing(mounted("mount --bind $FOLDER $FOLDER", &state), &state);
}

#[test]
fn what_is_marked() {
    if !can_mark("what_is_marked") {
        return;
    }
    let state = State::holding(operation_id(1));
    for (path, words) in [
        (state.path(), "it is marked as immutable"),
        (state.folder(), "its folder is marked as immutable"),
    ] {
        while_marked('i', path, || finds(Tail::new(), &state, words));
    }
}

#[test]
fn what_the_user_may_not_do() {
    if !is_root("what_the_user_may_not_do") {
        return;
    }
    let (outer, program) = open_to_all();
    let state = State::in_folder(outer.path(), operation_id(1));
    mode(state.folder(), 0o1777);
    mode(state.path(), 0o666);
    finds(as_nobody(&program), &state, "belongs to another user");
    chown(state.folder(), Some(NOBODY), Some(NOBODY)).unwrap();
    for (folder, file, words) in NOT_WRITABLE {
        mode(state.folder(), folder);
        mode(state.path(), file);
        finds(as_nobody(&program), &state, words);
        mode(state.folder(), 0o755);
    }
    mode(state.path(), 0o666);
    finds_nothing(as_nobody(&program), &state);
}

/// By what it asks of the system about the file, the one beside it and their folder.
#[test]
fn it_only_reads() {
    if !strace::works("it_only_reads") {
        return;
    }
    for state in [State::holding(operation_id(1)), State::absent()] {
        let log = tempfile::NamedTempFile::new().unwrap();
        found(strace::traced(&state, log.path(), None), state.path(), 0);
        let calls = std::fs::read_to_string(log.path()).unwrap();
        assert!(calls.contains("open"), "{calls}");
        for change in [
            "flock(", "SETLK", "write", "rename", "unlink", "truncate", "utime", "chmod", "chown",
            "mkdir", "O_RDWR", "O_WRONLY", "O_CREAT", "O_TRUNC",
        ] {
            assert!(!calls.contains(change), "{change}:\n{calls}");
        }
    }
}
