//! Which member the calling thread is online with.

use crate::record::Record;
use core::ptr;
use pyparking::primitive::Cell;

pyparking::thread_slot! {
    static CURRENT: Cell<*const Record> = Cell::new(ptr::null())
}

/// The record of the member, or null while the thread is offline.
#[inline]
pub(crate) fn get() -> *const Record {
    CURRENT.with(Cell::get)
}

/// Sets the record; null when the thread goes offline.
#[inline]
pub(crate) fn set(record: *const Record) {
    CURRENT.with(|current| current.set(record));
}
