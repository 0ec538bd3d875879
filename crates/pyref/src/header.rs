//! The header of an object: a reference count in two parts, one of which costs its owner no atomic operation.
//!
//! | field | meaning | written by |
//! |---|---|---|
//! | `owner` | the member that made the object; null once the parts are merged, or if no member made it; odd: immortal | the maker; whoever merges |
//! | `local` | references counted by the owner; all ones: immortal | the owner; whoever merges |
//! | `shared` | references counted by everybody else, and a state: [`count`](crate::count) | anyone, by RMW |
//! | `mutex` | the object's lock, for who wants one | anyone |
//! | `flags` | the embedder's | anyone |
//!
//! The count of an object is `local` plus the count in `shared`. What each step does:
//!
//! | step | by the owner | by another thread |
//! |---|---|---|
//! | take a reference, having one | `local + 1` | `shared + 1` |
//! | drop one | `local - 1`; at zero: merge | `shared - 1`; at merged zero: mark as dead, and free; below zero without a merge: ask the owner, who gets this reference |
//! | try to take one | `local + 1` unless `local` is 0 | `shared + 1` unless the word is closed, or taken back if it was dead |
//!
//! [`shared`](crate::shared) has the right-hand side.
//!
//! Invariants:
//!
//! * REF-1: `owner` and `local` are changed by the thread that is online as the owner, or, when the owner has gone or
//!   stands still, by one thread that merges, under the owner's lock or with the world stopped.
//! * REF-2: the count is never below the number of references there are. It is found to be zero and the object given up for
//!   dead exactly once, in one step, and the thread that did so frees the object.
//! * REF-3: a word that is closed stays closed to those who have no reference: 0 is opened only by somebody who has
//!   one, the mark of the dead by nobody. So an object that is dead is not brought back.
//! * REF-4: what a thread did with the object before it dropped its reference is seen by the thread that frees it.
//! * REF-5: immortal objects are never written to: no count, no state.
//! * REF-6: an object whose owner's count is zero has no owner: the owner merges before anything else. A try that finds
//!   `local` 0 on its own object has found a dead one.
//!
//! Port of: `PyObject` (Include/object.h)
//! PORT: the owner is a member, not an operating-system thread, so that a thread state may move between threads. A
//! thread that is not online owns nothing and counts in `shared`.

use crate::count::{self, MAYBE_WEAKREF, MOST, ONE};
use crate::current::{self, Me};
use crate::merge;
use crate::record::Record;
use crate::shared;
use core::fmt;
use core::ptr::{self, NonNull};
use pyparking::fatal;
use pyparking::primitive::{AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering, Watch, seeded};
use pysync::Mutex;

/// The local count of what is never freed. Port of: `_Py_IMMORTAL_REFCNT_LOCAL` (Include/refcount.h)
const IMMORTAL: u32 = u32::MAX;
/// The owner of what is never freed: an odd address, so that the one comparison which tells others' objects from a
/// thread's own leaves it aside ([`Me::counts_in_shared`]).
const UNOWNABLE: *mut Record = ptr::without_provenance_mut(1);

/// Frees an object whose count has reached zero: called once, with the header that begins it, on the thread that
/// dropped or merged the last reference.
///
/// Readers without a reference may still look at the header and change its count for a moment, and so may a thread that has
/// just dropped one of the last references: its memory must go through [`retire`](crate::raw::retire), with the header as it
/// is.
pub type Dealloc = unsafe fn(NonNull<Header>);

/// The first 24 bytes of an object, on 64-bit systems.
///
/// [`Ref`](crate::Ref) is the safe way to have one; this is for runtimes with object layouts of their own.
///
/// ```
/// use pyref::raw::Header;
///
/// #[repr(C)]
/// struct Number {
///     header: Header,
///     value: u64,
/// }
///
/// static ONE: Number = Number { header: Header::immortal(), value: 1 };
/// assert!(ONE.header.is_immortal());
/// assert!(size_of::<Header>() <= 24);
/// ```
///
/// Port of: `PyObject` (Include/object.h)
#[repr(C)]
pub struct Header {
    pub(crate) owner: AtomicPtr<Record>,
    pub(crate) shared: AtomicUsize,
    pub(crate) local: AtomicU32,
    mutex: Mutex,
    flags: AtomicU8,
    pub(crate) watch: Watch,
}

const _: () = assert!(pyparking::primitive::MODELLED || size_of::<Header>() <= 24);

impl Header {
    pyparking::const_fn! {
        /// A header of an object that is never freed.
        ///
        /// Cost: no atomic operation.
        ///
        /// ```
        /// assert!(pyref::raw::Header::immortal().is_immortal());
        /// ```
        ///
        /// Port of: `_Py_IMMORTAL_REFCNT_LOCAL` (Include/refcount.h)
        #[must_use]
        pub fn immortal() -> Self {
            Self::with(UNOWNABLE, IMMORTAL, count::merged(0))
        }
    }

    pyparking::const_fn! {
        fn with(owner: *mut Record, local: u32, shared: usize) -> Self {
            Self {
                owner: AtomicPtr::new(owner),
                shared: AtomicUsize::new(shared),
                local: AtomicU32::new(local),
                mutex: Mutex::new(),
                flags: AtomicU8::new(0),
                watch: Watch::new(),
            }
        }
    }

    /// A header with one reference, the caller's. The calling thread's member owns the object; without one it is
    /// merged from birth.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// assert_eq!(pyref::raw::Header::new().count(), 1);
    /// ```
    #[inline]
    #[must_use]
    #[expect(clippy::new_without_default, reason = "what it makes depends on the thread")]
    pub fn new() -> Self {
        let me = current::get();
        if me.is_null() {
            Self::with(ptr::null_mut(), 0, count::merged(1))
        } else {
            Self::with(me.cast_mut(), 1, count::INITIAL)
        }
    }

    /// Whether the object is the thread's own, as whose owner it is online; or immortal, and the thread offline.
    #[inline]
    fn is_own(&self, me: Me) -> bool {
        // ORD: Relaxed, as below.
        me.is(self.owner.load(Ordering::Relaxed))
    }

    /// Whether a thread counts references to this object in `shared` without further thought: it is online, not as the
    /// owner, and the object is not immortal.
    #[inline]
    fn is_others(&self, me: Me) -> bool {
        // ORD: Relaxed, the one value that matters is written by this thread, or before it became the owner (REF-1), or
        // before the object was shared (REF-5).
        me.counts_in_shared(self.owner.load(Ordering::Relaxed))
    }

    /// Whether the object is never freed.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// assert!(!pyref::raw::Header::new().is_immortal());
    /// ```
    ///
    /// Port of: `_Py_IsImmortal` (Include/refcount.h)
    #[inline]
    #[must_use]
    pub fn is_immortal(&self) -> bool {
        // ORD: Relaxed, immortality is given before the object is shared (REF-5).
        self.local.load(Ordering::Relaxed) == IMMORTAL
    }

    /// The object's own lock.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// let header = pyref::raw::Header::new();
    /// header.mutex().lock();
    /// header.mutex().unlock();
    /// ```
    #[must_use]
    pub fn mutex(&self) -> &Mutex {
        &self.mutex
    }

    /// Bits of the embedder's: those of a collector, say.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pyparking::primitive::Ordering;
    ///
    /// let header = pyref::raw::Header::new();
    /// header.flags().fetch_or(1, Ordering::Relaxed);
    /// ```
    #[must_use]
    pub fn flags(&self) -> &AtomicU8 {
        &self.flags
    }

    /// How many references there are, at some moment if others count too. For statistics and tests; a large number
    /// for what is immortal.
    ///
    /// Cost: two relaxed loads.
    ///
    /// ```
    /// assert_eq!(pyref::raw::Header::new().count(), 1);
    /// ```
    ///
    /// Port of: `Py_REFCNT` (Include/refcount.h)
    #[must_use]
    pub fn count(&self) -> isize {
        // ORD: Relaxed, an answer about one moment.
        let (local, shared) =
            (self.local.load(Ordering::Relaxed), self.shared.load(Ordering::Relaxed));
        if count::is_dead(shared) { 0 } else { count::count_of(shared) + local as isize }
    }

    /// Takes one more reference.
    ///
    /// Cost: a load and a store by the owner, one RMW by others. Ordering: none.
    ///
    /// # Safety
    ///
    /// The caller has a reference, or something else keeps the count above zero during the call.
    ///
    /// ```
    /// let header = pyref::raw::Header::new();
    /// // SAFETY: the reference that the header was born with.
    /// unsafe { header.incref() };
    /// assert_eq!(header.count(), 2);
    /// ```
    ///
    /// Port of: `Py_INCREF` (Include/refcount.h)
    #[inline]
    pub unsafe fn incref(&self) {
        self.watch.touch();
        if self.is_own(current::me()) {
            // ORD: Relaxed, the owner's own value; for others, whether it is all ones (REF-1, REF-5).
            let local = self.local.load(Ordering::Relaxed);
            if local != IMMORTAL {
                // ORD: Relaxed, nobody but the owner reads more of it than whether it is all ones.
                self.local.store(local + 1, Ordering::Relaxed);
            }
        } else if !self.is_immortal() {
            self.incref_shared();
        }
    }

    #[inline]
    fn incref_shared(&self) {
        // ORD: Relaxed, the reference that the caller has keeps the object; there is nothing to see behind it.
        let seen = self.shared.fetch_add(ONE, Ordering::Relaxed);
        if count::count_of(seen) > MOST {
            self.overflow();
        }
    }

    /// Drops a reference, and frees the object if it was the last.
    ///
    /// Cost: a load and a store by the owner, one RMW by others; a lock and a push when the owner has to be asked.
    /// Ordering: what came before is seen by whoever frees (REF-4).
    ///
    /// # Safety
    ///
    /// 1. The caller has a reference, and gives it up.
    /// 2. `dealloc` can free the object that `this` begins, from any thread, and every call for this object passes the
    ///    same one.
    ///
    /// ```
    /// use pyref::raw::Header;
    /// use std::ptr::NonNull;
    ///
    /// unsafe fn free(object: NonNull<Header>) {
    ///     // SAFETY: from the box below, and nobody else has ever seen it.
    ///     drop(unsafe { Box::from_raw(object.as_ptr()) });
    /// }
    ///
    /// let object = NonNull::from(Box::leak(Box::new(Header::new())));
    /// // SAFETY: the reference it was born with; `free` frees what was made above.
    /// unsafe { Header::decref(object, free) };
    /// ```
    ///
    /// Port of: `Py_DECREF` (Include/refcount.h)
    #[inline]
    pub unsafe fn decref(this: NonNull<Self>, dealloc: Dealloc) {
        // SAFETY: the caller's reference keeps the object (1).
        let header = unsafe { this.as_ref() };
        header.watch.touch();
        let me = current::me();
        if header.is_own(me) {
            // ORD: Relaxed, as in `incref`.
            let local = header.local.load(Ordering::Relaxed);
            if local == IMMORTAL {
                return;
            }
            if cfg!(debug_assertions) && local == 0 {
                header.below_zero();
            }
            // ORD: Relaxed, as in `incref`.
            header.local.store(local.wrapping_sub(1), Ordering::Relaxed);
            if local == 1 {
                // SAFETY: this thread is the owner, and has just made its part zero; the rest is the caller's word.
                unsafe { merge::zero_local(this, dealloc) };
            }
        } else if header.is_others(me) || seeded("ref-looks-offline") {
            // SAFETY: handed on; this thread is online as a member that is not the owner.
            unsafe { shared::decref_online(this, dealloc) };
        } else if !header.is_immortal() {
            // SAFETY: handed on; a thread that is not online owns nothing.
            unsafe { shared::decref_offline(this, dealloc) };
        }
    }

    /// Takes a reference without having one, if the object is alive.
    ///
    /// False may also mean that the object is alive but was never published
    /// ([`set_maybe_weakref`](Self::set_maybe_weakref)).
    ///
    /// Cost: as [`incref`](Self::incref); a compare-exchange in place of the addition. Ordering: none; the object's
    /// contents are seen through whatever the pointer was read from.
    ///
    /// # Safety
    ///
    /// The header's memory stays during the call: the calling thread is online and read the pointer since its last
    /// quiescent state, or something else keeps it.
    ///
    /// ```
    /// let header = pyref::raw::Header::new();
    /// // SAFETY: the header is on this stack.
    /// assert!(unsafe { header.try_incref() });
    /// assert_eq!(header.count(), 2);
    /// ```
    ///
    /// Port of: `_Py_TryIncref` (Include/internal/pycore_object.h)
    #[inline]
    pub unsafe fn try_incref(&self) -> bool {
        self.try_incref_local(current::me()) || self.try_incref_shared()
    }

    /// The part that needs no RMW, for a thread that is online as `me`, or is not. Port of: `_Py_TryIncrefFast`
    /// (Include/internal/pycore_object.h)
    #[inline]
    pub(crate) fn try_incref_local(&self, me: Me) -> bool {
        self.watch.touch();
        if self.is_others(me) {
            return false;
        }
        // ORD: Relaxed, as in `incref`.
        let local = self.local.load(Ordering::Relaxed);
        if local == IMMORTAL {
            return true;
        }
        // PORT: zero is not taken for alive (REF-6): a thread may try a borrowed pointer to an object that it has freed.
        if !self.is_own(me) || local == 0 {
            return false;
        }
        // ORD: Relaxed, as in `incref`.
        self.local.store(local + 1, Ordering::Relaxed);
        true
    }

    /// The part of threads that are not the owner, for what may not have been published: it looks before it adds. Port of:
    /// `_Py_TryIncRefShared` (Include/internal/pycore_object.h)
    #[inline]
    pub(crate) fn try_incref_shared(&self) -> bool {
        // ORD: Relaxed, the compare-exchange decides.
        let mut seen = self.shared.load(Ordering::Relaxed);
        while !count::is_closed(seen) {
            let next = seen.wrapping_add(ONE);
            // ORD: Relaxed on both sides: success proves that the object is alive, and the pointer's own Acquire
            // shows its contents; what others do with it later is not for this thread to see (REF-3).
            match self.shared.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) if count::count_of(seen) > MOST => self.overflow(),
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Says that threads without a reference will try to take one: required before the object is put where they can
    /// find it, or each of their tries fails while the owner alone has references.
    ///
    /// Cost: a load; one RMW the first time.
    ///
    /// ```
    /// let header = pyref::raw::Header::new();
    /// header.set_maybe_weakref();
    /// ```
    ///
    /// Port of: `_PyObject_SetMaybeWeakref` (Include/internal/pycore_object.h)
    #[inline]
    pub fn set_maybe_weakref(&self) {
        self.watch.touch();
        // ORD: Relaxed, the compare-exchange decides; another state than the first is as good (REF-3).
        let mut seen = self.shared.load(Ordering::Relaxed);
        while count::state_of(seen) == count::INITIAL && !self.is_immortal() {
            let next = seen | MAYBE_WEAKREF;
            // ORD: Relaxed on both sides: whoever finds the object finds it through a release that comes later.
            match self.shared.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Takes a reference to what others may try to reach, in one step. Port of: `_Py_NewRefWithLock` (Include/internal/pycore_object.h)
    ///
    /// # Safety
    ///
    /// As of [`incref`](Self::incref).
    pub(crate) unsafe fn incref_with_lock(&self) {
        self.set_maybe_weakref();
        // SAFETY: handed on.
        unsafe { self.incref() };
    }

    #[cold]
    pub(crate) fn below_zero(&self) -> ! {
        fatal("reference count", self, "decremented below zero", "a reference that the caller has")
    }

    #[cold]
    pub(crate) fn overflow(&self) -> ! {
        fatal("reference count", self, "incremented too often", "references to be dropped")
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("count", &self.count())
            .field("immortal", &self.is_immortal())
            .finish_non_exhaustive()
    }
}
