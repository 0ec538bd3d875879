//! One bucket of the lot: a lock, the queues under it, and what was counted, in one cache line of its own.

use crate::primitive::plain::AtomicU64;
use crate::primitive::{Ordering, modelled, native};
use crate::queue::Tree;

/// What a lot has done since the start of the process.
///
/// ```
/// use pyparking::{Totals, totals};
///
/// /// How often a lock that was waited for was handed over, not fought for.
/// fn handed_over(before: Totals, after: Totals) -> f64 {
///     let wakes = after.wakes - before.wakes;
///     (after.hand_offs - before.hand_offs) as f64 / wakes.max(1) as f64
/// }
/// let before = totals();
/// assert_eq!(handed_over(before, totals()), 0.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Threads that were queued.
    pub parks: u64,
    /// Threads that were moved to the queue of another address.
    pub moves: u64,
    /// Threads that an unpark dequeued.
    pub wakes: u64,
    /// Wakes that carried a lock with them.
    pub hand_offs: u64,
    /// Threads that left the queue at their deadline.
    pub timeouts: u64,
    /// Threads that left the queue on an interrupt.
    pub interrupts: u64,
}

/// Counters of one bucket. Written under the bucket lock, read by anyone.
pub(crate) struct Counters {
    pub(crate) parks: AtomicU64,
    pub(crate) moves: AtomicU64,
    pub(crate) wakes: AtomicU64,
    pub(crate) hand_offs: AtomicU64,
    pub(crate) timeouts: AtomicU64,
    pub(crate) interrupts: AtomicU64,
}

/// Counts one in the bucket whose lock the caller holds.
pub(crate) fn add(counter: &AtomicU64) {
    // ORD: Relaxed load and store instead of an RMW: the bucket lock excludes other writers, and a reader
    // needs no order.
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// A bucket. Aligned to 64 bytes and exactly that long: neighbours do not share a line.
#[repr(align(64))]
pub(crate) struct Bucket {
    pub(crate) lock: BucketLock,
    pub(crate) tree: Tree,
    pub(crate) counters: Counters,
}

// SAFETY: the tree is used under the lock (QUEUE-1), the rest is atomic; waiters may be dequeued by any
// thread.
unsafe impl Sync for Bucket {}
// SAFETY: as above.
unsafe impl Send for Bucket {}

impl Bucket {
    crate::const_fn! {
        pub(crate) fn new() -> Self {
            Self {
                lock: BucketLock::new(),
                tree: Tree::new(),
                counters: Counters {
                    parks: AtomicU64::new(0),
                    moves: AtomicU64::new(0),
                    wakes: AtomicU64::new(0),
                    hand_offs: AtomicU64::new(0),
                    timeouts: AtomicU64::new(0),
                    interrupts: AtomicU64::new(0),
                },
            }
        }
    }

    /// Adds this bucket's counts to `sum`.
    pub(crate) fn add_to(&self, sum: &mut Totals) {
        let Counters { parks, moves, wakes, hand_offs, timeouts, interrupts } = &self.counters;
        // ORD: Relaxed throughout, counts order nothing.
        sum.parks += parks.load(Ordering::Relaxed);
        // ORD: Relaxed, as above.
        sum.moves += moves.load(Ordering::Relaxed);
        // ORD: Relaxed, as above.
        sum.wakes += wakes.load(Ordering::Relaxed);
        // ORD: Relaxed, as above.
        sum.hand_offs += hand_offs.load(Ordering::Relaxed);
        // ORD: Relaxed, as above.
        sum.timeouts += timeouts.load(Ordering::Relaxed);
        // ORD: Relaxed, as above.
        sum.interrupts += interrupts.load(Ordering::Relaxed);
    }

    /// Forgets waiters and holder, in the child of a fork.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one.
    pub(crate) unsafe fn after_fork_child(&self) {
        // SAFETY: as the caller says.
        unsafe {
            self.lock.after_fork_child();
            self.tree.after_fork_child();
        }
    }
}

native! {
    const _: () = assert!(size_of::<Bucket>() == 64, "a bucket is one cache line");

    /// The lock of a bucket.
    pub(crate) struct BucketLock(crate::raw_mutex::RawMutex);

    impl BucketLock {
        const fn new() -> Self {
            Self(crate::raw_mutex::RawMutex::new())
        }

        /// Runs `f` under the lock.
        #[inline]
        pub(crate) fn with<R>(&self, f: impl FnOnce() -> R) -> R {
            let _held = self.0.guard();
            f()
        }

        /// Runs `f` under the lock if it comes free within `tries` looks.
        pub(crate) fn try_with<R>(&self, tries: usize, f: impl FnOnce() -> R) -> Option<R> {
            for _ in 0..tries {
                if let Some(_held) = self.0.try_guard() {
                    return Some(f());
                }
                crate::primitive::thread::spin_loop();
            }
            None
        }

        /// Frees the lock, whoever held it.
        ///
        /// # Safety
        ///
        /// The calling thread is the only one.
        unsafe fn after_fork_child(&self) {
            // SAFETY: as the caller says.
            unsafe { self.0.after_fork_child() };
        }
    }
}

modelled! {
    use crate::primitive::abstraction::PlainLock;

    /// The lock of a bucket: the real one, or the checker's own mutex where a model says that the lot is not
    /// what it is about.
    pub(crate) enum BucketLock {
        Real(crate::raw_mutex::RawMutex),
        Plain(PlainLock),
    }

    impl BucketLock {
        fn new() -> Self {
            if crate::primitive::abstraction::chosen() {
                Self::Plain(PlainLock::new())
            } else {
                Self::Real(crate::raw_mutex::RawMutex::new())
            }
        }

        pub(crate) fn with<R>(&self, f: impl FnOnce() -> R) -> R {
            match self {
                Self::Plain(lock) => lock.with(f),
                Self::Real(lock) => {
                    let _held = lock.guard();
                    f()
                }
            }
        }

        pub(crate) fn try_with<R>(&self, _tries: usize, f: impl FnOnce() -> R) -> Option<R> {
            match self {
                Self::Plain(lock) => lock.try_with(f),
                Self::Real(lock) => lock.try_guard().map(|_held| f()),
            }
        }

        /// Frees the lock, whoever held it.
        ///
        /// # Safety
        ///
        /// The calling thread is the only one.
        unsafe fn after_fork_child(&self) {}
    }
}
