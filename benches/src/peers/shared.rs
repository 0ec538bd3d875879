//! Read-write locks: the trait of the read-write rows, and the peers that implement it.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cpython;

/// A read-write lock with the number that it guards on the same cache line.
pub trait Shared: Send + Sync + 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// A free lock around zero.
    fn fresh() -> Self;

    /// Runs `section` among other readers.
    fn read<R>(&self, section: impl FnOnce(&f64) -> R) -> R;

    /// Runs `section` alone.
    fn write<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R;

    /// Sleeps and wakes asked of the system since the process began, where this kind counts them.
    fn futex_calls() -> Option<u64> {
        None
    }
}

macro_rules! guarded {
    ($(#[$about:meta])* $name:ident, $lock:ty, $called:literal, |$answer:ident| $guard:expr) => {
        $(#[$about])*
        pub struct $name($lock);

        impl Shared for $name {
            const NAME: &'static str = $called;

            fn fresh() -> Self {
                Self(<$lock>::new(0.0))
            }

            #[inline]
            fn read<R>(&self, section: impl FnOnce(&f64) -> R) -> R {
                let $answer = self.0.read();
                section(&$guard)
            }

            #[inline]
            fn write<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
                let $answer = self.0.write();
                section(&mut $guard)
            }
        }
    };
}

guarded!(
    /// `parking_lot::RwLock`.
    ParkingLot, parking_lot::RwLock<f64>, "parking_lot", |guard| *{ guard }
);
guarded!(
    /// `std::sync::RwLock`, poison check included.
    Std, std::sync::RwLock<f64>, "std", |answer| *answer.expect("no section panics")
);
guarded!(
    /// `usync::RwLock`.
    Usync, usync::RwLock<f64>, "usync", |guard| *{ guard }
);
guarded!(
    /// `spin::RwLock`, which never sleeps.
    Spin, spin::RwLock<f64>, "spin", |guard| *{ guard }
);
guarded!(
    /// `crossbeam_utils::sync::ShardedLock`: one lock per shard, cheap to read and dear to write.
    Crossbeam, crossbeam_utils::sync::ShardedLock<f64>, "crossbeam", |answer| *answer.expect("no section panics")
);

/// CPython's `_PyRWMutex` with a number beside it.
#[derive(Default)]
pub struct CPython {
    lock: cpython::RwMutex,
    value: UnsafeCell<f64>,
}

// SAFETY: `value` is read under the read lock and written under the write lock, nowhere else.
unsafe impl Sync for CPython {}

impl Shared for CPython {
    const NAME: &'static str = "CPython";

    fn fresh() -> Self {
        Self::default()
    }

    #[inline]
    fn read<R>(&self, section: impl FnOnce(&f64) -> R) -> R {
        self.lock.read_lock();
        // SAFETY: the read lock is held, so nobody writes.
        let result = section(unsafe { &*self.value.get() });
        self.lock.read_unlock();
        result
    }

    #[inline]
    fn write<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
        self.lock.write_lock();
        // SAFETY: the write lock is held, so nobody else reads or writes.
        let result = section(unsafe { &mut *self.value.get() });
        self.lock.write_unlock();
        result
    }
}

/// The limit of a one-word lock: count in, count out, whoever is there. One thread at a time may use it.
#[derive(Default)]
pub struct BareCounts {
    word: AtomicUsize,
    value: UnsafeCell<f64>,
}

// SAFETY: the rows let a single thread into `read` and `write`, which are the only ways to `value`.
unsafe impl Sync for BareCounts {}

impl Shared for BareCounts {
    const NAME: &'static str = "two bare additions";

    fn fresh() -> Self {
        Self::default()
    }

    #[inline]
    fn read<R>(&self, section: impl FnOnce(&f64) -> R) -> R {
        // ORD: Acquire and Release as a lock has them, so that the section stays between.
        self.word.fetch_add(4, Ordering::Acquire);
        // SAFETY: a single thread uses this value, see above.
        let result = section(unsafe { &*self.value.get() });
        // ORD: Release, see above.
        self.word.fetch_sub(4, Ordering::Release);
        result
    }

    #[inline]
    fn write<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
        // ORD: Acquire and Release as a lock has them, so that the section stays between.
        let _ = self.word.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
        // SAFETY: a single thread uses this value, see above.
        let result = section(unsafe { &mut *self.value.get() });
        // ORD: Release, see above.
        let _ = self.word.compare_exchange(1, 0, Ordering::Release, Ordering::Relaxed);
        result
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Crossbeam, ParkingLot, Shared, Spin, Std, Usync};

    /// Writers add one at a time and readers never see a number that no writer left.
    pub(crate) fn excludes<L: Shared>() {
        const ROUNDS: u32 = 2_000;
        let lock = L::fresh();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        lock.write(|value| {
                            *value += 0.5;
                            *value += 0.5;
                        });
                    }
                });
                scope.spawn(|| {
                    (0..ROUNDS).for_each(|_| assert_eq!(lock.read(|value| value.fract()), 0.0))
                });
            }
        });
        assert_eq!(lock.read(|value| *value), f64::from(2 * ROUNDS), "{}", L::NAME);
    }

    #[test]
    fn every_peer_excludes() {
        excludes::<ParkingLot>();
        excludes::<Std>();
        excludes::<Usync>();
        excludes::<Spin>();
        excludes::<Crossbeam>();
    }
}
