//! The primitives under test, behind the same traits as everyone else's. The only file that names their crates.

use std::cell::UnsafeCell;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};

use pyparking::ParkOptions;

use super::broadcast::Broadcast;
use super::exclusive::{ByteLock, Exclusive};
use super::hash::{KEY, Keyed, OneShot};
use super::once::Once;
use super::recursive::Recursive;
use super::seq::Seq;
use super::shared::Shared;
use super::volley::Sleep;

/// The name of our arms in a report.
pub const NAME: &str = "pysync";

/// Who waits on what right now, as a table for a report of a hang.
#[must_use]
pub fn who_waits() -> String {
    pyparking::snapshot().to_string()
}

/// How many turns a mutex spins before it sleeps.
#[must_use]
pub fn spin_turns() -> u32 {
    pyparking::spin::turns()
}

/// Changes how many turns a mutex spins before it sleeps.
pub fn set_spin_turns(turns: u32) {
    pyparking::spin::set_turns(turns);
}

/// Sleeps and wakes that the parking lot has asked of the system since the process began.
#[must_use]
pub fn futex_calls() -> u64 {
    let totals = pyparking::totals();
    totals.parks + totals.wakes
}

/// `pysync::Mutex` with the number it guards beside it.
pub struct Mutex {
    lock: pysync::Mutex,
    value: UnsafeCell<f64>,
}

// SAFETY: `value` is only reached in `with`, while the mutex is held.
unsafe impl Sync for Mutex {}

impl Exclusive for Mutex {
    const NAME: &'static str = NAME;

    fn fresh() -> Self {
        Self { lock: pysync::Mutex::new(), value: UnsafeCell::new(0.0) }
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
        self.lock.lock();
        // SAFETY: the mutex is held, so no other thread is between these two calls.
        let result = section(unsafe { &mut *self.value.get() });
        self.lock.unlock();
        result
    }

    fn futex_calls() -> Option<u64> {
        Some(futex_calls())
    }
}

impl ByteLock for pysync::Mutex {
    const NAME: &'static str = NAME;

    fn fresh() -> Self {
        Self::new()
    }

    #[inline]
    fn lock(&self) {
        self.lock();
    }

    #[inline]
    fn unlock(&self) {
        self.unlock();
    }
}

/// `pysync::RwMutex` with a number beside it.
pub struct RwMutex {
    lock: pysync::RwMutex,
    value: UnsafeCell<f64>,
}

// SAFETY: `value` is read under the read lock and written under the write lock, nowhere else.
unsafe impl Sync for RwMutex {}

impl Shared for RwMutex {
    const NAME: &'static str = NAME;

    fn fresh() -> Self {
        Self { lock: pysync::RwMutex::new(), value: UnsafeCell::new(0.0) }
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

    fn futex_calls() -> Option<u64> {
        Some(futex_calls())
    }
}

impl Recursive for pysync::RecursiveMutex {
    const NAME: &'static str = NAME;

    fn fresh() -> Self {
        Self::new()
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce() -> R) -> R {
        self.lock();
        let result = section();
        self.unlock();
        result
    }
}

impl Once for pysync::OnceFlag {
    const NAME: &'static str = NAME;

    fn fresh() -> Self {
        Self::new()
    }

    #[inline]
    fn call(&self) {
        let done: Result<(), std::convert::Infallible> = self.call_once(|| Ok(()));
        let Ok(()) = done;
    }
}

impl<const N: usize> Seq<N> for pysync::SeqCell<[u64; N]> {
    const NAME: &'static str = NAME;

    fn fresh() -> Self {
        Self::new([0; N])
    }

    #[inline]
    fn read(&self) -> [u64; N] {
        self.load()
    }

    #[inline]
    fn write(&self, words: [u64; N]) {
        self.store(words);
    }
}

impl Broadcast for pysync::Event {
    const NAME: &'static str = NAME;

    fn fresh() -> Self {
        Self::new()
    }

    fn wait(&self) {
        self.wait();
    }

    fn notify(&self) {
        self.notify();
    }

    fn futex_calls() -> Option<u64> {
        Some(futex_calls())
    }
}

/// `pyhash`, with its secret and all that makes a SipHash CPython's hash.
pub struct Hash {
    secret: pyhash::Secret,
    keyed: pyhash::SipBuildHasher,
}

impl OneShot for Hash {
    const NAME: &'static str = "pyhash";

    fn fresh() -> Self {
        let mut bytes = [0; pyhash::Secret::SIZE];
        bytes[..8].copy_from_slice(&KEY.0.to_le_bytes());
        bytes[8..16].copy_from_slice(&KEY.1.to_le_bytes());
        Self {
            secret: pyhash::Secret::from_bytes(bytes),
            keyed: pyhash::SipBuildHasher::new(KEY.0, KEY.1),
        }
    }

    #[inline]
    fn hash(&self, bytes: &[u8]) -> u64 {
        self.secret.hash_bytes(bytes) as u64
    }
}

impl Keyed for Hash {
    const NAME: &'static str = "pyhash";
    type Made = pyhash::SipHasher13;

    fn fresh() -> Self {
        <Self as OneShot>::fresh()
    }

    #[inline]
    fn hasher(&self) -> pyhash::SipHasher13 {
        self.keyed.build_hasher()
    }
}

/// pyparking's park and unpark.
pub struct Lot;

impl Sleep for Lot {
    const NAME: &'static str = "pyparking";

    fn fresh() -> Self {
        Self
    }

    #[inline]
    fn sleep(&self, _side: usize, word: &AtomicU32) {
        // ORD: Acquire, to see what the other side did before it filled the word.
        let still_empty = || word.load(Ordering::Acquire) == 0;
        // SAFETY: the address is that of a live word of this game, on which nobody sleeps by other means; the
        // closures neither panic nor call back into the lot.
        // However the sleep ended, `Letterbox::receive` looks into the word again.
        let _ = unsafe {
            pyparking::park(word.as_ptr() as usize, ParkOptions::default(), still_empty, |_| {})
        };
    }

    #[inline]
    fn wake(&self, _side: usize, word: &AtomicU32) {
        // SAFETY: as in `sleep`.
        unsafe { pyparking::unpark(word.as_ptr() as usize, |_, _| {}) };
    }

    fn futex_calls() -> Option<u64> {
        Some(futex_calls())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn our_arms_keep_what_the_traits_promise() {
        crate::peers::exclusive::tests::excludes::<super::Mutex>();
        crate::peers::shared::tests::excludes::<super::RwMutex>();
        crate::peers::recursive::tests::nests::<pysync::RecursiveMutex>();
        crate::peers::seq::tests::never_tears::<pysync::SeqCell<[u64; 8]>>();
        crate::peers::hash::tests::is_siphash::<super::Hash>();
    }
}
