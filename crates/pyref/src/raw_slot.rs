//! A slot of a pointer that owns a reference: stores are one exchange, loads take a reference or try again.
//!
//! | word | meaning |
//! |---|---|
//! | null | empty |
//! | a header | an object, one reference of which is the slot's |
//!
//! | operation | what it does |
//! |---|---|
//! | load | read the pointer, try to take a reference; if it was dead, begin again |
//! | store, take, swap | exchange the pointer: the reference in the slot is the caller's, the caller's is the slot's |
//! | compare and exchange | the same, if the slot has what the caller expects and has a reference to |
//!
//! Invariants:
//!
//! * SLOT-1: every pointer that leaves the slot does so by an RMW, so each has one taker, who drops or keeps its reference.
//! * SLOT-2: what is put into a slot is published first ([`Header::set_maybe_weakref`]): a try that fails means dead, so the
//!   slot has something else by now, and the reader's next round sees it.
//! * SLOT-3: a reader takes a reference only by a try (REF-3), between reading the pointer and its next quiescent state
//!   (QSBR-2), so the header that it tries is there.
//! * SLOT-4: what the storing thread did before is seen by who loads the pointer.
//!
//! # Why write paths and read fallback change together
//!
//! The protocol before had a lock around each store and around a reader's second attempt
//! ([`LockedSlot`](crate::LockedSlot)). It has three parts, and none can be changed alone.
//!
//! **One writer exchanges, the other still reads and stores under the lock.** The lock no longer excludes the first.
//! The slot has *o*, with one reference:
//!
//! | | locking writer | exchanging writer |
//! |---|---|---|
//! | 1 | lock; `old = slot`, which is *o* | |
//! | 2 | | `old = exchange(slot, a)`, which is *o* |
//! | 3 | `slot = b`: *a* is lost, its reference with it; unlock | |
//! | 4 | drop *o*: freed | drop *o*: freed again |
//!
//! With exchanges everywhere the second writer finds *a*: each value that was in the slot is found by exactly one (SLOT-1).
//!
//! **The writers exchange, the reader falls back to the lock** and takes a reference as one who knows that the slot keeps
//! the object alive. It did while every writer needed the same lock:
//!
//! | | reader | writer |
//! |---|---|---|
//! | 1 | its try fails; lock; `p = slot`, which is *o* | |
//! | 2 | | `old = exchange(slot, a)`; drop *o*: count zero, to be freed |
//! | 3 | count of *o* + 1: from zero to one | |
//! | 4 | unlock; use *o* | frees *o*, which the reader has; or the reader's drop frees it a second time |
//!
//! So the fallback is another try: from zero nobody counts up (REF-3).
//!
//! **The fallback tries again, but the writer does not publish.** While the owner alone has references the shared word is 0
//! for a living object too. A try by another thread fails for as long as the object stays in the slot, and
//! the retry has no end; the old fallback did end, because it took a reference without trying. So a store publishes
//! (SLOT-2). In C the duty is a comment at `_Py_XGetRef`; here the slot does it.
//!
//! What all this needs besides is that the header which a reader tries is still a header: QSBR.
//!
//! `tests/loom/broken.rs` has each of these mistakes, and what the models say to it.
//!
//! Port of: `_Py_XGetRef`, `_Py_TryXGetRef`, `_Py_TryIncrefCompare` (Include/internal/pycore_object.h)
//! PORT: a load does not look at the slot again after it has taken its reference, as [`RawSlot::try_incref_compare`] does. In
//! C the memory may have become another object meanwhile. Here it is not used again before the reader's next quiescent
//! state (SLOT-3), so what was taken is what was in the slot when the pointer was read, which is a moment of the call.
//! Port of: `PyMember_GetOne`, `PyMember_SetOne` (Python/structmember.c)

use crate::current::{self, Me};
use crate::header::{Dealloc, Header};
use crate::shared;
use core::fmt;
use core::ptr::{self, NonNull};
use pyparking::primitive::{AtomicPtr, Ordering, seeded, thread};

/// A slot for runtimes with object layouts of their own. [`Slot`](crate::Slot) is the safe one.
///
/// Dropping it drops nothing: [`swap`](Self::swap) null in first.
///
/// ```
/// use pyref::raw::RawSlot;
/// assert_eq!(size_of::<RawSlot>(), size_of::<usize>());
/// ```
#[repr(transparent)]
pub struct RawSlot(AtomicPtr<Header>);

/// What the C code calls a pointer that may be null.
type Pointer = Option<NonNull<Header>>;

#[inline]
fn to_raw(pointer: Pointer) -> *mut Header {
    pointer.map_or(ptr::null_mut(), NonNull::as_ptr)
}

impl RawSlot {
    pyparking::const_fn! {
        /// An empty slot.
        ///
        /// Cost: no atomic operation.
        ///
        /// ```
        /// assert!(pyref::raw::RawSlot::empty().is_empty());
        /// ```
        #[must_use]
        pub fn empty() -> Self {
            Self(AtomicPtr::new(ptr::null_mut()))
        }
    }

    /// Whether there is nothing in it, at some moment during the call.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// assert!(pyref::raw::RawSlot::empty().is_empty());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // ORD: Relaxed, an answer about one moment.
        self.0.load(Ordering::Relaxed).is_null()
    }

    /// The pointer, without a reference to it.
    ///
    /// Cost: one acquire load. Ordering: what the storing thread did before is seen.
    ///
    /// ```
    /// assert!(pyref::raw::RawSlot::empty().peek().is_none());
    /// ```
    #[inline]
    #[must_use]
    pub fn peek(&self) -> Option<NonNull<Header>> {
        // ORD: Acquire, pairs with the Release of `swap` (SLOT-4).
        NonNull::new(self.0.load(Ordering::Acquire))
    }

    /// A reference to what is in the slot.
    ///
    /// Cost: two loads and an RMW that does not fail; for the object's owner a store in place of the RMW. Another round if
    /// the object has died meanwhile.
    /// Ordering: as [`peek`](Self::peek).
    ///
    /// # Safety
    ///
    /// 1. The calling thread is online, or has a guard.
    /// 2. `dealloc` is what every reference to objects in this slot is dropped with.
    ///
    /// ```
    /// use pyref::raw::{Header, RawSlot};
    /// use std::ptr::NonNull;
    ///
    /// unsafe fn never(_: NonNull<Header>) {
    ///     unreachable!("immortal");
    /// }
    ///
    /// static NONE: Header = Header::immortal();
    /// let slot = RawSlot::empty();
    /// // SAFETY: what is immortal has a reference for everybody.
    /// assert!(unsafe { slot.swap(Some(NonNull::from(&NONE))) }.is_none());
    /// // SAFETY: the object is never freed.
    /// assert_eq!(unsafe { slot.load(never) }, Some(NonNull::from(&NONE)));
    /// ```
    ///
    /// Port of: `_Py_XGetRef` (Include/internal/pycore_object.h)
    #[inline]
    #[must_use = "the reference is leaked unless it is dropped"]
    pub unsafe fn load(&self, dealloc: Dealloc) -> Option<NonNull<Header>> {
        // SAFETY: handed on.
        unsafe { self.load_as(current::me(), dealloc) }
    }

    /// [`load`](Self::load) by a thread that knows what it is online as.
    ///
    /// # Safety
    ///
    /// As of [`load`](Self::load); `me` is what the calling thread is online as.
    #[inline]
    pub(crate) unsafe fn load_as(&self, me: Me, dealloc: Dealloc) -> Pointer {
        let seen = self.peek()?;
        // SAFETY: out of the slot since the last quiescent state, so it is not freed before the next (SLOT-3); what is in a
        // slot has been published (SLOT-2); the error is looked at.
        match unsafe { shared::try_plainly(seen.as_ref(), me) } {
            Ok(()) => Some(seen),
            // SAFETY: handed on.
            Err(word) => unsafe { self.load_again(seen, word, dealloc) },
        }
    }

    /// [`load`](Self::load), after an addition to the word of `seen` that may have been wrong.
    ///
    /// # Safety
    ///
    /// As of [`load`](Self::load) and [`shared::look_again`].
    #[cold]
    unsafe fn load_again(
        &self,
        mut seen: NonNull<Header>,
        word: usize,
        dealloc: Dealloc,
    ) -> Pointer {
        // SAFETY: handed on.
        let mut taken = unsafe { shared::look_again(seen, dealloc, word) };
        while !taken {
            if seeded("slot-counts-from-zero") {
                let again = self.peek()?;
                // SAFETY: none, the seeded defect: nothing keeps the object alive.
                unsafe { again.as_ref().incref() };
                return Some(again);
            }
            thread::spin_loop();
            seen = self.peek()?;
            // SAFETY: as in `load`.
            taken = unsafe { shared::try_published(seen, dealloc) };
        }
        Some(seen)
    }

    /// Takes a reference to `seen`, if it is alive and the slot still has it.
    ///
    /// Cost: as one round of [`load`](Self::load).
    ///
    /// # Safety
    ///
    /// As of [`load`](Self::load); `seen` was read from this slot since the thread's last quiescent state.
    ///
    /// ```
    /// use pyref::raw::RawSlot;
    /// // There is nothing to try in an empty slot.
    /// assert!(RawSlot::empty().peek().is_none());
    /// ```
    ///
    /// Port of: `_Py_TryIncrefCompare` (Include/internal/pycore_object.h)
    #[inline]
    pub unsafe fn try_incref_compare(&self, seen: NonNull<Header>, dealloc: Dealloc) -> bool {
        // SAFETY: out of the slot since the last quiescent state, so it is not freed before the next (SLOT-3).
        let header = unsafe { seen.as_ref() };
        if header.try_incref_local(current::me()) {
            return true;
        }
        if !header.try_incref_shared() {
            return false;
        }
        // ORD: Relaxed, for freshness alone: the reference is good whatever the slot has by now (SLOT-3).
        if self.0.load(Ordering::Relaxed) == seen.as_ptr() {
            return true;
        }
        // SAFETY: the reference that was just taken.
        unsafe { Header::decref(seen, dealloc) };
        false
    }

    /// Puts `next` in, and takes out what was there.
    ///
    /// Cost: one RMW, and at most one to publish. Ordering: what came before is seen by who loads `next`; what the thread
    /// did that stored the old value is seen.
    ///
    /// # Safety
    ///
    /// The caller has a reference to `next` and gives it to the slot. The result's reference is the caller's.
    ///
    /// ```
    /// use pyref::raw::RawSlot;
    /// // SAFETY: null has no references.
    /// assert!(unsafe { RawSlot::empty().swap(None) }.is_none());
    /// ```
    #[inline]
    #[must_use = "the reference is leaked unless it is dropped"]
    pub unsafe fn swap(&self, next: Option<NonNull<Header>>) -> Option<NonNull<Header>> {
        publish(next);
        if seeded("slot-reads-then-stores") {
            // ORD: Acquire and Release, the seeded defect: two steps where one is asked for.
            let old = self.0.load(Ordering::Acquire);
            self.0.store(to_raw(next), Ordering::Release);
            return NonNull::new(old);
        }
        // ORD: AcqRel, as a Release pairs with the Acquire of `peek`; as an Acquire with the Release of the store that
        // the old value came by, whose object is now this thread's to look at (SLOT-1, SLOT-4).
        NonNull::new(self.0.swap(to_raw(next), Ordering::AcqRel))
    }

    /// The store of the protocol with a lock: a read, and a write.
    ///
    /// # Safety
    ///
    /// As of [`swap`](Self::swap); nobody else stores meanwhile, here or through another operation.
    #[inline]
    pub(crate) unsafe fn replace_locked(&self, next: Pointer) -> Pointer {
        // ORD: Relaxed, changed under the caller's lock alone.
        let old = self.0.load(Ordering::Relaxed);
        // ORD: Release, pairs with the Acquire of `peek` (SLOT-4).
        self.0.store(to_raw(next), Ordering::Release);
        NonNull::new(old)
    }

    /// Puts `next` in if the slot has `expected`, and takes that out.
    ///
    /// # Errors
    ///
    /// The slot has something else; `next` is still the caller's. What it has may be gone by now.
    ///
    /// Cost: one RMW, and at most one to publish. Ordering: who loads `next` sees what it is; none on failure.
    ///
    /// # Safety
    ///
    /// 1. As of [`swap`](Self::swap); `next` stays the caller's on failure.
    /// 2. The caller has a reference to `expected` too, so that its address means no other object.
    ///
    /// ```
    /// use pyref::raw::RawSlot;
    /// // SAFETY: null has no references.
    /// assert!(unsafe { RawSlot::empty().compare_exchange(None, None) }.is_ok());
    /// ```
    #[inline]
    pub unsafe fn compare_exchange(
        &self,
        expected: Option<NonNull<Header>>,
        next: Option<NonNull<Header>>,
    ) -> Result<(), Option<NonNull<Header>>> {
        publish(next);
        let (expected, next) = (to_raw(expected), to_raw(next));
        // ORD: Release, as in `swap`. What comes out is what the caller has a reference to already, and so has seen; on
        // failure nothing is taken.
        match self.0.compare_exchange(expected, next, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(now) => Err(NonNull::new(now)),
        }
    }
}

/// SLOT-2.
#[inline]
fn publish(next: Pointer) {
    if seeded("slot-unpublished") {
        return;
    }
    if let Some(next) = next {
        // SAFETY: the caller has a reference.
        unsafe { next.as_ref() }.set_maybe_weakref();
    }
}

impl fmt::Debug for RawSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawSlot").field(&self.peek()).finish()
    }
}
