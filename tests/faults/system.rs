//! What the tests of the state file need of the system: mounts, other users, tools.
//!
//! Mounts, marks and other users need root. Where the tests do not run as root, they say so.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{State, Tail};

/// A user that is not root and owns nothing.
pub const NOBODY: u32 = 65_534;

/// Whether this command works here, such as one that only root may give. Says so where it does
/// not, also when the test passes.
pub fn works(test: &str, command: &[&str]) -> bool {
    let works = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !works {
        // Past the capture of the test runner.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {test}: {command:?} does not work here"
        );
    }
    works
}

pub fn can_mount(test: &str) -> bool {
    works(test, &["unshare", "-m", "true"])
}

pub fn is_root(test: &str) -> bool {
    works(test, &["setpriv", "--reuid", "65534", "true"])
}

/// The program in a namespace of its own, after this has been done there. The words of `setup` are
/// split by the shell, which knows the state file as `$STATE` and its folder as `$FOLDER`.
pub fn mounted(setup: &str, state: &State) -> Tail {
    let script = format!("set -e; {setup}; exec \"$0\" \"$@\"");
    Tail::of("unshare")
        .args(["-m", "sh", "-c", &script])
        .arg(env!("CARGO_BIN_EXE_oplog-tail"))
        .env("STATE", state.path())
        .env("FOLDER", state.folder())
}

pub fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A folder that every user may enter, and the program in it.
pub fn open_to_all() -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    mode(outer.path(), 0o755);
    // A copy, because the folder of the program may be closed to others.
    let copy = outer.path().join("oplog-tail");
    std::fs::copy(env!("CARGO_BIN_EXE_oplog-tail"), &copy).unwrap();
    (outer, copy)
}

/// The program as a user that is not root.
pub fn as_nobody(program: &Path) -> Tail {
    Tail::of("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(program)
}

/// Modes of a folder and a file in it that keep [`NOBODY`], to whom the folder belongs, from
/// saving, and what is said then.
pub const NOT_WRITABLE: [(u32, u32, &str); 3] = [
    (0o755, 0o644, "may not read and write it"),
    (0o555, 0o666, "may not create files in its folder"),
    (0o000, 0o666, "may not create files in its folder"),
];

/// Whether files can be marked as immutable.
pub fn can_mark(test: &str) -> bool {
    let probe = tempfile::NamedTempFile::new().unwrap();
    let path = probe.path().to_str().unwrap();
    works(test, &["chattr", "+i", path]) && works(test, &["chattr", "-i", path])
}

/// Does this while the file or folder has this mark (`i` or `a`), which goes also where it fails.
pub fn while_marked(mark: char, path: &Path, test: impl FnOnce()) {
    let chattr = |change: String| {
        let status = Command::new("chattr").arg(change).arg(path).status();
        assert!(status.unwrap().success());
    };
    chattr(format!("+{mark}"));
    let result = std::panic::catch_unwind(AssertUnwindSafe(test));
    chattr(format!("-{mark}"));
    result.unwrap();
}
