//! The state word of a thread: who may let it run.
//!
//! | value | meaning |
//! |---|---|
//! | 0 `DETACHED` | not running code of the runtime; may attach at any time |
//! | odd: attached | running; the value is a sequence of [`pyref`] |
//! | 2 `SUSPENDED` | not running, and must not attach until the world starts again |
//! | 4 `ASLEEP` | as 2, and the thread sleeps, or is about to, until it is woken |
//! | 6 `GONE` | its thread was left behind by a fork: it never attaches again |
//!
//! | transition | who | how |
//! |---|---|---|
//! | 0→odd | the thread, when it attaches | compare-exchange, Acquire |
//! | odd→later odd | the thread, at a poll that serves something | store, Release |
//! | odd→0 | the thread, when it detaches | store, Release |
//! | odd→2 | the thread, when it finds that the world is being stopped | store, Release, under the roster's lock |
//! | 0→2 | who stops the world; a thread that is born during a pause starts so | compare-exchange, Acquire, under the roster's lock |
//! | 2→4 | the thread, before it sleeps | compare-exchange |
//! | 2→0, 4→0 | who starts the world | swap, Release, under the roster's lock |
//! | even→6 | the only thread of a fork's child | swap |
//!
//! The word is that of the thread's member of [`pyref`]: detached is offline, and attaching, which is an RMW anyhow, tells
//! those who wait for readers.
//!
//! * STATE-1: only the thread itself leaves an odd value, so it does so by a plain store; every other change is an RMW.
//! * STATE-2: what a thread did while attached is seen by whoever suspends it, or finds it suspended; what was done
//!   during a pause is seen by the thread when it attaches after it.
//! * STATE-3: a thread that wants to attach and finds `SUSPENDED` marks the word `ASLEEP` before it parks, so whoever
//!   swaps `DETACHED` in knows whether there is somebody to wake.
//!
//! Port of: `tstate_try_attach` (Python/pystate.c)
//! Port of: `tstate_wait_attach` (Python/pystate.c)

use pyparking::primitive::{AtomicU64, Ordering};
use pyparking::{ParkOptions, park, unpark_all};
use pyref::raw::Place;

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

const DETACHED: u64 = Place::OFFLINE;
const SUSPENDED: u64 = 2;
const ASLEEP: u64 = 4;
const GONE: u64 = 6;

/// The word.
pub(crate) struct StateWord(Place);

impl StateWord {
    /// A thread that is born now: during a pause it starts suspended.
    pub(crate) fn new(place: Place, during_pause: bool) -> Self {
        let new = Self(place);
        if during_pause {
            new.suspend();
        }
        new
    }

    #[inline]
    fn word(&self) -> &AtomicU64 {
        // SAFETY: this file makes the changes of the table, which are what the member's word asks for; `Thread` enters and
        // leaves the place.
        unsafe { self.0.word() }
    }

    /// 0→odd. Whether the thread is attached now.
    #[inline]
    pub(crate) fn try_attach(&self) -> bool {
        // ORD: Acquire, pairs with the Release of `start` (STATE-2). Relaxed on failure: the thread waits and tries
        // again.
        self.word()
            .compare_exchange(DETACHED, Place::sequence(), Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Odd→0, by the thread itself.
    #[inline]
    pub(crate) fn detach(&self) {
        // ORD: Release, pairs with the Acquire of `suspend` (STATE-1, STATE-2).
        self.word().store(DETACHED, Ordering::Release);
    }

    /// Odd→2, by the thread itself, under the roster's lock.
    pub(crate) fn detach_suspended(&self) {
        // ORD: Release, whoever stops the world sees it through the roster's lock and the missing count (STATE-2).
        self.word().store(SUSPENDED, Ordering::Release);
    }

    /// 0→2, by who stops the world, under the roster's lock. Whether the thread was detached.
    pub(crate) fn suspend(&self) -> bool {
        // ORD: Acquire, pairs with the Release of `detach` (STATE-2). Relaxed on failure: an attached thread is asked
        // to stop, and looked at again.
        self.word()
            .compare_exchange(DETACHED, SUSPENDED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// 2→0 or 4→0, by who starts the world, under the roster's lock. Whether the thread is to be woken when the lock
    /// is given back.
    pub(crate) fn start(&self) -> bool {
        // ORD: Release, pairs with the Acquire of `try_attach` (STATE-2); Relaxed would do for what comes back: the
        // mark alone is looked at (STATE-3).
        self.get() == State::Suspended && self.word().swap(DETACHED, Ordering::Release) == ASLEEP
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
        self.word().load(Ordering::Relaxed) == ASLEEP
    }

    /// 2→4. Whether the world stands still.
    fn mark_asleep(&self) -> bool {
        // ORD: Relaxed on both sides: the mark is the whole message (STATE-3).
        let marked =
            self.word().compare_exchange(SUSPENDED, ASLEEP, Ordering::Relaxed, Ordering::Relaxed);
        matches!(marked, Ok(_) | Err(ASLEEP))
    }

    /// Where the thread stands at some moment during the call.
    pub(crate) fn get(&self) -> State {
        // ORD: Relaxed, an answer about one moment; the transitions themselves order what they must.
        match self.word().load(Ordering::Relaxed) {
            DETACHED => State::Detached,
            SUSPENDED | ASLEEP | GONE => State::Suspended,
            _ => State::Attached,
        }
    }

    /// In the child of a fork a thread that is not attached is detached, whatever stop it had met.
    #[cfg(unix)]
    pub(crate) fn after_fork_child(&self) {
        // ORD: Relaxed, there is no other thread. An RMW, as every change of an even value (STATE-1).
        self.word().swap(DETACHED, Ordering::Relaxed);
    }

    /// In the child of a fork the thread is not there.
    #[cfg(unix)]
    pub(crate) fn leave_behind(&self) {
        // ORD: as in `after_fork_child`.
        self.word().swap(GONE, Ordering::Relaxed);
    }

    /// Whether the thread was left behind by a fork.
    pub(crate) fn is_gone(&self) -> bool {
        // ORD: Relaxed, set before the child's thread went on.
        self.word().load(Ordering::Relaxed) == GONE
    }

    fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }
}
