//! The calling thread's sections, innermost first, and what suspends and resumes them.
//!
//! | field | meaning |
//! |---|---|
//! | `word` | the link to the innermost section, null without one; in a mode that does not lock, [`Link::BARRED`] |
//! | `aside` | in a mode that does not lock, the link to the innermost section |
//! | `mode` | what Begin and End do to mutexes: [`Mode`] |
//!
//! So a null word says all that a Begin has to know: there is no section, and sections lock.
//!
//! | | begin | end | suspend | resume |
//! |---|---|---|---|---|
//! | `Standalone` | locks; suspends all before it blocks | unlocks | unlocks | locks |
//! | `Locking` | locks; the runtime's detach hook suspends when it sleeps | unlocks | unlocks | locks |
//! | `Bookkeeping` | pushes, marked as suspended | pops | nothing | nothing |
//! | `Stopper` | nothing | unlocks, resumes nothing | unlocks | nothing |
//!
//! Invariants:
//!
//! * CS-1: every section on the list is in a frame of this thread that has not returned; End takes it off, and fails
//!   for any but the innermost.
//! * CS-2: below a suspended section all are suspended. So suspension ends at the first one, and resumption is about the
//!   innermost alone.
//! * CS-3: an active section has its mutexes locked, and a suspended one has not, in every mode; in `Bookkeeping` all are
//!   suspended.
//! * CS-4: a section on the list without mutexes is one for which its thread is locking at this moment. Suspension has
//!   nothing to unlock there and goes on below it; resumption leaves it marked as suspended, and with it all
//!   below. So however often the thread is detached and attached inside that lock, nothing is locked or unlocked twice.
//! * CS-5: a thread that sleeps for a section has no section's mutex locked, if its runtime's hooks suspend or it is
//!   `Standalone`. So no cycle of threads waits for sections.
//! * CS-6: when End returns in a mode that locks, the section below is active again.
//! * CS-7: a thread that stopped the world waits for no section: not in Begin, not in End, not when it is attached.
//! * CS-8: the sections of a thread that was abandoned by its runtime are empty and on no list; so what its destructors
//!   begin while it unwinds is locked as on any thread without a runtime.
//! * CS-9: a section that began without one below it has none until it ends: `prev` stays null. So its End need not read it.
//!
//! Port of: `_PyCriticalSection_SuspendAll`, `_PyCriticalSection_Resume` (Python/critical_section.c)
//! PORT: a section that is being resumed stays marked as suspended (CPython's inner resume marks it active), so that an
//! attach that unwinds finds it in one of two states; if it unwinds, its mutexes are put back, and its End pops it.

use crate::mode::Mode;
use crate::mutexes::Mutexes;
use crate::section::Section;
use crate::tag::Link;
use core::ptr;
use pyparking::fatal;
use pyparking::primitive::{Cell, seeded};
use pysync::Mutex;

/// One thread's sections.
pub(crate) struct Stack {
    pub(crate) word: Cell<Link>,
    aside: Cell<Link>,
    mode: Cell<Mode>,
}

pyparking::thread_slot! {
    static STACK: Stack = Stack::new()
}

/// Runs `f` with the calling thread's stack, for as long as there is a thread: it has no destructor.
///
/// Always inline, and the thread-local's own `with` around the address alone: with all of `f` inside the compiler makes a
/// call of that.
#[inline(always)]
pub(crate) fn with<R>(f: impl FnOnce(&Stack) -> R) -> R {
    let stack = STACK.with(ptr::from_ref);
    // SAFETY: the calling thread's, which is not dropped before the thread's last code has run.
    f(unsafe { &*stack })
}

impl Stack {
    const fn new() -> Self {
        let (word, aside) = (Cell::new(Link::NULL), Cell::new(Link::NULL));
        Self { word, aside, mode: Cell::new(Mode::Standalone) }
    }

    #[inline]
    pub(crate) fn mode(&self) -> Mode {
        self.mode.get()
    }

    /// The link to the innermost section, null without one.
    #[inline]
    pub(crate) fn top(&self) -> Link {
        let word = self.word.get();
        if word == Link::BARRED { self.aside.get() } else { word }
    }

    #[inline]
    fn set_top(&self, top: Link) {
        self.enter(self.mode.get(), top);
    }

    /// Changes the mode; the sections stay.
    #[inline]
    pub(crate) fn set_mode(&self, mode: Mode) {
        self.enter(mode, self.top());
    }

    /// Changes the mode and the sections.
    #[inline]
    pub(crate) fn enter(&self, mode: Mode, top: Link) {
        self.mode.set(mode);
        if mode.locks() {
            self.word.set(top);
        } else {
            self.aside.set(top);
            self.word.set(Link::BARRED);
        }
    }

    /// Begin of a section over one mutex with other sections below it, or in a mode that does not lock, or of a mutex that
    /// is not free.
    ///
    /// # Safety
    ///
    /// As of `Section::begin`.
    #[inline(never)]
    pub(crate) unsafe fn begin_inside(&self, section: &Section, mutex: &Mutex) {
        let (link, top) = (Link::to_section(section), self.word.get());
        // SAFETY: what is on the list is alive (CS-1).
        if !top.is_null() && unsafe { top.holds(mutex) } {
            return section.mutex.set(ptr::null());
        }
        if !self.mode.get().locks() {
            // SAFETY: handed on.
            return unsafe { self.begin_without_lock(link, Mutexes::one(mutex)) };
        }
        if top.is_null() || !mutex.try_lock_fresh() {
            // SAFETY: handed on.
            return unsafe { self.begin_slow(link, Mutexes::one(mutex)) };
        }
        section.prev.set(top);
        section.mutex.set(mutex);
        self.word.set(link);
    }

    /// Begin of a section for which nothing is locked.
    ///
    /// # Safety
    ///
    /// `link` leads to a section for which the caller of Begin gave their word.
    #[cold]
    pub(crate) unsafe fn begin_without_lock(&self, link: Link, mutexes: Mutexes) {
        if seeded("144524") && self.mode.get() == Mode::Stopper {
            // SAFETY: handed on.
            return unsafe { self.begin_slow(link, mutexes) };
        }
        let top = self.top();
        // SAFETY: what is on the list is alive (CS-1).
        let again = !top.is_null() && unsafe { top.mutexes() }.cover(mutexes);
        let noted = self.mode.get() == Mode::Bookkeeping && !again;
        // SAFETY: the section is in its place, by the caller's word.
        unsafe { link.record(if noted { mutexes } else { Mutexes::NONE }) };
        if noted {
            // SAFETY: as above.
            unsafe { self.push(link, link.suspended()) };
        }
    }

    /// Begin of a section whose mutexes are not all free, or are this thread's own.
    ///
    /// # Safety
    ///
    /// `link` leads to a section for which the caller of Begin gave their word.
    #[cold]
    pub(crate) unsafe fn begin_slow(&self, link: Link, mutexes: Mutexes) {
        // SAFETY: the section is in its place, by the caller's word.
        unsafe { link.record(Mutexes::NONE) };
        if self.mode.get() == Mode::Standalone || self.owns_any(mutexes) {
            self.suspend_all();
        }
        // SAFETY: as above.
        unsafe { self.push(link, link) };
        let leave = LeaveOnUnwind { stack: self, link };
        // SAFETY: alive by clause 4 of Begin.
        unsafe { mutexes.lock() };
        core::mem::forget(leave);
        // SAFETY: a placeholder of this thread, locked for just now.
        unsafe { self.settle(link, mutexes) };
    }

    /// Puts a section on the list.
    ///
    /// # Safety
    ///
    /// Clause 2 of [`Link::section`] holds for `link` until it is popped.
    unsafe fn push(&self, link: Link, marked: Link) {
        // SAFETY: not null; the rest is the caller's word.
        unsafe { link.section() }.prev.set(self.top());
        self.set_top(marked);
    }

    /// Makes a placeholder the section that it stands for, now that its mutexes are locked.
    ///
    /// # Safety
    ///
    /// `link` leads to the innermost section, a placeholder, for which this thread locked `mutexes`.
    unsafe fn settle(&self, link: Link, mutexes: Mutexes) {
        debug_assert!(self.top().same_section(link), "a hook lost the thread's sections");
        let locked = self.mode.get() != Mode::Bookkeeping;
        if !locked {
            // The runtime changed its mind while the thread slept (CS-3).
            // SAFETY: locked by this thread, by the caller's word.
            unsafe { mutexes.unlock() };
        }
        // SAFETY: in its place, by the caller's word.
        unsafe { link.record(mutexes) };
        self.set_top(if locked { link } else { link.suspended() });
    }

    /// Whether an active section of this thread has one of `mutexes`.
    fn owns_any(&self, mutexes: Mutexes) -> bool {
        let mut link = self.top();
        while link.is_active() {
            // SAFETY: on the list and so alive (CS-1).
            let (held, below) = unsafe { (link.mutexes(), link.section().prev.get()) };
            if held.overlap(mutexes) {
                return true;
            }
            link = below;
        }
        false
    }

    /// Takes the innermost section off the list, and resumes the one below, `prev`, if it is suspended (CS-6).
    ///
    /// # Safety
    ///
    /// `prev` is the link of the innermost section, whose mutexes are not locked by it any more.
    unsafe fn pop(&self, prev: Link) {
        self.set_top(prev);
        self.resume_below();
    }

    /// After an End: resumes the section below, if there is one and it is suspended.
    #[cold]
    pub(crate) fn resume_below(&self) {
        if !seeded("resume-skipped") {
            self.resume_top();
        }
    }

    /// End of a section that is not active, or in a mode that does not lock.
    ///
    /// # Safety
    ///
    /// The section of `link` was begun by this thread and has not ended.
    #[cold]
    pub(crate) unsafe fn end_slow(&self, link: Link) {
        let top = self.top();
        if !top.same_section(link) {
            out_of_order(link, top);
        }
        // SAFETY: begun, by the caller's word.
        let (mutexes, prev) = unsafe { (link.mutexes(), link.section().prev.get()) };
        if top.is_active() {
            // SAFETY: active, so this thread locked them (CS-3), alive by clause 4 of Begin.
            unsafe { mutexes.unlock() };
        }
        // SAFETY: the innermost section, not locked.
        unsafe { self.pop(prev) };
    }

    /// Suspends every active section: unlocks its mutexes and marks the link to it.
    #[cold]
    pub(crate) fn suspend_all(&self) {
        if seeded("suspend-skipped") {
            return;
        }
        let mut link = self.top();
        if link.is_active() {
            self.set_top(link.suspended());
        }
        while link.is_active() {
            // SAFETY: on the list (CS-1); it was active, so this thread locked its mutexes (CS-3), alive by clause 4
            // of Begin.
            unsafe { link.mutexes().unlock() };
            // SAFETY: on the list, and stays there for the loop (CS-1).
            let prev = &unsafe { link.section() }.prev;
            link = prev.get();
            if link.is_active() {
                prev.set(link.suspended());
            }
        }
    }

    /// Resumes the innermost section if it is suspended: locks its mutexes, sleeping if need be.
    ///
    /// Nothing to do for a placeholder (CS-4), nor under a GIL (CS-3), nor for a thread that stopped the world (CS-7).
    #[cold]
    pub(crate) fn resume_top(&self) {
        let top = self.top();
        if !top.is_inactive() || !self.mode.get().locks() {
            return;
        }
        let link = top.resumed();
        // SAFETY: on the list (CS-1).
        let mutexes = unsafe { link.mutexes() };
        if mutexes.is_none() {
            return;
        }
        // SAFETY: as above. From here on it is a placeholder.
        unsafe { link.record(Mutexes::NONE) };
        let restore = RestoreOnUnwind { stack: self, link, mutexes };
        // SAFETY: alive by clause 4 of Begin.
        unsafe { mutexes.lock() };
        core::mem::forget(restore);
        // SAFETY: a placeholder of this thread, locked for just now.
        unsafe { self.settle(link, mutexes) };
    }
}

/// Takes a section off the list whose Begin unwinds.
struct LeaveOnUnwind<'a> {
    stack: &'a Stack,
    link: Link,
}

impl Drop for LeaveOnUnwind<'_> {
    fn drop(&mut self) {
        // Elsewhere, if a hook took the list away and did not put it back.
        if self.stack.top().same_section(self.link) {
            // SAFETY: on the list (CS-1), a placeholder and so without locks.
            unsafe { self.stack.pop(self.link.section().prev.get()) };
        }
    }
}

/// Leaves a section suspended whose resumption unwinds: its End pops it.
struct RestoreOnUnwind<'a> {
    stack: &'a Stack,
    link: Link,
    mutexes: Mutexes,
}

impl Drop for RestoreOnUnwind<'_> {
    fn drop(&mut self) {
        // Not one that was abandoned meanwhile: nobody takes it off a list any more (CS-8).
        if self.stack.top().same_section(self.link) {
            // SAFETY: the section's frame is below the one that unwinds.
            unsafe { self.link.record(self.mutexes) };
        }
    }
}

#[cold]
fn out_of_order(ended: Link, innermost: Link) -> ! {
    let found = format!("ended while the thread's innermost one is at {:#x}", innermost.address());
    // SAFETY: it is being ended by its owner, so it is in its place.
    let section = unsafe { ended.section() };
    fatal(
        "critical section",
        section,
        &found,
        "sections that end in the reverse of the order they began",
    )
}
