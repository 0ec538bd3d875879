//! What this crate tells the lock layer, so that every lock detaches its thread by itself.
//!
//! Port of: `_PyThreadState_Detach` (Python/pystate.c)

use crate::attached::Attached;
use crate::current;
use crate::thread::Thread;
use core::fmt;
use core::mem::ManuallyDrop;
use pyparking::hooks::{Hooks, PendingFailed};

/// The table that [`Builder::start`](crate::Builder::start) installs. Public for embedders that install a table of
/// their own which asks this one.
///
/// ```
/// // A thread that is not attached has nothing to detach.
/// assert!((pyceval::HOOKS.detach)().is_null());
/// assert!((pyceval::HOOKS.run_pending)().is_ok());
/// ```
pub static HOOKS: Hooks = Hooks { detach, attach, run_pending, fatal };

/// The attached state of the calling thread.
fn attached() -> Option<&'static Thread> {
    // SAFETY: null, or set by an attach whose borrow keeps the state alive until it is cleared on this thread; the
    // reference is used within the hook that asked.
    unsafe { current::get().as_ref() }
}

fn detach() -> *mut () {
    // WORLD-3: a thread that has stopped the world sleeps attached.
    let Some(thread) = attached().filter(|thread| thread.pause.get().is_none()) else {
        return core::ptr::null_mut();
    };
    thread.detach();
    core::ptr::from_ref(thread).cast_mut().cast()
}

fn attach(state: *mut ()) {
    // SAFETY: from `detach` on this thread (HOOK-2); the token that the thread still has keeps the state alive.
    let thread = unsafe { &*state.cast::<Thread>() };
    thread.attach_again();
}

fn run_pending() -> Result<(), PendingFailed> {
    let Some(thread) = attached().filter(|thread| thread.pause.get().is_none()) else {
        return Ok(());
    };
    // The thread's own token detaches at its end; this one must not.
    let token = ManuallyDrop::new(Attached::new(thread));
    token.run_signals_and_calls(thread.breaker().events()).map_err(|raised| {
        thread.raised.set(Some(raised));
        PendingFailed
    })
}

fn fatal(message: &dyn fmt::Display) {
    match attached() {
        Some(thread) => thread.runtime().handlers.fatal(message),
        None => eprintln!("fatal error: {message}"),
    }
}
