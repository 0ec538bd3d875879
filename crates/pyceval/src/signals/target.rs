//! The main thread, as a signal handler can reach it.
//!
//! * TARGET-1: `breaker` points into what `owner` keeps alive, and is only ever used shared.

use crate::breaker::Breaker;
use core::any::Any;
use core::fmt;
use core::ptr::NonNull;
use pyparking::ThreadHandle;
use std::sync::Arc;

/// A thread that signals are delivered to: its breaker, kept alive by its owner, and the means to end its sleep.
///
/// ```
/// use pyceval::{Breaker, Target};
/// use pyparking::ThreadHandle;
/// use std::sync::Arc;
///
/// struct Thread { breaker: Breaker }
/// let thread = Arc::new(Thread { breaker: Breaker::new() });
/// let target = Target::new(thread, |thread| &thread.breaker, ThreadHandle::current());
/// # drop(target);
/// ```
pub struct Target {
    breaker: NonNull<Breaker>,
    handle: ThreadHandle,
    _owner: Arc<dyn Any + Send + Sync>,
}

// SAFETY: a shared reference to a breaker, in effect, and breakers are `Sync`; the rest is `Send`.
unsafe impl Send for Target {}
// SAFETY: as above, and the rest is `Sync`.
unsafe impl Sync for Target {}

impl Target {
    /// The thread with this handle, whose breaker `owner` has in a place that does not change.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pyceval::{Breaker, Target};
    /// use std::sync::Arc;
    ///
    /// let handle = pyparking::ThreadHandle::current();
    /// let _target = Target::new(Arc::new(Breaker::new()), |breaker| breaker, handle);
    /// ```
    pub fn new<T: Send + Sync + 'static>(
        owner: Arc<T>,
        breaker: fn(&T) -> &Breaker,
        handle: ThreadHandle,
    ) -> Self {
        let breaker = NonNull::from(breaker(&owner));
        Self { breaker, handle, _owner: owner }
    }

    #[inline]
    pub(super) fn breaker(&self) -> &Breaker {
        // SAFETY: borrowed from the owner for as long as a borrow of it can last, and the owner is shared, not moved
        // and not lent exclusively while this has a share of it (TARGET-1).
        unsafe { self.breaker.as_ref() }
    }

    /// Ends an interruptible sleep of the thread.
    #[inline]
    pub(super) fn wake(&self) {
        self.handle.interrupt();
    }
}

impl PartialEq for Target {
    /// Whether a signal would go the same way with either.
    fn eq(&self, other: &Self) -> bool {
        self.breaker == other.breaker && self.handle == other.handle
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("breaker", self.breaker())
            .field("handle", &self.handle)
            .finish()
    }
}
