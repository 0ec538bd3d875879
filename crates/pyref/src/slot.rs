//! A slot that any number of threads read and write.

use crate::current;
use crate::guard::Guard;
use crate::handle::Ref;
use crate::header::Header;
use crate::object::{Object, dealloc};
use crate::raw_slot::RawSlot;
use crate::shared;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

/// A place for a [`Ref`] or none, which threads read and replace without a lock: one word.
///
/// ```
/// use pyref::{Ref, Slot};
/// use std::thread;
///
/// static NAME: Slot<String> = Slot::empty();
///
/// NAME.store(Some(Ref::new(String::from("first"))));
/// thread::scope(|scope| {
///     scope.spawn(|| NAME.store(Some(Ref::new(String::from("second")))));
///     let seen = NAME.load().unwrap();
///     assert!(*seen == "first" || *seen == "second");
/// });
/// assert_eq!(*NAME.take().unwrap(), "second");
/// assert!(NAME.load().is_none());
/// ```
///
/// Port of: `_Py_XGetRef` (Include/internal/pycore_object.h)
pub struct Slot<T: Send + Sync + 'static> {
    raw: RawSlot,
    _owns: PhantomData<Ref<T>>,
}

#[inline]
fn into_raw<T: Send + Sync>(value: Option<Ref<T>>) -> Option<NonNull<Header>> {
    value.map(Ref::into_raw)
}

/// # Safety
///
/// As of [`Ref::from_raw`].
#[inline]
unsafe fn from_raw<T: Send + Sync>(raw: Option<NonNull<Header>>) -> Option<Ref<T>> {
    // SAFETY: handed on.
    raw.map(|raw| unsafe { Ref::from_raw(raw) })
}

impl<T: Send + Sync> Slot<T> {
    pyparking::const_fn! {
        /// A slot with nothing in it.
        ///
        /// Cost: no atomic operation.
        ///
        /// ```
        /// static SLOT: pyref::Slot<u8> = pyref::Slot::empty();
        /// assert!(SLOT.is_empty());
        /// ```
        #[must_use]
        pub fn empty() -> Self {
            Self { raw: RawSlot::empty(), _owns: PhantomData }
        }
    }

    /// A slot with a value.
    ///
    /// Cost: as [`store`](Self::store).
    ///
    /// ```
    /// use pyref::{Ref, Slot};
    /// assert_eq!(*Slot::new(Ref::new(1)).load().unwrap(), 1);
    /// ```
    #[must_use]
    pub fn new(value: Ref<T>) -> Self {
        let slot = Self::empty();
        slot.store(Some(value));
        slot
    }

    /// Whether there is nothing in it, at some moment during the call.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// assert!(pyref::Slot::<u8>::empty().is_empty());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// A reference to what is in the slot.
    ///
    /// Cost: two loads and an RMW that does not fail; for the object's owner a store in place of the RMW. Another round if
    /// the object has died meanwhile. On a thread that is not online, that of a [`Guard::visit`] besides.
    ///
    /// Ordering: what the storing thread did before is seen.
    ///
    /// ```
    /// use pyref::{Ref, Slot};
    /// let slot = Slot::new(Ref::new(1));
    /// let seen = slot.load().unwrap();
    /// slot.store(None);
    /// assert_eq!(*seen, 1);
    /// ```
    ///
    /// Port of: `_Py_XGetRef` (Include/internal/pycore_object.h)
    #[inline]
    #[must_use]
    pub fn load(&self) -> Option<Ref<T>> {
        let me = current::me();
        if !me.is_online() {
            return self.load_as_visitor();
        }
        // SAFETY: online; every reference to a `T` is dropped with this.
        let loaded = unsafe { self.raw.load_as(me, dealloc::<T>) };
        // SAFETY: all that comes into the slot is from `into_raw` of this type; the reference is ours.
        unsafe { from_raw(loaded) }
    }

    #[cold]
    fn load_as_visitor(&self) -> Option<Ref<T>> {
        let _guard = Guard::visit();
        // SAFETY: under a guard; as in `load`.
        let loaded = unsafe { self.raw.load(dealloc::<T>) };
        // SAFETY: as in `load`.
        unsafe { from_raw(loaded) }
    }

    /// What is in the slot, borrowed for as long as the guard: without a reference, so without an RMW.
    ///
    /// Cost: one acquire load. Ordering: as [`load`](Self::load).
    ///
    /// ```
    /// use pyref::{Guard, Ref, Slot};
    /// let slot = Slot::new(Ref::new(1));
    /// let guard = Guard::visit();
    /// assert_eq!(slot.borrow(&guard).as_deref(), Some(&1));
    /// ```
    #[inline]
    #[must_use]
    pub fn borrow<'g>(&self, guard: &'g Guard<'_>) -> Option<Borrowed<'g, T>> {
        let _open = guard;
        // It was in the slot after the guard was opened, so it stays until the guard ends (GUARD-1).
        self.raw.peek().map(|raw| Borrowed { raw, _guarded: PhantomData })
    }

    /// Replaces what is in the slot, and drops it.
    ///
    /// Cost: one RMW, and what dropping a reference costs; one RMW more the first time that the value is stored anywhere.
    /// No heap.
    ///
    /// Ordering: what came before is seen by who loads the value.
    ///
    /// ```
    /// use pyref::{Ref, Slot};
    /// let slot = Slot::empty();
    /// slot.store(Some(Ref::new(1)));
    /// assert_eq!(*slot.load().unwrap(), 1);
    /// ```
    ///
    /// Port of: `PyMember_SetOne` (Python/structmember.c)
    #[inline]
    pub fn store(&self, value: Option<Ref<T>>) {
        drop(self.swap(value));
    }

    /// Takes out what is in the slot.
    ///
    /// Cost: one RMW. Ordering: what the thread did that stored it is seen.
    ///
    /// ```
    /// use pyref::{Ref, Slot};
    /// let slot = Slot::new(Ref::new(1));
    /// assert_eq!(*slot.take().unwrap(), 1);
    /// assert!(slot.take().is_none());
    /// ```
    #[inline]
    pub fn take(&self) -> Option<Ref<T>> {
        self.swap(None)
    }

    /// Replaces what is in the slot, and returns it.
    ///
    /// Cost: as [`store`](Self::store), without the drop. Ordering: that of [`store`](Self::store) and of [`take`](Self::take).
    ///
    /// ```
    /// use pyref::{Ref, Slot};
    /// let slot = Slot::new(Ref::new(1));
    /// assert_eq!(*slot.swap(Some(Ref::new(2))).unwrap(), 1);
    /// ```
    #[inline]
    pub fn swap(&self, value: Option<Ref<T>>) -> Option<Ref<T>> {
        // SAFETY: the value's reference is given to the slot; what comes out is of this type, and its reference ours.
        unsafe { from_raw(self.raw.swap(into_raw(value))) }
    }

    /// Replaces what is in the slot if it is this object, and returns the slot's reference to it.
    ///
    /// # Errors
    ///
    /// The slot has another object, or none where one is expected: `value` comes back.
    ///
    /// Cost: as [`swap`](Self::swap). Ordering: who loads `value` sees what it is; none on failure.
    ///
    /// ```
    /// use pyref::{Ref, Slot};
    /// let slot = Slot::new(Ref::new(1));
    /// let seen = slot.load();
    /// assert!(slot.compare_exchange(None, Some(Ref::new(2))).is_err());
    /// let old = slot.compare_exchange(seen.as_ref(), Some(Ref::new(2))).unwrap();
    /// assert_eq!(*old.unwrap(), 1);
    /// ```
    #[inline]
    pub fn compare_exchange(
        &self,
        expected: Option<&Ref<T>>,
        value: Option<Ref<T>>,
    ) -> Result<Option<Ref<T>>, Option<Ref<T>>> {
        let (expected, next) = (expected.map(Ref::as_raw), into_raw(value));
        // SAFETY: the value's reference is given to the slot; the caller has one to what is expected.
        match unsafe { self.raw.compare_exchange(expected, next) } {
            // SAFETY: the slot's reference to what was in it.
            Ok(()) => Ok(unsafe { from_raw(expected) }),
            // SAFETY: not taken by the slot.
            Err(_) => Err(unsafe { from_raw(next) }),
        }
    }
}

impl<T: Send + Sync> Drop for Slot<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T: Send + Sync> Default for Slot<T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T: Send + Sync> From<Ref<T>> for Slot<T> {
    fn from(value: Ref<T>) -> Self {
        Self::new(value)
    }
}

impl<T: Send + Sync + fmt::Debug> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&self.load()).finish()
    }
}

/// An object that a guard keeps, without a reference to it.
///
/// ```
/// use pyref::{Guard, Ref, Slot};
///
/// let slot = Slot::new(Ref::new(String::from("kept")));
/// let kept = {
///     let guard = Guard::visit();
///     let seen = slot.borrow(&guard).unwrap();
///     assert_eq!(seen.len(), 4);
///     // To have it for longer, take a reference.
///     seen.upgrade().unwrap()
/// };
/// assert_eq!(*kept, "kept");
/// ```
pub struct Borrowed<'g, T: Send + Sync + 'static> {
    /// Of an object of this type, which the guard keeps.
    raw: NonNull<Header>,
    _guarded: PhantomData<&'g Object<T>>,
}

// SAFETY: a shared borrow of a `T` that is `Sync`; what it can make, a `Ref`, is `Send`.
unsafe impl<T: Send + Sync> Send for Borrowed<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Borrowed<'_, T> {}

impl<T: Send + Sync> Borrowed<'_, T> {
    /// A reference, unless the last one has gone meanwhile.
    ///
    /// Cost: a load and an RMW; for the owner a store in place of the RMW.
    ///
    /// ```
    /// use pyref::{Guard, Ref, Slot};
    /// let slot = Slot::new(Ref::new(1));
    /// let guard = Guard::visit();
    /// let seen = slot.borrow(&guard).unwrap();
    /// slot.store(None);
    /// assert!(seen.upgrade().is_none());
    /// assert_eq!(*seen, 1);
    /// ```
    ///
    /// Port of: `_Py_TryIncref` (Include/internal/pycore_object.h)
    #[inline]
    #[must_use]
    pub fn upgrade(&self) -> Option<Ref<T>> {
        // SAFETY: the guard keeps the memory; what is in a slot has been published (SLOT-2), and is dropped with this.
        let taken = unsafe { shared::try_published(self.raw, dealloc::<T>) };
        // SAFETY: an object of this type, with a reference that was just taken.
        taken.then(|| unsafe { Ref::from_raw(self.raw) })
    }
}

impl<T: Send + Sync> Deref for Borrowed<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: all that comes into a slot is an object of its type; the guard keeps it, and nobody writes to it before
        // its end (OBJECT-1).
        unsafe { &self.raw.cast::<Object<T>>().as_ref().value }
    }
}

impl<T: Send + Sync> Clone for Borrowed<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync> Copy for Borrowed<'_, T> {}

impl<T: Send + Sync + fmt::Debug> fmt::Debug for Borrowed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
