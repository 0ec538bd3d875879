//! Core's cells under types of our own, so that a stray one elsewhere is a lint error.
#![expect(clippy::disallowed_types, reason = "this is the shim that the lint points to")]

/// A place for data that the primitive around it protects.
#[derive(Debug)]
#[repr(transparent)]
pub struct UnsafeCell<T: ?Sized>(core::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// A cell with `value`.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    /// The value, out of its cell.
    #[inline]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> UnsafeCell<T> {
    /// Where the value is.
    #[inline]
    pub const fn get(&self) -> *mut T {
        self.0.get()
    }

    /// The value, which the borrow shows to be nobody else's.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

/// A place that one thread uses, in a thread-local.
#[repr(transparent)]
pub struct Cell<T>(core::cell::Cell<T>);

impl<T> Cell<T> {
    /// A cell with `value`.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(core::cell::Cell::new(value))
    }

    /// Replaces the value.
    #[inline]
    pub fn set(&self, value: T) {
        self.0.set(value);
    }
}

impl<T: Copy> Cell<T> {
    /// A copy of the value.
    #[inline]
    pub fn get(&self) -> T {
        self.0.get()
    }
}

impl<T: Default> Cell<T> {
    /// The value, leaving the default.
    #[inline]
    pub fn take(&self) -> T {
        self.0.take()
    }
}
