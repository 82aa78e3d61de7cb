//! Detects a stdout that was closed before the start.
//!
//! The runtime opens `/dev/null` in the place of a standard output that is closed (`>&-`). Every
//! record would go there and be acknowledged, though nobody has it, and the position would pass
//! it. Afterwards that cannot be told from a `/dev/null` that somebody wanted.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};

static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether the process was started without a standard output. Where the system does not run what
/// is to run first, `false`.
pub fn stdout_was_closed() -> bool {
    STDOUT_WAS_CLOSED.load(Ordering::Relaxed)
}

// SAFETY: what this section holds is called before `main`, with arguments that a function without
// parameters does not look at; and it does nothing but a system call and a store.
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
