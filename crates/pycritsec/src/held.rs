//! Whether the calling thread is in a section of a mutex.
//!
//! Port of: `_PyCriticalSection_AssertHeld` (Include/internal/pycore_critical_section.h)
//! PORT: passes on a thread without sections if somebody holds the mutex, and on one that stopped the world; CPython
//! has a separate macro for each.

use crate::closure::Lockable;
use crate::mode::Mode;
use crate::mutexes::Mutexes;
use crate::stack::{self, Stack};
use crate::tag::Link;
use pysync::Mutex;

/// Whether the thread's innermost section holds the object's mutex.
///
/// Only the innermost counts: one further out may be suspended by the next call that blocks. Under a GIL the answer is
/// about what was noted.
///
/// Cost: a few loads.
///
/// ```
/// use pycritsec::{is_held, with_critical_section};
/// use pysync::Mutex;
///
/// let (a, b) = (Mutex::new(), Mutex::new());
/// with_critical_section(&a, || {
///     assert!(is_held(&a));
///     with_critical_section(&b, || assert!(is_held(&b) && !is_held(&a)));
/// });
/// assert!(!is_held(&a));
/// ```
#[must_use]
pub fn is_held<T: Lockable + ?Sized>(object: &T) -> bool {
    let mutex = object.mutex();
    stack::with(|stack| {
        // SAFETY: what is on the list is alive (CS-1).
        unsafe { noted(stack).holds(mutex) }
    })
}

/// Asserts that the calling thread may touch what the object's mutex protects.
///
/// It may if its innermost section holds the mutex; if it is in no section and the mutex is locked, by itself one hopes;
/// and if it has stopped the world.
///
/// Cost: nothing without debug assertions.
///
/// # Panics
///
/// With debug assertions, if the thread may not. The message says what the innermost section holds.
///
/// ```
/// use pycritsec::{assert_held, with_critical_section};
/// use pysync::Mutex;
///
/// static OBJECT: Mutex = Mutex::new();
/// with_critical_section(&OBJECT, || assert_held(&OBJECT));
/// ```
///
/// Port of: `_PyCriticalSection_AssertHeld` (Include/internal/pycore_critical_section.h)
#[inline]
#[track_caller]
pub fn assert_held<T: Lockable + ?Sized>(object: &T) {
    if cfg!(debug_assertions) {
        check(object.mutex());
    }
}

/// The innermost section, active if it counts: under a GIL the noted ones do.
fn noted(stack: &Stack) -> Link {
    let top = stack.top();
    if stack.mode() == Mode::Bookkeeping { top.resumed() } else { top }
}

#[track_caller]
fn check(mutex: &Mutex) {
    let (mode, top) = stack::with(|stack| (stack.mode(), noted(stack)));
    // SAFETY: what is on the list is alive (CS-1).
    let held = unsafe { top.holds(mutex) };
    let excluded = top.is_null() && mode != Mode::Bookkeeping && mutex.is_locked();
    if !held && !excluded && mode != Mode::Stopper {
        // SAFETY: as above; not null.
        let instead = (!top.is_null()).then(|| unsafe { top.mutexes() });
        not_held(mutex, instead);
    }
}

#[cold]
#[track_caller]
fn not_held(mutex: *const Mutex, instead: Option<Mutexes>) -> ! {
    let address = mutex.addr();
    match instead {
        None => panic!("Mutex at {address:#x} is not held: the thread is in no critical section"),
        Some(Mutexes { first, second }) if second.is_null() => panic!(
            "Mutex at {address:#x} is not held: the thread's innermost critical section is of {:#x}",
            first.addr()
        ),
        Some(Mutexes { first, second }) => panic!(
            "Mutex at {address:#x} is not held: the thread's innermost critical section is of {:#x} and {:#x}",
            first.addr(),
            second.addr()
        ),
    }
}
