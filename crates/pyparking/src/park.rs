//! Going to sleep in the lot.
//!
//! | step | where | what |
//! |---|---|---|
//! | 1 | bucket locked | run `validate`; no: `Again`. Deadline passed: `gave_up`, `Timeout`. Else enqueue |
//! | 2 | unlocked | run `release`, which may wake others, and look for the wake a while (LINGER-1); then detach, if asked and no wake has come yet (HOOK-1) |
//! | 3 | unlocked | sleep |
//! | 4 | bucket locked | only after a deadline or an interrupt: still queued? unlink, `gave_up`, `Timeout` or `Intr`. Else an unparker has us, or moved us to another queue: wait for the wake, `Ok` |
//! | 5 | unlocked | attach |
//!
//! * PARK-1: `Ok` if and only if an unpark dequeued or moved this thread: its token is never lost, whatever the clock
//!   and the interrupts do meanwhile.
//! * PARK-2: `gave_up` runs under the bucket lock, right after the thread has left the queue, and before
//!   anybody can see the queue without it: a bit that says "somebody waits" is cleared exactly in time.
//! * PARK-3: no thread is in a queue when it attaches (HOOK-3).
//! * PARK-4: a deadline is never reported early, and one that has passed neither sleeps nor queues.
//! * PARK-5: `release` runs once if the thread was queued, after that, and else not at all: a wake that follows from
//!   what it let go finds the thread in the queue.
//!
//! Port of: `_PyParkingLot_Park` (Python/parking_lot.c)
//! PORT: `validate` is the caller's, instead of a comparison of 1, 2, 4 or 8 bytes; `gave_up` and `release` are
//! new; no semaphore is made and destroyed per wait.

use crate::bucket::{Bucket, add};
use crate::deadline::Deadline;
use crate::hooks::Detached;
use crate::linger;
use crate::lot::Lot;
use crate::primitive::seeded;
use crate::queue::{Queue, WakeList};
use crate::register::Seat;
use crate::sleeper::Slept;
use crate::status::ParkStatus;
use crate::waiter::Waiter;

/// How to park.
///
/// ```
/// use pyparking::{Deadline, ParkOptions};
/// use std::time::Duration;
///
/// // A tenth of a second at most, with a ticket for the unparker to look at.
/// let mut ticket = 7_u32;
/// let options = ParkOptions {
///     deadline: Deadline::after(Duration::from_millis(100)),
///     arg: (&raw mut ticket).cast(),
///     ..ParkOptions::default()
/// };
/// assert!(options.detach && !options.interruptible);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ParkOptions {
    /// When to give up.
    pub deadline: Deadline,
    /// What the unparker's callback gets.
    pub arg: *mut (),
    /// Whether the thread detaches from its runtime while it sleeps.
    pub detach: bool,
    /// Whether an interrupt, or on Linux a signal handler that ran on this thread, ends the park.
    pub interruptible: bool,
}

impl Default for ParkOptions {
    /// For ever, no argument, detaching, not interruptible.
    fn default() -> Self {
        Self {
            deadline: Deadline::NEVER,
            arg: core::ptr::null_mut(),
            detach: true,
            interruptible: false,
        }
    }
}

impl<const N: usize> Lot<N> {
    /// Parks the calling thread on `address` until an unpark, the deadline or an interrupt.
    ///
    /// `validate` runs under the bucket lock and says whether the caller still wants to sleep. `gave_up`
    /// runs under the bucket lock when the thread leaves without an unpark, and sees who else waits.
    ///
    /// Cost: a clock read, two RMW for the bucket lock, one to announce the sleep, and the sleep; one more RMW for a
    /// thread that took a [`ThreadHandle`](crate::ThreadHandle). After a timeout two more RMW and a clock read, after an
    /// interrupt three more RMW. No heap. A thread's first park asks the system for its number.
    ///
    /// Ordering: what the unparker did under the bucket lock is seen after `Ok`.
    ///
    /// # Safety
    ///
    /// The caller controls `address` (nobody else parks or unparks there), the callbacks do not use this lot
    /// (LOT-3), and `options.arg` stays valid for the unparker until this call returns.
    ///
    /// ```
    /// use pyparking::{Deadline, Lot, ParkOptions, ParkStatus};
    /// use std::time::Duration;
    ///
    /// static LOT: Lot<8> = Lot::new();
    /// let word = 0_u8;
    /// let deadline = Deadline::after(Duration::from_millis(1));
    /// let options = ParkOptions { deadline, ..ParkOptions::default() };
    /// let mut left_nobody = false;
    /// // SAFETY: the address is this frame's own, and the closures use nothing of the lot but the queue.
    /// let status = unsafe {
    ///     LOT.park((&raw const word).addr(), options, || true, |queue| left_nobody = queue.is_empty())
    /// };
    /// assert_eq!(status, ParkStatus::Timeout);
    /// assert!(left_nobody);
    /// ```
    pub unsafe fn park(
        &self,
        address: usize,
        options: ParkOptions,
        validate: impl FnOnce() -> bool,
        gave_up: impl FnOnce(&mut Queue<'_>),
    ) -> ParkStatus {
        // SAFETY: handed on to the caller.
        unsafe { self.park_as(address, options, validate, None::<fn()>, gave_up) }
    }

    /// [`park`](Self::park) that lets something go once the thread is queued, such as the mutex of a condition
    /// variable.
    ///
    /// `release` runs after the bucket has been unlocked, while the thread is attached; it may unlock and wake, in this
    /// lot too, but not park. It does not run if the thread was not queued: after `Again`, and after a `Timeout` of a
    /// deadline that had passed before. If it unwinds, the thread leaves the queue, with `gave_up`.
    ///
    /// Cost: as [`park`](Self::park), and what `release` does.
    ///
    /// # Safety
    ///
    /// As for [`park`](Self::park), and `release` does not park.
    ///
    /// ```
    /// use pyparking::{Deadline, Lot, ParkOptions, ParkStatus};
    /// use std::sync::Mutex;
    /// use std::time::Duration;
    ///
    /// static LOT: Lot<8> = Lot::new();
    /// let mutex = Mutex::new(());
    /// let mut held = Some(mutex.lock().unwrap());
    /// let deadline = Deadline::after(Duration::from_millis(1));
    /// let options = ParkOptions { deadline, ..ParkOptions::default() };
    /// let word = 0_u8;
    /// let address = (&raw const word).addr();
    /// // SAFETY: the address is this frame's own, and unlocking does not park.
    /// let status = unsafe {
    ///     LOT.park_releasing(address, options, || true, || drop(held.take()), |_| {})
    /// };
    /// assert_eq!(status, ParkStatus::Timeout);
    /// assert!(mutex.try_lock().is_ok());
    /// ```
    pub unsafe fn park_releasing(
        &self,
        address: usize,
        options: ParkOptions,
        validate: impl FnOnce() -> bool,
        release: impl FnOnce(),
        gave_up: impl FnOnce(&mut Queue<'_>),
    ) -> ParkStatus {
        // SAFETY: handed on to the caller.
        unsafe { self.park_as(address, options, validate, Some(release), gave_up) }
    }

    /// Parks, with something to let go or without.
    ///
    /// # Safety
    ///
    /// As for [`park_releasing`](Self::park_releasing).
    unsafe fn park_as(
        &self,
        address: usize,
        options: ParkOptions,
        validate: impl FnOnce() -> bool,
        release: Option<impl FnOnce()>,
        gave_up: impl FnOnce(&mut Queue<'_>),
    ) -> ParkStatus {
        let bucket = self.bucket(address);
        let seat = Seat::take();
        let waiter = Waiter::new(address, options.arg, seat.as_ref());
        let late = options.deadline.nanos().is_some_and(|at| at <= waiter.since);
        let mut gave_up = Some(gave_up);
        let mut wake = WakeList::new();
        let refused = bucket.lock.with(|| {
            if !validate() {
                return Some(ParkStatus::Again);
            }
            if late && !seeded("135871") {
                leave(&self.buckets, bucket, &mut wake, address, gave_up.take());
                return Some(ParkStatus::Timeout);
            }
            // SAFETY: under the lock; the waiter is fresh, and this frame ends after it has left (WAITER-2).
            unsafe {
                bucket.tree.enqueue(&waiter);
                waiter.queued.set(true);
            }
            add(&bucket.counters.parks);
            None
        });
        drop(wake);
        refused.unwrap_or_else(|| {
            let parked =
                Parked { buckets: &self.buckets, bucket, address, waiter: &waiter, gave_up };
            if let Some(release) = release {
                release();
                let came = || !parked.waiter.would_sleep(options.interruptible);
                linger::until(waiter.since, options.deadline, came);
            }
            sleep(parked, seat, options)
        })
    }
}

/// Steps 2 to 5.
fn sleep<F: FnOnce(&mut Queue<'_>)>(
    mut parked: Parked<'_, F>,
    seat: Option<Seat>,
    options: ParkOptions,
) -> ParkStatus {
    let detaching = options.detach && parked.waiter.would_sleep(options.interruptible);
    let detached = if detaching { Detached::now() } else { Detached::not() };
    let slept = parked.waiter.sleep(options.deadline, options.interruptible);
    if seeded("attach-before-unlink") {
        drop(detached);
        return parked.conclude(slept);
    }
    let status = parked.conclude(slept);
    // PARK-3: the queue work is done, and the record is free for a park inside the attach hook.
    drop(seat);
    drop(detached);
    status
}

/// A queued waiter. Leaves the queue when dropped, if a hook unwinds: the frame is about to go (WAITER-2).
struct Parked<'a, F: FnOnce(&mut Queue<'_>)> {
    buckets: &'a [Bucket],
    /// Where it was queued at first, and under which address.
    bucket: &'a Bucket,
    address: usize,
    waiter: &'a Waiter,
    /// Still there while the thread may be queued.
    gave_up: Option<F>,
}

impl<F: FnOnce(&mut Queue<'_>)> Drop for Parked<'_, F> {
    fn drop(&mut self) {
        if self.gave_up.is_some() {
            let _ = self.conclude(Slept::TimedOut);
        }
    }
}

impl<F: FnOnce(&mut Queue<'_>)> Parked<'_, F> {
    /// Step 4: takes the waiter out of the queue, or finds that an unparker did (PARK-1).
    fn conclude(&mut self, slept: Slept) -> ParkStatus {
        let counters = &self.bucket.counters;
        let (status, counter) = match slept {
            Slept::Signalled => {
                self.gave_up = None;
                return ParkStatus::Ok;
            }
            Slept::TimedOut => (ParkStatus::Timeout, &counters.timeouts),
            Slept::Interrupted => (ParkStatus::Intr, &counters.interrupts),
        };
        let mut wake = WakeList::new();
        let left = self.bucket.lock.with(|| {
            // SAFETY: under the lock.
            if !unsafe { self.waiter.queued.get() } {
                self.gave_up = None;
                return false;
            }
            // SAFETY: under the lock, and queued.
            unsafe { self.bucket.tree.remove(self.waiter) };
            add(counter);
            leave(self.buckets, self.bucket, &mut wake, self.address, self.gave_up.take());
            true
        });
        drop(wake);
        if left {
            if status == ParkStatus::Intr {
                self.waiter.take_interrupt();
            }
            return status;
        }
        self.waiter.sleep_until_signalled();
        if seeded("114944") { status } else { ParkStatus::Ok }
    }
}

/// Tells the caller that it has left the queue, or was never in it (PARK-2). Under the bucket lock.
fn leave(
    buckets: &[Bucket],
    bucket: &Bucket,
    wake: &mut WakeList,
    address: usize,
    gave_up: Option<impl FnOnce(&mut Queue<'_>)>,
) {
    if let Some(gave_up) = gave_up {
        gave_up(&mut Queue { buckets, bucket, wake, address });
    }
}
