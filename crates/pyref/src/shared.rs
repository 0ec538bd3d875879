//! References that the shared word counts: how threads that do not own the object take and drop them.
//!
//! | step | the thread is online | it is not |
//! |---|---|---|
//! | drop | subtract, then look at what was found: `settle` if that leaves something to do | look, then compare-exchange |
//! | try, published | add, then look at what was found: `refuse` if it was dead | the same, under a guard |
//!
//! What a subtraction leaves to do:
//!
//! | found | so | what is done |
//! |---|---|---|
//! | count 1, merged | nobody has a reference any more | 3 to `DEAD`, by compare-exchange; who succeeds frees. If it is not 3 any more, a try has come first |
//! | count 0 or less, not merged, not queued | the owner counted the reference | while it is so: the count up again by one and the state to `QUEUED`, by one compare-exchange; the reference is the queue's |
//! | anything else | the reference was counted here, or the owner has been asked | nothing |
//!
//! Invariants:
//!
//! * SHARED-1: the count here and the owner's part are together the number of references there are, at each moment. So
//!   while the count is below zero the owner's part is not zero: nobody but a merge that is asked for ends the object.
//! * SHARED-2: a thread that looks at the header after its subtraction is online: the object may be freed by another thread
//!   at once, but its memory stays (QSBR-2). A thread that is not online gives its reference up by the last thing that it
//!   does with the header.
//! * SHARED-3: the word becomes `DEAD` once, by a compare-exchange, and is dead for good. The thread that did it frees.
//!
//! Port of: `_Py_DecRefShared` (Objects/object.c), `_Py_TryIncRefShared` (Include/internal/pycore_object.h)
//! Port of: `_Py_brc_queue_object` (Python/brc.c)
//! PORT: C looks at the word and then compare-exchanges, in a loop, because its word of a dead object is 3, from which an
//! addition would make a living one. The mark makes one addition or subtraction out of each; it does not fail, however many
//! threads count at a time.

use crate::count::{self, DEAD, LESS, MERGED, ONE};
use crate::current::{self, Me};
use crate::header::{Dealloc, Header};
use crate::merge::merge;
use crate::record::Queued;
use core::ptr::NonNull;
use pyparking::primitive::{Ordering, seeded};

/// Takes a reference to what has been published, if it is alive.
///
/// # Safety
///
/// 1. As of [`Header::try_incref`].
/// 2. The object has been published ([`Header::set_maybe_weakref`]).
/// 3. `dealloc` is what the object's references are dropped with.
#[inline]
pub(crate) unsafe fn try_published(this: NonNull<Header>, dealloc: Dealloc) -> bool {
    // SAFETY: the caller keeps the memory (1).
    let header = unsafe { this.as_ref() };
    // SAFETY: the addition is looked at below.
    let Err(seen) = (unsafe { try_plainly(header, current::me()) }) else { return true };
    // SAFETY: handed on.
    unsafe { look_again(this, dealloc, seen) }
}

/// Takes a reference to what is alive without doubt.
///
/// # Errors
///
/// The word that one reference has been added to, for [`look_again`].
///
/// # Safety
///
/// As of [`try_published`]; `me` is what the calling thread is online as; [`look_again`] is called with the error.
#[inline]
pub(crate) unsafe fn try_plainly(header: &Header, me: Me) -> Result<(), usize> {
    if header.try_incref_local(me) {
        return Ok(());
    }
    // ORD: Relaxed, what was found proves that the object is alive, and the pointer's own Acquire shows its contents; what
    // others do with it later is not for this thread to see (REF-3).
    let seen = header.shared.fetch_add(ONE, Ordering::Relaxed);
    if count::is_plainly_open(seen) { Ok(()) } else { Err(seen) }
}

/// Whether the addition was right after all: the count is below zero only because the owner's part has more. If not, takes
/// it back.
///
/// # Safety
///
/// As of [`try_published`]; [`try_plainly`] has just added to `seen`.
#[cold]
pub(crate) unsafe fn look_again(this: NonNull<Header>, dealloc: Dealloc, seen: usize) -> bool {
    // SAFETY: the caller keeps the memory.
    let header = unsafe { this.as_ref() };
    if count::is_dead(seen) {
        // ORD: Relaxed, from one mark to another (SHARED-3).
        header.shared.fetch_add(LESS, Ordering::Relaxed);
        return false;
    }
    if seen == count::INITIAL {
        // SAFETY: the reference that was added, which nobody was to look for.
        unsafe { decref_offline(this, dealloc) };
        return false;
    }
    if count::count_of(seen) > count::MOST {
        header.overflow();
    }
    true
}

/// Drops a reference that the shared part counts, or that the owner counted. For a thread that is online.
///
/// # Safety
///
/// 1. As of [`Header::decref`]; the object is not immortal, and not the calling thread's.
/// 2. The calling thread is online (SHARED-2).
#[inline]
pub(crate) unsafe fn decref_online(this: NonNull<Header>, dealloc: Dealloc) {
    // SAFETY: the caller's reference keeps the object until the subtraction.
    let header = unsafe { this.as_ref() };
    // ORD: Release, pairs with the Acquire of whoever marks or merges (REF-4).
    let seen = header.shared.fetch_add(LESS, Ordering::Release);
    if !count::is_plainly_above(seen) {
        // SAFETY: handed on.
        unsafe { settle(this, dealloc, seen) };
    }
}

/// What a subtraction that found `seen` leaves to do.
///
/// # Safety
///
/// As of [`decref_online`], which has just subtracted.
#[cold]
unsafe fn settle(this: NonNull<Header>, dealloc: Dealloc, seen: usize) {
    if count::is_merged(seen) {
        // SAFETY: this thread is online since before the subtraction, so the memory stays (SHARED-2).
        let header = unsafe { this.as_ref() };
        if cfg!(debug_assertions) && count::count_of(seen) <= 0 {
            header.below_zero();
        }
        if count::count_of(seen) != 1 {
            // A release build leaks what is dropped too often.
            return;
        }
        if seeded("ref-zero-unmarked") || mark_dead(header) {
            // SAFETY: the last reference is gone, and nobody takes another (SHARED-3).
            unsafe { dealloc(this) };
        }
    } else if count::must_queue(seen) {
        // SAFETY: as above.
        let header = unsafe { this.as_ref() };
        if take_back_for_queue(header) {
            // SAFETY: this thread has set the state, and the reference is the queue's now (MERGE-1).
            unsafe { ask_owner(this, dealloc) };
        }
    }
}

/// Marks an object as dead, if nobody has a reference still.
fn mark_dead(header: &Header) -> bool {
    header.watch.touch();
    // ORD: Acquire, pairs with the Release of those who dropped theirs before (REF-4); the Release is for a merge, which
    // there is none of any more. Relaxed on failure: whoever has a reference now will drop it.
    header.shared.compare_exchange(MERGED, DEAD, Ordering::Acquire, Ordering::Relaxed).is_ok()
}

/// Takes the reference back, for the owner's queue, while the count is below zero and nobody has asked the owner.
fn take_back_for_queue(header: &Header) -> bool {
    header.watch.touch();
    // ORD: Relaxed, the compare-exchange decides.
    let mut seen = header.shared.load(Ordering::Relaxed);
    // Not below zero: others have taken what was missing. Asked, or merged: the merge counts it (SHARED-1).
    while count::must_queue(seen) && (count::count_of(seen) < 0 || seeded("ref-queued-unmissed")) {
        let next = count::queued(seen.wrapping_add(ONE));
        // ORD: Relaxed on both sides, the queue's lock orders what the owner does with it; the subtraction was a Release.
        match header.shared.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(now) => seen = now,
        }
    }
    false
}

/// Drops a reference that the shared part counts, or that the owner counted. For a thread that may not be online.
///
/// # Safety
///
/// As of [`Header::decref`]; the object is not immortal.
#[cold]
pub(crate) unsafe fn decref_offline(this: NonNull<Header>, dealloc: Dealloc) {
    // SAFETY: the caller's reference keeps the object until the exchange below gives it up.
    let header = unsafe { this.as_ref() };
    // ORD: Relaxed, the compare-exchange decides.
    let mut seen = header.shared.load(Ordering::Relaxed);
    loop {
        let queue = count::must_queue(seen);
        if cfg!(debug_assertions) && count::is_merged(seen) && count::count_of(seen) <= 0 {
            header.below_zero();
        }
        let next = match seen {
            _ if queue => count::queued(seen),
            _ if seen == count::merged(1) => DEAD,
            _ => seen.wrapping_sub(ONE),
        };
        // ORD: AcqRel, as a Release pairs with the Acquire of the thread that frees, as an Acquire with the Release of
        // the threads that dropped theirs before, if this one frees (REF-4). Relaxed on failure: it is tried again.
        let dropped =
            header.shared.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed);
        match dropped {
            // SAFETY: this thread has set the state, and its reference is the queue's now (MERGE-1).
            Ok(_) if queue => return unsafe { ask_owner(this, dealloc) },
            // SAFETY: the last reference is gone, and nobody takes another (SHARED-3).
            Ok(_) if next == DEAD => return unsafe { dealloc(this) },
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
        return unsafe { decref_offline(this, dealloc) };
    };
    let queued = Queued { object: this, dealloc };
    // SAFETY: if the owner has gone, it did so under the lock that is held now (MERGE-3).
    let left = owner.queue(queued).map_err(|held| held.instead(|| unsafe { merge(header, -1) }));
    if left == Err(0) {
        // SAFETY: merged, and the queue's reference was the last.
        unsafe { dealloc(this) };
    }
}
