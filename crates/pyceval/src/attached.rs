//! The token that proves "attached", and what an attached thread can do.
//!
//! * TOKEN-1: while a thread can use its token it is attached: every call that detaches attaches again before it
//!   returns, or does not return.
//! * TOKEN-2: the token cannot leave its thread, and a closure that runs detached cannot capture it, because it must
//!   be `Send`.

use crate::breaker::{Breaker, Events};
use crate::current;
use crate::interpreter::Shared;
use crate::pause::Pause;
use crate::raised::Raised;
use crate::thread::Thread;
use crate::world::Scope;
use core::fmt;
use core::marker::PhantomData;
use pyparking::fatal;
use pyparking::primitive::seeded;
use pyref::Guard;
use pysync::{LockFlags, LockStatus};

/// Proof that the calling thread is attached. Detaches when dropped.
///
/// ```
/// use pyceval::Runtime;
///
/// let (_runtime, mut main) = Runtime::builder().start().unwrap();
/// let attached = main.attach().unwrap();
/// for _instruction in 0..100 {
///     attached.poll().unwrap();
/// }
/// let line = attached.detached(|| "blocking calls go here");
/// assert_eq!(line.len(), 22);
/// ```
///
/// Dropping the token inside a critical section that was begun with it is fatal: the section could not end.
#[must_use = "the thread is detached as soon as the token is dropped"]
pub struct Attached<'t> {
    thread: &'t Thread,
    /// The thread's, one step nearer for the poll.
    breaker: &'t Breaker,
    _not_send: PhantomData<*const ()>,
}

impl<'t> Attached<'t> {
    /// The token of the calling thread, which has `thread` attached.
    #[inline]
    pub(crate) fn new(thread: &'t Thread) -> Self {
        Self { thread, breaker: thread.breaker(), _not_send: PhantomData }
    }

    #[inline]
    pub(crate) fn thread(&self) -> &'t Thread {
        self.thread
    }

    /// Looks whether anything wants the thread's attention, and serves it. To be called at every backward jump and
    /// call of the interpreted code.
    ///
    /// In this order: a stop of the world, signals (on the main thread), pending calls, reference counts to merge,
    /// garbage collection, code to throw away, a request to drop the GIL, an exception sent by another thread.
    ///
    /// # Errors
    ///
    /// What a signal's callback, a pending call or the collector raised, or what was sent. The rest is served at the
    /// next poll.
    ///
    /// # Panics
    ///
    /// Unwinds with [`ThreadExit`](crate::ThreadExit) if the interpreter has ended meanwhile.
    ///
    /// Cost: one relaxed load and a test while nothing is wanted.
    ///
    /// ```
    /// use pyceval::{Raised, Runtime};
    ///
    /// let (runtime, mut main) = Runtime::builder().start().unwrap();
    /// runtime.main_interpreter().send_exception(main.id(), Some(Raised::new("stop it")));
    /// let attached = main.attach().unwrap();
    /// assert_eq!(attached.poll().unwrap_err().to_string(), "stop it");
    /// assert!(attached.poll().is_ok());
    /// ```
    ///
    /// Port of: `_Py_HandlePending` (Python/ceval_gil.c)
    #[inline]
    pub fn poll(&self) -> Result<(), Raised> {
        if self.breaker.is_tripped() { self.handle_pending() } else { Ok(()) }
    }

    /// Runs `f` with the thread detached, so that others can run or stop the world: for calls that block.
    ///
    /// # Panics
    ///
    /// Unwinds with [`ThreadExit`](crate::ThreadExit) if the interpreter has ended meanwhile. Fatal while this
    /// thread has stopped the world.
    ///
    /// Cost: that of a detach (no RMW without a GIL) and an attach (one RMW), two RMW more with a GIL.
    ///
    /// ```
    /// let (_runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let attached = main.attach().unwrap();
    /// assert_eq!(attached.detached(|| 1 + 1), 2);
    /// ```
    ///
    /// Port of: `PyEval_SaveThread` (Python/ceval_gil.c)
    #[inline]
    pub fn detached<R>(&self, f: impl FnOnce() -> R + Send) -> R {
        if self.thread.pause.get().is_some() {
            detach_in_a_pause(self.thread);
        }
        self.thread.expect_attached();
        self.thread.detach();
        let _again = AttachAgain(self.thread);
        f()
    }

    /// Waits in a lock call that serves signals and pending calls, and hands on what they raise.
    ///
    /// `wait` is given the flags to use: detach, and run pending calls after an interrupt.
    ///
    /// # Errors
    ///
    /// What a signal's callback or a pending call raised; the lock is then not held. An event may be set all the same.
    /// Should `wait` have gone on until it held the lock, the next poll raises it instead.
    ///
    /// Cost: that of the lock call.
    ///
    /// ```
    /// use pysync::{Event, LockStatus, Mutex};
    /// use std::time::Duration;
    ///
    /// let (_runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let attached = main.attach().unwrap();
    /// let (mutex, event) = (Mutex::new(), Event::new());
    /// let status = attached.wait(|flags| mutex.lock_timed(None, flags)).unwrap();
    /// assert_eq!(status, LockStatus::Acquired);
    /// mutex.unlock();
    /// let soon = Some(Duration::from_millis(1));
    /// assert!(!attached.wait(|flags| event.wait_with(soon, flags)).unwrap());
    /// ```
    pub fn wait<E: WaitEnd>(&self, wait: impl FnOnce(LockFlags) -> E) -> Result<E, Raised> {
        self.thread.raised.set(None);
        let end = wait(LockFlags::DETACH | LockFlags::HANDLE_SIGNALS);
        match self.thread.raised.take() {
            Some(raised) if end.holds_lock() => {
                drop(self.thread.send(Some(raised)));
                Ok(end)
            }
            Some(raised) => Err(raised),
            None => Ok(end),
        }
    }

    /// The state's number.
    ///
    /// Cost: one load.
    ///
    /// ```
    /// let (_runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let id = main.id();
    /// assert_eq!(main.attach().unwrap().id(), id);
    /// ```
    #[must_use]
    pub fn id(&self) -> u64 {
        self.thread.id
    }

    /// The thread's breaker, for a poll in machine code and for events of the embedder's own making.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// let (_runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let attached = main.attach().unwrap();
    /// attached.breaker().set(pyceval::Events::GC_SCHEDULED);
    /// attached.poll().unwrap();
    /// assert!(!attached.breaker().is_tripped());
    /// ```
    #[inline]
    #[must_use]
    pub fn breaker(&self) -> &Breaker {
        self.breaker
    }

    /// Whether signals are delivered here: the thread that started the runtime, in its main interpreter.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// let (_runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// assert!(main.attach().unwrap().is_main());
    /// ```
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.thread.runtime().is_main(self.thread)
    }

    /// Asks for a garbage collection at this thread's next poll.
    ///
    /// Cost: one RMW.
    ///
    /// ```
    /// let (_runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let attached = main.attach().unwrap();
    /// attached.schedule_collection();
    /// assert!(attached.breaker().is_tripped());
    /// # attached.poll().unwrap();
    /// ```
    ///
    /// Port of: `_Py_ScheduleGC` (Python/gc.c)
    pub fn schedule_collection(&self) {
        self.thread.breaker().set(Events::GC_SCHEDULED);
    }

    /// Stops every other thread of this interpreter until the pause is dropped:
    /// [`Interpreter::stop_the_world`](crate::Interpreter::stop_the_world), for handlers and pending calls, which are
    /// given a token and no interpreter.
    ///
    /// Fatal if this thread has stopped the world already.
    ///
    /// Cost: as there.
    ///
    /// ```
    /// use pyceval::{Attached, Handlers, Raised, Runtime};
    ///
    /// struct Collector;
    /// impl Handlers for Collector {
    ///     fn collect(&self, attached: &Attached<'_>) -> Result<(), Raised> {
    ///         let _pause = attached.stop_the_world();
    ///         // Nobody else runs here.
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let (_runtime, mut main) = Runtime::builder().handlers(Collector).start().unwrap();
    /// let attached = main.attach().unwrap();
    /// attached.schedule_collection();
    /// attached.poll().unwrap();
    /// ```
    ///
    /// Port of: `_PyEval_StopTheWorld` (Python/pystate.c)
    #[must_use = "the world starts again as soon as the pause is dropped"]
    pub fn stop_the_world(&self) -> Pause<'_> {
        Pause::new(self.thread, Scope::Interpreter(self.thread.interpreter().id))
    }

    /// Opens a guard for borrowed reads of slots. What is borrowed stays across polls and detached stretches, until the
    /// guard is dropped.
    ///
    /// # Panics
    ///
    /// Unwinds with [`ThreadExit`](crate::ThreadExit) if the thread was refused before, and has caught the unwinding.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pyref::{Ref, Slot};
    ///
    /// let (_runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let attached = main.attach().unwrap();
    /// let slot = Slot::new(Ref::new(5));
    /// let guard = attached.guard();
    /// let five = slot.borrow(&guard).unwrap();
    /// slot.store(None);
    /// attached.poll().unwrap();
    /// assert_eq!(*five, 5);
    /// ```
    #[inline]
    pub fn guard(&self) -> Guard<'_> {
        if !seeded("guard-unattached") {
            self.thread.expect_attached();
        }
        // SAFETY: the token, which the guard borrows, is on the thread that has the state attached, whose member cannot
        // become another thread's before the token is dropped (THREAD-1).
        unsafe { self.thread.member.place().guard() }
    }

    pub(crate) fn shared(&self) -> &'t Shared {
        self.thread.interpreter()
    }
}

/// How a wait ended, in the words of the lock call: a status, whether the event is set, a guard or a status.
///
/// ```
/// use pyceval::WaitEnd;
/// use pysync::LockStatus;
///
/// assert!(LockStatus::Acquired.holds_lock());
/// assert!(!true.holds_lock());
/// assert!(!Err::<(), _>(LockStatus::Intr).holds_lock());
/// ```
pub trait WaitEnd {
    /// Whether the thread holds a lock now, which an error would leave held. Never so for an event.
    ///
    /// Cost: a comparison.
    ///
    /// ```
    /// use pyceval::WaitEnd;
    /// use pysync::LockStatus;
    ///
    /// assert!(LockStatus::Acquired.holds_lock() && !LockStatus::Failure.holds_lock());
    /// ```
    fn holds_lock(&self) -> bool;
}

impl WaitEnd for LockStatus {
    fn holds_lock(&self) -> bool {
        *self == Self::Acquired
    }
}

impl WaitEnd for bool {
    fn holds_lock(&self) -> bool {
        false
    }
}

impl<G> WaitEnd for Result<G, LockStatus> {
    fn holds_lock(&self) -> bool {
        self.is_ok()
    }
}

/// Attaches again at the end of a detached stretch, also when it panicked.
struct AttachAgain<'t>(&'t Thread);

impl Drop for AttachAgain<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.attach_again();
    }
}

impl Drop for Attached<'_> {
    #[inline]
    fn drop(&mut self) {
        // A thread that was refused and unwinds is not attached any more (EXIT-2).
        if core::ptr::eq(current::get(), self.thread) {
            self.thread.detach_for_good();
        }
        self.thread.lent.set(false);
    }
}

impl fmt::Debug for Attached<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached").field("id", &self.thread.id).finish()
    }
}

#[cold]
fn detach_in_a_pause(thread: &Thread) -> ! {
    fatal(
        "Attached",
        thread,
        "a thread that has stopped the world detaches",
        "the world to be started first",
    )
}

#[cfg(test)]
mod tests {
    use crate::{Raised, Runtime};
    use pysync::LockStatus;

    #[test]
    fn what_was_raised_in_a_wait_is_not_lost_when_the_event_was_set_meanwhile() {
        let (_runtime, mut main) = Runtime::builder().start().unwrap();
        let attached = main.attach().unwrap();
        let ended = attached.wait(|_| {
            attached.thread().raised.set(Some(Raised::new("raised")));
            true
        });
        assert_eq!(ended.unwrap_err().to_string(), "raised");
        assert!(attached.poll().is_ok());
    }

    #[test]
    fn what_was_raised_in_a_wait_that_got_the_lock_is_raised_by_the_next_poll() {
        let (_runtime, mut main) = Runtime::builder().start().unwrap();
        let attached = main.attach().unwrap();
        let ended = attached.wait(|_| {
            attached.thread().raised.set(Some(Raised::new("raised")));
            LockStatus::Acquired
        });
        assert_eq!(ended.unwrap(), LockStatus::Acquired);
        assert_eq!(attached.poll().unwrap_err().to_string(), "raised");
    }
}
