//! The records there are, in an array that grows while others read it.
//!
//! * TABLE-1: a record is in every array from the one that was current when the record was made; its place never changes.
//! * TABLE-2: arrays change under the table's lock alone. A reader that holds the lock finds the current one; any other
//!   reader is online, and an array that was replaced is freed once its goal is reached.
//!
//! Port of: `grow_thread_array`, `initialize_new_array` (Python/qsbr.c)
//! PORT: CPython stops the world to move its states to a larger array. Here the array has pointers, so the states stay
//! in their places, and the old array goes the way of everything that readers may look at.

use crate::record::Record;
use core::ptr;
use pyparking::primitive::{AtomicPtr, MODELLED, Ordering};

/// The smallest array. Port of: `MIN_ARRAY_SIZE` (Python/qsbr.c)
const FIRST: usize = if MODELLED { 1 } else { 8 };

/// One array; places behind the last record are null.
pub(crate) struct Array {
    places: Box<[AtomicPtr<Record>]>,
}

impl Array {
    /// An array with the records of `old`, twice as large.
    pub(crate) fn grown(old: Option<&Self>) -> Self {
        let before = old.map_or(&[][..], |old| &old.places);
        let size = FIRST.max(before.len() * 2);
        // ORD: Relaxed, under the lock that every change is made under (TABLE-2).
        let kept = before.iter().map(|place| place.load(Ordering::Relaxed));
        let places = kept.chain(core::iter::repeat(ptr::null_mut())).take(size);
        Self { places: places.map(AtomicPtr::new).collect() }
    }

    /// Puts a record into the first free place, if there is one. Under the table's lock.
    pub(crate) fn add(&self, record: &'static Record) -> bool {
        // ORD: Relaxed, under the lock (TABLE-2).
        let free = self.places.iter().find(|place| place.load(Ordering::Relaxed).is_null());
        let Some(place) = free else { return false };
        // ORD: Release, pairs with the Acquire of `records`: what the record is made of.
        place.store(ptr::from_ref(record).cast_mut(), Ordering::Release);
        true
    }

    /// The records.
    pub(crate) fn records(&self) -> impl Iterator<Item = &'static Record> {
        self.places.iter().map_while(|place| {
            // ORD: Acquire, pairs with the Release of `add`.
            let record = place.load(Ordering::Acquire);
            // SAFETY: null, or a record, of which none is ever freed (RECORD-1).
            unsafe { record.as_ref() }
        })
    }
}
