//! A section over one mutex: two words in the frame of whoever is inside.
//!
//! | `prev` | `mutex` | state |
//! |---|---|---|
//! | anything | null, not on the list | fresh, ended, or *empty*: begun where nothing was to be locked, so that End has nothing to do |
//! | the section below | null, on the list | a placeholder: its thread is locking for it (CS-4) |
//! | the section below | a mutex | begun: active or suspended, by the link that leads here |
//!
//! | transition | who |
//! |---|---|
//! | fresh → begun | Begin: the mutex is locked by one compare-exchange, then the section is pushed |
//! | fresh → placeholder → begun | Begin of a mutex that is not free: pushed first, so that an attach resumes this one, which is empty, and not the one below |
//! | fresh → empty | Begin of what the innermost section holds, or by a thread that stopped the world |
//! | begun → ended | End |
//! | begun, placeholder → empty | a runtime abandons the thread (CS-8) |
//!
//! The list and its invariants (CS-1 to CS-9) are in `stack.rs`.
//!
//! Port of: `PyCriticalSection` (Include/cpython/critical_section.h), `_PyCriticalSection_BeginMutex`,
//! `_PyCriticalSection_End`, `_PyCriticalSection_Pop` (Include/internal/pycore_critical_section.h),
//! `_PyCriticalSection_BeginSlow`, `PyCriticalSection_Begin`, `PyCriticalSection_BeginMutex`, `PyCriticalSection_End`
//! (Python/critical_section.c)
//! PORT: the innermost section is looked at before the compare-exchange, not after it failed: a section in itself
//! costs no RMW. A suspended section that ends (its thread could not resume it) is popped and not unlocked. A thread
//! that blocks on a mutex of its own suspends at once instead of sleeping first.

use crate::stack;
use crate::tag::Link;
use core::fmt;
use core::ptr;
use pyparking::primitive::Cell;
use pysync::Mutex;

/// How a section began, for an End that need not look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// Active, with none below.
    Alone,
    /// Empty, and on no list: End does nothing.
    Empty,
    /// Any way.
    Inside,
}

/// A critical section over one mutex, by hand.
///
/// Most code takes [`with_critical_section`](crate::with_critical_section), which cannot be used wrongly. This form is
/// for interpreters whose sections begin and end in different functions. It is C's layout: two words.
///
/// Cost: one RMW to begin and one to end; none where the innermost section of the thread holds the mutex already.
///
/// ```
/// use pycritsec::Section;
/// use pysync::Mutex;
///
/// static LIST: Mutex = Mutex::new();
///
/// let section = Section::new();
/// // SAFETY: the section stays here until it is ended, on this thread, with none begun in between that is not
/// // ended; the mutex is a static.
/// unsafe { section.begin(&LIST) };
/// assert!(LIST.is_locked());
/// // SAFETY: begun just now.
/// unsafe { section.end() };
/// assert!(!LIST.is_locked());
/// ```
///
/// Port of: `PyCriticalSection` (Include/cpython/critical_section.h)
#[repr(C)]
pub struct Section {
    pub(crate) prev: Cell<Link>,
    pub(crate) mutex: Cell<*const Mutex>,
}

const _: () = assert!(size_of::<Section>() == 2 * size_of::<usize>());

impl Section {
    /// A section that has not begun.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pycritsec::Section;
    ///
    /// /// Of an interpreter's own stack, which stays in place.
    /// struct Frame {
    ///     section: Section,
    /// }
    ///
    /// let stack: Vec<Frame> = (0..8).map(|_| Frame { section: Section::new() }).collect();
    /// assert_eq!(size_of_val(&stack[0].section), 2 * size_of::<usize>());
    /// ```
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self { prev: Cell::new(Link::NULL), mutex: Cell::new(ptr::null()) }
    }

    /// Begins: locks `mutex`, sleeping if need be.
    ///
    /// The thread's outer sections may be suspended when this returns. They are resumed one by one as the sections
    /// above them end. If this unwinds (out of a runtime's hook), the section has not begun.
    ///
    /// Cost: one RMW if the mutex is free; none if the thread's innermost section holds it.
    ///
    /// Ordering: as [`Mutex::lock`].
    ///
    /// # Safety
    ///
    /// 1. The section stays in its place, and is not begun again, until [`end`](Self::end).
    /// 2. The same thread ends it.
    /// 3. Sections of a thread nest strictly: one that begins later ends earlier.
    /// 4. The mutex stays in its place until the end.
    ///
    /// ```
    /// use pycritsec::Section;
    /// use pysync::Mutex;
    ///
    /// static LIST: Mutex = Mutex::new();
    ///
    /// let (method, callee) = (Section::new(), Section::new());
    /// // SAFETY: both stay here and end below, in reverse, on this thread; the mutex is a static.
    /// unsafe {
    ///     method.begin(&LIST);
    ///     // Locks nothing: the innermost section has the list already.
    ///     callee.begin(&LIST);
    ///     callee.end();
    ///     assert!(LIST.is_locked());
    ///     method.end();
    /// }
    /// assert!(!LIST.is_locked());
    /// ```
    ///
    /// Port of: `PyCriticalSection_BeginMutex` (Python/critical_section.c)
    #[inline]
    pub unsafe fn begin(&self, mutex: &Mutex) {
        self.prev.set(Link::NULL);
        self.mutex.set(mutex);
        // SAFETY: handed on; `prev` and `mutex` are as they have to be.
        let _begun = unsafe { self.begin_over(mutex) };
    }

    /// A section over `mutex`, to be begun by [`begin_over`](Self::begin_over).
    #[inline]
    pub(crate) fn over(mutex: &Mutex) -> Self {
        Self { prev: Cell::new(Link::NULL), mutex: Cell::new(mutex) }
    }

    /// Begins a section whose `mutex` says so already, and whose `prev` is null.
    ///
    /// # Safety
    ///
    /// As of [`begin`](Self::begin).
    #[inline]
    pub(crate) unsafe fn begin_over(&self, mutex: &Mutex) -> Begun {
        stack::with(|stack| {
            let word = stack.word.get();
            if word.is_null() && mutex.try_lock_fresh() {
                stack.word.set(Link::to_section(self));
                return Begun::Alone;
            }
            // SAFETY: what is on the list is alive (CS-1).
            if unsafe { word.holds_first(mutex) } {
                self.mutex.set(ptr::null());
                return Begun::Empty;
            }
            // SAFETY: handed on.
            unsafe { stack.begin_inside(self, mutex) };
            Begun::Inside
        })
    }

    /// Ends a section that was alone when it began. Neither of its words is read: behind a read-modify-write a load
    /// would wait for it (CS-9).
    ///
    /// # Safety
    ///
    /// As of [`end`](Self::end); [`begin_over`](Self::begin_over) of this mutex said that it is alone.
    #[inline]
    pub(crate) unsafe fn end_alone(&self, mutex: &Mutex) {
        stack::with(|stack| {
            let link = Link::to_section(self);
            if stack.word.get() != link {
                // SAFETY: begun, by the caller's word; or abandoned (CS-8).
                return unsafe { self.end() };
            }
            mutex.unlock();
            stack.word.set(Link::NULL);
        });
    }

    /// Ends: unlocks, and resumes the thread's section below if it is suspended, which may sleep.
    ///
    /// Fatal if the section is not the thread's innermost.
    ///
    /// Cost: one RMW, and what [`Mutex::lock`] costs if there is a section to resume.
    ///
    /// # Safety
    ///
    /// The section was begun by this thread and has not ended, and the clauses of [`begin`](Self::begin) were kept.
    ///
    /// ```
    /// use pycritsec::{Section, runtime};
    /// use pysync::Mutex;
    ///
    /// static OUTER: Mutex = Mutex::new();
    /// static INNER: Mutex = Mutex::new();
    ///
    /// let (outer, inner) = (Section::new(), Section::new());
    /// // SAFETY: both stay here and end below, in reverse, on this thread; the mutexes are statics.
    /// unsafe {
    ///     outer.begin(&OUTER);
    ///     inner.begin(&INNER);
    ///     // As if the thread slept.
    ///     runtime::suspend_all();
    ///     runtime::resume_top();
    ///     assert!(INNER.is_locked() && !OUTER.is_locked());
    ///     inner.end();
    ///     assert!(OUTER.is_locked() && !INNER.is_locked());
    ///     outer.end();
    /// }
    /// ```
    ///
    /// Port of: `PyCriticalSection_End` (Python/critical_section.c)
    #[inline]
    pub unsafe fn end(&self) {
        let mutex = self.mutex.get();
        if mutex.is_null() {
            return;
        }
        stack::with(|stack| {
            let link = Link::to_section(self);
            if stack.word.get() != link {
                // SAFETY: begun, by the caller's word.
                return unsafe { stack.end_slow(link) };
            }
            // Before the unlock, so that no load stands between it and the next Begin's read-modify-write.
            let prev = self.prev.get();
            // SAFETY: active, so this thread locked the mutex (CS-3), which is alive by clause 4 of `begin`.
            unsafe { (*mutex).unlock() };
            stack.word.set(prev);
            if prev.is_inactive() {
                stack.resume_below();
            }
        });
    }
}

impl Default for Section {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section").field("mutex", &self.mutex.get()).finish_non_exhaustive()
    }
}
