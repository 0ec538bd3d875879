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
//!   that wins is counted by the merge, one that loses finds 3, or a count above zero.
//!
//! Port of: `_Py_MergeZeroLocalRefcount`, `_Py_ExplicitMergeRefcount`, `_Py_DecRefShared` (Objects/object.c)
//! Port of: `_Py_brc_queue_object` (Python/brc.c)

use crate::count::{self, MERGED, ONE, QUEUED};
use crate::header::{Dealloc, Header};
use crate::record::Queued;
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
    // ORD: Acquire, pairs with the Release of `decref_shared` (REF-4).
    let mut seen = header.shared.load(Ordering::Acquire);
    if seen != count::INITIAL {
        // ORD: Relaxed, before the Release below, which carries it to whoever finds the word merged (MERGE-2).
        header.owner.store(ptr::null_mut(), Ordering::Relaxed);
        loop {
            let next = seen | MERGED;
            // ORD: AcqRel, as an Acquire pairs with the Release of `decref_shared` (REF-4), as a Release with the
            // Acquire of whoever frees instead. Acquire on failure: the next round may see zero, and free.
            let merged =
                header.shared.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Acquire);
            match merged {
                Ok(_) if next == MERGED => break,
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }
    // SAFETY: both parts are zero, so the last reference is gone, and nobody takes another (REF-3).
    unsafe { dealloc(this) };
}

/// Drops a reference that the shared part counts, or that the owner counted.
///
/// # Safety
///
/// As of [`Header::decref`]; the object is not immortal.
pub(crate) unsafe fn decref_shared(this: NonNull<Header>, dealloc: Dealloc) {
    // SAFETY: the caller's reference keeps the object until the exchange below gives it up.
    let header = unsafe { this.as_ref() };
    // ORD: Relaxed, the compare-exchange decides.
    let mut seen = header.shared.load(Ordering::Relaxed);
    loop {
        let queue = count::must_queue(seen);
        let next = if queue { QUEUED } else { seen.wrapping_sub(ONE) };
        if cfg!(debug_assertions) && count::is_merged(next) && count::count_of(next) < 0 {
            header.below_zero();
        }
        // ORD: AcqRel, as a Release pairs with the Acquire of the thread that frees, as an Acquire with the Release of
        // the threads that dropped theirs before, if this one frees (REF-4). Relaxed on failure: it is tried again.
        let dropped =
            header.shared.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed);
        match dropped {
            // SAFETY: this thread has set the state, and its reference is the queue's now (MERGE-1).
            Ok(_) if queue => return unsafe { ask_owner(this, dealloc) },
            // SAFETY: merged, and the last reference is gone (REF-2).
            Ok(_) if next == MERGED => return unsafe { dealloc(this) },
            Ok(_) => return,
            Err(now) => seen = now,
        }
    }
}

/// Hands the caller's reference to the owner's queue, or merges in the owner's place if it has gone.
///
/// # Safety
///
/// The calling thread has moved the word to `QUEUED` (MERGE-1); clause 2 of [`Header::decref`].
#[cold]
unsafe fn ask_owner(this: NonNull<Header>, dealloc: Dealloc) {
    // SAFETY: the reference that is to go to the queue is still ours.
    let header = unsafe { this.as_ref() };
    // ORD: Relaxed, null or a record, which is never freed; what is in the record is behind its lock.
    let owner = header.owner.load(Ordering::Relaxed);
    // SAFETY: null, or a record, of which none is ever freed (QSBR-6).
    let Some(owner) = (unsafe { owner.as_ref() }) else {
        // The owner's count has just reached zero, and it merges: one reference is one of the shared part (MERGE-4).
        // SAFETY: the reference that the queue did not get.
        return unsafe { decref_shared(this, dealloc) };
    };
    let queued = Queued { object: this, dealloc };
    // SAFETY: if the owner has gone, it did so under the lock that is held now (MERGE-3).
    let left = owner.queue(queued).map_err(|held| held.instead(|| unsafe { merge(header, -1) }));
    if left == Err(0) {
        // SAFETY: merged, and the queue's reference was the last.
        unsafe { dealloc(this) };
    }
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
        let next = count::merged(total);
        // ORD: AcqRel, both halves as in `zero_local`; Relaxed on failure: it is tried again.
        match header.shared.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => return total,
            Err(now) => seen = now,
        }
    }
}
