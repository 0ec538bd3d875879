//! Hooks for programs without a runtime: every lock that sleeps suspends the sections of its thread.

use core::ptr::{self, NonNull};
use pyparking::hooks::{self, AlreadyInstalled, Hooks};

use crate::stack::{self, Stack};

static HOOKS: Hooks = Hooks { detach, attach, ..Hooks::NONE };

/// Installs hooks that suspend the calling thread's sections when it sleeps in any lock of the layer, and
/// resume the innermost when it wakes.
///
/// For programs without a runtime of their own. Without it, and without a runtime, sections are suspended when
/// their thread blocks in another *section*, but not while it waits for an event, say.
///
/// Cost: one RMW. From then on each sleep in a section costs as [`suspend_all`](crate::runtime::suspend_all) and
/// [`resume_top`](crate::runtime::resume_top).
///
/// # Errors
///
/// [`AlreadyInstalled`] when the process has hooks, these included; nothing changes.
///
/// ```
/// use pycritsec::with_critical_section;
/// use pysync::{Event, Mutex};
/// use std::thread;
///
/// static OBJECT: Mutex = Mutex::new();
/// static DONE: Event = Event::new();
///
/// pycritsec::install().unwrap();
/// let waiter = thread::spawn(|| with_critical_section(&OBJECT, || DONE.wait()));
/// // Gets in at once, or as soon as the waiter sleeps.
/// with_critical_section(&OBJECT, || DONE.notify());
/// waiter.join().unwrap();
/// ```
pub fn install() -> Result<(), AlreadyInstalled> {
    hooks::install(&HOOKS)
}

/// Suspends; null if there was nothing to suspend, so that nothing is resumed either.
fn detach() -> *mut () {
    stack::with(|stack| {
        if !stack.top().is_active() {
            return ptr::null_mut();
        }
        stack.suspend_all();
        NonNull::dangling().as_ptr()
    })
}

fn attach(_state: *mut ()) {
    stack::with(Stack::resume_top);
}
