//! The parking lot: buckets of queues, chosen by address.
//!
//! An instance first, so that models and tests build small ones; the process's own lot is a static beside it,
//! 257 buckets of 64 bytes, usable before and after `main`, without heap.
//!
//! * LOT-1: whether a thread is queued is decided under the bucket lock, together with the caller's
//!   validation: an unpark that comes after the change that validation looks for finds the thread queued, or
//!   the validation says no. No wake-up is lost.
//! * LOT-2: decided under the bucket lock, woken outside it.
//! * LOT-3: callbacks run under the bucket lock: they must not park, unpark or lock anything of this lot.
//! * LOT-4: who holds one bucket lock only tries to get a second one, and does without if it is taken: no order of buckets,
//!   no deadlock.
//!
//! Port of: `buckets` (Python/parking_lot.c)
//! PORT: queues per address inside a bucket, so `has_more` is exact; CPython counts the whole bucket.

use crate::bucket::{Bucket, Totals};
use crate::primitive::{BUCKETS, global};
use crate::queue::{Queue, WakeList};
use core::fmt;

/// A parking lot with `N` buckets.
///
/// Most callers want the process's own lot through [`park`](crate::park) and [`unpark`](crate::unpark).
///
/// ```
/// use pyparking::{Lot, ParkOptions, ParkStatus};
///
/// static SMALL: Lot<8> = Lot::new();
/// let word = 0_u8;
/// // SAFETY: the address is this frame's own.
/// let status = unsafe {
///     SMALL.park((&raw const word).addr(), ParkOptions::default(), || false, |_| {})
/// };
/// assert_eq!(status, ParkStatus::Again);
/// ```
pub struct Lot<const N: usize> {
    pub(crate) buckets: [Bucket; N],
}

global! {
    /// The process's lot.
    pub(crate) fn the_lot() -> &'static Lot<BUCKETS> = Lot::new()
}

impl<const N: usize> Lot<N> {
    crate::lot_constructor! { Bucket::new() }

    pub(crate) fn bucket(&self, address: usize) -> &Bucket {
        // CPython's own choice: a prime, so that alignment does not show.
        &self.buckets[address % N]
    }

    /// Runs `decide` over the waiters of `address` under the bucket lock, then wakes those it dequeued.
    ///
    /// Cost: two RMW for the bucket lock, and per woken thread one RMW and at most one system call. If
    /// `decide` unwinds, the threads that it had dequeued are woken.
    ///
    /// # Safety
    ///
    /// The caller controls `address`: the protocol of the threads that park there is its own (LOT-1), and
    /// `decide` does not use this lot (LOT-3).
    ///
    /// ```
    /// use pyparking::Lot;
    /// use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
    ///
    /// const LOCKED: u8 = 1;
    /// const HAS_PARKED: u8 = 2;
    /// static LOT: Lot<8> = Lot::new();
    ///
    /// // The slow half of an unlock: free the word, keep the bit exactly while others wait.
    /// let word = AtomicU8::new(LOCKED | HAS_PARKED);
    /// let address = (&raw const word).addr();
    /// // SAFETY: the address is this frame's own, and the closure uses nothing but the word and the queue.
    /// unsafe {
    ///     LOT.with_queue(address, |queue| {
    ///         queue.dequeue();
    ///         word.store(if queue.is_empty() { 0 } else { HAS_PARKED }, Relaxed);
    ///     });
    /// }
    /// assert_eq!(word.load(Relaxed), 0);
    /// ```
    pub unsafe fn with_queue<R>(
        &self,
        address: usize,
        decide: impl FnOnce(&mut Queue<'_>) -> R,
    ) -> R {
        let bucket = self.bucket(address);
        let mut wake = WakeList::new();
        bucket.lock.with(|| {
            decide(&mut Queue { buckets: &self.buckets, bucket, wake: &mut wake, address })
        })
    }

    /// Dequeues the first waiter of `address`, calls `callback` under the bucket lock, then wakes it.
    ///
    /// The callback is called also when nobody waits, with `None`. It gets the waiter's argument and whether
    /// more threads wait for this address.
    ///
    /// Cost: as [`with_queue`](Self::with_queue).
    ///
    /// # Safety
    ///
    /// As [`with_queue`](Self::with_queue).
    ///
    /// ```
    /// use pyparking::{Lot, ParkOptions};
    /// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    ///
    /// static LOT: Lot<8> = Lot::new();
    /// let open = AtomicBool::new(false);
    /// let address = (&raw const open).addr();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         // SAFETY: nobody else parks at the address; the closure only loads.
    ///         let _ok_or_again = unsafe {
    ///             LOT.park(address, ParkOptions::default(), || !open.load(Relaxed), |_| {})
    ///         };
    ///         assert!(open.load(Relaxed));
    ///     });
    ///     // SAFETY: as above; the callback only stores.
    ///     unsafe { LOT.unpark(address, |_waiter, _has_more| open.store(true, Relaxed)) };
    /// });
    /// ```
    ///
    /// Port of: `_PyParkingLot_Unpark` (Python/parking_lot.c)
    pub unsafe fn unpark<R>(
        &self,
        address: usize,
        callback: impl FnOnce(Option<*mut ()>, bool) -> R,
    ) -> R {
        let decide = |queue: &mut Queue<'_>| {
            let arg = queue.dequeue();
            callback(arg, !queue.is_empty())
        };
        // SAFETY: handed on to the caller.
        unsafe { self.with_queue(address, decide) }
    }

    /// Dequeues every waiter of `address` under the bucket lock, wakes them outside; how many there were.
    ///
    /// Cost: as [`with_queue`](Self::with_queue).
    ///
    /// # Safety
    ///
    /// As [`with_queue`](Self::with_queue).
    ///
    /// ```
    /// use pyparking::{Lot, ParkOptions, ParkStatus};
    ///
    /// static LOT: Lot<8> = Lot::new();
    /// let word = 0_u8;
    /// let address = (&raw const word).addr();
    /// let crowd: Vec<_> = (0..3)
    ///     .map(|_| {
    ///         // SAFETY: nobody else parks at the address, and the closures do nothing.
    ///         std::thread::spawn(move || unsafe {
    ///             LOT.park(address, ParkOptions::default(), || true, |_| {})
    ///         })
    ///     })
    ///     .collect();
    ///
    /// let mut woken = 0;
    /// while woken < crowd.len() {
    ///     // SAFETY: as above.
    ///     woken += unsafe { LOT.unpark_all(address) };
    /// }
    /// assert!(crowd.into_iter().all(|thread| thread.join().unwrap() == ParkStatus::Ok));
    /// ```
    ///
    /// Port of: `_PyParkingLot_UnparkAll` (Python/parking_lot.c)
    pub unsafe fn unpark_all(&self, address: usize) -> usize {
        let decide = |queue: &mut Queue<'_>| core::iter::from_fn(|| queue.dequeue()).count();
        // SAFETY: handed on to the caller.
        unsafe { self.with_queue(address, decide) }
    }

    /// What this lot has done so far. Exact when no thread is inside a call.
    ///
    /// Cost: five relaxed loads per bucket.
    ///
    /// ```
    /// use pyparking::{Lot, ParkOptions};
    ///
    /// static LOT: Lot<1> = Lot::new();
    /// let word = 0_u8;
    /// let address = (&raw const word).addr();
    /// // SAFETY: nobody else parks at the address, and the closures do nothing.
    /// let sleeper = std::thread::spawn(move || unsafe {
    ///     LOT.park(address, ParkOptions::default(), || true, |_| {})
    /// });
    /// while LOT.totals().parks == 0 {
    ///     std::thread::yield_now();
    /// }
    /// // SAFETY: as above.
    /// unsafe { LOT.unpark_all(address) };
    /// let _ok = sleeper.join().unwrap();
    ///
    /// let totals = LOT.totals();
    /// assert_eq!((totals.parks, totals.wakes, totals.timeouts), (1, 1, 0));
    /// ```
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut sum = Totals::default();
        for bucket in &self.buckets {
            bucket.add_to(&mut sum);
        }
        sum
    }

    /// Empties every bucket in the child of a fork: the waiters belonged to threads that are not there.
    ///
    /// Cost: two stores per bucket; no RMW.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process and is not inside a call of this lot.
    ///
    /// ```
    /// use pyparking::Lot;
    ///
    /// static LOT: Lot<8> = Lot::new();
    /// // In the child:
    /// // SAFETY: no other thread runs, and this one is in no call of the lot.
    /// unsafe { LOT.after_fork_child() };
    /// assert!(LOT.snapshot().waiters().is_empty());
    /// ```
    ///
    /// Port of: `_PyParkingLot_AfterFork` (Python/parking_lot.c)
    pub unsafe fn after_fork_child(&self) {
        for bucket in &self.buckets {
            // SAFETY: handed on to the caller.
            unsafe { bucket.after_fork_child() };
        }
    }
}

impl<const N: usize> Default for Lot<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Debug for Lot<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lot").field("buckets", &N).field("totals", &self.totals()).finish()
    }
}
