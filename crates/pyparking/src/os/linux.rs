//! Linux and Android: one futex word per sleeper, absolute monotonic deadlines.

use super::Woken;
use crate::deadline::Deadline;
use crate::primitive::AtomicU32;

/// A wake is one system call, allowed in a signal handler.
pub(crate) const SIGNAL_SAFE_WAKE: bool = true;

/// A futex needs nothing but the word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Desk;

/// The calling thread's desk.
#[inline]
pub(crate) fn desk() -> Desk {
    Desk
}

/// Sleeps while `word` is `expected`, until woken, until the deadline, or until a signal handler has run.
///
/// Cost: one system call; the kernel takes the deadline as it is, so nothing is recomputed after a wake.
pub(crate) fn wait(word: &AtomicU32, expected: u32, _desk: &Desk, deadline: Deadline) -> Woken {
    let limit = deadline.nanos().map(KernelTime::new);
    let limit = limit.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
    // SAFETY: the word outlives the call by the borrow, the time is null or a valid timespec on this frame,
    // and the remaining arguments are plain numbers.
    let answer = unsafe {
        libc::syscall(
            FUTEX_WITH_TIME,
            core::ptr::from_ref(word),
            libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG,
            expected,
            limit,
            core::ptr::null::<u32>(),
            libc::FUTEX_BITSET_MATCH_ANY,
        )
    };
    if answer == 0 {
        return Woken::Changed;
    }
    match errno() {
        libc::ETIMEDOUT => Woken::TimedOut,
        libc::EINTR => Woken::Signalled,
        _ => Woken::Changed,
    }
}

/// Wakes the sleeper on `word`, which may be gone.
///
/// Async-signal-safe: one system call, and `errno` is left as it was.
pub(crate) fn wake(word: *const AtomicU32, _desk: &Desk) {
    let kept = errno();
    // SAFETY: the kernel only compares the address with those of its sleepers; it fails with EFAULT where
    // nothing is mapped, and never writes.
    let answer = unsafe {
        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1)
    };
    if answer < 0 {
        set_errno(kept);
    }
}

/// Nanoseconds of the monotonic clock.
#[inline]
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec to write to, and every Linux has the monotonic clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// The kernel's number of the calling thread.
pub(crate) fn thread_id() -> u64 {
    // SAFETY: takes no argument and cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as u64 }
}

/// Nothing survives a fork that would need care.
pub(crate) fn after_fork_child() {}

/// The call that takes 64-bit seconds: the plain one, or its successor where that would take 32.
#[cfg(target_pointer_width = "64")]
const FUTEX_WITH_TIME: libc::c_long = libc::SYS_futex;
#[cfg(not(target_pointer_width = "64"))]
const FUTEX_WITH_TIME: libc::c_long = libc::SYS_futex_time64;

/// The kernel's own 64-bit time, whatever the C library's is.
#[repr(C)]
struct KernelTime {
    seconds: i64,
    nanos: i64,
}

impl KernelTime {
    fn new(nanos: u64) -> Self {
        const SECOND: u64 = 1_000_000_000;
        // 2^64 nanoseconds are 584 years: neither part can overflow.
        Self { seconds: (nanos / SECOND) as i64, nanos: (nanos % SECOND) as i64 }
    }
}

fn errno_place() -> *mut libc::c_int {
    // SAFETY: returns the calling thread's own errno, valid as long as the thread.
    #[cfg(target_os = "android")]
    return unsafe { libc::__errno() };
    // SAFETY: as above.
    #[cfg(not(target_os = "android"))]
    return unsafe { libc::__errno_location() };
}

fn errno() -> libc::c_int {
    // SAFETY: a valid place of this thread, which nobody else writes.
    unsafe { *errno_place() }
}

fn set_errno(value: libc::c_int) {
    // SAFETY: a valid place of this thread, which nobody else reads.
    unsafe { *errno_place() = value }
}
