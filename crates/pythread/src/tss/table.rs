//! A thread's values, by the places of the keys.

use crate::error::TssError;
use core::ptr;
use pyparking::primitive::{Cell, UnsafeCell};
use pyparking::thread_slot;

/// A value, and the word of the key under which it was stored (TSS-1).
#[derive(Clone, Copy)]
struct Entry {
    word: u64,
    value: *mut (),
}

/// Nothing was stored here.
const EMPTY: Entry = Entry { word: 0, value: ptr::null_mut() };

/// Where the calling thread's entries are, for the fast path: without destructor, so that a read tests nothing.
#[derive(Clone, Copy)]
struct View {
    entries: *mut Entry,
    len: usize,
}

const NOTHING: View = View { entries: ptr::null_mut(), len: 0 };

thread_slot! {
    static VIEW: Cell<View> = Cell::new(NOTHING)
}
thread_slot! {
    static STORE: Store = Store(UnsafeCell::new(Vec::new()))
}

/// Owns the entries that the view shows, and frees them when the thread ends.
struct Store(UnsafeCell<Vec<Entry>>);

impl Drop for Store {
    fn drop(&mut self) {
        // Gone where the checker drops it first: then nobody reads through it either.
        let _gone = VIEW.try_with(|view| view.set(NOTHING));
    }
}

/// The entry at `place`, if the thread has so many.
#[inline]
pub(super) fn get(place: usize) -> Option<(u64, *mut ())> {
    let entry = at(place)?;
    // SAFETY: the view shows entries of this thread's store, which only this thread uses, and never while it is
    // being grown.
    let entry = unsafe { *entry };
    Some((entry.word, entry.value))
}

#[inline]
fn at(place: usize) -> Option<*mut Entry> {
    let view = VIEW.with(Cell::get);
    // SAFETY: within the entries of the view.
    (place < view.len).then(|| unsafe { view.entries.add(place) })
}

/// Stores `value` at `place` for the key of that word.
#[inline]
pub(super) fn set(place: usize, word: u64, value: *mut ()) -> Result<(), TssError> {
    let entry = match at(place) {
        Some(entry) => entry,
        None => grown(place)?,
    };
    // SAFETY: as in `get`; nothing else has a reference to it.
    unsafe { *entry = Entry { word, value } };
    Ok(())
}

/// The entry at `place`, after making room for it.
#[cold]
fn grown(place: usize) -> Result<*mut Entry, TssError> {
    let grow = |store: &Store| {
        // SAFETY: this thread's alone, and not re-entered: the allocator uses no key of ours.
        let entries = unsafe { &mut *store.0.get() };
        entries.resize((place + 1).next_power_of_two(), EMPTY);
        VIEW.with(|view| {
            view.set(View { entries: entries.as_mut_ptr(), len: entries.len() });
        });
    };
    STORE.try_with(grow).map_err(|_| TssError::ThreadEnding)?;
    at(place).ok_or(TssError::ThreadEnding)
}
