//! Mutual exclusion: the trait of the mutex rows, and the peers that implement it.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU8, Ordering};

/// A lock with the number that it guards on the same cache line.
pub trait Exclusive: Send + Sync + 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// A free lock around zero.
    fn fresh() -> Self;

    /// Runs `section` while holding the lock.
    fn with<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R;

    /// Sleeps and wakes asked of the system since the process began, where this kind counts them.
    fn futex_calls() -> Option<u64> {
        None
    }
}

/// A lock of one byte without the data, for the rows that choose the addresses of their locks.
pub trait ByteLock: Send + Sync + 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// A free lock.
    fn fresh() -> Self;

    /// Takes the lock.
    fn lock(&self);

    /// Gives the lock back.
    fn unlock(&self);
}

/// `parking_lot::Mutex`, which is its raw mutex with a guard.
pub struct ParkingLot(parking_lot::Mutex<f64>);

impl Exclusive for ParkingLot {
    const NAME: &'static str = "parking_lot";

    fn fresh() -> Self {
        Self(parking_lot::Mutex::new(0.0))
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
        section(&mut self.0.lock())
    }
}

/// `parking_lot::RawMutex` without a guard, so that only its two calls are measured.
pub struct ParkingLotRaw {
    lock: parking_lot::RawMutex,
    value: UnsafeCell<f64>,
}

// SAFETY: `value` is only reached in `with`, between the raw lock and the raw unlock, so by one thread at a time.
unsafe impl Sync for ParkingLotRaw {}

impl Exclusive for ParkingLotRaw {
    const NAME: &'static str = "parking_lot raw";

    fn fresh() -> Self {
        use parking_lot::lock_api::RawMutex;
        Self { lock: parking_lot::RawMutex::INIT, value: UnsafeCell::new(0.0) }
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
        use parking_lot::lock_api::RawMutex;
        self.lock.lock();
        // SAFETY: the lock is held, so no other thread is between these two calls.
        let result = section(unsafe { &mut *self.value.get() });
        // SAFETY: this thread took the lock above and has not released it.
        unsafe { self.lock.unlock() };
        result
    }
}

/// `std::sync::Mutex`, poison check included: nobody can use it without.
pub struct Std(std::sync::Mutex<f64>);

impl Exclusive for Std {
    const NAME: &'static str = "std";

    fn fresh() -> Self {
        Self(std::sync::Mutex::new(0.0))
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
        section(&mut self.0.lock().expect("no section panics"))
    }
}

/// `usync::Mutex`.
pub struct Usync(usync::Mutex<f64>);

impl Exclusive for Usync {
    const NAME: &'static str = "usync";

    fn fresh() -> Self {
        Self(usync::Mutex::new(0.0))
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
        section(&mut self.0.lock())
    }
}

/// `spin::Mutex`, which never sleeps.
pub struct Spin(spin::Mutex<f64>);

impl Exclusive for Spin {
    const NAME: &'static str = "spin";

    fn fresh() -> Self {
        Self(spin::Mutex::new(0.0))
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
        section(&mut self.0.lock())
    }
}

/// The C library's default mutex, initialised statically and never moved once in use.
#[cfg(unix)]
pub struct Pthread {
    lock: UnsafeCell<libc::pthread_mutex_t>,
    value: UnsafeCell<f64>,
}

// SAFETY: the C library allows a mutex to be used from any thread of the process it was initialised in.
#[cfg(unix)]
unsafe impl Send for Pthread {}

// SAFETY: the mutex is made to be shared; `value` is only reached in `with`, while the mutex is held.
#[cfg(unix)]
unsafe impl Sync for Pthread {}

#[cfg(unix)]
impl Exclusive for Pthread {
    const NAME: &'static str = "pthread";

    fn fresh() -> Self {
        Self { lock: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER), value: UnsafeCell::new(0.0) }
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
        // SAFETY: the mutex was initialised in `fresh` and stays where it is while it is borrowed here.
        unsafe { libc::pthread_mutex_lock(self.lock.get()) };
        // SAFETY: the mutex is held, so no other thread is between these two calls.
        let result = section(unsafe { &mut *self.value.get() });
        // SAFETY: this thread locked the mutex above and has not unlocked it.
        unsafe { libc::pthread_mutex_unlock(self.lock.get()) };
        result
    }
}

/// The limit of a one-byte lock: the two compare-exchanges alone, whose answers nobody looks at.
///
/// It excludes nobody, so only one thread may ever use one; the rows that have it see to that.
#[derive(Default)]
pub struct BareExchanges {
    byte: AtomicU8,
    value: UnsafeCell<f64>,
}

// SAFETY: the rows let a single thread into `with`, which is the only way to `value`.
unsafe impl Sync for BareExchanges {}

impl Exclusive for BareExchanges {
    const NAME: &'static str = "two bare exchanges";

    fn fresh() -> Self {
        Self::default()
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
        // ORD: Acquire and Release as a lock has them, so that the section may not be moved out from between.
        let _ = self.byte.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
        // SAFETY: a single thread uses this value, see above.
        let result = section(unsafe { &mut *self.value.get() });
        // ORD: Release, see above.
        let _ = self.byte.compare_exchange(1, 0, Ordering::Release, Ordering::Relaxed);
        result
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{BareExchanges, Exclusive, ParkingLot, ParkingLotRaw, Spin, Std, Usync};

    /// Four threads add one at a time; a lock that excludes loses none.
    pub(crate) fn excludes<L: Exclusive>() {
        const THREADS: u32 = 4;
        const ADDITIONS: u32 = 5_000;
        let lock = L::fresh();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| (0..ADDITIONS).for_each(|_| lock.with(|value| *value += 1.0)));
            }
        });
        assert_eq!(lock.with(|value| *value), f64::from(THREADS * ADDITIONS), "{}", L::NAME);
    }

    #[test]
    fn every_peer_excludes() {
        excludes::<ParkingLot>();
        excludes::<ParkingLotRaw>();
        excludes::<Std>();
        excludes::<Usync>();
        excludes::<Spin>();
        #[cfg(unix)]
        excludes::<super::Pthread>();
    }

    #[test]
    fn the_limit_counts_for_one_thread() {
        let limit = BareExchanges::fresh();
        (0..10).for_each(|_| limit.with(|value| *value += 1.0));
        assert_eq!(limit.with(|value| *value), 10.0);
    }
}
