//! Locks behind the wrappers of `lock_api`: ours and `parking_lot`'s under the same code, for both versions.

use super::ours;

/// A set of `lock_api` locks of one maker, each with a number inside.
pub trait Wrapped: Send + Sync + 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// Free locks around zero.
    fn fresh() -> Self;

    /// Runs `section` under the mutex.
    fn lock<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R;

    /// Runs `section` under the reentrant mutex.
    fn reentrant<R>(&self, section: impl FnOnce() -> R) -> R;

    /// Runs `section` among other readers.
    fn read<R>(&self, section: impl FnOnce(&f64) -> R) -> R;

    /// Runs `section` among other readers, past a waiting writer.
    fn read_recursive<R>(&self, section: impl FnOnce(&f64) -> R) -> R;

    /// Runs `section` alone.
    fn write<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R;

    /// Runs `section` as the upgradable reader.
    fn upgradable<R>(&self, section: impl FnOnce(&f64) -> R) -> R;

    /// Runs `section` alone, having come as the upgradable reader.
    fn upgraded<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R;

    /// Runs `section` among other readers, having come as the writer.
    fn downgraded<R>(&self, section: impl FnOnce(&f64) -> R) -> R;

    /// Waits until the number under the mutex is one of `wanted`, replaces it by what `next` says, and notifies; the
    /// number that came.
    fn pass(&self, wanted: &[f64], next: impl FnOnce(f64) -> f64) -> f64;

    /// Sleeps and wakes asked of the system since the process began, where this kind counts them.
    fn futex_calls() -> Option<u64> {
        None
    }
}

macro_rules! wrapped {
    ($(#[$about:meta])* $name:ident, $called:expr, $maker:ident, [$($counted:item)?]) => {
        $(#[$about])*
        pub struct $name {
            mutex: $maker::Mutex<f64>,
            reentrant: $maker::ReentrantMutex<()>,
            lock: $maker::RwLock<f64>,
            recursive: $maker::Recursive<f64>,
            condvar: $maker::Condvar,
        }

        impl Wrapped for $name {
            const NAME: &'static str = $called;

            fn fresh() -> Self {
                Self {
                    mutex: $maker::Mutex::new(0.0),
                    reentrant: $maker::ReentrantMutex::new(()),
                    lock: $maker::RwLock::new(0.0),
                    recursive: $maker::Recursive::new(0.0),
                    condvar: $maker::Condvar::new(),
                }
            }

            #[inline]
            fn lock<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
                section(&mut self.mutex.lock())
            }

            #[inline]
            fn reentrant<R>(&self, section: impl FnOnce() -> R) -> R {
                let _held = self.reentrant.lock();
                section()
            }

            #[inline]
            fn read<R>(&self, section: impl FnOnce(&f64) -> R) -> R {
                section(&self.lock.read())
            }

            #[inline]
            fn read_recursive<R>(&self, section: impl FnOnce(&f64) -> R) -> R {
                section(&$maker::again(&self.recursive))
            }

            #[inline]
            fn write<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
                section(&mut self.lock.write())
            }

            #[inline]
            fn upgradable<R>(&self, section: impl FnOnce(&f64) -> R) -> R {
                section(&self.lock.upgradable_read())
            }

            #[inline]
            fn upgraded<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
                let upgradable = self.lock.upgradable_read();
                section(&mut $maker::RwLockUpgradableReadGuard::upgrade(upgradable))
            }

            #[inline]
            fn downgraded<R>(&self, section: impl FnOnce(&f64) -> R) -> R {
                section(&$maker::RwLockWriteGuard::downgrade(self.lock.write()))
            }

            fn pass(&self, wanted: &[f64], next: impl FnOnce(f64) -> f64) -> f64 {
                let mut number = self.mutex.lock();
                while !wanted.contains(&number) {
                    self.condvar.wait(&mut number);
                }
                let came = *number;
                *number = next(came);
                self.condvar.notify_one();
                came
            }

            $($counted)?
        }
    };
}

/// Ours for `lock_api` 0.4.
mod ours_04 {
    pub(super) use pysync::lock_api::v04::{
        Condvar, Mutex, ReentrantMutex, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard,
        RwLockWriteGuard,
    };

    pub(super) type Recursive<T> = RwLock<T>;

    #[inline]
    pub(super) fn again<T>(lock: &Recursive<T>) -> RwLockReadGuard<'_, T> {
        lock.read_recursive()
    }
}

/// `parking_lot` 0.12.
mod theirs_04 {
    pub(super) use parking_lot::{
        Condvar, Mutex, ReentrantMutex, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard,
        RwLockWriteGuard,
    };

    pub(super) type Recursive<T> = RwLock<T>;

    #[inline]
    pub(super) fn again<T>(lock: &Recursive<T>) -> RwLockReadGuard<'_, T> {
        lock.read_recursive()
    }
}

/// Ours for `lock_api` 0.5.
mod ours_05 {
    pub(super) use pysync::lock_api::v05::{
        Condvar, Mutex, ReentrantMutex, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard,
        RwLockWriteGuard,
    };

    pub(super) type Recursive<T> = RwLock<T>;

    #[inline]
    pub(super) fn again<T>(lock: &Recursive<T>) -> RwLockReadGuard<'_, T> {
        use pysync::lock_api::v05::ReadRecursive;
        lock.read_recursive()
    }
}

/// `parking_lot` 0.13, where recursive reads are a lock of their own.
mod theirs_05 {
    pub(super) use parking_lot_013::{
        Condvar, Mutex, ReentrantMutex, RwLock, RwLockUpgradableReadGuard, RwLockWriteGuard,
    };

    pub(super) type Recursive<T> = parking_lot_013::RecursiveRwLock<T>;

    #[inline]
    pub(super) fn again<T>(
        lock: &Recursive<T>,
    ) -> parking_lot_013::RecursiveRwLockReadGuard<'_, T> {
        lock.read()
    }
}

wrapped!(
    /// Ours for `lock_api` 0.4.
    Ours04, ours::NAME, ours_04, [fn futex_calls() -> Option<u64> { Some(ours::futex_calls()) }]
);
wrapped!(
    /// Ours for `lock_api` 0.5.
    Ours05, ours::NAME, ours_05, [fn futex_calls() -> Option<u64> { Some(ours::futex_calls()) }]
);
wrapped!(
    /// `parking_lot` 0.12.
    Theirs04, "parking_lot", theirs_04, []
);
wrapped!(
    /// `parking_lot` 0.13.
    Theirs05, "parking_lot", theirs_05, []
);

#[cfg(test)]
mod tests {
    use super::{Ours04, Ours05, Theirs04, Theirs05, Wrapped};

    fn counts<W: Wrapped>() {
        let locks = W::fresh();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        locks.lock(|value| *value += 1.0);
                        locks.write(|value| *value += 1.0);
                        locks.upgraded(|value| *value += 1.0);
                    }
                });
            }
        });
        assert_eq!(locks.lock(|value| *value), 1_000.0, "{}", W::NAME);
        assert_eq!(locks.read(|value| *value), 2_000.0, "{}", W::NAME);
        assert_eq!(locks.upgradable(|value| *value), 2_000.0, "{}", W::NAME);
        assert_eq!(locks.downgraded(|value| *value), 2_000.0, "{}", W::NAME);
        assert_eq!(locks.read_recursive(|_| locks.reentrant(|| locks.reentrant(|| 3))), 3);
    }

    #[test]
    fn every_maker_counts() {
        counts::<Ours04>();
        counts::<Ours05>();
        counts::<Theirs04>();
        counts::<Theirs05>();
    }
}
