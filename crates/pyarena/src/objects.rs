//! Objects that an arena owns: a list through the arena's own memory, in the order in which they came.
//!
//! | field | meaning |
//! |---|---|
//! | `first`, `last` | the ends of the list; both or neither |
//! | `count` | how many there are |
//!
//! Invariants:
//!
//! * OBJECTS-1: an object is in the list exactly from when it was written to when its release begins: it is taken
//!   out first, so that it is released once even if that panics.
//! * OBJECTS-2: the list is walked in the order of registration, and to its end whatever panics.
//! * OBJECTS-3: a link lies beside its object, never under it: a reference to the object does not cover it.
//!
//! Port of: `a_objects` of `struct _arena` (Python/pyarena.c)
//! PORT: no list object that could fail to grow after the object was made. Objects go first come, first released;
//! CPython's list releases its last item first, after the blocks are gone.

use core::cell::Cell;
use core::ptr::{self, NonNull};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An object with its place in the list.
#[repr(C)]
pub(crate) struct Owned<T> {
    link: Link,
    value: T,
}

/// A place in the list.
pub(crate) struct Link {
    next: Cell<Option<NonNull<Link>>>,
    /// Drops the object that the link belongs to.
    release: unsafe fn(NonNull<Link>),
}

/// The list.
pub(crate) struct Objects {
    first: Cell<Option<NonNull<Link>>>,
    last: Cell<Option<NonNull<Link>>>,
    count: Cell<usize>,
}

/// What a panic carried.
pub(crate) type Payload = Box<dyn Any + Send>;

impl Objects {
    pub(crate) const fn new() -> Self {
        Self { first: Cell::new(None), last: Cell::new(None), count: Cell::new(0) }
    }

    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count.get()
    }

    /// Writes `value` into `slot` and puts it at the end of the list; lends it.
    ///
    /// # Safety
    ///
    /// 1. `slot` is valid for writes, and nobody else uses it until the list has released the object.
    /// 2. The object may be dropped by whichever thread empties the list, at any later time.
    #[inline]
    pub(crate) unsafe fn add<'a, T>(&self, slot: NonNull<Owned<T>>, value: T) -> &'a mut T {
        let link = Link { next: Cell::new(None), release: release::<T> };
        // SAFETY: clause 1.
        unsafe { slot.write(Owned { link, value }) };
        let link = slot.cast::<Link>();
        match self.last.replace(Some(link)) {
            // SAFETY: in the list, so alive (OBJECTS-1), and only its link is touched (OBJECTS-3).
            Some(last) => unsafe { (*last.as_ptr()).next.set(Some(link)) },
            None => self.first.set(Some(link)),
        }
        self.count.set(self.count.get() + 1);
        // SAFETY: just written; clause 1 keeps others away, and the list touches the link only (OBJECTS-3).
        unsafe { &mut (*slot.as_ptr()).value }
    }

    /// Releases every object, first come first; the first panic among them, if any.
    ///
    /// # Safety
    ///
    /// Nobody uses the objects any more, and their memory is still there.
    pub(crate) unsafe fn release_all(&self) -> Option<Payload> {
        let mut panicked = None;
        while let Some(link) = self.take_first() {
            // SAFETY: it was in the list until now, so it is alive and has not been released (OBJECTS-1); nobody
            // uses it, by the contract.
            let release = || unsafe { ((*link.as_ptr()).release)(link) };
            match catch_unwind(AssertUnwindSafe(release)) {
                Ok(()) => {}
                Err(payload) if panicked.is_none() => panicked = Some(payload),
                Err(later) => discard(later),
            }
        }
        panicked
    }

    fn take_first(&self) -> Option<NonNull<Link>> {
        let link = self.first.get()?;
        // SAFETY: in the list, so alive (OBJECTS-1).
        let next = unsafe { (*link.as_ptr()).next.get() };
        self.first.set(next);
        if next.is_none() {
            self.last.set(None);
        }
        self.count.set(self.count.get() - 1);
        Some(link)
    }
}

/// Drops a payload that nobody will see. Its own destructor may panic too, which must end nothing (OBJECTS-2); what
/// that carries is left where it is, or there would be no end to it.
#[cold]
pub(crate) fn discard(payload: Payload) {
    if let Err(worse) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        core::mem::forget(worse);
    }
}

/// Drops the `T` that `link` belongs to.
///
/// # Safety
///
/// `link` is that of an `Owned<T>` whose value has not been dropped and is not used any more.
unsafe fn release<T>(link: NonNull<Link>) {
    let owned = link.cast::<Owned<T>>();
    // SAFETY: the contract says that the value is there and nobody else's.
    unsafe { ptr::drop_in_place(&raw mut (*owned.as_ptr()).value) };
}
