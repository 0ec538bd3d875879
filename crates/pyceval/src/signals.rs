//! Signals: from a handler that may only set bits to a callback on the main thread.
//!
//! | step | who | what |
//! |---|---|---|
//! | 1 | the handler, on any thread | the signal's bit in one word: "tripped", and "something is tripped" (`signals/tripped.rs`) |
//! | 2 | the handler | [`Events::SIGNALS_PENDING`] in the main thread's breaker |
//! | 3 | the handler | ends an interruptible sleep of the main thread: of whoever had its state attached last (SIGNAL-5) |
//! | 4 | the handler | wakes the courier, if somebody subscribed (`signals/courier.rs`) |
//! | 5 | the handler | one byte into the wake-up descriptor, if one is set (`signals/wakeup.rs`) |
//! | 6 | the main thread, at its next poll | takes the breaker's bit, then looks at the word, then runs callbacks |
//!
//! Signals that come again before they were delivered are delivered once, the lowest number first.
//!
//! Invariants:
//!
//! * SIGNAL-1: after a signal is tripped its callback begins once more, on the main thread, if that polls: none is
//!   lost between step 6's taking of the bit and its look at the word. See `signals/tripped.rs` for the proof.
//! * SIGNAL-2: the handler takes no lock and allocates nothing, and what it reaches (targets, handles) lives until the
//!   last handler that could reach it is gone.
//! * SIGNAL-3: callbacks run on the main thread only; a callback that fails or unwinds leaves the other signals
//!   tripped and the bit set.
//! * SIGNAL-4: the handler's order is that of the table: who is woken by a later step finds the earlier ones done.
//! * SIGNAL-5: whoever attaches the main thread's state is the one whose sleeps signals end, before the attach returns.
//!
//! Built on signal-hook, which chains: a handler that was installed before runs first, and stays installed. What it
//! cannot do is give a signal back to the system. So a signal that nobody here listens to any more is acted out: if
//! it had its default action before, the handler does what that would do (`signals/disposition.rs`).
//!
//! Port of: `trip_signal`, `_PyErr_CheckSignalsTstate` (Modules/signalmodule.c)
//! PORT: one word of bits instead of a flag per signal and one for all, so "tripped" and "something is tripped" cannot
//! disagree. The main thread is woken by an interrupt, not by EINTR, which a handler with `SA_RESTART` does not cause.

mod bridge;
mod courier;
mod disposition;
mod error;
mod held;
mod registration;
mod table;
mod target;
mod tripped;
#[cfg(unix)]
mod wakeup;

pub use error::SignalError;
pub use registration::{Registration, Subscription};
pub use target::Target;
#[cfg(unix)]
pub use wakeup::WakeupError;

use crate::attached::Attached;
use crate::breaker::Events;
use crate::raised::Raised;
use bridge::Bridge;
use core::fmt;
use std::sync::Arc;

/// Signals are numbered from 1 to this. Others cannot be listened to.
pub(crate) const LAST: i32 = 64;

/// A signal's bit in a word of signals.
fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// The signals of a runtime.
///
/// Any number may exist, but only one at a time can have handlers: the first that listens to a signal, until its last
/// registration has ended; for one that was [kept](Registration::keep), until the `Signals` are dropped, which ends all.
///
/// ```
/// let (runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
/// let signals = runtime.signals();
/// // Ctrl-C arrives as an error at the next poll.
/// let _registration = signals.catch_interrupts().unwrap();
/// # #[cfg(unix)]
/// // SAFETY: the signal has a handler.
/// unsafe { libc::raise(libc::SIGINT) };
/// # #[cfg(not(unix))]
/// # signals.trip(2).unwrap();
/// let raised = main.attach().unwrap().poll().unwrap_err();
/// assert!(raised.is::<pyceval::KeyboardInterrupt>());
/// ```
///
/// Port of: `_signals_runtime_state` (Include/internal/pycore_signal.h)
pub struct Signals {
    bridge: Arc<Bridge>,
}

impl Signals {
    /// Signals without handlers and without a main thread.
    ///
    /// Cost: one allocation.
    ///
    /// ```
    /// let signals = pyceval::Signals::new();
    /// signals.trip(2).unwrap();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self { bridge: Arc::new(Bridge::new()) }
    }

    /// Says which thread is the main one. Signals that were tripped before are delivered to it.
    ///
    /// Cost: one RMW, and an allocation, which stays until the handlers are gone, for a target that was not bound before;
    /// a look at each that was. A [`Runtime`](crate::Runtime) calls it when the main thread's state is attached by another
    /// thread of the system than before.
    ///
    /// ```
    /// use pyceval::{Breaker, Signals, Target};
    /// use pyparking::ThreadHandle;
    /// use std::sync::Arc;
    ///
    /// let (signals, breaker) = (Signals::new(), Arc::new(Breaker::new()));
    /// signals.trip(2).unwrap();
    /// signals.bind_main(Target::new(Arc::clone(&breaker), |breaker| breaker, ThreadHandle::current()));
    /// assert!(breaker.is_tripped());
    /// ```
    pub fn bind_main(&self, target: Target) {
        self.bridge.bind_main(target);
    }

    /// Sets events on the main thread's breaker, if there is one. Does not end its sleep.
    ///
    /// Cost: one acquire load and one RMW. Ordering: as [`Breaker::set`](crate::Breaker::set).
    ///
    /// ```
    /// # use pyceval::{Breaker, Events, Signals, Target};
    /// # let (signals, breaker) = (Signals::new(), std::sync::Arc::new(Breaker::new()));
    /// # let handle = pyparking::ThreadHandle::current();
    /// # signals.bind_main(Target::new(std::sync::Arc::clone(&breaker), |breaker| breaker, handle));
    /// signals.set_on_main(Events::CALLS_TO_DO);
    /// assert_eq!(breaker.events(), Events::CALLS_TO_DO);
    /// ```
    pub fn set_on_main(&self, events: Events) {
        if let Some(target) = self.bridge.main.get() {
            target.breaker().set(events);
        }
    }

    /// Listens to a signal: `callback` is called with its number on the main thread, at the next poll after it came,
    /// in place of an earlier callback. Dropping the registration brings that one back, or what was before.
    ///
    /// The callback is not a signal handler: it may do what code at a poll may do. A handler that the process had
    /// before runs beside it.
    ///
    /// Cost: some allocations, a lock, and system calls when it is the signal's first.
    ///
    /// # Errors
    ///
    /// [`SignalError`]: no such signal, one that must not be caught, or other signals of this process have handlers.
    ///
    /// ```
    /// use pyceval::{Raised, Signals, SignalError};
    ///
    /// let signals = Signals::new();
    /// let registration = signals.on(15, |_attached, _signal| Err(Raised::new("told to end"))).unwrap();
    /// assert!(matches!(signals.on(11, |_, _| Ok(())), Err(SignalError::Forbidden(11))));
    /// drop(registration);
    /// ```
    ///
    /// Port of: `signal_signal_impl` (Modules/signalmodule.c)
    pub fn on<F>(&self, signal: i32, callback: F) -> Result<Registration, SignalError>
    where
        F: Fn(&Attached<'_>, i32) -> Result<(), Raised> + Send + Sync + 'static,
    {
        Registration::listen(&self.bridge, signal, Arc::new(callback))
    }

    /// Listens to the keyboard's interrupt: [`KeyboardInterrupt`](crate::KeyboardInterrupt) is raised at the main
    /// thread's next poll.
    ///
    /// Cost: as [`on`](Self::on).
    ///
    /// # Errors
    ///
    /// As [`on`](Self::on).
    ///
    /// ```
    /// let (runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let _registration = runtime.signals().catch_interrupts().unwrap();
    /// runtime.signals().trip(2).unwrap();
    /// let raised = main.attach().unwrap().poll().unwrap_err();
    /// assert!(raised.is::<pyceval::KeyboardInterrupt>());
    /// ```
    ///
    /// Port of: `signal_default_int_handler` (Modules/signalmodule.c)
    pub fn catch_interrupts(&self) -> Result<Registration, SignalError> {
        self.on(table::INTERRUPT, |_attached, _signal| Err(table::keyboard_interrupt()))
    }

    /// Subscribes to a signal: its number comes through a channel that any thread may receive from.
    ///
    /// For threads other than the main one, and for one that must hear of a signal while the main thread is blocked
    /// in foreign code: a thread of our own (the courier) sends, so nothing waits for a poll. Signals that
    /// come before the last one was received are one. Dropping the subscription ends it.
    ///
    /// Cost: as [`on`](Self::on), and a thread for the first one.
    ///
    /// # Errors
    ///
    /// As [`on`](Self::on), or the courier could not be started.
    ///
    /// ```
    /// let signals = pyceval::Signals::new();
    /// let terminations = signals.subscribe(15).unwrap();
    /// signals.trip(15).unwrap();
    /// assert_eq!(terminations.recv().unwrap(), 15);
    /// ```
    pub fn subscribe(&self, signal: i32) -> Result<Subscription, SignalError> {
        Subscription::new(&self.bridge, signal)
    }

    /// Does what the handler would do if the signal came, and nothing if nobody listens. Async-signal-safe; `errno` is
    /// kept.
    ///
    /// Interrupts from the keyboard are always listened to: without a callback they raise
    /// [`KeyboardInterrupt`](crate::KeyboardInterrupt).
    ///
    /// Cost: three RMWs, and a system call for a main thread that sleeps, a courier that does, and a descriptor.
    ///
    /// Ordering: what happened before is seen by the callback.
    ///
    /// # Errors
    ///
    /// [`SignalError::OutOfRange`].
    ///
    /// ```
    /// assert!(pyceval::Signals::new().trip(0).is_err());
    /// ```
    ///
    /// Port of: `PyErr_SetInterruptEx` (Modules/signalmodule.c)
    pub fn trip(&self, signal: i32) -> Result<(), SignalError> {
        error::check_range(signal)?;
        self.bridge.trip(signal);
        Ok(())
    }

    /// Runs the callbacks of the signals that came, the lowest number first. For the main thread, at a poll that found
    /// [`Events::SIGNALS_PENDING`]; does nothing on another one.
    ///
    /// Does not take the thread's interrupt back ([`pyparking::take_interrupt`]): who serves a poll does that first, as
    /// the interrupt may be about something else.
    ///
    /// Cost: one RMW, and for each signal one more, a lock and a reference count.
    ///
    /// # Errors
    ///
    /// What a callback returned. The signals behind it stay tripped, and the breaker's bit is set.
    ///
    /// # Panics
    ///
    /// If a callback does; the state is as after an error.
    ///
    /// ```
    /// let (runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// runtime.signals().trip(2).unwrap();
    /// let attached = main.attach().unwrap();
    /// assert!(runtime.signals().deliver(&attached).is_err());
    /// assert!(runtime.signals().deliver(&attached).is_ok());
    /// ```
    ///
    /// Port of: `_PyErr_CheckSignalsTstate` (Modules/signalmodule.c), `handle_signals` (Python/ceval_gil.c)
    pub fn deliver(&self, attached: &Attached<'_>) -> Result<(), Raised> {
        let here = core::ptr::from_ref(attached.breaker());
        if !self.bridge.main.get().is_some_and(|main| core::ptr::eq(main.breaker(), here)) {
            return Ok(());
        }
        self.deliver_with(|signal| match self.bridge.table.callback(signal) {
            Some(callback) => callback(attached, signal),
            None => Ok(()),
        })
    }

    /// [`deliver`](Self::deliver) with something else than the callbacks. For models.
    #[doc(hidden)]
    pub fn deliver_with<E>(&self, each: impl FnMut(i32) -> Result<(), E>) -> Result<(), E> {
        let Some(main) = self.bridge.main.get() else { return Ok(()) };
        self.bridge.tripped.deliver(main.breaker(), each)
    }

    /// Makes the signals usable in the child of a fork: what came before belongs to the parent, the courier is
    /// started again if somebody subscribed. Call [`bind_main`](Self::bind_main) after it.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process, and no thread was inside [`on`](Self::on),
    /// [`subscribe`](Self::subscribe) or the drop of what they return when the process forked.
    ///
    /// Cost: two RMWs, and a thread if somebody subscribed.
    ///
    /// ```
    /// let signals = pyceval::Signals::new();
    /// // SAFETY: no other thread has been started.
    /// unsafe { signals.after_fork_child() };
    /// ```
    ///
    /// Port of: `_PySignal_AfterFork` (Modules/signalmodule.c)
    pub unsafe fn after_fork_child(&self) {
        // SAFETY: handed on to the caller.
        unsafe { self.bridge.after_fork_child() };
        // SAFETY: handed on to the caller.
        unsafe { courier::after_fork_child(&self.bridge) };
    }
}

#[cfg(unix)]
impl Signals {
    /// Sets the descriptor into which a handler writes one byte, the signal's number, after everything else; `None`:
    /// no descriptor. Returns the one before.
    ///
    /// For event loops that sleep in `poll` or `select`. A full pipe is not an error: whoever reads it is
    /// about to wake anyway. Other errors are kept for [`take_wakeup_error`](Self::take_wakeup_error).
    ///
    /// Cost: two system calls, one RMW.
    ///
    /// # Errors
    ///
    /// [`WakeupError`]: the descriptor is closed, or a write to it could block. The one before stays.
    ///
    /// # Safety
    ///
    /// The descriptor stays open until another one has been set and handlers that are under way have returned: a byte
    /// for a closed descriptor goes to whatever gets its number next.
    ///
    /// ```
    /// let signals = pyceval::Signals::new();
    /// // SAFETY: not open, so it is not set.
    /// assert!(unsafe { signals.set_wakeup_fd(Some(123_456)) }.is_err());
    /// assert_eq!(signals.wakeup_fd(), None);
    /// ```
    ///
    /// Port of: `signal_set_wakeup_fd_impl` (Modules/signalmodule.c)
    /// PORT: from any thread; that only the main thread may is for the embedder to say.
    pub unsafe fn set_wakeup_fd(
        &self,
        fd: Option<std::os::fd::RawFd>,
    ) -> Result<Option<std::os::fd::RawFd>, WakeupError> {
        self.bridge.wakeup.set(fd)
    }

    /// The descriptor into which handlers write.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// assert_eq!(pyceval::Signals::new().wakeup_fd(), None);
    /// ```
    ///
    /// Port of: `PySignal_SetWakeupFd` (Modules/signalmodule.c)
    #[must_use]
    pub fn wakeup_fd(&self) -> Option<std::os::fd::RawFd> {
        self.bridge.wakeup.get()
    }

    /// The error of the last write to the wake-up descriptor that failed, if one did since the last call; a full pipe
    /// is none. For the embedder to report.
    ///
    /// Cost: one RMW.
    ///
    /// ```
    /// assert!(pyceval::Signals::new().take_wakeup_error().is_none());
    /// ```
    ///
    /// Port of: `report_wakeup_write_error` (Modules/signalmodule.c)
    #[must_use]
    pub fn take_wakeup_error(&self) -> Option<std::io::Error> {
        self.bridge.wakeup.take_error()
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.bridge.table.close(&self.bridge);
        self.bridge.courier.stop();
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals").field("tripped", &self.bridge.tripped).finish_non_exhaustive()
    }
}
