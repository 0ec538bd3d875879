//! `_PySemaphore`: a count to sleep on.
//!
//! | word | meaning |
//! |---|---|
//! | n | n wakes that nobody has taken |
//!
//! | transition | who |
//! |---|---|
//! | n → n+1 | a wake, under the bucket lock |
//! | n → n−1 | a wait that finds n > 0, by compare-exchange |
//!
//! Invariants:
//!
//! * SEM-1: each wake ends one wait. A thread sleeps only if the count was 0 under the bucket lock, where it is raised.
//! * SEM-2: a wake does not touch the semaphore after the count can be seen: a waiter may free it then.
//!
//! CPython's has the size of a system semaphore; ours is the first word of it, and the rest is not used.
//!
//! Port of: `_PySemaphore` (Include/internal/pycore_semaphore.h, Python/parking_lot.c)
//! PORT: the parking lot's own sleep, so that the same interrupt ends it, and nothing is made or destroyed in the system.

use crate::boundary::{at, edge, timeout};
use core::ffi::CStr;
use core::ptr;
use pyparking::primitive::{AtomicU32, Ordering};
use pyparking::{Deadline, ParkOptions, ParkStatus};

/// The word that counts. In reach of models only; C has it by its functions.
#[doc(hidden)]
#[derive(Debug)]
#[repr(transparent)]
pub struct Semaphore {
    count: AtomicU32,
}

#[doc(hidden)]
impl Semaphore {
    /// A semaphore without wakes.
    #[must_use]
    pub fn fresh() -> Self {
        Self { count: AtomicU32::new(0) }
    }

    /// Takes one wake, if there is one.
    fn take(&self) -> bool {
        // ORD: Relaxed, the compare-exchange decides.
        let mut seen = self.count.load(Ordering::Relaxed);
        while seen > 0 {
            // ORD: Acquire, pairs with the Release of `raise` (SEM-1). Relaxed on failure: the loop looks again.
            match self.count.compare_exchange(seen, seen - 1, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Sleeps until a wake, the deadline, or an interrupt.
    pub fn wait(&self, deadline: Deadline, detach: bool) -> ParkStatus {
        let options =
            ParkOptions { deadline, detach, interruptible: true, ..ParkOptions::default() };
        loop {
            if self.take() {
                return ParkStatus::Ok;
            }
            // SAFETY: the address of a live semaphore is used by this module alone; the callbacks only load.
            let status = unsafe {
                pyparking::park(
                    ptr::from_ref(self).addr(),
                    options,
                    // ORD: Relaxed, under the bucket lock, where the count is raised (SEM-1).
                    || self.count.load(Ordering::Relaxed) == 0,
                    |_| {},
                )
            };
            if matches!(status, ParkStatus::Timeout | ParkStatus::Intr) {
                return if self.take() { ParkStatus::Ok } else { status };
            }
        }
    }

    /// One more wake, for the first waiter or the next (SEM-2: `this` is a bare pointer).
    ///
    /// # Safety
    ///
    /// `this` is valid until the count is raised.
    pub unsafe fn raise(this: *const Self) {
        let decide = |_waiter, _has_more| {
            // SAFETY: the caller's word; the reference ends with the RMW.
            // ORD: Release, pairs with the Acquire of `take` (SEM-1).
            unsafe { (*this).count.fetch_add(1, Ordering::Release) };
        };
        // SAFETY: the address of a semaphore is used by this module alone; the callback only adds.
        unsafe { pyparking::unpark(this.addr(), decide) };
    }
}

/// A semaphore without wakes.
///
/// Cost: one relaxed store.
///
/// Port of: `_PySemaphore_Init` (Python/parking_lot.c)
///
/// # Safety
///
/// `semaphore`, unless null, points to a `_PySemaphore` that nobody uses.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PySemaphore_Init(semaphore: *const Semaphore) {
    // SAFETY: the caller's word.
    let fresh = || unsafe { at(c"_PySemaphore_Init", semaphore) };
    // ORD: Relaxed, nobody uses it yet.
    edge(c"_PySemaphore_Init", || fresh().count.store(0, Ordering::Relaxed));
}

/// The end of a semaphore: nothing was taken from the system.
///
/// Cost: nothing.
///
/// Port of: `_PySemaphore_Destroy` (Python/parking_lot.c)
///
/// # Safety
///
/// As [`_PySemaphore_Init`].
#[unsafe(no_mangle)]
unsafe extern "C" fn _PySemaphore_Destroy(semaphore: *const Semaphore) {
    const NAME: &CStr = c"_PySemaphore_Destroy";
    // SAFETY: the caller's word.
    edge(NAME, || unsafe { at(NAME, semaphore) });
}

/// Sleeps until a wake, for `nanos`, or until an interrupt. Up to 3.14 the caller says whether the thread detaches.
///
/// Cost: a load and one RMW if there is a wake; otherwise as [`pyparking::park`].
///
/// Port of: `_PySemaphore_Wait` (Python/parking_lot.c)
///
/// # Safety
///
/// `semaphore`, unless null, points to a `_PySemaphore` that [`_PySemaphore_Init`] has made and that stays for the
/// call.
#[cfg(not(feature = "py315"))]
#[unsafe(no_mangle)]
unsafe extern "C" fn _PySemaphore_Wait(
    semaphore: *const Semaphore,
    nanos: i64,
    detach: core::ffi::c_int,
) -> ParkStatus {
    // SAFETY: the caller's word.
    unsafe { wait(semaphore, nanos, detach != 0) }
}

/// Sleeps until a wake, for `nanos`, or until an interrupt; the thread stays attached.
///
/// Cost: a load and one RMW if there is a wake; otherwise as [`pyparking::park`].
///
/// Port of: `_PySemaphore_Wait` (Python/parking_lot.c)
///
/// # Safety
///
/// `semaphore`, unless null, points to a `_PySemaphore` that [`_PySemaphore_Init`] has made and that stays for the
/// call.
#[cfg(feature = "py315")]
#[unsafe(no_mangle)]
unsafe extern "C" fn _PySemaphore_Wait(semaphore: *const Semaphore, nanos: i64) -> ParkStatus {
    // SAFETY: the caller's word.
    unsafe { wait(semaphore, nanos, false) }
}

/// # Safety
///
/// As [`_PySemaphore_Wait`].
unsafe fn wait(semaphore: *const Semaphore, nanos: i64, detach: bool) -> ParkStatus {
    edge(c"_PySemaphore_Wait", || {
        // SAFETY: the caller's word.
        let semaphore = unsafe { at(c"_PySemaphore_Wait", semaphore) };
        semaphore.wait(Deadline::from_timeout(timeout(nanos)), detach)
    })
}

/// Wakes one thread that waits, or the next one that would.
///
/// Cost: as [`pyparking::unpark`], and one RMW.
///
/// Port of: `_PySemaphore_Wakeup` (Python/parking_lot.c)
///
/// # Safety
///
/// As [`_PySemaphore_Wait`]; the thread that takes the wake may free the semaphore.
#[unsafe(no_mangle)]
unsafe extern "C" fn _PySemaphore_Wakeup(semaphore: *const Semaphore) {
    edge(c"_PySemaphore_Wakeup", || {
        // SAFETY: the caller's word, twice.
        unsafe { Semaphore::raise(at(c"_PySemaphore_Wakeup", semaphore)) };
    });
}
