//! A typed handle: clone takes a reference, drop gives it back.

use crate::header::Header;
use crate::object::{Object, dealloc};
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;

/// A counted reference to a `T` that threads share.
///
/// Like an [`Arc`](std::sync::Arc) whose clone and drop cost the thread that made the object no atomic operation, as
/// long as it is online ([`Member`](crate::Member)), and that can be put into a [`Slot`](crate::Slot). Any thread may have
/// one, online or not. The value's destructor runs some time after the last reference has gone: when no reader can have
/// the object in hand any more.
///
/// ```
/// use pyref::Ref;
///
/// let first = Ref::new(String::from("shared"));
/// let second = first.clone();
/// let other = std::thread::spawn(move || second.len());
/// assert_eq!(other.join().unwrap(), 6);
/// assert_eq!(*first, "shared");
/// ```
///
/// Port of: `PyObject` (Include/object.h)
pub struct Ref<T: Send + Sync + 'static> {
    object: NonNull<Header>,
    _owns: PhantomData<Object<T>>,
}

// SAFETY: as of `Arc`: references and the value may go anywhere, because the value is `Send` and `Sync`.
unsafe impl<T: Send + Sync> Send for Ref<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Ref<T> {}

impl<T: Send + Sync> Ref<T> {
    /// A new object with one reference.
    ///
    /// Cost: one allocation, of the value and 24 bytes. No atomic operation.
    ///
    /// ```
    /// assert_eq!(*pyref::Ref::new(1), 1);
    /// ```
    #[inline]
    #[must_use]
    pub fn new(value: T) -> Self {
        Self { object: Object::born(value), _owns: PhantomData }
    }

    /// A new object that is never freed: its references cost nothing.
    ///
    /// Cost: one allocation, for good.
    ///
    /// ```
    /// let none = pyref::Ref::immortal("None");
    /// assert_eq!(*none.clone(), "None");
    /// ```
    ///
    /// Port of: `_Py_SetImmortal` (Objects/object.c)
    #[must_use]
    pub fn immortal(value: T) -> Self {
        Self { object: Object::leak(Header::immortal(), value), _owns: PhantomData }
    }

    /// Whether both refer to the same object.
    ///
    /// Cost: a comparison.
    ///
    /// ```
    /// use pyref::Ref;
    /// let one = Ref::new(1);
    /// assert!(Ref::ptr_eq(&one, &one.clone()) && !Ref::ptr_eq(&one, &Ref::new(1)));
    /// ```
    #[inline]
    #[must_use]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.object == other.object
    }

    /// How many references there are, at some moment if others count too; references that wait in the owner's queue
    /// among them.
    ///
    /// Cost: two relaxed loads.
    ///
    /// ```
    /// use pyref::Ref;
    /// let one = Ref::new(1);
    /// let two = one.clone();
    /// assert_eq!(Ref::count(&one), 2);
    /// # drop(two);
    /// ```
    ///
    /// Port of: `Py_REFCNT` (Include/refcount.h)
    #[must_use]
    pub fn count(this: &Self) -> isize {
        this.header().count()
    }

    /// The header.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pyref::Ref;
    /// assert!(Ref::as_header(&Ref::immortal(1)).is_immortal());
    /// ```
    #[must_use]
    pub fn as_header(this: &Self) -> &Header {
        this.header()
    }

    /// Gives the reference up for its pointer.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pyref::Ref;
    /// let raw = Ref::into_raw(Ref::new(1));
    /// // SAFETY: from `into_raw` of the same type, once.
    /// assert_eq!(*unsafe { Ref::<i32>::from_raw(raw) }, 1);
    /// ```
    #[inline]
    #[must_use = "the reference is leaked unless `from_raw` takes it back"]
    pub fn into_raw(this: Self) -> NonNull<Header> {
        ManuallyDrop::new(this).object
    }

    /// The reference back from its pointer.
    ///
    /// Cost: no atomic operation.
    ///
    /// # Safety
    ///
    /// `raw` is from [`into_raw`](Self::into_raw) of a `Ref<T>` with the same `T`, and its reference is the caller's to give.
    ///
    /// ```
    /// use pyref::Ref;
    /// let raw = Ref::into_raw(Ref::new(1));
    /// // SAFETY: from `into_raw` of the same type, once.
    /// drop(unsafe { Ref::<i32>::from_raw(raw) });
    /// ```
    #[inline]
    #[must_use]
    pub unsafe fn from_raw(raw: NonNull<Header>) -> Self {
        Self { object: raw, _owns: PhantomData }
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the reference keeps the object.
        unsafe { self.object.as_ref() }
    }

    /// The object's pointer.
    #[inline]
    pub(crate) fn as_raw(&self) -> NonNull<Header> {
        self.object
    }
}

impl<T: Send + Sync> Deref for Ref<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: made by `Object::<T>::leak`; the reference keeps the object.
        unsafe { &self.object.cast::<Object<T>>().as_ref().value }
    }
}

impl<T: Send + Sync> Clone for Ref<T> {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: this is a reference.
        unsafe { self.header().incref() };
        Self { object: self.object, _owns: PhantomData }
    }
}

impl<T: Send + Sync> Drop for Ref<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is not used after this; the object is of this type.
        unsafe { Header::decref(self.object, dealloc::<T>) };
    }
}

impl<T: Send + Sync + fmt::Debug> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
