//! What a piece of work requests of the global allocator.
//!
//! The bench's allocator is the system's, with a flag in front: while it is off, which is always but for a moment
//! before a cell begins, a request costs every arm the same one load more.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNTING: Cell<bool> = const { Cell::new(false) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING_ALLOCATOR: Counting = Counting;

/// Bytes that this thread requests while it does `work`, those that it gives back meanwhile included.
pub fn requested_by(work: impl FnOnce()) -> usize {
    BYTES.set(0);
    COUNTING.set(true);
    work();
    COUNTING.set(false);
    BYTES.get()
}

#[inline]
fn count(bytes: usize) {
    if COUNTING.get() {
        BYTES.set(BYTES.get() + bytes);
    }
}

// SAFETY: everything is the system allocator's; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(memory, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.saturating_sub(layout.size()));
        // SAFETY: the caller's contract.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::requested_by;
    use std::hint::black_box;

    #[test]
    fn requests_are_added_up_and_growth_counts_once() {
        assert_eq!(requested_by(|| drop(black_box(Box::new([0_u8; 100])))), 100);
        let grow = || {
            let mut bytes = black_box(Vec::<u8>::with_capacity(10));
            bytes.reserve_exact(30);
            black_box(&bytes);
        };
        assert_eq!(requested_by(grow), 30);
    }
}
