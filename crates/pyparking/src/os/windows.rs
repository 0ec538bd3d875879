//! Windows 8 and later: `WaitOnAddress` on the sleeper's word.

use super::Woken;
use crate::deadline::Deadline;
use crate::primitive::AtomicU32;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use windows_sys::Win32::System::Threading::{
    GetCurrentThreadId, INFINITE, WaitOnAddress, WakeByAddressSingle,
};

/// A wake takes no lock of ours.
pub(crate) const SIGNAL_SAFE_WAKE: bool = true;

/// The address of the word is all that a wake needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Desk;

/// The calling thread's desk.
#[inline]
pub(crate) fn desk() -> Desk {
    Desk
}

/// Sleeps while `word` is `expected`, until woken or until the deadline.
///
/// The system counts whole milliseconds: the rest of the time is rounded up, and a wait that ended early by
/// the monotonic clock says [`Woken::Changed`], so that the caller waits for what is left.
pub(crate) fn wait(word: &AtomicU32, expected: u32, _desk: &Desk, deadline: Deadline) -> Woken {
    let millis = match deadline.remaining() {
        None => INFINITE,
        Some(left) => whole_millis(left),
    };
    // SAFETY: both addresses are valid for four bytes during the call, and the sizes agree.
    unsafe {
        WaitOnAddress(
            core::ptr::from_ref(word).cast(),
            core::ptr::from_ref(&expected).cast(),
            size_of::<u32>(),
            millis,
        )
    };
    if deadline.passed() { Woken::TimedOut } else { Woken::Changed }
}

/// Wakes the sleeper on `word`, which may be gone: the system hashes the address and never reads it.
pub(crate) fn wake(word: *const AtomicU32, _desk: &Desk) {
    // SAFETY: the address is compared with those of sleepers and not dereferenced.
    unsafe { WakeByAddressSingle(word.cast()) };
}

/// Nanoseconds since the first call.
pub(crate) fn now() -> u64 {
    static BASE: OnceLock<Instant> = OnceLock::new();
    let since = BASE.get_or_init(Instant::now).elapsed();
    // Starts at a second, so that zero stays a moment that has passed.
    u64::try_from((since + Duration::from_secs(1)).as_nanos()).unwrap_or(u64::MAX - 1)
}

/// The system's number of the calling thread.
pub(crate) fn thread_id() -> u64 {
    // SAFETY: takes no argument and cannot fail.
    u64::from(unsafe { GetCurrentThreadId() })
}

/// Windows has no fork.
pub(crate) fn after_fork_child() {}

fn whole_millis(left: Duration) -> u32 {
    let millis = left.as_nanos().div_ceil(1_000_000);
    u32::try_from(millis).unwrap_or(INFINITE - 1).min(INFINITE - 1)
}
