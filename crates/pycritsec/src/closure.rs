//! The safe form: a closure runs inside a section, which ends when the closure returns or unwinds.
//!
//! Port of: `Py_BEGIN_CRITICAL_SECTION`, `Py_END_CRITICAL_SECTION`, `Py_BEGIN_CRITICAL_SECTION2`,
//! `Py_END_CRITICAL_SECTION2` (Include/cpython/critical_section.h)

use crate::pair::PairSection;
use crate::section::{Begun, Section};
use core::mem::ManuallyDrop;
use pysync::Mutex;
use std::rc::Rc;
use std::sync::Arc;

/// What a critical section can be entered for: something with a mutex of its own, as an object's header has.
///
/// ```
/// use pycritsec::{Lockable, with_critical_section};
/// use pysync::Mutex;
///
/// struct List {
///     mutex: Mutex,
/// }
///
/// impl Lockable for List {
///     fn mutex(&self) -> &Mutex {
///         &self.mutex
///     }
/// }
///
/// let list = List { mutex: Mutex::new() };
/// with_critical_section(&list, || assert!(list.mutex.is_locked()));
/// ```
pub trait Lockable {
    /// The mutex, always the same one. Asked for once per section.
    ///
    /// Cost: no atomic operation where the mutex is a field; otherwise what it takes to find it, in every section.
    ///
    /// ```
    /// use pycritsec::{Lockable, with_critical_section};
    /// use pysync::Mutex;
    ///
    /// struct Header {
    ///     mutex: Mutex,
    /// }
    ///
    /// struct Dict {
    ///     header: Header,
    /// }
    ///
    /// impl Lockable for Dict {
    ///     fn mutex(&self) -> &Mutex {
    ///         &self.header.mutex
    ///     }
    /// }
    ///
    /// let dict = std::sync::Arc::new(Dict { header: Header { mutex: Mutex::new() } });
    /// with_critical_section(&dict, || assert!(dict.mutex().is_locked()));
    /// ```
    fn mutex(&self) -> &Mutex;
}

impl Lockable for Mutex {
    #[inline]
    fn mutex(&self) -> &Mutex {
        self
    }
}

macro_rules! through {
    ($($pointer:ty),+) => {$(
        impl<T: Lockable + ?Sized> Lockable for $pointer {
            #[inline]
            fn mutex(&self) -> &Mutex {
                (**self).mutex()
            }
        }
    )+};
}
through!(&T, Box<T>, Rc<T>, Arc<T>);

/// Runs `inside` in a critical section over the object's mutex.
///
/// Of all threads in sections of this mutex one is inside at a time, *except while it sleeps*: a section is
/// suspended when its thread blocks, be it in another section or in any lock, and resumed before the thread goes on. So
/// what was read before such a call may have changed after it; and no order of sections deadlocks.
///
/// A section inside one of the same mutex locks nothing. A panic ends the section.
///
/// Cost: two RMWs; none inside a section that holds the mutex already.
///
/// Ordering: what happened in a section happens before the next section of the mutex.
///
/// ```
/// use pycritsec::with_critical_section;
/// use pysync::Mutex;
///
/// static OBJECT: Mutex = Mutex::new();
///
/// let answer = with_critical_section(&OBJECT, || {
///     with_critical_section(&OBJECT, || assert!(OBJECT.is_locked()));
///     42
/// });
/// assert_eq!(answer, 42);
/// assert!(!OBJECT.is_locked());
/// ```
///
/// Port of: `Py_BEGIN_CRITICAL_SECTION` (Include/cpython/critical_section.h)
#[inline]
pub fn with_critical_section<T, R>(object: &T, inside: impl FnOnce() -> R) -> R
where
    T: Lockable + ?Sized,
{
    let mutex = object.mutex();
    let section = Section::over(mutex);
    // SAFETY: (1, 2) the section is in this frame until `_end` ends it, on this thread; (3) sections of the closures
    // inside end before this frame goes on, and raw ones by their own contract; (4) the mutex is borrowed from `object`,
    // which is borrowed for longer than this frame.
    let begun = unsafe { section.begin_over(mutex) };
    let end = EndSection { section: &section, mutex, begun };
    let result = inside();
    end.now();
    result
}

/// Runs `inside` in a critical section over the mutexes of two objects, in whichever order they are given.
///
/// See [`with_critical_section`] for what that promises. The same object twice is a section over one. The thread
/// holds neither mutex while it waits for them.
///
/// Cost: four RMWs; none inside a section that holds both already.
///
/// ```
/// use pycritsec::with_critical_section2;
/// use pysync::Mutex;
///
/// let (from, to) = (Mutex::new(), Mutex::new());
/// with_critical_section2(&from, &to, || {
///     with_critical_section2(&to, &from, || assert!(from.is_locked() && to.is_locked()));
/// });
/// assert!(!from.is_locked() && !to.is_locked());
/// ```
///
/// Port of: `Py_BEGIN_CRITICAL_SECTION2` (Include/cpython/critical_section.h)
#[inline]
pub fn with_critical_section2<A, B, R>(a: &A, b: &B, inside: impl FnOnce() -> R) -> R
where
    A: Lockable + ?Sized,
    B: Lockable + ?Sized,
{
    let (a, b) = (a.mutex(), b.mutex());
    if core::ptr::eq(a, b) {
        return with_critical_section(a, inside);
    }
    let section = PairSection::over(a, b);
    // SAFETY: as in `with_critical_section`, for both mutexes, which are two.
    let begun = unsafe { section.begin_over(a, b) };
    let end = EndPair { section: &section, mutexes: (a, b), begun };
    let result = inside();
    end.now();
    result
}

/// Ends a section, on unwind too.
struct EndSection<'a> {
    section: &'a Section,
    mutex: &'a Mutex,
    begun: Begun,
}

impl EndSection<'_> {
    /// The end where nothing has unwound: not by the drop, of which the compiler makes a call, and never twice, though an
    /// End may unwind itself.
    #[inline(always)]
    fn now(self) {
        ManuallyDrop::new(self).end();
    }

    #[inline(always)]
    fn end(&self) {
        match self.begun {
            // SAFETY: begun by this thread in the same frame, over this mutex and alone, and ended here only.
            Begun::Alone => unsafe { self.section.end_alone(self.mutex) },
            Begun::Empty => {}
            // SAFETY: begun by this thread in the same frame, and ended here only.
            Begun::Inside => unsafe { self.section.end() },
        }
    }
}

impl Drop for EndSection<'_> {
    #[cold]
    fn drop(&mut self) {
        self.end();
    }
}

/// The same for two.
struct EndPair<'a> {
    section: &'a PairSection,
    mutexes: (&'a Mutex, &'a Mutex),
    begun: Begun,
}

impl EndPair<'_> {
    #[inline(always)]
    fn now(self) {
        ManuallyDrop::new(self).end();
    }

    #[inline(always)]
    fn end(&self) {
        match self.begun {
            // SAFETY: as for one.
            Begun::Alone => unsafe { self.section.end_alone(self.mutexes.0, self.mutexes.1) },
            Begun::Empty => {}
            // SAFETY: as for one.
            Begun::Inside => unsafe { self.section.end() },
        }
    }
}

impl Drop for EndPair<'_> {
    #[cold]
    fn drop(&mut self) {
        self.end();
    }
}
