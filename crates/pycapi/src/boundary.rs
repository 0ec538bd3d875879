//! The edge between C and the locks: what each function that C calls does first and last.
//!
//! | what comes in | what becomes of it |
//! |---|---|
//! | a null or misaligned pointer | a fatal error in the name of the C function |
//! | a time in nanoseconds | negative: no timeout |
//! | a panic that tries to go out | `ThreadExit`: the thread sleeps for ever; any other: a fatal error |
//!
//! Invariants:
//!
//! * CAPI-1: no panic leaves a function that C calls. Whatever it unwound through has been put in order before.
//! * CAPI-2: hooks are installed before anything can sleep or die: every function of the table begins with [`edge`].
//!
//! PORT: CPython's own code believes its callers: a null pointer is a segmentation fault there, and an odd size
//! undefined.

use crate::host;
use core::ffi::CStr;
use core::time::Duration;

/// Runs the body of the C function that is called `name`.
#[cfg(not(feature = "host-cpython"))]
pub(crate) fn edge<R>(name: &'static CStr, body: impl FnOnce() -> R) -> R {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    host::ready();
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => unwound(name, &*payload),
    }
}

/// Runs the body of the C function that is called `name`.
///
/// Nothing is caught here: CPython 3.13 ends a late thread with `pthread_exit` inside the attach hook, and that unwinding
/// goes through, freeing what the thread was handed. A panic aborts at the edge, as `extern "C"` cannot unwind.
#[cfg(feature = "host-cpython")]
pub(crate) fn edge<R>(_name: &'static CStr, body: impl FnOnce() -> R) -> R {
    host::ready();
    body()
}

/// What becomes of a thread whose stack is C's from here on, and cannot be unwound (CAPI-1).
#[cfg(not(feature = "host-cpython"))]
#[cold]
fn unwound(name: &'static CStr, payload: &(dyn core::any::Any + Send)) -> ! {
    #[cfg(feature = "embed")]
    if payload.is::<pyceval::ThreadExit>() {
        loop {
            std::thread::park();
        }
    }
    let _ = payload;
    fatal(name, c"panicked: a defect of this library, or of a callback written in Rust")
}

/// What `pointer` points to.
///
/// Fatal if it points nowhere, or where no `T` can be.
///
/// # Safety
///
/// Otherwise it points to a `T` that nobody writes but through its own operations, for as long as the caller of the C
/// function has promised.
pub(crate) unsafe fn at<'a, T>(name: &'static CStr, pointer: *const T) -> &'a T {
    if pointer.is_null() {
        fatal(name, c"null pointer");
    }
    if !pointer.is_aligned() {
        fatal(name, c"misaligned pointer");
    }
    // SAFETY: neither null nor misaligned; the rest is the caller's word.
    unsafe { &*pointer }
}

/// A function that must be there.
pub(crate) fn callback<F>(name: &'static CStr, function: Option<F>) -> F {
    function.unwrap_or_else(|| fatal(name, c"null function"))
}

/// CPython's time: nanoseconds, negative for ever.
pub(crate) fn timeout(nanos: i64) -> Option<Duration> {
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

/// Ends the process with CPython's message for a fatal error in `name`.
///
/// Port of: `Py_FatalError`, `_Py_FatalErrorFunc` (Python/pylifecycle.c)
#[cold]
pub(crate) fn fatal(name: &'static CStr, message: &CStr) -> ! {
    host::fatal(name, message);
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::timeout;
    use core::time::Duration;

    #[test]
    fn negative_times_are_for_ever() {
        assert_eq!(timeout(-1), None);
        assert_eq!(timeout(i64::MIN), None);
        assert_eq!(timeout(0), Some(Duration::ZERO));
        assert_eq!(timeout(i64::MAX), Some(Duration::from_nanos(i64::MAX as u64)));
    }
}
