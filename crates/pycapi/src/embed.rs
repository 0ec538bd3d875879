//! pyceval in C form: a runtime, its threads, pending calls, and the eval breaker.
//!
//! A program whose main part is C starts the runtime with `pycapi_runtime_start`; one whose main part is Rust has its
//! [`Runtime`] and hands it in with [`publish`], so that C code in the same process can add pending calls.
//!
//! | state of a `pycapi_thread` | meaning |
//! |---|---|
//! | `owner` 0, `token` none | detached |
//! | `owner` a thread, `token` some | attached by that thread |
//! | `owner` a thread, `token` none | the same, and one of its functions is under way further up the thread's stack |
//!
//! * EMBED-1: a token in a `pycapi_thread` is dropped before the state that it borrows, and the state's place never
//!   changes. The token and the state are touched by the owner alone.
//! * EMBED-2: the state is attached and freed, and a token dropped, only when no function has the token: a pending call
//!   that comes back with its own thread state finds it lent.
//!
//! Port of: `PyThreadState_New`, `PyEval_AcquireThread`, `PyEval_ReleaseThread` in their roles; the names are not CPython's,
//! as what is behind them is not a `PyThreadState`.

use crate::boundary::{at, callback, edge, fatal};
use core::ffi::{CStr, c_int, c_void};
use core::fmt;
use core::ptr;
use pyceval::{Attached, Breaker, Raised, Runtime, ThreadState};
use pyparking::hooks;
use pyparking::ident;
use pyparking::primitive::{AtomicU64, Cell, Ordering};
use std::sync::OnceLock;

/// The runtime that C code adds its calls to.
static PUBLISHED: OnceLock<Runtime> = OnceLock::new();

/// A runtime was published before.
///
/// ```
/// assert!(pycapi::AlreadyPublished.to_string().contains("one runtime"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyPublished;

impl fmt::Display for AlreadyPublished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a runtime is published already: C code of a process knows one runtime")
    }
}

impl core::error::Error for AlreadyPublished {}

/// Makes `runtime` the one that C code adds its pending calls to, for good.
///
/// Cost: what `OnceLock::set` costs.
///
/// # Errors
///
/// [`AlreadyPublished`]; nothing changes.
///
/// ```
/// use core::ffi::{c_int, c_void};
///
/// unsafe extern "C" {
///     // From pycapi.h.
///     fn Py_AddPendingCall(
///         function: Option<extern "C" fn(*mut c_void) -> c_int>,
///         arg: *mut c_void,
///     ) -> c_int;
/// }
/// extern "C" fn called(_arg: *mut c_void) -> c_int {
///     -1
/// }
///
/// let (runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
/// pycapi::publish(runtime.clone()).unwrap();
/// assert_eq!(pycapi::publish(runtime), Err(pycapi::AlreadyPublished));
/// // SAFETY: the function ignores its argument.
/// assert_eq!(unsafe { Py_AddPendingCall(Some(called), std::ptr::null_mut()) }, 0);
/// let attached = main.attach().unwrap();
/// assert!(attached.poll().is_err(), "the call ran, and failed");
/// ```
pub fn publish(runtime: Runtime) -> Result<(), AlreadyPublished> {
    PUBLISHED.set(runtime).map_err(|_| AlreadyPublished)
}

/// A pending call of C failed.
#[derive(Debug)]
struct CallFailed;

impl fmt::Display for CallFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pending call in C failed")
    }
}

/// A thread state for C, with its token while it is attached.
pub(crate) struct Thread {
    // Before the state, as it borrows it (EMBED-1).
    token: Cell<Option<Attached<'static>>>,
    /// Who has attached the state, by [`ident`]; 0 for nobody.
    owner: AtomicU64,
    breaker: Cell<*const Breaker>,
    state: *mut ThreadState,
}

impl Thread {
    fn boxed(state: ThreadState) -> *mut Self {
        let state = Box::into_raw(Box::new(state));
        Box::into_raw(Box::new(Self {
            token: Cell::new(None),
            owner: AtomicU64::new(0),
            breaker: Cell::new(ptr::null()),
            state,
        }))
    }

    /// Whether the state is the calling thread's from here on.
    fn claim(&self) -> bool {
        let me = ident::current().get();
        // ORD: Acquire, pairs with the Release of `give_back` (EMBED-1); Relaxed on failure: nothing is touched.
        self.owner.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    fn give_back(&self) {
        // ORD: Release, pairs with the Acquire of `claim` (EMBED-1).
        self.owner.store(0, Ordering::Release);
    }

    fn is_claimed(&self) -> bool {
        // ORD: Relaxed, only the claim itself gives access.
        self.owner.load(Ordering::Relaxed) != 0
    }

    /// Fatal unless the calling thread has attached the state.
    fn expect_mine(&self, name: &'static CStr) {
        // ORD: Relaxed, the calling thread's own claim or not.
        let owner = self.owner.load(Ordering::Relaxed);
        if owner == 0 {
            fatal(name, c"the thread is not attached");
        }
        if owner != ident::current().get() {
            fatal(name, c"another thread has attached this state");
        }
    }

    /// Runs `with` with the token; `None` inside a function that has it (EMBED-2). Fatal unless the calling thread has
    /// attached the state.
    fn with_token<R>(
        &self,
        name: &'static CStr,
        with: impl FnOnce(&Attached<'static>) -> R,
    ) -> Option<R> {
        self.expect_mine(name);
        let token = self.token.take()?;
        let result = with(&token);
        self.token.set(Some(token));
        Some(result)
    }

    /// Detaches; fatal if the calling thread has not attached the state, or a function has the token.
    fn detach(&self, name: &'static CStr) {
        self.expect_mine(name);
        let Some(token) = self.token.take() else { in_a_call(name) };
        self.breaker.set(ptr::null());
        drop(token);
        self.give_back();
    }
}

/// What cannot be done while a function has the token.
#[cold]
fn in_a_call(name: &'static CStr) -> ! {
    fatal(name, c"the thread is in a call that it polled for")
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.token.take());
        // SAFETY: from `boxed`, and the token that borrowed it is gone (EMBED-1).
        drop(unsafe { Box::from_raw(self.state) });
    }
}

/// Starts a runtime and publishes it: its main thread's state, detached; null if the process has one, or hooks.
///
/// Cost: heap, and the installation of the hooks.
#[unsafe(no_mangle)]
extern "C" fn pycapi_runtime_start(gil: c_int) -> *mut Thread {
    edge(c"pycapi_runtime_start", || {
        if PUBLISHED.get().is_some() {
            return ptr::null_mut();
        }
        let Ok((runtime, main)) = Runtime::builder().gil(gil != 0).start() else {
            return ptr::null_mut();
        };
        publish(runtime).map_or(ptr::null_mut(), |()| Thread::boxed(main))
    })
}

/// Ends the published runtime, by the thread with this state, which is attached: 0, or -1 if a pending call failed meanwhile.
/// Other threads do not attach any more; one that sleeps in a function of this library sleeps on for ever, without what it
/// waited for.
///
/// Cost: as [`Runtime::finalise`].
///
/// Port of: `Py_FinalizeEx` (Python/pylifecycle.c), as far as it is about threads
///
/// # Safety
///
/// As [`pycapi_thread_detach`].
#[unsafe(no_mangle)]
unsafe extern "C" fn pycapi_runtime_finalise(thread: *const Thread) -> c_int {
    const NAME: &CStr = c"pycapi_runtime_finalise";
    edge(NAME, || {
        let end = |token: &Attached<'static>| {
            PUBLISHED.get().is_some_and(|runtime| runtime.finalise(token).is_ok())
        };
        // SAFETY: the caller's word.
        match unsafe { at(NAME, thread) }.with_token(NAME, end) {
            Some(true) => 0,
            Some(false) => -1,
            None => in_a_call(NAME),
        }
    })
}

/// A new thread state of the published runtime, detached; null if there is none.
///
/// Cost: heap, and the roster's lock.
#[unsafe(no_mangle)]
extern "C" fn pycapi_thread_new() -> *mut Thread {
    edge(c"pycapi_thread_new", || {
        let made = |runtime: &Runtime| Thread::boxed(runtime.main_interpreter().new_thread());
        PUBLISHED.get().map_or(ptr::null_mut(), made)
    })
}

/// Ends a thread state, detaching it if it is attached.
///
/// Cost: the roster's lock, and heap given back.
///
/// # Safety
///
/// `thread`, unless null, is from `pycapi_thread_new` or `pycapi_runtime_start`, is attached by nobody else, and is not
/// used any more.
#[unsafe(no_mangle)]
unsafe extern "C" fn pycapi_thread_free(thread: *mut Thread) {
    const NAME: &CStr = c"pycapi_thread_free";
    edge(NAME, || {
        // SAFETY: the caller's word.
        let state = unsafe { at(NAME, thread.cast_const()) };
        if state.is_claimed() {
            state.detach(NAME);
        }
        // SAFETY: from `boxed`, by the caller's word.
        drop(unsafe { Box::from_raw(thread) });
    });
}

/// Attaches the calling thread: 0; -1 if the state is attached already, by whomever, or the interpreter is ending.
///
/// Cost: one RMW, and as [`ThreadState::attach`].
///
/// # Safety
///
/// As [`pycapi_thread_free`], but that the state goes on.
#[unsafe(no_mangle)]
unsafe extern "C" fn pycapi_thread_attach(thread: *const Thread) -> c_int {
    const NAME: &CStr = c"pycapi_thread_attach";
    edge(NAME, || {
        // SAFETY: the caller's word.
        let thread = unsafe { at(NAME, thread) };
        if !thread.claim() {
            return -1;
        }
        // SAFETY: claimed, so nobody has a token that borrows the state, which outlives the token (EMBED-1, EMBED-2).
        let Ok(token) = (unsafe { (*thread.state).attach() }) else {
            thread.give_back();
            return -1;
        };
        thread.breaker.set(ptr::from_ref(token.breaker()));
        thread.token.set(Some(token));
        0
    })
}

/// Detaches the calling thread; fatal if it is not attached, another thread is, or a call runs that it polled for.
///
/// Cost: as the drop of an [`Attached`].
///
/// # Safety
///
/// As [`pycapi_thread_attach`], by the thread that attached it.
#[unsafe(no_mangle)]
unsafe extern "C" fn pycapi_thread_detach(thread: *const Thread) {
    const NAME: &CStr = c"pycapi_thread_detach";
    edge(NAME, || {
        // SAFETY: the caller's word.
        unsafe { at(NAME, thread) }.detach(NAME);
    });
}

/// Handles what the thread's breaker asks for: 0, or -1 if something was raised. Inside a call that it runs: 0, and
/// nothing is done. Fatal if the calling thread has not attached it.
///
/// Cost: one relaxed load if there is nothing.
///
/// Port of: `_Py_HandlePending` (Python/ceval_gil.c)
///
/// # Safety
///
/// As [`pycapi_thread_detach`].
#[unsafe(no_mangle)]
unsafe extern "C" fn pycapi_thread_poll(thread: *const Thread) -> c_int {
    const NAME: &CStr = c"pycapi_thread_poll";
    edge(NAME, || {
        // SAFETY: the caller's word.
        let polled = unsafe { at(NAME, thread) }.with_token(NAME, Attached::poll);
        polled.map_or(0, |polled| polled.map_or(-1, |()| 0))
    })
}

/// Forks by `fork`, and makes the runtime usable in the child, where the calling thread is the only one: what `fork`
/// returned, 0 in the child. Fatal if the calling thread has not attached the state, or is in a call that it polled for.
///
/// Cost: as [`Attached::fork`].
///
/// Port of: `PyOS_BeforeFork`, `PyOS_AfterFork_Parent`, `PyOS_AfterFork_Child` (Modules/posixmodule.c)
///
/// # Safety
///
/// As [`pycapi_thread_detach`], and as [`Attached::fork`].
#[cfg(unix)]
#[unsafe(no_mangle)]
unsafe extern "C" fn pycapi_thread_fork(
    thread: *const Thread,
    fork: Option<unsafe extern "C" fn() -> c_int>,
) -> c_int {
    const NAME: &CStr = c"pycapi_thread_fork";
    edge(NAME, || {
        let fork = callback(NAME, fork);
        // SAFETY: the caller's word.
        let thread = unsafe { at(NAME, thread) };
        // SAFETY: the caller's word, twice.
        let forked = thread.with_token(NAME, |token| unsafe { token.fork(|| fork()) });
        forked.unwrap_or_else(|| in_a_call(NAME))
    })
}

/// The word of the thread's breaker, for the poll and the bits; null if it is not attached.
///
/// Cost: a load.
///
/// # Safety
///
/// As [`pycapi_thread_detach`]; the word stays for as long as the thread state.
#[unsafe(no_mangle)]
unsafe extern "C" fn pycapi_thread_breaker(thread: *const Thread) -> *const Breaker {
    const NAME: &CStr = c"pycapi_thread_breaker";
    // SAFETY: the caller's word.
    edge(NAME, || unsafe { at(NAME, thread) }.breaker.get())
}

/// Asks the main thread of the published runtime to call `function(arg)`: 0, or -1 if the queue is full or there is no
/// runtime. Not for signal handlers.
///
/// Cost: as [`Runtime::add_main_call`]; no heap.
///
/// Port of: `Py_AddPendingCall` (Python/ceval_gil.c)
///
/// # Safety
///
/// `function` may be called with `arg` on the main thread, once, at any time.
#[unsafe(no_mangle)]
unsafe extern "C" fn Py_AddPendingCall(
    function: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
    arg: *mut c_void,
) -> c_int {
    edge(c"Py_AddPendingCall", || {
        let function = callback(c"Py_AddPendingCall", function);
        let arg = arg.expose_provenance();
        let call = move |_: &Attached<'_>| {
            // SAFETY: the caller's word.
            let result = unsafe { function(ptr::with_exposed_provenance_mut(arg)) };
            if result == 0 { Ok(()) } else { Err(Raised::new(CallFailed)) }
        };
        let added = PUBLISHED.get().map(|runtime| runtime.add_main_call(call).is_ok());
        if added == Some(true) { 0 } else { -1 }
    })
}

/// Runs what waits for the calling thread, signals and pending calls: 0, or -1 if one failed.
///
/// Cost: an acquire load, and what there is to run.
///
/// Port of: `Py_MakePendingCalls` (Python/ceval_gil.c)
#[unsafe(no_mangle)]
extern "C" fn Py_MakePendingCalls() -> c_int {
    edge(c"Py_MakePendingCalls", || hooks::run_pending().map_or(-1, |()| 0))
}
