//! Everywhere else: one std mutex and condition variable per thread.
//!
//! Bells live for ever and change hands between threads, so a waker may ring at any later time: at worst the
//! next holder of the bell looks at its word once more (OS-2). Ringing takes a mutex, so it must not happen in
//! a signal handler: [`SIGNAL_SAFE_WAKE`] is false, and interruptible sleeps glance at their word instead.

use super::Woken;
use crate::deadline::Deadline;
use crate::primitive::{AtomicPtr, AtomicU32, Cell, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// A wake takes a mutex that the interrupted thread may hold.
pub(crate) const SIGNAL_SAFE_WAKE: bool = false;

/// A place to sleep. Never freed.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    turn: Mutex<()>,
    rung: Condvar,
}

/// The bell of one thread.
pub(crate) type Desk = &'static Bell;

/// Bells of threads that are gone, for the next ones. Null until the first thread ends, and again in the
/// child of a fork, where the old list's mutex may be held by a thread that is not there.
static SPARE: AtomicPtr<Mutex<Vec<Desk>>> = AtomicPtr::new(core::ptr::null_mut());

thread_local! {
    static MINE: Cell<Option<Desk>> = const { Cell::new(None) };
    static LEASE: Lease = const { Lease };
}

/// Hands the bell to the spare ones when its thread ends.
struct Lease;

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(bell) = MINE.with(Cell::take) {
            spare().lock().unwrap_or_else(PoisonError::into_inner).push(bell);
        }
    }
}

fn spare() -> &'static Mutex<Vec<Desk>> {
    // ORD: Acquire, pairs with the Release below: the list is built before it is seen.
    let mut seen = SPARE.load(Ordering::Acquire);
    if seen.is_null() {
        let fresh = Box::into_raw(Box::default());
        // ORD: Release publishes the fresh list, Acquire takes over that of a faster thread.
        let first = SPARE.compare_exchange(seen, fresh, Ordering::AcqRel, Ordering::Acquire);
        seen = match first {
            Ok(_) => fresh,
            Err(other) => {
                // SAFETY: `fresh` came from a box and nobody else has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                other
            }
        };
    }
    // SAFETY: a list that was published is never freed.
    unsafe { &*seen }
}

/// The calling thread's bell.
pub(crate) fn desk() -> Desk {
    MINE.with(Cell::get).unwrap_or_else(|| {
        let reused = spare().lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bell = reused.unwrap_or_else(|| Box::leak(Box::default()));
        MINE.with(|cell| cell.set(Some(bell)));
        // A thread whose locals are already gone keeps the bell to itself: it is leaked, once.
        let _ = LEASE.try_with(|_| ());
        bell
    })
}

/// Sleeps while `word` is `expected`, until woken or until the deadline.
pub(crate) fn wait(word: &AtomicU32, expected: u32, desk: &Desk, deadline: Deadline) -> Woken {
    let turn = desk.turn.lock().unwrap_or_else(PoisonError::into_inner);
    // ORD: Relaxed, the mutex orders this load with the waker's ring (OS-1); the caller loads again.
    if word.load(Ordering::Relaxed) != expected {
        return Woken::Changed;
    }
    match deadline.remaining() {
        None => drop(desk.rung.wait(turn).unwrap_or_else(PoisonError::into_inner)),
        Some(left) => {
            drop(desk.rung.wait_timeout(turn, left).unwrap_or_else(PoisonError::into_inner));
        }
    }
    if deadline.passed() { Woken::TimedOut } else { Woken::Changed }
}

/// Rings the bell. The word is not looked at.
pub(crate) fn wake(_word: *const AtomicU32, desk: &Desk) {
    let _turn = desk.turn.lock().unwrap_or_else(PoisonError::into_inner);
    desk.rung.notify_all();
}

/// Nanoseconds since a second before the first call, so that zero is a moment that has passed.
pub(crate) fn now() -> u64 {
    static BASE: OnceLock<Instant> = OnceLock::new();
    let since = BASE.get_or_init(Instant::now).elapsed();
    u64::try_from((since + Duration::from_secs(1)).as_nanos()).unwrap_or(u64::MAX - 1)
}

/// The system's number of the calling thread; 0 where there is none to be had.
pub(crate) fn thread_id() -> u64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: takes no argument and cannot fail.
    return unsafe { libc::syscall(libc::SYS_gettid) as u64 };
    #[cfg(target_vendor = "apple")]
    return {
        let mut number = 0;
        // SAFETY: 0 means the calling thread, and the place is a valid one of this frame.
        unsafe { libc::pthread_threadid_np(0, &mut number) };
        number
    };
    #[cfg(windows)]
    // SAFETY: takes no argument and cannot fail.
    return u64::from(unsafe { windows_sys::Win32::System::Threading::GetCurrentThreadId() });
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple", windows)))]
    // SAFETY: takes no argument and cannot fail.
    return unsafe { libc::pthread_self() } as u64;
}

/// Gives the surviving thread a bell whose mutex no lost thread holds, and forgets the spare ones.
pub(crate) fn after_fork_child() {
    // ORD: Relaxed, the child has one thread.
    SPARE.store(core::ptr::null_mut(), Ordering::Relaxed);
    MINE.with(|cell| cell.set(None));
}
