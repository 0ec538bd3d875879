//! Who waits for what, and since when: for a debugger thread, a watchdog or a crash handler.
//!
//! A bucket lock is only tried. A lock that is free cannot be held by a dead thread; one that is not, after
//! some looks, is reported as busy and left alone. So a snapshot always ends, and never waits for anybody.
//!
//! * SNAP-1: nothing is called while a bucket is locked but our own copying: no allocation, no callback.

use crate::bucket::Bucket;
use crate::lot::{Lot, the_lot};
use crate::os;
use crate::waiter::Waiter;
use core::fmt;
use core::time::Duration;

/// Looks at a busy bucket before it is left out: about a millisecond, far longer than any section under it.
const TRIES: usize = 20_000;

/// Waiters that are copied while a bucket is locked: few, so that the visit fits on a signal stack.
const COPIES: usize = 32;

/// A thread that waits.
///
/// ```
/// use pyparking::{ParkOptions, WaiterInfo, park, unpark_all, visit_waiters};
///
/// let word = 0_u8;
/// let address = (&raw const word).addr();
/// // SAFETY: nobody else parks at the address, and the closures do nothing.
/// let sleeper = std::thread::spawn(move || unsafe {
///     park(address, ParkOptions::default(), || true, |_| {})
/// });
///
/// // A watchdog: who waits here, and which thread is it for the debugger?
/// let mut found: Option<WaiterInfo> = None;
/// while found.is_none() {
///     visit_waiters(|waiter| found = Some(waiter));
/// }
/// let WaiterInfo { address: waits_for, thread, system_thread, waited } = found.unwrap();
/// println!("thread {thread} ({system_thread}) has waited {waited:?} for {waits_for:#x}");
/// assert_eq!(waits_for, address);
///
/// // SAFETY: as above.
/// unsafe { unpark_all(address) };
/// let _ok = sleeper.join().unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaiterInfo {
    /// What it waits for.
    pub address: usize,
    /// Its [`ident`](crate::ident).
    pub thread: u64,
    /// The system's number of it, as a debugger shows it; 0 if unknown.
    pub system_thread: u64,
    /// How long it has waited.
    pub waited: Duration,
}

/// Calls `visit` for every waiting thread of the process, without heap and without waiting for a lock.
///
/// For a crash handler: async-signal-safe if `visit` is, but for the std fallback, whose wakes take a mutex. Threads
/// that come and go meanwhile may or may not be seen. Returns how many buckets stayed locked and were left out.
///
/// Cost: two RMW and a clock read per bucket and 32 waiters; up to a millisecond for each bucket that is busy.
///
/// ```
/// let busy = pyparking::visit_waiters(|waiter| println!("{waiter:?}"));
/// assert_eq!(busy, 0);
/// ```
pub fn visit_waiters(visit: impl FnMut(WaiterInfo)) -> usize {
    the_lot().visit_waiters(visit)
}

/// Everybody who waits in the process now, longest first.
///
/// `Display` prints a table. Allocates; a crash handler uses [`visit_waiters`].
///
/// Cost: as [`visit_waiters`], heap for the list, and a sort.
///
/// ```
/// let snapshot = pyparking::snapshot();
/// assert!(snapshot.waiters().is_empty());
/// assert_eq!(snapshot.to_string(), "nobody waits\n");
/// ```
#[must_use]
pub fn snapshot() -> Snapshot {
    the_lot().snapshot()
}

impl<const N: usize> Lot<N> {
    /// [`visit_waiters`] of this lot.
    ///
    /// Cost: as [`visit_waiters`].
    ///
    /// ```
    /// use pyparking::Lot;
    ///
    /// static LOT: Lot<8> = Lot::new();
    /// let mut waiting = 0;
    /// let busy = LOT.visit_waiters(|_waiter| waiting += 1);
    /// assert_eq!((waiting, busy), (0, 0));
    /// ```
    pub fn visit_waiters(&self, mut visit: impl FnMut(WaiterInfo)) -> usize {
        self.buckets.iter().filter(|bucket| visit_bucket(bucket, &mut visit).is_none()).count()
    }

    /// [`snapshot`] of this lot.
    ///
    /// Cost: as [`snapshot`].
    ///
    /// ```
    /// use pyparking::{Lot, ParkOptions};
    ///
    /// static LOT: Lot<8> = Lot::new();
    /// let word = 0_u8;
    /// let address = (&raw const word).addr();
    /// // SAFETY: nobody else parks at the address, and the closures do nothing.
    /// let sleeper = std::thread::spawn(move || unsafe {
    ///     LOT.park(address, ParkOptions::default(), || true, |_| {})
    /// });
    ///
    /// while LOT.snapshot().waiters().is_empty() {
    ///     std::thread::yield_now();
    /// }
    /// assert_eq!(LOT.snapshot().waiters()[0].address, address);
    ///
    /// // SAFETY: as above.
    /// unsafe { LOT.unpark_all(address) };
    /// let _ok = sleeper.join().unwrap();
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut waiters = Vec::new();
        let busy_buckets = self.visit_waiters(|waiter| waiters.push(waiter));
        waiters.sort_by_key(|waiter| core::cmp::Reverse(waiter.waited));
        Snapshot { waiters, busy_buckets }
    }
}

/// Visits the waiters of one bucket, some at a time; `None` if it stayed locked.
fn visit_bucket(bucket: &Bucket, visit: &mut dyn FnMut(WaiterInfo)) -> Option<()> {
    let mut seen = 0;
    loop {
        let copies = copy_from(bucket, seen)?;
        copies.into_iter().flatten().for_each(&mut *visit);
        if copies.iter().any(Option::is_none) {
            return Some(());
        }
        seen += COPIES;
    }
}

/// Copies the waiters of a bucket behind the first `skip` (SNAP-1); `None` if it stayed locked.
fn copy_from(bucket: &Bucket, skip: usize) -> Option<[Option<WaiterInfo>; COPIES]> {
    let mut copies = [None; COPIES];
    let mut index = 0;
    bucket.lock.try_with(TRIES, || {
        let now = os::now();
        let mut copy = |waiter: &Waiter| {
            if index >= skip {
                // SAFETY: visited under the bucket lock.
                copies[index - skip] = Some(unsafe { WaiterInfo::of(waiter, now) });
            }
            index += 1;
            index < skip + COPIES
        };
        // SAFETY: under the bucket lock; copying does not use the lot.
        unsafe { bucket.tree.visit(&mut copy) };
    })?;
    Some(copies)
}

impl WaiterInfo {
    /// # Safety
    ///
    /// Under the lock of the bucket that the waiter is in.
    unsafe fn of(waiter: &Waiter, now: u64) -> Self {
        Self {
            // SAFETY: as the caller says (WAITER-3).
            address: unsafe { waiter.address.get() },
            thread: waiter.thread.get(),
            system_thread: waiter.system_thread,
            waited: Duration::from_nanos(now.saturating_sub(waiter.since)),
        }
    }
}

/// Everybody who waited at one time.
///
/// ```
/// use pyparking::{Snapshot, snapshot};
///
/// fn report(snapshot: &Snapshot) -> String {
///     format!("{} threads wait:\n{snapshot}", snapshot.waiters().len())
/// }
/// assert_eq!(report(&snapshot()), "0 threads wait:\nnobody waits\n");
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    waiters: Vec<WaiterInfo>,
    busy_buckets: usize,
}

impl Snapshot {
    /// The waiting threads, longest first.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// // Nothing has moved for a while: who has waited longest?
    /// let snapshot = pyparking::snapshot();
    /// let stuck = snapshot.waiters().first().filter(|waiter| waiter.waited > Duration::from_secs(10));
    /// assert_eq!(stuck, None);
    /// ```
    #[must_use]
    pub fn waiters(&self) -> &[WaiterInfo] {
        &self.waiters
    }

    /// Buckets that stayed locked and could not be looked into.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// let snapshot = pyparking::snapshot();
    /// let complete = snapshot.busy_buckets() == 0;
    /// assert!(complete, "nobody is at work in the lot");
    /// ```
    #[must_use]
    pub fn busy_buckets(&self) -> usize {
        self.busy_buckets
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.waiters.is_empty() {
            writeln!(f, "nobody waits")?;
        } else {
            writeln!(f, "{:>18}  {:>8}  {:>10}  {:>12}", "address", "thread", "system", "waited")?;
        }
        for WaiterInfo { address, thread, system_thread, waited } in &self.waiters {
            writeln!(f, "{address:#18x}  {thread:>8}  {system_thread:>10}  {waited:>12.3?}")?;
        }
        if self.busy_buckets > 0 {
            let busy = self.busy_buckets;
            writeln!(f, "{busy} buckets stayed locked and were not looked into")?;
        }
        Ok(())
    }
}
