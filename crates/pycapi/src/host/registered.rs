//! Hooks that a C program registers, for a process without CPython and without a runtime in Rust.
//!
//! | state | who |
//! |---|---|
//! | none: locks just block | |
//! | registered, for good | `pycapi_install_hooks`, once |
//!
//! * CHOOK-1: the table is C's, is never written again, and stays for the life of the process.

use super::message::Message;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::fmt;
use core::ptr;
use pyparking::hooks::{self, Hooks, PendingFailed};
use pyparking::ident;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicPtr;

/// What C registers. Each function may be null: then it does what happens without hooks.
#[repr(C)]
pub(crate) struct Table {
    detach: Option<unsafe extern "C" fn() -> *mut c_void>,
    attach: Option<unsafe extern "C" fn(*mut c_void)>,
    run_pending: Option<unsafe extern "C" fn() -> c_int>,
    fatal: Option<unsafe extern "C" fn(*const c_char, *const c_char)>,
}

/// The registered table, null before.
static TABLE: AtomicPtr<Table> = AtomicPtr::new(ptr::null_mut());

static HOOKS: Hooks = Hooks { detach, attach, run_pending, fatal: report };

/// The table, if one is registered.
fn table() -> Option<&'static Table> {
    // ORD: Acquire, pairs with the Release of `pycapi_install_hooks`.
    let table = TABLE.load(Ordering::Acquire);
    // SAFETY: null, or C's, which nobody writes (CHOOK-1).
    unsafe { table.as_ref() }
}

/// Registers the hooks of a C program, for good: 0, or -1 if the process has hooks, and nothing changes.
///
/// Cost: two RMW.
///
/// # Safety
///
/// `hooks`, unless null, points to a table that stays as it is for the life of the process. Its functions fit
/// [`pyparking::hooks::Hooks`]; none may unwind, by `pthread_exit` neither.
#[unsafe(no_mangle)]
unsafe extern "C" fn pycapi_install_hooks(hooks: *const Table) -> c_int {
    const NAME: &CStr = c"pycapi_install_hooks";
    crate::boundary::edge(NAME, || {
        // SAFETY: the caller's word.
        let table = ptr::from_ref(unsafe { crate::boundary::at(NAME, hooks) }).cast_mut();
        // ORD: Release, the table is seen whole by the Acquire in `table`; Relaxed on failure.
        let first =
            TABLE.compare_exchange(ptr::null_mut(), table, Ordering::Release, Ordering::Relaxed);
        if first.is_err() {
            return -1;
        }
        if hooks::install(&HOOKS).is_err() {
            // A runtime has hooks; ours are not called.
            // ORD: Relaxed, only whether there is a table is asked of a table that is not used.
            TABLE.store(ptr::null_mut(), Ordering::Relaxed);
            return -1;
        }
        0
    })
}

fn detach() -> *mut () {
    // SAFETY: by the word of whoever registered it.
    let call = |function: unsafe extern "C" fn() -> *mut c_void| unsafe { function() };
    table().and_then(|table| table.detach).map_or(ptr::null_mut(), call).cast()
}

fn attach(state: *mut ()) {
    if let Some(function) = table().and_then(|table| table.attach) {
        // SAFETY: by the word of whoever registered it; the state is from `detach` (HOOK-2).
        unsafe { function(state.cast()) };
    }
}

fn run_pending() -> Result<(), PendingFailed> {
    // SAFETY: by the word of whoever registered it.
    let call = |function: unsafe extern "C" fn() -> c_int| unsafe { function() };
    let failed = table().and_then(|table| table.run_pending).is_some_and(|run| call(run) < 0);
    if failed { Err(PendingFailed) } else { Ok(()) }
}

/// What a lock below found wrong.
fn report(text: &dyn fmt::Display) {
    fatal(c"pycapi", Message::new(text).as_c_str());
}

/// `function: message`, as CPython's.
struct Report<'a>(&'a CStr, &'a CStr);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.to_string_lossy(), self.1.to_string_lossy())
    }
}

/// Tells the program, or the runtime; where they come back, or there is none, standard error in CPython's form.
///
/// Port of: `_Py_FatalErrorFunc` (Python/pylifecycle.c)
pub(crate) fn fatal(function: &CStr, message: &CStr) {
    if let Some(table) = table() {
        if let Some(told) = table.fatal {
            // SAFETY: two strings, for a function that takes them by the word of whoever registered it.
            unsafe { told(function.as_ptr(), message.as_ptr()) };
        }
    } else if let Some(hooks) = hooks::installed() {
        (hooks.fatal)(&Report(function, message));
    }
    eprintln!("Fatal Python error: {}", Report(function, message));
    std::process::abort();
}

/// Nothing: hooks are installed by whoever has some.
#[inline]
pub(crate) fn ready() {}

/// The calling thread's number, never used twice.
#[inline]
pub(crate) fn thread() -> u64 {
    ident::current().get()
}

/// There is no finalisation here that this library knows of.
pub(crate) fn refuses_to_wait() -> bool {
    false
}
