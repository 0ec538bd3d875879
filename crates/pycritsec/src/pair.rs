//! A section over two mutexes: three words in the frame of whoever is inside.
//!
//! | `base` | `second` | state |
//! |---|---|---|
//! | as a section's | null | a section over one mutex: begun with the same mutex twice |
//! | a mutex | a mutex at a higher address | begun, and the link that leads here says `TWO_MUTEXES` |
//! | no mutex, on the list | null | a placeholder (CS-4) |
//!
//! Transitions are a section's. How two mutexes are locked is in `mutexes.rs` (PAIR-1, PAIR-2).
//!
//! Port of: `PyCriticalSection2` (Include/cpython/critical_section.h), `_PyCriticalSection2_BeginMutex`,
//! `_PyCriticalSection2_End` (Include/internal/pycore_critical_section.h), `PyCriticalSection2_Begin`,
//! `PyCriticalSection2_BeginMutex`, `PyCriticalSection2_End` (Python/critical_section.c)
//! PORT: a pair whose mutexes the innermost pair holds is empty, in any order; one that shares a single mutex with an
//! outer section suspends that section at once instead of sleeping on itself.

use crate::mutexes::Mutexes;
use crate::section::{Begun, Section};
use crate::stack::{self, Stack};
use crate::tag::Link;
use core::fmt;
use core::ptr;
use pyparking::primitive::Cell;
use pysync::Mutex;

/// A critical section over two mutexes, by hand.
///
/// Most code takes [`with_critical_section2`](crate::with_critical_section2). See [`Section`] for who needs this
/// form. It is C's layout: three words.
///
/// Cost: two RMWs to begin and two to end; none where the innermost section of the thread holds both.
///
/// ```
/// use pycritsec::PairSection;
/// use pysync::Mutex;
///
/// static FROM: Mutex = Mutex::new();
/// static TO: Mutex = Mutex::new();
///
/// let section = PairSection::new();
/// // SAFETY: the section stays here until it is ended, on this thread, with none begun in between that is not
/// // ended; the mutexes are statics.
/// unsafe { section.begin(&FROM, &TO) };
/// assert!(FROM.is_locked() && TO.is_locked());
/// // SAFETY: begun just now.
/// unsafe { section.end() };
/// assert!(!FROM.is_locked() && !TO.is_locked());
/// ```
///
/// Port of: `PyCriticalSection2` (Include/cpython/critical_section.h)
#[repr(C)]
pub struct PairSection {
    base: Section,
    pub(crate) second: Cell<*const Mutex>,
}

const _: () = assert!(size_of::<PairSection>() == 3 * size_of::<usize>());

impl PairSection {
    /// A section that has not begun.
    ///
    /// Cost: no atomic operation, no heap.
    ///
    /// ```
    /// use pycritsec::PairSection;
    ///
    /// let section = PairSection::new();
    /// assert_eq!(size_of_val(&section), 3 * size_of::<usize>());
    /// ```
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self { base: Section::new(), second: Cell::new(ptr::null()) }
    }

    /// Begins: locks both mutexes, sleeping if need be, in whichever order they are given. The same mutex twice is a
    /// section over one.
    ///
    /// While it sleeps the thread holds neither. What is said of [`Section::begin`] holds here too.
    ///
    /// Cost: two RMWs if both are free; none if the thread's innermost section holds both.
    ///
    /// Ordering: as [`Mutex::lock`], of both.
    ///
    /// # Safety
    ///
    /// Those of [`Section::begin`], for both mutexes.
    ///
    /// ```
    /// use pycritsec::PairSection;
    /// use pysync::Mutex;
    /// use std::thread;
    ///
    /// static LEFT: Mutex = Mutex::new();
    /// static RIGHT: Mutex = Mutex::new();
    ///
    /// fn swap(from: &Mutex, to: &Mutex) {
    ///     let section = PairSection::new();
    ///     // SAFETY: begun and ended here, with no section in between; the mutexes are borrowed for longer.
    ///     unsafe {
    ///         section.begin(from, to);
    ///         assert!(from.is_locked() && to.is_locked());
    ///         section.end();
    ///     }
    /// }
    ///
    /// let other = thread::spawn(|| swap(&RIGHT, &LEFT));
    /// swap(&LEFT, &RIGHT);
    /// swap(&LEFT, &LEFT);
    /// other.join().unwrap();
    /// ```
    ///
    /// Port of: `PyCriticalSection2_BeginMutex` (Python/critical_section.c)
    #[inline]
    pub unsafe fn begin(&self, a: &Mutex, b: &Mutex) {
        if ptr::eq(a, b) {
            self.second.set(ptr::null());
            // SAFETY: handed on.
            return unsafe { self.base.begin(a) };
        }
        let mutexes = Mutexes::two(a, b);
        self.base.prev.set(Link::NULL);
        self.base.mutex.set(mutexes.first);
        self.second.set(mutexes.second);
        // SAFETY: handed on; the words are as they have to be, and the mutexes are two.
        let _begun = unsafe { self.begin_over(a, b) };
    }

    /// A section over two different mutexes, to be begun by [`begin_over`](Self::begin_over).
    #[inline]
    pub(crate) fn over(a: &Mutex, b: &Mutex) -> Self {
        let mutexes = Mutexes::two(a, b);
        let base = Section { prev: Cell::new(Link::NULL), mutex: Cell::new(mutexes.first) };
        Self { base, second: Cell::new(mutexes.second) }
    }

    /// Begins a section whose words say so already, as `Section::begin_over` does.
    ///
    /// # Safety
    ///
    /// As of [`begin`](Self::begin); besides, the mutexes are not the same.
    #[inline]
    pub(crate) unsafe fn begin_over(&self, a: &Mutex, b: &Mutex) -> Begun {
        stack::with(|stack| {
            if stack.word.get().is_null() && try_lock_both(a, b) {
                stack.word.set(Link::to_pair(self));
                return Begun::Alone;
            }
            // SAFETY: handed on.
            unsafe { self.begin_inside(stack, a, b) };
            Begun::Inside
        })
    }

    /// Begin with other sections below, or in a mode that does not lock, or of mutexes that are not both free.
    ///
    /// # Safety
    ///
    /// As of [`begin_over`](Self::begin_over).
    #[inline(never)]
    unsafe fn begin_inside(&self, stack: &Stack, a: &Mutex, b: &Mutex) {
        let (link, top) = (Link::to_pair(self), stack.word.get());
        // SAFETY: what is on the list is alive (CS-1).
        if !top.is_null() && unsafe { top.holds(a) && top.holds(b) } {
            self.second.set(ptr::null());
            return self.base.mutex.set(ptr::null());
        }
        if !stack.mode().locks() {
            // SAFETY: handed on.
            return unsafe { stack.begin_without_lock(link, Mutexes::two(a, b)) };
        }
        if top.is_null() || !try_lock_both(a, b) {
            // SAFETY: handed on.
            return unsafe { stack.begin_slow(link, Mutexes::two(a, b)) };
        }
        self.base.prev.set(top);
        stack.word.set(link);
    }

    /// Ends a section that was alone when it began, as `Section::end_alone` does.
    ///
    /// # Safety
    ///
    /// As of [`end`](Self::end); [`begin_over`](Self::begin_over) of these mutexes said that it is alone.
    #[inline]
    pub(crate) unsafe fn end_alone(&self, a: &Mutex, b: &Mutex) {
        stack::with(|stack| {
            let link = Link::to_pair(self);
            if stack.word.get() != link {
                // SAFETY: begun, by the caller's word; or abandoned (CS-8).
                return unsafe { self.end() };
            }
            b.unlock();
            a.unlock();
            stack.word.set(Link::NULL);
        });
    }

    /// Ends: unlocks both, and resumes the thread's section below if it is suspended, which may sleep.
    ///
    /// Fatal if the section is not the thread's innermost.
    ///
    /// Cost: two RMWs, and what locking costs if there is a section to resume.
    ///
    /// # Safety
    ///
    /// The section was begun by this thread and has not ended, and the clauses of [`Section::begin`] were kept.
    ///
    /// ```
    /// use pycritsec::{PairSection, Section};
    /// use pysync::Mutex;
    ///
    /// static DICT: Mutex = Mutex::new();
    /// static KEYS: Mutex = Mutex::new();
    ///
    /// let (outer, both) = (Section::new(), PairSection::new());
    /// // SAFETY: both stay here and end below, in reverse, on this thread; the mutexes are statics.
    /// unsafe {
    ///     outer.begin(&DICT);
    ///     // Shares a mutex with the section outside, which is suspended for it.
    ///     both.begin(&DICT, &KEYS);
    ///     both.end();
    ///     assert!(DICT.is_locked() && !KEYS.is_locked());
    ///     outer.end();
    /// }
    /// ```
    ///
    /// Port of: `PyCriticalSection2_End` (Python/critical_section.c)
    #[inline]
    pub unsafe fn end(&self) {
        let second = self.second.get();
        if second.is_null() {
            // SAFETY: over one mutex, or empty: the base was begun as a section of its own.
            return unsafe { self.base.end() };
        }
        stack::with(|stack| {
            let link = Link::to_pair(self);
            if stack.word.get() != link {
                // SAFETY: begun, by the caller's word.
                return unsafe { stack.end_slow(link) };
            }
            let (first, prev) = (self.base.mutex.get(), self.base.prev.get());
            // SAFETY: active, so this thread locked both (CS-3), which are alive by clause 4 of `begin`.
            unsafe {
                (*second).unlock();
                (*first).unlock();
            }
            stack.word.set(prev);
            if prev.is_inactive() {
                stack.resume_below();
            }
        });
    }
}

/// One attempt at both. Whoever fails holds neither, so there is no order to keep.
#[inline]
fn try_lock_both(a: &Mutex, b: &Mutex) -> bool {
    if !a.try_lock_fresh() {
        return false;
    }
    let both = b.try_lock_fresh();
    if !both {
        a.unlock();
    }
    both
}

impl Default for PairSection {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for PairSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairSection")
            .field("mutex", &self.base.mutex.get())
            .field("second", &self.second.get())
            .finish_non_exhaustive()
    }
}
