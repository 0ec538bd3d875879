//! Sleeping on one word with nothing but the system call: the limit of every row in which threads sleep.
//!
//! Only where the system has such a call that is open to everyone, which here means Linux.

use std::sync::atomic::AtomicU32;

/// Whether this system has the bare call.
pub const PRESENT: bool = cfg!(target_os = "linux");

/// Sleeps while `word` is `expected`. May return early; callers look again.
pub fn wait(word: &AtomicU32, expected: u32) {
    system::wait(word, expected);
}

/// Wakes up to `count` threads that sleep on `word`.
pub fn wake(word: &AtomicU32, count: i32) {
    system::wake(word, count);
}

#[cfg(target_os = "linux")]
mod system {
    use std::sync::atomic::AtomicU32;

    pub(super) fn wait(word: &AtomicU32, expected: u32) {
        let none = std::ptr::null::<libc::timespec>();
        // SAFETY: the word is alive for the call, which only reads it; a null timeout means no timeout.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                word.as_ptr(),
                libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                expected,
                none,
            )
        };
    }

    pub(super) fn wake(word: &AtomicU32, count: i32) {
        // SAFETY: the call uses the word's address as a name and does not read or write it.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                word.as_ptr(),
                libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                count,
            )
        };
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::sync::atomic::AtomicU32;

    pub(super) fn wait(_word: &AtomicU32, _expected: u32) {
        std::thread::yield_now();
    }

    pub(super) fn wake(_word: &AtomicU32, _count: i32) {}
}
