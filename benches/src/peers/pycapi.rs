//! `PyMutex` as a C program has it: the header's inline halves, and the library's functions behind them.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU8, Ordering};

// The names that are declared below.
use pycapi as _;

use super::exclusive::Exclusive;

// SAFETY: as `pycapi.h` declares them.
unsafe extern "C" {
    fn PyMutex_Lock(mutex: *mut u8);
    fn PyMutex_Unlock(mutex: *mut u8);
}

/// A `PyMutex` with the number it guards beside it.
pub struct Guarded {
    bits: AtomicU8,
    value: UnsafeCell<f64>,
}

// SAFETY: `value` is only reached in `with`, while the mutex is held.
unsafe impl Sync for Guarded {}

impl Exclusive for Guarded {
    const NAME: &'static str = "pycapi";

    fn fresh() -> Self {
        Self { bits: AtomicU8::new(0), value: UnsafeCell::new(0.0) }
    }

    #[inline]
    fn with<R>(&self, section: impl FnOnce(&mut f64) -> R) -> R {
        // ORD: Acquire and Relaxed, as `PyMutex_LockFast` of the header.
        if self.bits.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            // SAFETY: a live byte that only these functions change.
            unsafe { PyMutex_Lock(self.bits.as_ptr()) };
        }
        // SAFETY: the mutex is held.
        let result = section(unsafe { &mut *self.value.get() });
        // ORD: Release and Relaxed, as `_PyMutex_Unlock` of the header.
        if self.bits.compare_exchange(1, 0, Ordering::Release, Ordering::Relaxed).is_err() {
            // SAFETY: as above, and locked by this thread.
            unsafe { PyMutex_Unlock(self.bits.as_ptr()) };
        }
        result
    }

    fn futex_calls() -> Option<u64> {
        Some(super::ours::futex_calls())
    }
}
