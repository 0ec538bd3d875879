//! What a runtime tells the lock layer: how to detach a thread before it sleeps, and attach it after.
//!
//! Installed once per process, before the first lock that can block. Without hooks every lock just blocks,
//! which is right for a program without a runtime.
//!
//! * HOOK-1: `detach` is called only by a thread that is about to sleep: in a park its waiter is queued, and no wake
//!   had come when it looked; elsewhere it says so through [`detached`].
//! * HOOK-2: every `detach` that returned a state is followed by one `attach` of that state on the same
//!   thread, on unwind too.
//! * HOOK-3: when `attach` is called the thread is in no queue and holds no lock of the lot. An `attach` for a thread
//!   that must not come back unwinds: the lock that it was handed, or the wake that it was given, is then passed
//!   on. One that blocks for ever keeps both.

use crate::primitive::Ordering;
use crate::primitive::plain::AtomicPtr;
use core::fmt;

/// What a runtime supplies. All functions are called on the thread concerned.
///
/// ```
/// use pyparking::hooks::{self, Hooks};
/// use pyparking::{ParkOptions, park, unpark_all};
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
///
/// // A runtime with one thread, which is attached: its state is any pointer that is not null.
/// static STATE: u8 = 0;
/// static DETACHED: AtomicU32 = AtomicU32::new(0);
/// static ATTACHED: AtomicU32 = AtomicU32::new(0);
/// static RUNTIME: Hooks = Hooks {
///     detach: || {
///         DETACHED.fetch_add(1, Relaxed);
///         (&raw const STATE).cast_mut().cast()
///     },
///     attach: |_state| {
///         ATTACHED.fetch_add(1, Relaxed);
///     },
///     ..Hooks::NONE
/// };
/// hooks::install(&RUNTIME).unwrap();
///
/// let word = 0_u8;
/// let address = (&raw const word).addr();
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         while DETACHED.load(Relaxed) == 0 {
///             std::thread::yield_now();
///         }
///         // SAFETY: the address is the frame's own, and a thread that is detached is queued.
///         unsafe { unpark_all(address) };
///     });
///     // SAFETY: as above, and the closures do nothing.
///     let _ok = unsafe { park(address, ParkOptions::default(), || true, |_| {}) };
/// });
/// assert_eq!((DETACHED.load(Relaxed), ATTACHED.load(Relaxed)), (1, 1));
/// ```
#[derive(Clone, Copy)]
pub struct Hooks {
    /// Detaches the calling thread and returns its state, or null if it is not attached. May park, without
    /// detaching.
    pub detach: fn() -> *mut (),
    /// Attaches the calling thread again, with what `detach` returned. May block, and may unwind, which is
    /// the way for a thread that is not to come back: see HOOK-3 in the module's head.
    pub attach: fn(*mut ()),
    /// Runs what waits for the calling thread (signal handlers, pending calls) after an interrupt.
    pub run_pending: fn() -> Result<(), PendingFailed>,
    /// Ends the process with the given message. Returning from it aborts.
    pub fatal: fn(&dyn fmt::Display),
}

impl Hooks {
    /// Hooks that do what happens without hooks: nothing, and abort on a fatal error.
    pub const NONE: Self =
        Self { detach: core::ptr::null_mut, attach: |_| {}, run_pending: || Ok(()), fatal: |_| {} };
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// A pending call failed: a handler raised, and the wait that it interrupted is to end with that.
///
/// ```
/// use pyparking::hooks::PendingFailed;
///
/// // What a runtime's `run_pending` makes of its signal handlers.
/// fn run_all(handlers: &[fn() -> bool]) -> Result<(), PendingFailed> {
///     handlers.iter().try_for_each(|handler| if handler() { Ok(()) } else { Err(PendingFailed) })
/// }
/// assert_eq!(run_all(&[|| true]), Ok(()));
/// assert_eq!(run_all(&[|| true, || false]), Err(PendingFailed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingFailed;

impl fmt::Display for PendingFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pending call failed")
    }
}

impl core::error::Error for PendingFailed {}

/// Hooks were installed before, by this or another runtime in the process.
///
/// ```
/// use pyparking::hooks::{self, AlreadyInstalled, Hooks};
///
/// static FIRST: Hooks = Hooks::NONE;
/// static SECOND: Hooks = Hooks::NONE;
/// assert_eq!(hooks::install(&FIRST), Ok(()));
/// assert_eq!(hooks::install(&SECOND), Err(AlreadyInstalled));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyInstalled;

impl fmt::Display for AlreadyInstalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "runtime hooks are already installed: one process has one lock layer, \
             and its locks can detach threads of one runtime only",
        )
    }
}

impl core::error::Error for AlreadyInstalled {}

/// The installed hooks, null before.
static INSTALLED: AtomicPtr<Hooks> = AtomicPtr::new(core::ptr::null_mut());

/// Installs the runtime's hooks, for good.
///
/// Cost: one RMW.
///
/// # Errors
///
/// [`AlreadyInstalled`] when there are hooks, the same ones included; nothing changes.
///
/// ```
/// use pyparking::hooks::{self, Hooks};
///
/// static RUNTIME: Hooks = Hooks::NONE;
/// hooks::install(&RUNTIME).unwrap();
/// assert!(hooks::install(&RUNTIME).is_err());
/// ```
pub fn install(hooks: &'static Hooks) -> Result<(), AlreadyInstalled> {
    let table = core::ptr::from_ref(hooks).cast_mut();
    // ORD: Release, the table is seen whole by the Acquire in `installed`; Relaxed on failure.
    INSTALLED
        .compare_exchange(core::ptr::null_mut(), table, Ordering::Release, Ordering::Relaxed)
        .map(|_| ())
        .map_err(|_| AlreadyInstalled)
}

/// The installed hooks.
///
/// Cost: one acquire load.
///
/// ```
/// use pyparking::hooks::{self, Hooks};
///
/// static RUNTIME: Hooks = Hooks::NONE;
/// assert!(hooks::installed().is_none());
/// hooks::install(&RUNTIME).unwrap();
/// assert!(hooks::installed().is_some_and(|hooks| std::ptr::eq(hooks, &RUNTIME)));
/// ```
#[must_use]
pub fn installed() -> Option<&'static Hooks> {
    // ORD: Acquire, pairs with the Release in `install`.
    let table = INSTALLED.load(Ordering::Acquire);
    // SAFETY: null, or from a `&'static Hooks`, which nobody writes.
    unsafe { table.as_ref() }
}

/// Runs the calling thread's pending calls through the hook; `Ok` without hooks.
///
/// Cost: one acquire load, and what the hook does.
///
/// # Errors
///
/// What the hook says.
///
/// ```
/// use pyparking::hooks::{self, Hooks, PendingFailed};
///
/// assert_eq!(hooks::run_pending(), Ok(()));
///
/// static RUNTIME: Hooks = Hooks { run_pending: || Err(PendingFailed), ..Hooks::NONE };
/// hooks::install(&RUNTIME).unwrap();
/// assert_eq!(hooks::run_pending(), Err(PendingFailed));
/// ```
pub fn run_pending() -> Result<(), PendingFailed> {
    installed().map_or(Ok(()), |hooks| (hooks.run_pending)())
}

/// Runs `f`, which sleeps outside of the lot, with the calling thread detached, if it is attached.
///
/// Cost: one acquire load, and what the hooks do.
///
/// # Panics
///
/// If `f` does, after the thread is attached again, or if the `attach` hook unwinds.
///
/// ```
/// use pyparking::hooks;
///
/// // The end of a thread of the system: nothing that a park could wait for.
/// let thread = std::thread::spawn(|| 1 + 1);
/// assert_eq!(hooks::detached(|| thread.join()).unwrap(), 2);
/// ```
///
/// Port of: `Py_BEGIN_ALLOW_THREADS` (Include/ceval.h)
pub fn detached<R>(f: impl FnOnce() -> R) -> R {
    let detached = Detached::now();
    let result = f();
    drop(detached);
    result
}

/// A detached thread, attached again when this is dropped (HOOK-2).
pub(crate) struct Detached(Option<(&'static Hooks, *mut ())>);

impl Detached {
    /// Detaches the calling thread, if it is attached.
    pub(crate) fn now() -> Self {
        let state = installed().map(|hooks| (hooks, (hooks.detach)()));
        Self(state.filter(|(_, state)| !state.is_null()))
    }

    /// Leaves the thread as it is.
    pub(crate) fn not() -> Self {
        Self(None)
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        if let Some((hooks, state)) = self.0.take() {
            (hooks.attach)(state);
        }
    }
}
