//! A library to be loaded into a process ahead of the C library: the time of day jumps by hours,
//! days and years each time it is read, and every other clock is left alone.

use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(target_arch = "x86_64")]
const CLOCK_GETTIME: i64 = 228;
#[cfg(target_arch = "aarch64")]
const CLOCK_GETTIME: i64 = 113;

const CLOCK_REALTIME: i32 = 0;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Each to another day, and a prime number of them: whoever reads the clock a few times for each
/// time it is looked at still sees most of them.
const JUMPS: [i64; 7] = [
    0,
    DAY,
    -DAY,
    2 * DAY + HOUR,
    5 * 365 * DAY,
    -3 * DAY - HOUR,
    40 * DAY,
];

#[repr(C)]
pub struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

unsafe extern "C" {
    fn syscall(number: i64, ...) -> i64;
}

/// # Safety
/// As in the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: i32, time: *mut Timespec) -> i32 {
    static READ: AtomicUsize = AtomicUsize::new(0);
    // SAFETY: the arguments are those of the call that this one stands in for.
    let result = unsafe { syscall(CLOCK_GETTIME, clock, time) };
    if result == 0 && clock == CLOCK_REALTIME {
        let jump = JUMPS[READ.fetch_add(1, Ordering::Relaxed) % JUMPS.len()];
        // SAFETY: the kernel has just written there.
        unsafe { (*time).seconds += jump };
    }
    if result == 0 { 0 } else { -1 }
}
