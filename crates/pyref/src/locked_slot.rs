//! The slot as it was before: a lock around each store, and around a load's second attempt.
//!
//! Kept beside [`Slot`](crate::Slot) for its argument and its figures; see
//! [there](crate::raw::RawSlot) why no part of one fits the other.
//!
//! | operation | without the lock | under the lock |
//! |---|---|---|
//! | load | read, try to take a reference, look again | if that failed: read, take a reference without trying, and publish |
//! | store | | read the old value, store the new one |
//!
//! * LOCKED-1: the pointer is changed under the lock alone, so under it the slot's reference keeps the object.
//!
//! Port of: `PyMember_GetOne`, `PyMember_SetOne` (Python/structmember.c)
//! PORT: CPython 3.14's, before the change that [`Slot`](crate::Slot) is the port of; its lock is that of the object that
//! has the slot.

use crate::current;
use crate::guard::Guard;
use crate::handle::Ref;
use crate::header::Header;
use crate::object::dealloc;
use crate::raw_slot::RawSlot;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use pysync::Mutex;

/// A place for a [`Ref`] or none, with a lock for those who store.
///
/// ```
/// use pyref::{LockedSlot, Ref};
///
/// let slot = LockedSlot::empty();
/// slot.store(Some(Ref::new(1)));
/// assert_eq!(*slot.load().unwrap(), 1);
/// ```
///
/// Port of: `PyMember_SetOne` (Python/structmember.c)
pub struct LockedSlot<T: Send + Sync + 'static> {
    raw: RawSlot,
    mutex: Mutex,
    _owns: PhantomData<Ref<T>>,
}

impl<T: Send + Sync> LockedSlot<T> {
    pyparking::const_fn! {
        /// A slot with nothing in it.
        ///
        /// Cost: no atomic operation.
        ///
        /// ```
        /// static SLOT: pyref::LockedSlot<u8> = pyref::LockedSlot::empty();
        /// assert!(SLOT.load().is_none());
        /// ```
        #[must_use]
        pub fn empty() -> Self {
            Self { raw: RawSlot::empty(), mutex: Mutex::new(), _owns: PhantomData }
        }
    }

    /// A reference to what is in the slot.
    ///
    /// Cost: two loads and an RMW; for the object's owner a store in place of the RMW. The lock, while others store and
    /// after a store of what only its owner has had. On a thread that is not online, that of a [`Guard::visit`] besides.
    ///
    /// Ordering: what the storing thread did before is seen.
    ///
    /// ```
    /// assert!(pyref::LockedSlot::<u8>::empty().load().is_none());
    /// ```
    ///
    /// Port of: `PyMember_GetOne` (Python/structmember.c)
    #[inline]
    #[must_use]
    pub fn load(&self) -> Option<Ref<T>> {
        let _guard = current::get().is_null().then(Guard::visit);
        let seen = self.raw.peek()?;
        // SAFETY: online, or under a guard; every reference to a `T` is dropped with this.
        if unsafe { self.raw.try_incref_compare(seen, dealloc::<T>) } {
            // SAFETY: of this type, with the reference that was just taken.
            return Some(unsafe { Ref::from_raw(seen) });
        }
        self.load_locked()
    }

    #[cold]
    fn load_locked(&self) -> Option<Ref<T>> {
        self.mutex.lock();
        let seen = self.raw.peek().inspect(|seen| {
            // SAFETY: the slot's reference keeps the object while the lock is held (LOCKED-1).
            unsafe { seen.as_ref().incref_with_lock() };
        });
        self.mutex.unlock();
        // SAFETY: of this type, with the reference that was just taken.
        seen.map(|seen| unsafe { Ref::from_raw(seen) })
    }

    /// Replaces what is in the slot, and drops it.
    ///
    /// Cost: lock and unlock, a load and a store, and what dropping a reference costs.
    ///
    /// Ordering: what came before is seen by who loads the value.
    ///
    /// ```
    /// use pyref::{LockedSlot, Ref};
    /// let slot = LockedSlot::empty();
    /// slot.store(Some(Ref::new(1)));
    /// slot.store(None);
    /// assert!(slot.load().is_none());
    /// ```
    ///
    /// Port of: `PyMember_SetOne` (Python/structmember.c)
    #[inline]
    pub fn store(&self, value: Option<Ref<T>>) {
        let next = value.map(Ref::into_raw);
        self.mutex.lock();
        // SAFETY: the value's reference is given to the slot; under the lock (LOCKED-1).
        let old = unsafe { self.raw.replace_locked(next) };
        self.mutex.unlock();
        drop(Self::owned(old));
    }

    /// What the slot gave up.
    fn owned(raw: Option<NonNull<Header>>) -> Option<Ref<T>> {
        // SAFETY: all that comes into the slot is of this type, and its reference is the caller's now.
        raw.map(|raw| unsafe { Ref::from_raw(raw) })
    }
}

impl<T: Send + Sync> Drop for LockedSlot<T> {
    fn drop(&mut self) {
        // SAFETY: nobody else has the slot any more.
        drop(Self::owned(unsafe { self.raw.replace_locked(None) }));
    }
}

impl<T: Send + Sync> Default for LockedSlot<T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T: Send + Sync + fmt::Debug> fmt::Debug for LockedSlot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockedSlot").field(&self.load()).finish()
    }
}
