//! The shim on the machine: core's atomics and cells, at no cost.

pub use super::plain::*;

use super::UnsafeCell;

/// Scheduling calls of the machine.
pub mod thread {
    pub use std::hint::spin_loop;
    pub use std::thread::yield_now;
}

/// A value that a lock elsewhere protects: read and written whole, never borrowed.
///
/// Models replace it with a cell that notices when the lock does not.
#[derive(Debug)]
#[repr(transparent)]
pub struct RaceCell<T: Copy>(UnsafeCell<T>);

impl<T: Copy> RaceCell<T> {
    /// A cell with a first value.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Reads the value.
    ///
    /// # Safety
    ///
    /// No other thread writes the cell at the same time.
    #[inline]
    pub unsafe fn get(&self) -> T {
        // SAFETY: the caller excludes writers, and no reference into the cell exists anywhere.
        unsafe { *self.0.get() }
    }

    /// Replaces the value.
    ///
    /// # Safety
    ///
    /// No other thread reads or writes the cell at the same time.
    #[inline]
    pub unsafe fn set(&self, value: T) {
        // SAFETY: the caller excludes readers and writers, and no reference into the cell exists anywhere.
        unsafe { *self.0.get() = value }
    }
}

/// A mark on memory that one thread may give back while others look at it. Nothing on the machine, which has
/// sanitizers; models notice a touch after the end, and an end that nothing orders after a touch.
#[derive(Debug, Default)]
pub struct Watch;

impl Watch {
    /// A mark on memory that is in use.
    #[inline(always)]
    pub const fn new() -> Self {
        Self
    }

    /// The memory is looked at.
    #[inline(always)]
    pub fn touch(&self) {}

    /// The memory is given back.
    #[inline(always)]
    pub fn end(&self) {}
}
