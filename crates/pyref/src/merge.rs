//! One count out of two: at the owner's zero, and when others have dropped what the owner counted.
//!
//! | who | when | how |
//! |---|---|---|
//! | the owner | its own part reaches zero | forget the owner, then state to `MERGED` |
//! | the owner | it finds the object in its queue | add its part to the shared count, forget the owner, state to `MERGED`, drop the queue's reference |
//! | who drops a reference | it finds that the owner has gone | the same, in the owner's place, under the owner's lock |
//!
//! Invariants:
//!
//! * MERGE-1: the state becomes `QUEUED` once, by one thread, which hands its reference to the queue. So an object is in
//!   at most one queue, once, and is alive while it is there.
//! * MERGE-2: `local` and `owner` are cleared before the word says `MERGED`: who finds the word merged finds no owner.
//! * MERGE-3: the owner's part is read by another thread only under the owner's lock and after the owner has left, which
//!   it does under that lock; nobody becomes the owner's successor without it.
//! * MERGE-4: the word is changed by RMW alone, so of a merge and a try to take a reference one comes first: a try
//!   that wins is counted by the merge, one that loses finds the mark of the dead, or a count above zero.
//!
//! Port of: `_Py_MergeZeroLocalRefcount`, `_Py_ExplicitMergeRefcount` (Objects/object.c)

use crate::count::{self, DEAD};
use crate::header::{Dealloc, Header};
use core::ptr::{self, NonNull};
use pyparking::primitive::Ordering;

/// The owner's part has reached zero.
///
/// # Safety
///
/// 1. The calling thread is online as the owner and has just dropped the last reference of its part.
/// 2. As of [`Header::decref`].
#[cold]
pub(crate) unsafe fn zero_local(this: NonNull<Header>, dealloc: Dealloc) {
    // SAFETY: the owner has not let go of the object yet.
    let header = unsafe { this.as_ref() };
    // ORD: Acquire, pairs with the Release of the drops in [`shared`](crate::shared) (REF-4).
    let mut seen = header.shared.load(Ordering::Acquire);
    if seen != count::INITIAL {
        // ORD: Relaxed, before the Release below, which carries it to whoever finds the word merged (MERGE-2).
        header.owner.store(ptr::null_mut(), Ordering::Relaxed);
        loop {
            let others = count::count_of(seen);
            if cfg!(debug_assertions) && others < 0 {
                header.below_zero();
            }
            let next = count::total(others);
            // ORD: AcqRel, as an Acquire pairs with the Release of the drops in [`shared`](crate::shared) (REF-4), as a Release with the
            // Acquire of whoever frees instead. Acquire on failure: the next round may see zero, and free.
            let merged =
                header.shared.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Acquire);
            match merged {
                Ok(_) if next == DEAD => break,
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }
    // SAFETY: both parts are zero, so the last reference is gone, and nobody takes another (REF-3).
    unsafe { dealloc(this) };
}

/// Adds the parts, and `extra`: what the count is then. There is no owner afterwards.
///
/// # Safety
///
/// 1. The calling thread is online as the owner; or the owner is gone and the calling thread holds its lock; or it
///    stands still; or the object has no owner.
/// 2. If `extra` is negative, that many references are the caller's to give up.
pub(crate) unsafe fn merge(header: &Header, extra: isize) -> isize {
    header.watch.touch();
    // ORD: Relaxed: the owner's own, or read behind the lock under which it left (MERGE-3).
    let local = header.local.load(Ordering::Relaxed);
    // ORD: Relaxed, before the Release below (MERGE-2).
    header.local.store(0, Ordering::Relaxed);
    header.owner.store(ptr::null_mut(), Ordering::Relaxed);
    // ORD: Relaxed, the compare-exchange decides.
    let mut seen = header.shared.load(Ordering::Relaxed);
    loop {
        let total = count::count_of(seen) + local as isize + extra;
        if cfg!(debug_assertions) && total < 0 {
            header.below_zero();
        }
        let next = count::total(total);
        // ORD: AcqRel, both halves as in `zero_local`; Relaxed on failure: it is tried again.
        match header.shared.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => return total,
            Err(now) => seen = now,
        }
    }
}
