//! Memory that the last user of a lock frees while the one before may still be on his way out of
//! `unlock`.
//!
//! An unlock must not touch the lock after the step that lets the next thread in: that thread may
//! free it. A [`Gate`] lets a fixed number of parties through a lock that lives on the heap;
//! whoever is last frees it. What is freed is overwritten first, so that a late touch meets
//! nonsense, and AddressSanitizer sees it for certain.

use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

/// A lock on the heap with the number of parties that are still to come.
#[derive(Debug)]
struct Mortal<T> {
    it: NonNull<T>,
    to_come: usize,
}

/// The place where parties meet.
#[derive(Debug)]
pub struct Gate<T> {
    open: Mutex<Option<Mortal<T>>>,
}

// SAFETY: the pointer is to a `T` on the heap that every party may use (`T: Sync`) and any of them
// may free (`T: Send`).
unsafe impl<T: Send + Sync> Sync for Gate<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Send for Gate<T> {}

impl<T> Default for Gate<T> {
    fn default() -> Self {
        Self { open: Mutex::new(None) }
    }
}

impl<T: Send + Sync> Gate<T> {
    /// Joins the present group, or makes one of `parties` with a fresh `T`.
    ///
    /// `use_it` says whether this party was the last of the group; it knows by counting inside the
    /// `T`. It must not touch the `T` any more once it has let another party count.
    pub fn pass(
        &self,
        parties: usize,
        fresh: impl FnOnce(usize) -> T,
        use_it: impl FnOnce(&T) -> bool,
    ) {
        let it = self.join(parties, fresh);
        // SAFETY: from `Box::leak`; freed only by the last party of the group, and this one has not
        // counted yet.
        let last = use_it(unsafe { it.as_ref() });
        if last {
            // SAFETY: every other party has counted, after which it does not touch the `T`, so it
            // is ours.
            unsafe { bury(it) };
        }
    }

    fn join(&self, parties: usize, fresh: impl FnOnce(usize) -> T) -> NonNull<T> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let group = open.get_or_insert_with(|| Mortal {
            it: NonNull::from(Box::leak(Box::new(fresh(parties)))),
            to_come: parties,
        });
        group.to_come -= 1;
        let (it, full) = (group.it, group.to_come == 0);
        if full {
            *open = None;
        }
        it
    }
}

impl<T> Drop for Gate<T> {
    fn drop(&mut self) {
        if let Some(Mortal { it, .. }) =
            self.open.get_mut().unwrap_or_else(PoisonError::into_inner).take()
        {
            // SAFETY: the group is not complete, so nobody of it was the last; those who came have
            // gone.
            unsafe { bury(it) };
        }
    }
}

/// # Safety
///
/// `it` is from `Box::leak`, and nobody else uses it.
unsafe fn bury<T>(it: NonNull<T>) {
    // SAFETY: as the caller says. The value is dropped before its bytes are overwritten, and the
    // box that frees the memory holds the same layout without the value.
    unsafe {
        it.drop_in_place();
        it.cast::<u8>().write_bytes(0xEE, size_of::<T>());
        drop(Box::from_raw(it.cast::<std::mem::MaybeUninit<T>>().as_ptr()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Counted<'a>(AtomicUsize, &'a AtomicUsize);

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            // ORD: Relaxed, one thread at a time.
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_last_party_of_each_group_frees_and_the_rest_is_freed_with_the_gate() {
        let freed = AtomicUsize::new(0);
        let gate = Gate::default();
        for _ in 0..7 {
            gate.pass(
                3,
                |parties| Counted(AtomicUsize::new(parties), &freed),
                // ORD: AcqRel, whoever is last frees after the others.
                |it| it.0.fetch_sub(1, Ordering::AcqRel) == 1,
            );
        }
        // ORD: Relaxed, one thread.
        assert_eq!(freed.load(Ordering::Relaxed), 2);
        drop(gate);
        // ORD: Relaxed, one thread.
        assert_eq!(freed.load(Ordering::Relaxed), 3);
    }
}
