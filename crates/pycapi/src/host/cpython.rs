//! CPython as the host: this library stands in the place of two of its files.
//!
//! Nothing is called before CPython calls us, and no function runs at load time: the hooks are installed by the first
//! call that comes in, which is before its thread state exists. None of the functions below takes a lock of ours in
//! that call.
//!
//! PORT: CPython 3.13 detaches in `_PySemaphore_Wait`, with the waiter queued, and attaches before it leaves the queue;
//! here the queue is left first (HOOK-3).

use super::message::Message;
use core::ffi::{CStr, c_char, c_int, c_uint, c_ulonglong, c_void};
use core::fmt;
use core::ptr;
use pyparking::hooks::{self, Hooks, PendingFailed};
use pyparking::primitive::{AtomicU32, Ordering};

/// The head of CPython's `PyThreadState`, which has grown with each version. `include/pycapi_host_check.h` compares it
/// with the headers of the tree that is built.
///
/// Port of: `PyThreadState` (Include/cpython/pystate.h)
#[repr(C)]
struct ThreadState {
    links: [*mut c_void; 2],
    interpreter: *mut c_void,
    eval_breaker: usize,
    status: c_uint,
    #[cfg(feature = "py314")]
    holds_gil: c_int,
    #[cfg(feature = "py315")]
    gil_requested: c_int,
    whence: c_int,
    state: AtomicU32,
}

/// What comes between `whence` and the fields that all versions have.
const GROWN: usize = if cfg!(feature = "py315") {
    8
} else if cfg!(feature = "py314") {
    4
} else {
    0
};

const _: () = {
    assert!(size_of::<usize>() != 8 || core::mem::offset_of!(ThreadState, state) == 40 + GROWN);
    assert!(size_of::<usize>() != 4 || core::mem::offset_of!(ThreadState, state) == 24 + GROWN);
};

/// Port of: `_Py_THREAD_ATTACHED` (Include/internal/pycore_pystate.h)
const ATTACHED: u32 = 1;

// SAFETY: as declared by Include/pystate.h, ceval.h, pythread.h and cpython/pyerrors.h of all versions; the first of them
// unwinds where CPython ends a late thread.
unsafe extern "C-unwind" {
    fn PyThreadState_GetUnchecked() -> *mut ThreadState;
    fn PyEval_ReleaseThread(state: *mut ThreadState);
    fn PyEval_AcquireThread(state: *mut ThreadState);
    fn Py_MakePendingCalls() -> c_int;
    fn PyThread_get_thread_ident_ex() -> c_ulonglong;
    fn _Py_FatalErrorFunc(function: *const c_char, message: *const c_char) -> !;
}

// SAFETY: as declared by Include/pyerrors.h and pylifecycle.h of 3.15; the pointer is set before the first thread runs.
#[cfg(feature = "py315")]
unsafe extern "C-unwind" {
    static PyExc_PythonFinalizationError: *mut c_void;
    fn Py_IsFinalizing() -> c_int;
    fn PyErr_SetString(exception: *mut c_void, message: *const c_char);
}

static HOOKS: Hooks = Hooks { detach, attach, run_pending, fatal: report };

/// Installs the hooks, the first time.
#[inline]
pub(crate) fn ready() {
    if hooks::installed().is_none() {
        install();
    }
}

#[cold]
fn install() {
    if cfg!(feature = "host-gil") {
        pyparking::spin::set_turns(pyparking::spin::GIL);
    }
    // Another thread may be faster, with the same hooks.
    let _ = hooks::install(&HOOKS);
}

/// Detaches the calling thread if it is attached. A thread that is on its way to be is left alone.
fn detach() -> *mut () {
    // SAFETY: may be called at any time.
    let state = unsafe { PyThreadState_GetUnchecked() };
    // SAFETY: null, or the thread's own state, which lives for as long as it is current.
    let Some(seen) = (unsafe { state.as_ref() }) else { return ptr::null_mut() };
    // ORD: Relaxed, the thread itself made the state what it looks for.
    if seen.state.load(Ordering::Relaxed) != ATTACHED {
        return ptr::null_mut();
    }
    // SAFETY: the thread's own state, attached.
    unsafe { PyEval_ReleaseThread(state) };
    state.cast()
}

/// Attaches the calling thread again. For a late thread 3.13 ends it here (it unwinds), and 3.14 lets it sleep for ever.
fn attach(state: *mut ()) {
    // SAFETY: from `detach` on this thread (HOOK-2).
    unsafe { PyEval_AcquireThread(state.cast()) };
}

fn run_pending() -> Result<(), PendingFailed> {
    // SAFETY: may be called by any thread that is attached, which the callers of waits with signals are.
    if unsafe { Py_MakePendingCalls() } < 0 { Err(PendingFailed) } else { Ok(()) }
}

/// What a lock below found wrong.
fn report(text: &dyn fmt::Display) {
    fatal(c"pycapi", Message::new(text).as_c_str());
}

/// Port of: `_Py_FatalErrorFunc` (Python/pylifecycle.c)
pub(crate) fn fatal(function: &CStr, message: &CStr) {
    // SAFETY: two strings.
    unsafe { _Py_FatalErrorFunc(function.as_ptr(), message.as_ptr()) }
}

/// The number by which CPython knows the calling thread.
///
/// Port of: `PyThread_get_thread_ident_ex` (Python/thread_pthread.h)
#[inline]
pub(crate) fn thread() -> u64 {
    // SAFETY: may be called at any time.
    unsafe { PyThread_get_thread_ident_ex() }
}

/// Whether a lock that only attached threads unlock will not be unlocked any more; the exception is set then.
pub(crate) fn refuses_to_wait() -> bool {
    #[cfg(feature = "py315")]
    // SAFETY: the caller is attached, by the meaning of the flag that brought it here; the exception is a static.
    unsafe {
        let late = Py_IsFinalizing() != 0;
        if late {
            let text = c"cannot acquire lock at interpreter finalization";
            PyErr_SetString(PyExc_PythonFinalizationError, text.as_ptr());
        }
        late
    }
    #[cfg(not(feature = "py315"))]
    false
}
