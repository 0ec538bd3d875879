//! Moving waiters from the queue of one address to that of another, without waking them.
//!
//! For a waker who knows that the woken thread would only queue again elsewhere, such as for the mutex of a condition
//! variable, which the waker holds.
//!
//! | step | locked | what |
//! |---|---|---|
//! | 1 | the bucket of the first address | a callback has the queue |
//! | 2 | and the bucket of the second one, which is tried only (LOT-4), unless it is the same | decide and move; or do without |
//! | 3 | the bucket of the first address | the rest of the callback |
//!
//! Invariants:
//!
//! * REQUEUE-1: a moved waiter is in one queue at any time: it leaves the first and enters the second under both locks.
//! * REQUEUE-2: a moved waiter counts as unparked: its deadline and interrupts no longer end its park, which says `Ok` after
//!   an unpark at the second address, and its `gave_up` does not run (WAITER-3).
//! * REQUEUE-3: moved waiters stand behind those who are queued at the second address already, in the order of the moves.
//!
//! Not a port: CPython's lot has no such operation; `parking_lot`'s `unpark_requeue` locks both buckets in a fixed order.

use crate::bucket::{Bucket, add};
use crate::primitive::seeded;
use crate::queue::Queue;
use core::ptr;

/// Looks at a second bucket lock before doing without it. Sections under it take tens of nanoseconds; the first bucket
/// is locked meanwhile.
const TRIES: usize = 100;

/// A queue, and one beside it whose bucket is locked too.
///
/// ```
/// use pyparking::{ParkOptions, ParkStatus, park, unpark, with_queue};
///
/// // Two words of this frame: people stand at the door, and are to be served at the desk.
/// let words = [0_u8; 2];
/// let [door, desk] = [(&raw const words[0]).addr(), (&raw const words[1]).addr()];
/// // SAFETY: nobody else parks at the addresses, and the closures do nothing.
/// let guest = std::thread::spawn(move || unsafe {
///     park(door, ParkOptions::default(), || true, |_| {})
/// });
///
/// // SAFETY: as above, for both.
/// let move_one = || unsafe {
///     with_queue(door, |queue| queue.beside(desk, |both| both.move_first().is_some()))
/// };
/// while move_one() != Some(true) {
///     std::thread::yield_now();
/// }
/// // SAFETY: as above.
/// assert!(unsafe { unpark(door, |guest, _| guest.is_none()) }, "nobody is left at the door");
/// // SAFETY: as above.
/// assert!(unsafe { unpark(desk, |guest, _| guest.is_some()) });
/// assert_eq!(guest.join().unwrap(), ParkStatus::Ok);
/// ```
pub struct Requeue<'a, 'q> {
    from: &'a mut Queue<'q>,
    bucket: &'a Bucket,
    address: usize,
}

impl<'q> Queue<'q> {
    /// Runs `decide` with the bucket of `address` locked as well, if it can be locked at once: `None` if not. A caller
    /// must therefore be able to do without, for instance by waking whom it would have moved.
    ///
    /// Cost: two more RMW for that bucket's lock, none if it is the same one.
    ///
    /// # Safety
    ///
    /// The caller controls `address` too, as for [`with_queue`](crate::with_queue): who unparks there takes the argument
    /// of a moved waiter for one of its own. `decide` does not use the lot but through its argument (LOT-3).
    ///
    /// ```
    /// use pyparking::with_queue;
    ///
    /// let words = [0_u8; 2];
    /// let [door, desk] = [(&raw const words[0]).addr(), (&raw const words[1]).addr()];
    /// // SAFETY: the addresses are this frame's own.
    /// let moved = unsafe { with_queue(door, |queue| queue.beside(desk, |both| both.move_first())) };
    /// assert!(moved.is_none_or(|first| first.is_none()), "nobody is there");
    /// ```
    pub unsafe fn beside<R>(
        &mut self,
        address: usize,
        decide: impl FnOnce(&mut Requeue<'_, 'q>) -> R,
    ) -> Option<R> {
        let bucket = &self.buckets[address % self.buckets.len()];
        let same = ptr::eq(bucket, self.bucket);
        let with_both = || decide(&mut Requeue { from: self, bucket, address });
        if same { Some(with_both()) } else { bucket.lock.try_with(TRIES, with_both) }
    }
}

impl<'q> Requeue<'_, 'q> {
    /// The queue that is moved from.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pyparking::with_queue;
    ///
    /// let words = [0_u8; 2];
    /// let [door, desk] = [(&raw const words[0]).addr(), (&raw const words[1]).addr()];
    /// // SAFETY: the addresses are this frame's own.
    /// let empty = unsafe { with_queue(door, |queue| queue.beside(desk, |both| both.queue().is_empty())) };
    /// assert_ne!(empty, Some(false));
    /// ```
    pub fn queue(&mut self) -> &mut Queue<'q> {
        self.from
    }

    /// Moves the thread that waits longest to the end of the other queue; its argument.
    ///
    /// From then on neither a deadline nor an interrupt ends its park (REQUEUE-2).
    ///
    /// Cost: as [`Queue::dequeue`], and the walk down the other bucket's tree; no RMW.
    ///
    /// ```
    /// use pyparking::with_queue;
    ///
    /// let words = [0_u8; 2];
    /// let [door, desk] = [(&raw const words[0]).addr(), (&raw const words[1]).addr()];
    /// // SAFETY: the addresses are this frame's own.
    /// let all_moved = unsafe {
    ///     with_queue(door, |queue| {
    ///         queue.beside(desk, |both| while both.move_first().is_some() {}).is_some()
    ///     })
    /// };
    /// println!("{}", if all_moved { "all have moved" } else { "the other bucket was busy" });
    /// ```
    pub fn move_first(&mut self) -> Option<*mut ()> {
        // SAFETY: the bucket is locked while its queue exists.
        let waiter = unsafe { self.from.bucket.tree.first(self.from.address) }?;
        // SAFETY: both buckets are locked (REQUEUE-1); the waiter was found in the first queue, and its thread leaves no
        // more before an unparker has signalled (WAITER-2, WAITER-3).
        unsafe {
            self.from.bucket.tree.remove(waiter);
            if waiter.queued.get() && !seeded("requeue-deadline-kept") {
                waiter.queued.set(false);
            }
            waiter.address.set(self.address);
            self.bucket.tree.enqueue(waiter);
        }
        add(&self.from.bucket.counters.moves);
        Some(waiter.arg)
    }
}
