//! What a section locks: nothing, one mutex, or two in the order of their addresses.
//!
//! Two are locked without ever blocking on one while holding the other. Lock the lower one, try the higher one; if
//! that fails give the lower one back, lock the higher one (which is where the thread sleeps), try the lower one;
//! and so on.
//!
//! * PAIR-1: a thread that blocks on a mutex of a pair holds none of it. So a pair is in no cycle of waiting
//!   threads, whatever the other threads hold, and nobody waits for a mutex of a sleeper.
//! * PAIR-2: of two threads that fail because of each other, one makes it. They hold different mutexes. The one with
//!   the higher one gives up at its first failure; the one with the lower one goes on trying for longer than that takes.
//!   Among more threads those who wait with a lower one are ordered by address, so the highest of them makes it.
//!   A preemption in between costs another round. There is no bound on rounds: a thread
//!   can be unlucky for as long as others keep taking its two mutexes apart, though each single lock is fair.
//!
//! Port of: `_PyCriticalSection2_BeginSlow` (Python/critical_section.c)
//! PORT: CPython blocks on the second mutex with the first one locked, which then stays locked while the thread is
//! detached.

use core::ptr;
use pyparking::primitive::{MODELLED, seeded, thread};
use pysync::Mutex;

/// Looks at the higher mutex, with the lower one locked, before that is given back.
const TURNS: u32 = if MODELLED { 1 } else { 16 };

/// The mutexes of a section; null is none, and `second` alone is never there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mutexes {
    pub(crate) first: *const Mutex,
    pub(crate) second: *const Mutex,
}

impl Mutexes {
    /// Of a section whose thread is still locking, or that locks nothing.
    pub(crate) const NONE: Self = Self { first: ptr::null(), second: ptr::null() };

    pub(crate) fn one(mutex: *const Mutex) -> Self {
        Self { first: mutex, second: ptr::null() }
    }

    /// Two different ones, the lower address first.
    #[inline]
    pub(crate) fn two(a: *const Mutex, b: *const Mutex) -> Self {
        if a.addr() < b.addr() {
            Self { first: a, second: b }
        } else {
            Self { first: b, second: a }
        }
    }

    pub(crate) fn is_none(self) -> bool {
        self.first.is_null()
    }

    /// Whether one of these is one of `other`.
    pub(crate) fn overlap(self, other: Self) -> bool {
        [self.first, self.second]
            .into_iter()
            .any(|mutex| !mutex.is_null() && (mutex == other.first || mutex == other.second))
    }

    /// Whether each of `other` is one of these.
    pub(crate) fn cover(self, other: Self) -> bool {
        let here = |mutex: *const Mutex| mutex == self.first || mutex == self.second;
        here(other.first) && (other.second.is_null() || here(other.second))
    }

    /// Locks all of them, sleeping if need be; none if it unwinds.
    ///
    /// # Safety
    ///
    /// Every mutex that is not null is alive until it returns.
    pub(crate) unsafe fn lock(self) {
        // SAFETY: null or alive, by the caller's word.
        match unsafe { (self.first.as_ref(), self.second.as_ref()) } {
            (Some(first), Some(second)) => lock_both(first, second),
            (Some(only), None) => only.lock(),
            (None, _) => {}
        }
    }

    /// Unlocks all of them.
    ///
    /// # Safety
    ///
    /// 1. Every mutex that is not null is alive until it is unlocked.
    /// 2. The calling thread locked it.
    pub(crate) unsafe fn unlock(self) {
        for mutex in [self.second, self.first] {
            // SAFETY: null or alive (1). It is not used after this (2 hands the right to unlock to us).
            if let Some(mutex) = unsafe { mutex.as_ref() } {
                mutex.unlock();
            }
        }
    }
}

/// Locks two mutexes, the lower one given first, holding neither while it blocks (PAIR-1).
#[cold]
fn lock_both(lower: &Mutex, higher: &Mutex) {
    loop {
        lower.lock();
        if seeded("pair-holds-first") {
            return higher.lock();
        }
        if try_patiently(higher) {
            return;
        }
        lower.unlock();
        higher.lock();
        if lower.try_lock() {
            return;
        }
        higher.unlock();
    }
}

/// Locks if the mutex is or soon comes free (PAIR-2).
fn try_patiently(mutex: &Mutex) -> bool {
    (0..TURNS).any(|turn| {
        (0..turn).for_each(|_| thread::spin_loop());
        mutex.try_lock()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_are_ordered_by_address() {
        let mutexes = [Mutex::new(), Mutex::new(), Mutex::new()];
        let [a, b, c] = mutexes.each_ref().map(ptr::from_ref);
        assert_eq!(Mutexes::two(a, b), Mutexes::two(b, a));
        assert_eq!(Mutexes::two(b, a), Mutexes { first: a, second: b });
        assert!(Mutexes::two(a, b).overlap(Mutexes::one(b)));
        assert!(Mutexes::one(b).overlap(Mutexes::two(a, b)));
        assert!(!Mutexes::two(a, b).overlap(Mutexes::one(c)));
        assert!(!Mutexes::one(a).overlap(Mutexes::NONE) && !Mutexes::NONE.overlap(Mutexes::NONE));
        assert!(
            Mutexes::two(a, b).cover(Mutexes::one(a)) && Mutexes::one(a).cover(Mutexes::one(a))
        );
        assert!(Mutexes::two(a, b).cover(Mutexes::two(b, a)));
        assert!(
            !Mutexes::two(a, b).cover(Mutexes::two(b, c)) && !Mutexes::NONE.cover(Mutexes::one(a))
        );
        assert!(Mutexes::NONE.is_none() && !Mutexes::one(a).is_none());
    }

    #[test]
    fn locks_and_unlocks_all() {
        let (a, b) = (Mutex::new(), Mutex::new());
        for (mutexes, bits) in
            [(Mutexes::NONE, (0, 0)), (Mutexes::one(&a), (1, 0)), (Mutexes::two(&b, &a), (1, 1))]
        {
            // SAFETY: both mutexes live on, and this thread unlocks what it locked.
            unsafe {
                mutexes.lock();
                assert_eq!((a.bits(), b.bits()), bits);
                mutexes.unlock();
            }
            assert_eq!((a.bits(), b.bits()), (0, 0));
        }
    }
}
