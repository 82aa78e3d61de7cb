//! State files that cannot be replaced, and file systems that cannot do everything: noticed before
//! the program connects, or done without.

use std::os::unix::fs::{MetadataExt as _, chown};

use crate::strace;
use crate::support::{Finished, Script, ScriptServer, State, Tail, at_once, insert, operation_id};
use crate::system::{
    NOBODY, NOT_WRITABLE, as_nobody, can_mark, can_mount, is_root, mode, mounted, open_to_all,
    while_marked,
};

fn stream() -> ScriptServer {
    ScriptServer::start([Script::events(insert(2)).stall()])
}

/// Runs it: it must end with 5 and say this, without having connected, printed or changed
/// anything.
#[track_caller]
fn refused(run: Tail, state: &State, words: &[&str]) -> Finished {
    let server = stream();
    let (before, content) = (state.path().metadata().ok(), state.content());
    let finished = run
        .args(["--url", &server.url()])
        .state(state.path())
        .run()
        .exit(5)
        .stderr_is_prefixed()
        .stderr_has(&state.path().display().to_string())
        .stderr_lacks("(os error")
        .stdout_is::<&str>(&[]);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    for word in words {
        assert!(finished.stderr.contains(word), "{}", finished.stderr);
    }
    assert!(server.requests().is_empty());
    assert_eq!(state.content(), content);
    let after = state.path().metadata().ok();
    let id = |there: std::fs::Metadata| (there.ino(), there.mode(), there.uid(), there.mtime());
    assert_eq!(before.map(id), after.map(id));
    finished
}

/// Runs it until a line has come: it must save and say nothing.
#[track_caller]
fn saved_quietly(run: Tail, state: &State) {
    let server = stream();
    run.args(["-n", "1", "--url", &server.url()])
        .state(state.path())
        .run()
        .exit(0)
        .stderr_is_empty();
    state.is(&operation_id(2));
}

/// Runs it until a line has come: it must save, and say with `-v` what it could not do.
#[track_caller]
fn saved(run: Tail, state: &State, note: &str) {
    let server = stream();
    let finished = run
        .args(["-v", "-n", "1", "--url", &server.url()])
        .state(state.path())
        .run()
        .exit(0)
        .stderr_is_prefixed()
        .stderr_lacks("(os error");
    let told = finished.stderr.matches(note).count();
    assert_eq!(told, 1, "{note}: {}", finished.stderr);
    state.is(&operation_id(2));
}

#[test]
fn a_file_that_is_mounted_alone_is_refused() {
    if !can_mount("a_file_that_is_mounted_alone_is_refused") {
        return;
    }
    // From the same file system and from another one.
    for source in ["$FOLDER/../source", "/dev/shm/$$-source"] {
        let outer = tempfile::tempdir().unwrap();
        let state = State::in_folder(outer.path(), operation_id(1));
        let setup = format!(
            "cp $STATE {source}; mount --bind {source} $STATE; \
             case {source} in /dev/*) rm {source};; esac"
        );
        let words = ["mounted as a single file", "mount the folder"];
        refused(mounted(&setup, &state), &state, &words);
        state.is(&operation_id(1));
    }
}

#[test]
fn a_mounted_folder_is_saved_to() {
    if !can_mount("a_mounted_folder_is_saved_to") {
        return;
    }
    let outer = tempfile::tempdir().unwrap();
    let state = State::in_folder(outer.path(), operation_id(1));
    saved_quietly(mounted("mount --bind $FOLDER $FOLDER", &state), &state);
}

#[test]
fn a_read_only_file_system_is_refused() {
    if !can_mount("a_read_only_file_system_is_refused") {
        return;
    }
    let setup = "mount --bind $FOLDER $FOLDER; mount -o remount,bind,ro $FOLDER";
    for state in [State::holding(operation_id(1)), State::absent()] {
        let run = mounted(setup, &state);
        refused(run, &state, &["file system is read-only"]);
    }
}

#[test]
fn a_full_disk_is_refused() {
    if !can_mount("a_full_disk_is_refused") {
        return;
    }
    let full = "mount -t tmpfs -o size=8k none $FOLDER; cd $FOLDER; ";
    let fill = "(cat /dev/zero > fill 2>/dev/null || true)";
    let holding = format!("{full} echo {} > $STATE; {fill}", operation_id(1));
    for (setup, words) in [
        (holding, "disk is full"),
        (format!("{full} {fill}"), "disk is full"),
    ] {
        let state = State::absent();
        refused(mounted(&setup, &state), &state, &[words, "free some space"]);
    }
}

#[test]
fn marked_files_and_folders_are_refused() {
    if !can_mark("marked_files_and_folders_are_refused") {
        return;
    }
    for mark in ['i', 'a'] {
        let state = State::holding(operation_id(1));
        while_marked(mark, state.path(), || {
            let words = ["it is marked as immutable", "chattr -i -a"];
            refused(Tail::new(), &state, &words);
        });
        state.is(&operation_id(1));

        while_marked(mark, state.folder(), || {
            refused(Tail::new(), &state, &["its folder is marked as immutable"]);
            let server = stream();
            let absent = state.folder().join("new");
            let run = Tail::url(server.url()).state(&absent).run();
            run.exit(5).stderr_has("its folder is marked as immutable");
        });
        state.is(&operation_id(1));
    }
}

#[test]
fn a_sticky_folder_of_another_user_is_refused() {
    if !is_root("a_sticky_folder_of_another_user_is_refused") {
        return;
    }
    let (outer, program) = open_to_all();
    let state = State::in_folder(outer.path(), operation_id(1));
    mode(state.folder(), 0o1777);
    mode(state.path(), 0o666);
    let words = [
        "belongs to another user",
        "sticky",
        "in a folder of this user",
    ];
    refused(as_nobody(&program), &state, &words);
    state.is(&operation_id(1));
    // A file of one's own there is fine.
    chown(state.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    saved_quietly(as_nobody(&program), &state);
}

#[test]
fn what_may_not_be_written_is_refused() {
    if !is_root("what_may_not_be_written_is_refused") {
        return;
    }
    let (outer, program) = open_to_all();
    let state = State::in_folder(outer.path(), operation_id(1));
    chown(state.folder(), Some(NOBODY), Some(NOBODY)).unwrap();
    for (folder, file, words) in NOT_WRITABLE {
        mode(state.folder(), folder);
        mode(state.path(), file);
        refused(as_nobody(&program), &state, &[words]);
        mode(state.folder(), 0o755);
        state.is(&operation_id(1));
    }
}

#[test]
fn a_folder_that_may_be_written_but_not_read_is_saved_to() {
    if !is_root("a_folder_that_may_be_written_but_not_read_is_saved_to") {
        return;
    }
    let (outer, program) = open_to_all();
    for content in [Some(operation_id(1)), None] {
        let state = State::in_folder(outer.path(), content.clone().unwrap_or_default());
        if content.is_none() {
            std::fs::remove_file(state.path()).unwrap();
        } else {
            chown(state.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        chown(state.folder(), Some(NOBODY), Some(NOBODY)).unwrap();
        mode(state.folder(), 0o333);
        saved(
            as_nobody(&program),
            &state,
            "its folder could not be synced",
        );
    }
}

#[test]
fn a_file_of_another_user_changes_hands() {
    if !is_root("a_file_of_another_user_changes_hands") {
        return;
    }
    let (outer, program) = open_to_all();
    let state = State::in_folder(outer.path(), operation_id(1));
    chown(state.folder(), Some(NOBODY), Some(NOBODY)).unwrap();
    mode(state.path(), 0o666);
    saved(as_nobody(&program), &state, "its owner could not be kept");
    let there = state.path().metadata().unwrap();
    assert_eq!((there.uid(), there.mode() & 0o777), (NOBODY, 0o666));
}

#[test]
fn root_keeps_the_owner() {
    if !is_root("root_keeps_the_owner") {
        return;
    }
    let state = State::holding(operation_id(1));
    chown(state.path(), Some(1234), Some(4321)).unwrap();
    saved_quietly(Tail::new(), &state);
    let there = state.path().metadata().unwrap();
    assert_eq!((there.uid(), there.gid()), (1234, 4321));
}

/// What only adds safety never fails a save, whatever the system says.
#[test]
fn file_systems_that_cannot_do_everything_are_saved_to() {
    if !strace::works("file_systems_that_cannot_do_everything_are_saved_to") {
        return;
    }
    let folder = "its folder could not be synced";
    let faults = [
        // The second one of each save is that of the folder.
        ("fsync:error=EINVAL:when=2+2", folder),
        ("fsync:error=EIO:when=2+2", folder),
        ("fsync:error=EACCES:when=2+2", folder),
        (
            "fsync:error=EINVAL",
            "does not say when content is on the disk",
        ),
        (
            "fsync:error=ENOSYS",
            "does not say when content is on the disk",
        ),
        ("fchmod:error=EPERM", "its mode could not be kept"),
        ("fchmod:error=ENOSYS", "its mode could not be kept"),
    ];
    at_once(faults, |(fault, note)| {
        let state = State::holding(operation_id(1));
        let log = tempfile::NamedTempFile::new().unwrap();
        let run = strace::traced(&state, log.path(), Some(fault));
        saved(run, &state, note);
    });
}

/// What every save needs is tried before the program connects.
#[test]
fn what_would_fail_a_save_is_found_before_connecting() {
    if !strace::works("what_would_fail_a_save_is_found_before_connecting") {
        return;
    }
    let faults = [
        ("rename:error=EBUSY", "mount the folder"),
        ("rename:error=EXDEV", "mount the folder"),
        ("rename:error=EROFS", "file system is read-only"),
        (
            "rename:error=EPERM",
            "cannot be replaced by its new version",
        ),
        ("fsync:error=EIO", "its disk reports an error"),
        ("fsync:error=ENOSPC", "disk is full"),
        ("write:error=EDQUOT", "quota"),
        ("flock:error=ENOLCK", "has no locks"),
        ("flock:error=EOPNOTSUPP", "has no locks"),
        ("flock:error=ENOSYS", "has no locks"),
    ];
    at_once(faults, |(fault, words)| {
        let state = State::holding(operation_id(1));
        let log = tempfile::NamedTempFile::new().unwrap();
        let run = strace::traced(&state, log.path(), Some(fault));
        refused(run, &state, &[words]);
        state.is(&operation_id(1));
        // Of a file that is not there yet, the renaming cannot be tried.
        if fault.starts_with("rename") {
            return;
        }
        let state = State::absent();
        let run = strace::traced(&state, log.path(), Some(fault));
        refused(run, &state, &[words]);
        assert!(state.files().is_empty(), "{fault}: {:?}", state.files());
    });
}
