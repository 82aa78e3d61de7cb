use super::*;
use std::os::unix::fs::PermissionsExt;

const OLD: Position = Position::Replication(1_795_456_511_846);
const NEW: Position = Position::Replication(1_795_456_512_000);

fn reason<T>(result: Result<T, StateError>) -> Option<Reason> {
    result.err().map(|error| error.reason)
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn keeps_the_bare_id_and_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("st");
    let (mut state, position) = StateFile::open(&path).unwrap();
    assert_eq!(position, None);
    state.save(OLD).unwrap();
    state.save(NEW).unwrap();
    drop(state);
    assert_eq!(fs::read_to_string(&path).unwrap(), "1795456512000");
    assert_eq!(names_in(folder.path()), ["st"]);
    assert_eq!(StateFile::open(&path).unwrap().1, Some(NEW));
}

#[test]
fn a_file_that_was_never_needed_goes_again() {
    let folder = tempfile::tempdir().unwrap();
    drop(StateFile::open(&folder.path().join("st")).unwrap());
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn white_space_is_fine_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("st");
    fs::write(&path, " 1795456511846\r\n").unwrap();
    assert_eq!(StateFile::open(&path).unwrap().1, Some(OLD));
    fs::write(&path, "\n").unwrap();
    assert_eq!(StateFile::open(&path).unwrap().1, None);
    for content in ["abc", "1795456511846 1", "12345678901234", "-1"] {
        fs::write(&path, content).unwrap();
        assert!(matches!(
            reason(StateFile::open(&path)),
            Some(Reason::Invalid(_))
        ));
        assert!(matches!(reason(peek(&path)), Some(Reason::Invalid(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    assert_eq!(names_in(folder.path()), ["st"]);
}

#[test]
fn is_locked_also_after_a_save() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("st");
    let (mut state, _) = StateFile::open(&path).unwrap();
    for _ in 0..3 {
        assert!(matches!(
            reason(StateFile::open(&path)),
            Some(Reason::InUse(_))
        ));
        state.save(OLD).unwrap();
    }
    drop(state);
    StateFile::open(&path).unwrap();
}

#[test]
fn keeps_the_mode_and_follows_links() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    fs::write(&real, "").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real", &link).unwrap();
    let (mut state, _) = StateFile::open(&link).unwrap();
    state.save(NEW).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        fs::metadata(&real).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert_eq!(peek(&link).unwrap(), NEW);
}

#[test]
fn what_was_removed_is_made_again_and_what_was_replaced_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("st");
    let (mut state, _) = StateFile::open(&path).unwrap();
    state.save(OLD).unwrap();
    fs::remove_file(&path).unwrap();
    state.save(NEW).unwrap();
    assert_eq!(peek(&path).unwrap(), NEW);
    let other = folder.path().join("other");
    fs::write(&other, "1").unwrap();
    fs::rename(&other, &path).unwrap();
    assert!(matches!(state.save(OLD), Err(Reason::Replaced(_))));
    drop(state);
    assert_eq!(fs::read_to_string(&path).unwrap(), "1");
}

#[test]
fn no_folder_a_folder_or_a_device_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none/st");
    assert!(matches!(
        reason(StateFile::open(&missing)),
        Some(Reason::Step(_))
    ));
    let [slash, dot] = ["st/", "st/."].map(|name| folder.path().join(name));
    for path in [folder.path(), Path::new("/dev/null"), &slash, &dot] {
        assert!(matches!(
            reason(StateFile::open(path)),
            Some(Reason::NotAFile)
        ));
    }
}

#[test]
fn what_a_killed_run_left_is_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".st.oplog-tail"), "17954").unwrap();
    let path = folder.path().join("st");
    fs::write(&path, "1795456511846").unwrap();
    let (_state, position) = StateFile::open(&path).unwrap();
    assert_eq!(position, Some(OLD));
    assert_eq!(names_in(folder.path()), ["st"]);
}

#[test]
fn killed_between_any_two_steps_it_holds_the_old_position_or_the_new_one() {
    let mut steps = 0;
    for stop_after in 1.. {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("st");
        fs::write(&path, OLD.to_string()).unwrap();
        let (mut state, _) = StateFile::open(&path).unwrap();
        let mut done = 0;
        let replaced = state.replace(NEW.to_string().as_bytes(), || {
            done += 1;
            if done == stop_after {
                return Err(io::Error::other("killed"));
            }
            Ok(())
        });
        // A killed process closes its files and does nothing else.
        state.is_new = false;
        drop(state);
        let position = peek(&path).unwrap();
        assert!(
            position == OLD || position == NEW,
            "{position:?} after step {stop_after}"
        );
        if replaced.is_ok() {
            assert_eq!(position, NEW);
            steps = done;
        }
        assert_eq!(StateFile::open(&path).unwrap().1, Some(position));
        assert_eq!(names_in(folder.path()), ["st"]);
        if steps > 0 {
            break;
        }
    }
    assert_eq!(steps, 6);
}

#[test]
fn nobody_gets_the_lock_while_it_is_saved_again_and_again() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("st");
    let (mut state, _) = StateFile::open(&path).unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let intruder = scope.spawn(|| {
            let mut tries = 0;
            while !over.load(Ordering::Relaxed) {
                tries += 1;
                let opened = reason(StateFile::open(&path));
                assert!(matches!(opened, Some(Reason::InUse(_))), "{opened:?}");
            }
            tries
        });
        for ms in 1..=300 {
            state.save(Position::Replication(ms)).unwrap();
        }
        over.store(true, Ordering::Relaxed);
        assert!(intruder.join().unwrap() > 10);
    });
    assert_eq!(peek(&path).unwrap(), Position::Replication(300));
}
