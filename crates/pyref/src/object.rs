//! A value behind a header, on the heap, and how it goes.
//!
//! | step | who | what |
//! |---|---|---|
//! | birth | the maker | one reference; owned by the maker's member |
//! | death | whoever drops or merges the last reference | the object is put aside, value and all |
//! | end | whoever finds its goal reached | the value's destructor runs, the memory is freed |
//!
//! * OBJECT-1: between death and end nobody changes the object, and readers may look at header and value.
//! * OBJECT-2: the value is dropped once, at the end; an object that is never dropped is immortal or leaked by safe means.
//!
//! PORT: CPython's destructors run at death, and the memory alone waits. Here the value waits too, because a guard lends
//! it out.

use crate::current;
use crate::delayed::Delayed;
use crate::header::Header;
use crate::place::Place;
use crate::qsbr::the_qsbr;
use crate::record::Record;
use core::mem::needs_drop;
use core::ptr::NonNull;
use pyparking::primitive::{MODELLED, seeded};

/// A header and what it counts.
#[repr(C)]
pub(crate) struct Object<T> {
    pub(crate) header: Header,
    pub(crate) value: T,
}

impl<T> Object<T> {
    /// A new object with one reference, by its header.
    pub(crate) fn born(value: T) -> NonNull<Header> {
        Self::leak(Header::new(), value)
    }

    pub(crate) fn leak(header: Header, value: T) -> NonNull<Header> {
        // Cast from the whole object, so that the value is reached through the header's pointer.
        NonNull::from(Box::leak(Box::new(Self { header, value }))).cast()
    }
}

/// Puts an object of this type aside, whose count is zero.
///
/// # Safety
///
/// `object` begins an [`Object<T>`] whose last reference has gone, and this is called once.
pub(crate) unsafe fn dealloc<T: Send + Sync + 'static>(object: NonNull<Header>) {
    let item = Delayed { pointer: object.cast(), free: end::<T>, runs_code: needs_drop::<T>() };
    if seeded("qsbr-free-at-once") {
        return item.free();
    }
    // SAFETY: the last reference has gone, so nobody finds the object any more; its value may go on any thread.
    unsafe { put_aside(item) };
}

/// The end of an object.
///
/// # Safety
///
/// `object` is what `dealloc` put aside, nobody looks at it any more, and this is called once.
unsafe fn end<T>(object: NonNull<()>) {
    let object = object.cast::<Object<T>>();
    // SAFETY: still there (OBJECT-1).
    unsafe { object.as_ref() }.header.watch.end();
    if MODELLED {
        // The memory stays, so that a model can say what touches it.
        // SAFETY: dropped once (OBJECT-2).
        return unsafe { core::ptr::drop_in_place(&raw mut (*object.as_ptr()).value) };
    }
    // SAFETY: from a box in `Object::leak`.
    drop(unsafe { Box::from_raw(object.as_ptr()) });
}

/// # Safety
///
/// As of [`retire`].
unsafe fn put_aside(item: Delayed) {
    let me = current::get();
    if me.is_null() {
        return the_qsbr().adopt(item);
    }
    // SAFETY: a record, of which none is ever freed; this thread is online as its member; the rest is handed on.
    unsafe { Place::new(&*me.cast::<Record>()).put(item) };
}

/// Frees something when nobody can be looking at it any more: calls `free` with `pointer`, once, at some quiescent
/// state of some thread, or in a pause of the world.
///
/// Cost: a push, and one advance (an RMW) in ten; a look at all members in 64. One RMW and two locks for a thread that
/// is not online. No heap once the lists have grown.
///
/// # Safety
///
/// 1. Whoever does not have `pointer` yet cannot get it any more.
/// 2. Those who have it use it no longer than to their next quiescent state, or under a guard that was opened before
///    this call.
/// 3. `free` may be called with `pointer` on any thread, with any lock held that the caller of a drop may hold, and while
///    the world stands still: it frees memory and does nothing that waits.
///
/// ```
/// use pyref::raw::retire;
/// use std::ptr::NonNull;
///
/// unsafe fn free(number: NonNull<()>) {
///     // SAFETY: from the box below.
///     drop(unsafe { Box::from_raw(number.cast::<u64>().as_ptr()) });
/// }
///
/// let number = NonNull::from(Box::leak(Box::new(7_u64)));
/// // SAFETY: nobody else has ever seen it; a number can be freed anywhere.
/// unsafe { retire(number.cast(), free) };
/// ```
///
/// Port of: `_PyObject_FreeDelayed`, `_PyMem_FreeDelayed` (Objects/obmalloc.c)
pub unsafe fn retire(pointer: NonNull<()>, free: unsafe fn(NonNull<()>)) {
    // SAFETY: handed on.
    unsafe { put_aside(Delayed { pointer, free, runs_code: false }) };
}
