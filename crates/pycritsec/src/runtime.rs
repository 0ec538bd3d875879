//! What a runtime calls when its threads detach, attach, and stop the world.
//!
//! A runtime owns its threads' modes ([`Mode`]). Where it moves a thread between attached and detached, it moves the
//! thread's sections too:
//!
//! * before the thread lets go: [`detach`] suspends all sections and takes them away. A detached thread
//!   has an empty stack in `Standalone` mode, so that it may enter sections of its own, which must end before it
//!   attaches.
//! * after the thread counts as attached: [`attach`] puts them back and resumes the innermost. That may sleep, so it may
//!   detach and attach again, inside itself: the state of the thread must be one that the hooks can work with. The same
//!   goes for every End, which resumes the section below.
//! * when a thread is not to come back, [`abandon`] before it unwinds: its sections are over, and what its destructors
//!   begin are sections of a thread that is attached to nothing.
//! * [`enter_stopper`] when the world stands still, [`leave_stopper`] when it runs again. In between the thread's
//!   sections take no lock and wait for none; the mutexes may belong to threads that stand still.
//!
//! A runtime that keeps no state per thread calls [`suspend_all`] and [`resume_top`] instead; so do the hooks of
//! [`install`](crate::install).
//!
//! In the child of a fork the surviving thread's sections are as they were. A mutex that another thread's section
//! held stays locked until [`Mutex::after_fork_child`](pysync::Mutex::after_fork_child).
//!
//! ```
//! use pycritsec::runtime::{self, Mode};
//! use pycritsec::with_critical_section;
//! use pysync::Mutex;
//!
//! static OBJECT: Mutex = Mutex::new();
//!
//! // SAFETY: no section has been detached.
//! unsafe { runtime::attach(runtime::Chain::default(), Mode::Locking) };
//! with_critical_section(&OBJECT, || {
//!     let sections = runtime::detach();
//!     assert!(!OBJECT.is_locked());
//!     // SAFETY: detached by this thread in the same frame.
//!     unsafe { runtime::attach(sections, Mode::Locking) };
//!     assert!(OBJECT.is_locked());
//! });
//! ```
//!
//! Port of: `_PyThreadState_Attach`, `_PyThreadState_Detach` (Python/pystate.c), as far as they are about sections
//! PORT: a thread that stopped the world is in a mode of its own (CPython looks at a flag of the interpreter, issue
//! 144524); it resumes nothing before the world runs (118332).

pub use crate::mode::Mode;
use crate::stack::{self, Stack};
use crate::tag::Link;
use pyparking::fatal;
use pyparking::primitive::seeded;

/// The suspended sections of a detached thread, or none.
///
/// One word. To be put back, on the same thread, before any of its sections ends: the End of a section that is not
/// on its thread's stack is fatal.
///
/// ```
/// use pycritsec::runtime::{self, Chain, Mode};
/// use pycritsec::with_critical_section;
/// use pysync::Mutex;
/// use std::cell::Cell;
///
/// /// What a runtime keeps of each thread.
/// #[derive(Default)]
/// struct ThreadState {
///     sections: Cell<Chain>,
/// }
///
/// impl ThreadState {
///     fn detach(&self) {
///         self.sections.set(runtime::detach());
///     }
///
///     /// # Safety
///     ///
///     /// For the thread that detached, in the frame where it did.
///     unsafe fn attach(&self) {
///         // SAFETY: detached by this thread, or empty; the frames are there, by the caller's word.
///         unsafe { runtime::attach(self.sections.take(), Mode::Locking) };
///     }
/// }
///
/// static OBJECT: Mutex = Mutex::new();
/// let state = ThreadState::default();
/// // SAFETY: not detached before.
/// unsafe { state.attach() };
/// with_critical_section(&OBJECT, || {
///     state.detach();
///     assert!(!OBJECT.is_locked());
///     // SAFETY: the same thread and frame.
///     unsafe { state.attach() };
///     assert!(OBJECT.is_locked());
/// });
/// ```
#[derive(Debug)]
#[must_use = "give it to attach or abandon: the sections in it cannot end otherwise"]
pub struct Chain(Link);

impl Chain {
    /// Whether there are no sections in it.
    ///
    /// Cost: a comparison.
    ///
    /// ```
    /// use pycritsec::runtime::{self, Mode};
    /// use pycritsec::with_critical_section;
    /// use pysync::Mutex;
    ///
    /// static OBJECT: Mutex = Mutex::new();
    /// with_critical_section(&OBJECT, || {
    ///     let sections = runtime::detach();
    ///     assert!(!sections.is_empty());
    ///     // SAFETY: detached by this thread in the same frame.
    ///     unsafe { runtime::attach(sections, Mode::Locking) };
    /// });
    /// assert!(runtime::detach().is_empty(), "a thread about to end is in no section");
    /// ```
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_null()
    }
}

impl Default for Chain {
    /// No sections.
    #[inline]
    fn default() -> Self {
        Self(Link::NULL)
    }
}

/// The calling thread's mode.
///
/// Cost: one load.
///
/// ```
/// use pycritsec::runtime::{self, Chain, Mode};
///
/// assert_eq!(runtime::mode(), Mode::Standalone);
/// // SAFETY: no section has been detached.
/// unsafe { runtime::attach(Chain::default(), Mode::Bookkeeping) };
/// assert_eq!(runtime::mode(), Mode::Bookkeeping);
/// ```
#[inline]
#[must_use]
pub fn mode() -> Mode {
    stack::with(Stack::mode)
}

/// Suspends all sections of the calling thread and takes them away. Its mode is `Standalone` afterwards.
///
/// Never sleeps.
///
/// Cost: two loads and two stores without sections; otherwise one RMW for each mutex of each active section.
///
/// ```
/// use pycritsec::{runtime, with_critical_section};
/// use pysync::Mutex;
/// use std::thread;
///
/// static OBJECT: Mutex = Mutex::new();
///
/// /// Runs `f`, which needs no objects, while other threads may have them.
/// fn detached(f: impl FnOnce()) {
///     let (mode, sections) = (runtime::mode(), runtime::detach());
///     f();
///     // SAFETY: detached by this thread in the same frame.
///     unsafe { runtime::attach(sections, mode) };
/// }
///
/// with_critical_section(&OBJECT, || {
///     detached(|| thread::spawn(|| with_critical_section(&OBJECT, || {})).join().unwrap());
///     assert!(OBJECT.is_locked());
/// });
/// ```
///
/// Port of: `_PyThreadState_Detach` (Python/pystate.c)
#[inline]
pub fn detach() -> Chain {
    stack::with(|stack| {
        if stack.word.get().is_null() {
            stack.enter(Mode::Standalone, Link::NULL);
            return Chain(Link::NULL);
        }
        if stack.top().is_active() {
            stack.suspend_all();
        }
        let chain = Chain(stack.top());
        stack.enter(Mode::Standalone, Link::NULL);
        chain
    })
}

/// Puts detached sections back, sets the mode, and resumes the innermost section.
///
/// May sleep, and so call the hooks, which may detach and attach the thread again: the section that is being
/// resumed has no mutexes meanwhile, so nothing is done twice (CS-4). With `Mode::Stopper` nothing is resumed.
///
/// If it unwinds, out of a hook, the sections are back in place and suspended.
///
/// Fatal if the thread is in a section that it began after [`detach`].
///
/// Cost: a load and two stores without sections; otherwise what locking costs.
///
/// # Safety
///
/// 1. The chain comes from [`detach`] on the calling thread, or is empty.
/// 2. None of its sections' frames has been left since.
///
/// ```
/// use pycritsec::runtime::{self, Mode};
/// use pycritsec::with_critical_section;
/// use pysync::Mutex;
///
/// static OUTER: Mutex = Mutex::new();
/// static INNER: Mutex = Mutex::new();
///
/// with_critical_section(&OUTER, || {
///     with_critical_section(&INNER, || {
///         let sections = runtime::detach();
///         // SAFETY: detached by this thread in the same frame.
///         unsafe { runtime::attach(sections, Mode::Locking) };
///         assert!(INNER.is_locked() && !OUTER.is_locked());
///     });
///     assert!(OUTER.is_locked());
/// });
/// ```
///
/// Port of: `_PyThreadState_Attach` (Python/pystate.c)
#[inline]
pub unsafe fn attach(chain: Chain, mode: Mode) {
    stack::with(|stack| {
        let suspended = chain.0.is_inactive();
        put_back(stack, chain, mode);
        if suspended {
            stack.resume_top();
        }
    });
}

/// Ends detached sections for a thread that is never attached again: what their frames still do about them does nothing.
///
/// The thread is left as [`detach`] left it: in no section, `Standalone`. So a destructor that runs while it unwinds may
/// enter sections, which lock (CS-8).
///
/// Cost: a store or two for each section.
///
/// # Safety
///
/// Those of [`attach`].
///
/// ```
/// use pycritsec::{runtime, with_critical_section};
/// use pysync::Mutex;
/// use std::{panic, thread};
///
/// static OBJECT: Mutex = Mutex::new();
///
/// /// A call that blocks, and finds afterwards that the interpreter is no more.
/// fn sleep_too_long() {
///     let sections = runtime::detach();
///     // Somebody takes the object meanwhile, and keeps it.
///     OBJECT.lock();
///     // SAFETY: detached by this thread in the same frame.
///     unsafe { runtime::abandon(sections) };
///     panic::resume_unwind(Box::new("the interpreter is gone"));
/// }
///
/// let thread = thread::spawn(|| with_critical_section(&OBJECT, sleep_too_long));
/// assert!(thread.join().is_err());
/// assert!(OBJECT.is_locked(), "the section's end did not unlock what it did not hold");
/// ```
pub unsafe fn abandon(chain: Chain) {
    if seeded("abandoned-noted") {
        return stack::with(|stack| put_back(stack, chain, Mode::Bookkeeping));
    }
    let mut link = chain.0;
    while !link.is_null() {
        // SAFETY: detached, so of this thread (1), and in a frame that is still there (2).
        link = unsafe { link.empty() };
    }
}

#[inline]
fn put_back(stack: &Stack, chain: Chain, mode: Mode) {
    if !stack.word.get().is_null() {
        expect_empty(stack.top());
    }
    stack.enter(mode, chain.0);
}

/// Says that the calling thread has stopped all others: its sections take no lock and wait for none (CS-7).
///
/// Sections that it is in stay as they are. Nothing to do if it has said so before.
///
/// Cost: a store.
///
/// ```
/// use pycritsec::runtime::{self, Mode};
/// use pycritsec::{assert_held, with_critical_section};
/// use pysync::Mutex;
///
/// static OBJECT: Mutex = Mutex::new();
/// // A thread that stands still has it.
/// OBJECT.lock();
///
/// runtime::enter_stopper();
/// with_critical_section(&OBJECT, || assert_held(&OBJECT));
/// runtime::leave_stopper(Mode::Locking);
/// assert!(OBJECT.is_locked(), "as it was");
/// ```
pub fn enter_stopper() {
    stack::with(|stack| stack.set_mode(Mode::Stopper));
}

/// Says that the others run again; the innermost section is resumed if it is suspended, which may sleep.
///
/// `mode` need not be the one before: a runtime may enable its GIL, or disable it, while the world stands still.
///
/// Cost: a store, and as [`resume_top`]; into `Mode::Bookkeeping`, as [`suspend_all`].
///
/// ```
/// use pycritsec::runtime::{self, Mode};
/// use pycritsec::{is_held, with_critical_section};
/// use pysync::Mutex;
///
/// static OBJECT: Mutex = Mutex::new();
/// with_critical_section(&OBJECT, || {
///     runtime::enter_stopper();
///     // The GIL is enabled here; from now on it excludes the others.
///     runtime::leave_stopper(Mode::Bookkeeping);
///     assert!(is_held(&OBJECT) && !OBJECT.is_locked());
/// });
/// ```
pub fn leave_stopper(mode: Mode) {
    stack::with(|stack| {
        if mode == Mode::Bookkeeping {
            // What is locked now would not be unlocked (CS-3).
            stack.suspend_all();
        }
        stack.set_mode(mode);
        stack.resume_top();
    });
}

/// Suspends all sections of the calling thread, which stay on its stack. Never sleeps.
///
/// Cost: one RMW for each mutex of each active section; a load if there is none.
///
/// ```
/// use pycritsec::{runtime, with_critical_section};
/// use pysync::Mutex;
/// use std::thread;
///
/// static OBJECT: Mutex = Mutex::new();
///
/// with_critical_section(&OBJECT, || {
///     runtime::suspend_all();
///     // Something that blocks, and for which others need the object.
///     thread::spawn(|| with_critical_section(&OBJECT, || {})).join().unwrap();
///     runtime::resume_top();
///     assert!(OBJECT.is_locked());
/// });
/// ```
///
/// Port of: `_PyCriticalSection_SuspendAll` (Python/critical_section.c)
#[inline]
pub fn suspend_all() {
    stack::with(Stack::suspend_all);
}

/// Resumes the innermost section if it is suspended. May sleep. The others follow as the ones above them end.
///
/// Cost: a load or two if there is nothing to resume; otherwise one RMW for each of its mutexes that is free, and as
/// [`Mutex::lock`] for one that is not.
///
/// [`Mutex::lock`]: pysync::Mutex::lock
///
/// ```
/// use pycritsec::{runtime, with_critical_section, with_critical_section2};
/// use pysync::Mutex;
///
/// let [outer, a, b] = [Mutex::new(), Mutex::new(), Mutex::new()];
/// with_critical_section(&outer, || {
///     with_critical_section2(&a, &b, || {
///         runtime::suspend_all();
///         runtime::resume_top();
///         assert!(a.is_locked() && b.is_locked() && !outer.is_locked());
///     });
///     assert!(outer.is_locked());
/// });
/// ```
///
/// Port of: `_PyCriticalSection_Resume` (Python/critical_section.c)
#[inline]
pub fn resume_top() {
    stack::with(Stack::resume_top);
}

/// Not a thread with sections; one that is in none, and in a mode that does not lock, passes.
#[cold]
fn expect_empty(innermost: Link) {
    if innermost.is_null() {
        return;
    }
    // SAFETY: on the list and so alive (CS-1).
    let section = unsafe { innermost.section() };
    fatal(
        "critical section",
        section,
        "not ended when its thread attaches",
        "that what a detached thread begins ends before it attaches",
    )
}
