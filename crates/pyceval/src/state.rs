//! The state word of a thread: who may let it run.
//!
//! | value | meaning |
//! |---|---|
//! | 0 `DETACHED` | not running code of the runtime; may attach at any time |
//! | 1 `ATTACHED` | running |
//! | 2 `SUSPENDED` | not running, and must not attach until the world starts again |
//! | 3 `ASLEEP` | as 2, and the thread sleeps, or is about to, until it is woken |
//! | 4 `GONE` | its thread was left behind by a fork: it never attaches again |
//!
//! | transition | who | how |
//! |---|---|---|
//! | 0→1 | the thread, when it attaches | compare-exchange, Acquire |
//! | 1→0 | the thread, when it detaches | store, Release |
//! | 1→2 | the thread, when it finds that the world is being stopped | store, Release, under the roster's lock |
//! | 0→2 | who stops the world; a thread that is born during a pause starts so | compare-exchange, Acquire, under the roster's lock |
//! | 2→3 | the thread, before it sleeps | compare-exchange |
//! | 2→0, 3→0 | who starts the world | swap, Release, under the roster's lock |
//! | any→4 | the only thread of a fork's child | store |
//!
//! * STATE-1: only the thread itself leaves `ATTACHED`, so it does so by a plain store.
//! * STATE-2: what a thread did while attached is seen by whoever suspends it, or finds it suspended; what was done
//!   during a pause is seen by the thread when it attaches after it.
//! * STATE-3: a thread that wants to attach and finds `SUSPENDED` marks the word `ASLEEP` before it parks, so whoever
//!   swaps `DETACHED` in knows whether there is somebody to wake.
//!
//! Port of: `tstate_try_attach` (Python/pystate.c)
//! Port of: `tstate_wait_attach` (Python/pystate.c)

use pyparking::primitive::{AtomicU32, Ordering};
use pyparking::{ParkOptions, park, unpark_all};

/// Where a thread stands.
///
/// ```
/// use pyceval::State;
/// assert_eq!([State::Detached as u32, State::Attached as u32, State::Suspended as u32], [0, 1, 2]);
/// ```
///
/// Port of: `_Py_THREAD_DETACHED` (Include/internal/pycore_pystate.h)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum State {
    /// Not running code of the runtime; may attach.
    Detached = 0,
    /// Running.
    Attached = 1,
    /// Not running, until the world starts again; for ever in the child of a fork that left the thread behind.
    Suspended = 2,
}

const DETACHED: u32 = State::Detached as u32;
const ATTACHED: u32 = State::Attached as u32;
const SUSPENDED: u32 = State::Suspended as u32;
const ASLEEP: u32 = 3;
const GONE: u32 = 4;

/// The word.
pub(crate) struct StateWord(AtomicU32);

impl StateWord {
    /// A thread that is born now: during a pause it starts suspended.
    pub(crate) fn new(during_pause: bool) -> Self {
        Self(AtomicU32::new(if during_pause { SUSPENDED } else { DETACHED }))
    }

    /// 0→1. Whether the thread is attached now.
    #[inline]
    pub(crate) fn try_attach(&self) -> bool {
        // ORD: Acquire, pairs with the Release of `start` (STATE-2). Relaxed on failure: the thread waits and tries
        // again.
        self.0.compare_exchange(DETACHED, ATTACHED, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// 1→0, by the thread itself.
    #[inline]
    pub(crate) fn detach(&self) {
        // ORD: Release, pairs with the Acquire of `suspend` (STATE-1, STATE-2).
        self.0.store(DETACHED, Ordering::Release);
    }

    /// 1→2, by the thread itself, under the roster's lock.
    pub(crate) fn detach_suspended(&self) {
        // ORD: Release, whoever stops the world sees it through the roster's lock and the missing count (STATE-2).
        self.0.store(SUSPENDED, Ordering::Release);
    }

    /// 0→2, by who stops the world, under the roster's lock. Whether the thread was detached.
    pub(crate) fn suspend(&self) -> bool {
        // ORD: Acquire, pairs with the Release of `detach` (STATE-2). Relaxed on failure: an attached thread is asked
        // to stop, and looked at again.
        self.0.compare_exchange(DETACHED, SUSPENDED, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// 2→0 or 3→0, by who starts the world, under the roster's lock. Whether the thread is to be woken when the lock
    /// is given back.
    pub(crate) fn start(&self) -> bool {
        // ORD: Release, pairs with the Acquire of `try_attach` (STATE-2); Relaxed would do for what comes back: the
        // mark alone is looked at (STATE-3).
        self.get() == State::Suspended && self.0.swap(DETACHED, Ordering::Release) == ASLEEP
    }

    /// Wakes the thread, if it waits.
    pub(crate) fn wake(&self) {
        // SAFETY: the address of a live word of ours, where only `wait` parks.
        unsafe { unpark_all(self.address()) };
    }

    /// Waits until the word is not `SUSPENDED`. Does not detach: the thread is not attached.
    #[cold]
    pub(crate) fn wait(&self) {
        let options = ParkOptions { detach: false, ..ParkOptions::default() };
        while self.mark_asleep() {
            // SAFETY: the address of a live word of ours, on which nobody else parks; the callbacks only load.
            let _status = unsafe { park(self.address(), options, || self.is_asleep(), |_| {}) };
        }
    }

    /// Whether the mark is there still: a start and another stop may have come since it was made, and that stop's start
    /// wakes nobody who is not marked.
    fn is_asleep(&self) -> bool {
        // ORD: Relaxed, under the bucket lock that the wake takes after the swap of `start`.
        self.0.load(Ordering::Relaxed) == ASLEEP
    }

    /// 2→3. Whether the world stands still.
    fn mark_asleep(&self) -> bool {
        // ORD: Relaxed on both sides: the mark is the whole message (STATE-3).
        let marked =
            self.0.compare_exchange(SUSPENDED, ASLEEP, Ordering::Relaxed, Ordering::Relaxed);
        matches!(marked, Ok(_) | Err(ASLEEP))
    }

    /// Where the thread stands at some moment during the call.
    pub(crate) fn get(&self) -> State {
        // ORD: Relaxed, an answer about one moment; the transitions themselves order what they must.
        match self.0.load(Ordering::Relaxed) {
            DETACHED => State::Detached,
            ATTACHED => State::Attached,
            _ => State::Suspended,
        }
    }

    /// In the child of a fork the thread is where it was, whatever stop it was asked for or had met.
    #[cfg(unix)]
    pub(crate) fn after_fork_child(&self, attached: bool) {
        let next = if attached { ATTACHED } else { DETACHED };
        // ORD: Relaxed, there is no other thread.
        self.0.store(next, Ordering::Relaxed);
    }

    /// In the child of a fork the thread is not there.
    #[cfg(unix)]
    pub(crate) fn leave_behind(&self) {
        // ORD: Relaxed, there is no other thread.
        self.0.store(GONE, Ordering::Relaxed);
    }

    /// Whether the thread was left behind by a fork.
    pub(crate) fn is_gone(&self) -> bool {
        // ORD: Relaxed, set before the child's thread went on.
        self.0.load(Ordering::Relaxed) == GONE
    }

    fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }
}
