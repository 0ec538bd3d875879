//! The end of a thread: what it does last, and how it gets there from anywhere.
//!
//! * LAST-1: the hooks of a thread run on it, after its body and before any joiner is let go, first registered first;
//!   those that a hook registers come behind all others.
//! * LAST-2: every hook runs, whatever panicked before it. The thread's outcome is the body's panic, or else the first
//!   of a hook.
//!
//! Port of: `PyThread_exit_thread` (Python/thread_pthread.h)
//! PORT: unwinds, so that what is on the stack is dropped; a hook is not in C, where destructors of keys do this
//! without order.

use crate::current;
use crate::outcome::Panic;
use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a thread does last.
pub(crate) type Hook = Box<dyn FnOnce()>;

/// The payload of an unwinding that is no panic.
struct Exit;

/// A hook was given to a thread that was not started by this crate, or whose hooks have run.
///
/// ```
/// let error = pythread::at_exit(|| {}).unwrap_err();
/// assert_eq!(error, pythread::NotStartedHere);
/// assert!(error.to_string().starts_with("exit hooks are for threads"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotStartedHere;

impl fmt::Display for NotStartedHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "exit hooks are for threads that this crate has started, until their hooks have run",
        )
    }
}

impl core::error::Error for NotStartedHere {}

/// Registers something that the calling thread does last: after its body, also if that panics, and before any joiner
/// is let go. Hooks run in the order of their registration, on this thread; one that panics keeps no other from
/// running, and makes the outcome a panic if there is none yet. A hook may register more.
///
/// Cost: some thread-local reads and writes; heap for the hook. No RMW but two for the thread's own handle.
///
/// # Errors
///
/// [`NotStartedHere`]; the hook is dropped.
///
/// ```
/// use std::sync::mpsc;
///
/// let (tell, told) = mpsc::channel();
/// let thread = pythread::start(move || {
///     for word in ["first", "second"] {
///         let tell = tell.clone();
///         pythread::at_exit(move || tell.send(word).unwrap()).unwrap();
///     }
///     tell.send("body").unwrap();
/// })
/// .unwrap();
/// assert!(thread.join().unwrap().is_returned());
/// assert_eq!(told.try_iter().collect::<Vec<_>>(), ["body", "first", "second"]);
/// ```
pub fn at_exit(hook: impl FnOnce() + 'static) -> Result<(), NotStartedHere> {
    if current::handle().is_none() {
        return Err(NotStartedHere);
    }
    current::add_hook(Box::new(hook));
    Ok(())
}

/// Ends the calling thread, as if its body had returned: the stack is unwound, destructors run, hooks run.
///
/// On a thread that this crate has not started the unwinding goes on until somebody catches it.
///
/// Cost: an unwinding. The panic hook is not told.
///
/// # Panics
///
/// Unwinds always; with `panic = "abort"` it aborts.
///
/// ```
/// let thread = pythread::start(|| {
///     pythread::exit_thread();
/// })
/// .unwrap();
/// assert!(thread.join().unwrap().is_returned());
/// ```
///
/// Port of: `PyThread_exit_thread` (Python/thread_pthread.h)
pub fn exit_thread() -> ! {
    resume_unwind(Box::new(Exit))
}

/// Runs `f`; its panic, if that is what it was.
pub(crate) fn caught(f: impl FnOnce()) -> Option<Panic> {
    let payload = catch_unwind(AssertUnwindSafe(f)).err()?;
    (!payload.is::<Exit>()).then(|| Panic::new(payload))
}

/// Destructors that may panic one inside the other before the rest is left alone.
const NESTED: u32 = 8;

/// Drops a panic that nobody will hear of. Its payload's destructor may panic too, with a payload that may do the same.
fn discard(mut panic: Option<Panic>) {
    for _ in 0..NESTED {
        if panic.is_none() {
            return;
        }
        panic = caught(|| drop(panic));
    }
    core::mem::forget(panic);
}

/// Runs the calling thread's hooks (LAST-1, LAST-2); the panic that counts.
pub(crate) fn run_hooks(mut first: Option<Panic>) -> Option<Panic> {
    loop {
        let hooks = current::take_hooks();
        if hooks.is_empty() {
            return first;
        }
        for hook in hooks {
            let panic = caught(hook);
            if first.is_none() {
                first = panic;
            } else {
                discard(panic);
            }
        }
    }
}
