//! Which thread state the calling thread has attached.

use crate::thread::Thread;
use pyparking::primitive::Cell;

pyparking::thread_slot! {
    static CURRENT: Cell<*const Thread> = Cell::new(core::ptr::null())
}

/// The attached state, or null. Port of: `_PyThreadState_GET` (Include/internal/pycore_pystate.h)
#[inline]
pub(crate) fn get() -> *const Thread {
    CURRENT.with(Cell::get)
}

/// Sets the attached state; null for none.
#[inline]
pub(crate) fn set(thread: *const Thread) {
    CURRENT.with(|current| current.set(thread));
}
