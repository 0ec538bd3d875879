//! Memory without atomics, for what a lock is supposed to protect.

use std::cell::UnsafeCell;

/// A value that only the holder of some lock touches, if that lock works.
///
/// Not atomic on purpose: where the lock does not exclude, two accesses race, which ThreadSanitizer
/// reports and which loses updates; where it orders too little, old values are seen. Volatile, so
/// that the compiler performs every access that is written down.
#[derive(Debug, Default)]
pub struct Plain<T: Copy>(UnsafeCell<T>);

// SAFETY: every access is through an unsafe method whose caller holds the lock that excludes the
// others.
unsafe impl<T: Copy + Send> Sync for Plain<T> {}

impl<T: Copy> Plain<T> {
    /// A cell with a first value.
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Reads.
    ///
    /// # Safety
    ///
    /// The caller holds the lock that this cell belongs to, shared or exclusive.
    pub unsafe fn get(&self) -> T {
        // SAFETY: no writer beside the caller, as the caller holds the lock.
        unsafe { self.0.get().read_volatile() }
    }

    /// Writes.
    ///
    /// # Safety
    ///
    /// The caller holds the lock that this cell belongs to, exclusively.
    pub unsafe fn set(&self, value: T) {
        // SAFETY: nobody else reads or writes, as the caller holds the lock.
        unsafe { self.0.get().write_volatile(value) }
    }

    /// Reads when nobody else can.
    pub fn get_mut(&mut self) -> T {
        *self.0.get_mut()
    }
}
