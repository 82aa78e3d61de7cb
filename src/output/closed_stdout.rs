//! Detects a stdout that was closed before the start.
//!
//! If standard output is closed (`>&-`), the runtime of Rust opens `/dev/null` in its place. Records
//! would be written there and acknowledged, and so lost. In `main` this looks like a `/dev/null` that
//! somebody wanted, so the check runs before the runtime.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};

static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Fails if the process was started without a standard output. Never fails on a system where nothing
/// can look before the runtime.
pub(super) fn check() -> io::Result<()> {
    if STDOUT_WAS_CLOSED.load(Ordering::Relaxed) {
        return Err(io::Error::other("it is closed"));
    }
    Ok(())
}

// SAFETY: the system calls the functions of this section before `main`. A function without
// parameters ignores their arguments. This one only makes a system call and stores a value.
#[used]
#[cfg_attr(
    any(
        target_os = "linux",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd"
    ),
    expect(unsafe_code, reason = "nothing else runs before the runtime"),
    unsafe(link_section = ".init_array")
)]
#[cfg_attr(
    target_os = "macos",
    expect(unsafe_code, reason = "nothing else runs before the runtime"),
    unsafe(link_section = "__DATA,__mod_init_func")
)]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    // SAFETY: the descriptor is only asked whether it is one, and nothing else runs that could
    // close it meanwhile.
    #[expect(unsafe_code, reason = "1 may be closed, which is the question")]
    let stdout = unsafe { BorrowedFd::borrow_raw(1) };
    let is_closed = rustix::io::fcntl_getfd(stdout).is_err();
    STDOUT_WAS_CLOSED.store(is_closed, Ordering::Relaxed);
}
