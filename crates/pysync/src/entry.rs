//! What a thread that waits for a read-write mutex shows to the one who lets go: what it wants, and since when.
//!
//! On the waiter's stack, used under the bucket lock of the mutex.

use core::ptr;
use pyparking::primitive::RaceCell;

/// A waiter with a wish.
pub(crate) struct Entry<W> {
    pub(crate) wish: W,
    pub(crate) fair_at: u64,
    granted: RaceCell<bool>,
}

impl<W> Entry<W> {
    pub(crate) fn new(wish: W, fair_at: u64) -> Self {
        Self { wish, fair_at, granted: RaceCell::new(false) }
    }

    /// The argument to park with.
    pub(crate) fn as_arg(&self) -> *mut () {
        ptr::from_ref(self).cast_mut().cast()
    }

    /// The waiter behind an argument found in the queue of a mutex.
    ///
    /// # Safety
    ///
    /// Under the bucket lock of the mutex that the argument was found at, whose waiters all park with an entry of this
    /// type and stay until they are woken.
    pub(crate) unsafe fn of<'a>(arg: *mut ()) -> &'a Self {
        // SAFETY: as the caller says.
        unsafe { &*arg.cast::<Self>() }
    }

    /// Tells the waiter that it has what it wants. Under the bucket lock.
    pub(crate) fn grant(&self) {
        // SAFETY: under the bucket lock, and the waiter looks only after its wake.
        unsafe { self.granted.set(true) };
    }

    pub(crate) fn was_granted(&self) -> bool {
        // SAFETY: this is the waiter, out of the queue: nobody else has the entry any more.
        unsafe { self.granted.get() }
    }
}
