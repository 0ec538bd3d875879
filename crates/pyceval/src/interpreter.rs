//! An interpreter: its GIL, its pending calls, its threads.
//!
//! * INTERP-1: an interpreter is listed in the roster while a handle to it or a thread of it exists.
//! * INTERP-2: `finaliser` is 0, or the number of the thread that ends the interpreter; it is set once, with the world
//!   stopped, so that every other thread sees it before it attaches again (EXIT-1). Interpreters that are made later
//!   have it from birth. A number, because another state may come to lie where the thread's lay.
//! * INTERP-3: a runtime does not keep itself: what is listed keeps the runtime, but not for longer than a handle is there
//!   (INTERP-1), and signal handlers keep a seat, not a thread.
//!
//! Port of: `PyInterpreterState` (Include/internal/pycore_interp.h)

use crate::attached::Attached;
use crate::breaker::{Breaker, Events};
use crate::current;
use crate::gil::{Gil, Seat};
use crate::handle::CALLS;
use crate::pause::Pause;
use crate::pending::{PendingCalls, QueueFull};
use crate::raised::Raised;
use crate::roster::Entry;
use crate::runtime::Core;
use crate::switch::{IntervalTooShort, SwitchPolicy};
use crate::thread::{Thread, ThreadState};
use crate::world::{Books, Scope, World};
use core::fmt;
use core::time::Duration;
use pycritsec::runtime::{self as sections, Chain};
use pyparking::fatal;
use pyparking::primitive::{AtomicU64, AtomicUsize, Ordering, seeded};
use std::sync::Arc;

/// What the threads of an interpreter share.
pub(crate) struct Shared {
    pub(crate) id: u64,
    pub(crate) core: Arc<Core>,
    pub(crate) gil: Gil,
    pub(crate) calls: PendingCalls,
    pub(crate) world: World,
    version: AtomicUsize,
    finaliser: AtomicU64,
}

impl Shared {
    /// The instrumentation version that threads take over when they attach.
    #[inline]
    pub(crate) fn version(&self) -> usize {
        // ORD: Relaxed, changed with the world stopped: ordered before every attach that must see it.
        self.version.load(Ordering::Relaxed)
    }

    /// Whether the interpreter is ending, and not by this thread.
    #[inline]
    pub(crate) fn is_ended_for(&self, thread: &Thread) -> bool {
        // ORD: Relaxed, set with the world stopped: ordered before every attach that must see it (INTERP-2).
        let finaliser = self.finaliser.load(Ordering::Relaxed);
        finaliser != 0 && finaliser != thread.id
    }

    /// From now on only the thread with this number may attach; 0 for any.
    pub(crate) fn end_by(&self, thread: u64) {
        // ORD: Relaxed, the start of the world that follows tells the others (INTERP-2).
        self.finaliser.store(thread, Ordering::Relaxed);
    }
}

/// Switches a GIL off that nobody uses yet.
fn abolish(gil: &Gil) {
    let seat = Seat::new();
    // SAFETY: the GIL is disabled before the seat goes.
    let taken = unsafe { gil.take(&seat) };
    debug_assert!(taken);
    gil.disable(&seat);
}

/// Sections that a thread has taken off its stack for the length of a call.
struct Aside<'t> {
    thread: &'t Thread,
    chain: Chain,
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        let chain = core::mem::take(&mut self.chain);
        if core::ptr::eq(current::get(), self.thread) {
            // SAFETY: detached by this thread in the frame that has this.
            unsafe { sections::attach(chain, self.thread.mode()) };
        } else {
            // SAFETY: as above; refused meanwhile, and unwinding (EXIT-2).
            unsafe { sections::abandon(chain) };
        }
    }
}

/// The listing of an interpreter, which ends with the last handle (INTERP-1).
struct Listed(Arc<Shared>);

impl Drop for Listed {
    fn drop(&mut self) {
        let entry = self.0.core.roster.with(|lists| lists.remove(self.0.id));
        drop(entry);
        if !seeded("turns-kept") {
            self.0.core.choose_turns();
        }
    }
}

/// An interpreter of a runtime: cheap to clone, and there as long as a clone or a thread state is.
///
/// ```
/// let (runtime, _main) = pyceval::Runtime::builder().start().unwrap();
/// let second = runtime.new_interpreter(true);
/// assert_ne!(second.id(), runtime.main_interpreter().id());
/// ```
///
/// Port of: `PyInterpreterState` (Include/internal/pycore_interp.h)
#[derive(Clone)]
pub struct Interpreter(Arc<Listed>);

impl Interpreter {
    pub(crate) fn new(
        core: &Arc<Core>,
        gil: bool,
        interval: Duration,
        policy: SwitchPolicy,
    ) -> Result<Self, IntervalTooShort> {
        let lock = Gil::new(policy);
        lock.set_interval(interval)?;
        if !gil {
            abolish(&lock);
        }
        let shared = Arc::new(Shared {
            id: core.next_interpreter_id(),
            core: Arc::clone(core),
            gil: lock,
            calls: PendingCalls::new(CALLS),
            world: World::new(),
            version: AtomicUsize::new(0),
            finaliser: AtomicU64::new(0),
        });
        core.roster.with(|lists| {
            shared.end_by(lists.ended_by);
            if lists.ended_by != 0 {
                shared.calls.refuse();
            }
            lists.interpreters.push(Entry {
                interpreter: Arc::clone(&shared),
                threads: Vec::new(),
                books: Books::default(),
            });
        });
        core.choose_turns();
        Ok(Self(Arc::new(Listed(shared))))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }

    /// The interpreter's number: 0 for the main one.
    ///
    /// Cost: one load.
    ///
    /// ```
    /// let (runtime, _main) = pyceval::Runtime::builder().start().unwrap();
    /// assert_eq!(runtime.main_interpreter().id(), 0);
    /// ```
    #[must_use]
    pub fn id(&self) -> u64 {
        self.shared().id
    }

    /// A new thread state, detached. During a pause it waits for the world to start.
    ///
    /// Cost: one allocation, and the roster's lock.
    ///
    /// ```
    /// let (runtime, main) = pyceval::Runtime::builder().start().unwrap();
    /// let mut worker = runtime.main_interpreter().new_thread();
    /// std::thread::spawn(move || drop(worker.attach().unwrap())).join().unwrap();
    /// # drop(main);
    /// ```
    ///
    /// Port of: `PyThreadState_New` (Python/pystate.c)
    #[must_use]
    pub fn new_thread(&self) -> ThreadState {
        ThreadState::new(self)
    }

    /// Queues a call for one of the interpreter's threads to run at its next poll, first come, first served.
    ///
    /// Any thread may, attached or not, also a running call; a signal handler may not.
    ///
    /// # Errors
    ///
    /// [`QueueFull`] with 300 calls queued, or after the end of the runtime; nothing is lost.
    ///
    /// Cost: one RMW, a lock, and one RMW per thread of the interpreter.
    ///
    /// ```
    /// use pyceval::Runtime;
    ///
    /// let (runtime, mut main) = Runtime::builder().start().unwrap();
    /// runtime.main_interpreter().add_pending_call(|_| Err(pyceval::Raised::new("called"))).unwrap();
    /// assert_eq!(main.attach().unwrap().poll().unwrap_err().to_string(), "called");
    /// ```
    ///
    /// Port of: `_PyEval_AddPendingCall` (Python/ceval_gil.c)
    pub fn add_pending_call<F>(&self, call: F) -> Result<(), QueueFull>
    where
        F: FnOnce(&Attached<'_>) -> Result<(), Raised> + Send + 'static,
    {
        self.shared().calls.add(call)?;
        self.tell_all(Events::CALLS_TO_DO);
        Ok(())
    }

    /// Sets an event on every thread of the interpreter.
    /// Port of: `_Py_set_eval_breaker_bit_all` (Python/ceval_gil.c)
    fn tell_all(&self, events: Events) {
        self.shared().core.roster.with(|lists| {
            for thread in &lists.entry(self.shared()).threads {
                // Also where the event is set already: the thread may be about to take it, and sees what came before
                // this set only.
                thread.breaker().set(events);
            }
        });
    }

    /// Leaves the calls that a thread was told of, and that ends now, to the others.
    pub(crate) fn hand_calls_on(&self, gone: &Breaker) {
        if gone.events().contains(Events::CALLS_TO_DO) && !self.shared().calls.is_empty() {
            self.tell_all(Events::CALLS_TO_DO);
        }
    }

    /// Sends an exception to the thread with this number, to be raised at its next poll, in place of one that was
    /// sent before; `None` takes that one back. Whether there is such a thread.
    ///
    /// Cost: the roster's lock, and one RMW.
    ///
    /// ```
    /// use pyceval::{Raised, Runtime};
    ///
    /// let (runtime, mut main) = Runtime::builder().start().unwrap();
    /// let interpreter = runtime.main_interpreter();
    /// assert!(interpreter.send_exception(main.id(), Some(Raised::new("first"))));
    /// assert!(interpreter.send_exception(main.id(), None));
    /// assert!(main.attach().unwrap().poll().is_ok());
    /// assert!(!interpreter.send_exception(u64::MAX, None));
    /// ```
    ///
    /// Port of: `PyThreadState_SetAsyncExc` (Python/pystate.c)
    pub fn send_exception(&self, thread: u64, raised: Option<Raised>) -> bool {
        let found = self.shared().core.roster.with(|lists| {
            let mut threads = lists.entry(self.shared()).threads.iter();
            threads.find(|candidate| candidate.id == thread).map(Arc::clone)
        });
        found.is_some_and(|thread| {
            drop(thread.send(raised));
            true
        })
    }

    /// Stops every other thread of the interpreter until the pause is dropped.
    ///
    /// Fatal if this thread has stopped the world already, or is attached to another interpreter: two that stop each
    /// other's worlds would wait for each other.
    ///
    /// Cost: the roster's lock and one RMW per thread, and the time that running threads need to reach a poll.
    ///
    /// Ordering: what other threads did before they stopped is seen; what is done during the pause is seen by them.
    ///
    /// ```
    /// let (runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let attached = main.attach().unwrap();
    /// let pause = runtime.main_interpreter().stop_the_world(&attached);
    /// // Nobody else runs here.
    /// drop(pause);
    /// ```
    ///
    /// Port of: `_PyEval_StopTheWorld` (Python/pystate.c)
    #[must_use = "the world starts again as soon as the pause is dropped"]
    pub fn stop_the_world<'a>(&self, attached: &'a Attached<'_>) -> Pause<'a> {
        if !core::ptr::eq(attached.shared(), &**self.shared()) {
            fatal(
                "Interpreter",
                &**self.shared(),
                "its world is stopped by a thread of another interpreter",
                "a token of this one",
            );
        }
        Pause::new(attached.thread(), Scope::Interpreter(self.id()))
    }

    /// Sets the instrumentation version: every thread has it before its next instruction.
    ///
    /// Cost: a stop of the interpreter's world.
    ///
    /// ```
    /// let (runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let attached = main.attach().unwrap();
    /// runtime.main_interpreter().set_version(&attached, 3);
    /// assert_eq!(attached.breaker().version(), 3);
    /// ```
    ///
    /// Port of: `_PyMonitoring_SetEvents` (Python/instrumentation.c)
    pub fn set_version(&self, attached: &Attached<'_>, version: usize) {
        let _pause = self.stop_the_world(attached);
        // ORD: Relaxed, the world is stopped: every other thread attaches after this.
        self.shared().version.store(version, Ordering::Relaxed);
        attached.thread().breaker().set_version(version);
    }

    /// Whether the interpreter has a GIL at present.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// let (runtime, _main) = pyceval::Runtime::builder().gil(false).start().unwrap();
    /// assert!(!runtime.main_interpreter().has_gil());
    /// ```
    #[must_use]
    pub fn has_gil(&self) -> bool {
        self.shared().gil.is_enabled()
    }

    /// The interpreter's GIL, to look at.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// let (runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let _attached = main.attach().unwrap();
    /// assert_eq!(runtime.main_interpreter().gil().interval().as_millis(), 5);
    /// ```
    #[must_use]
    pub fn gil(&self) -> &Gil {
        &self.shared().gil
    }

    /// Switches the GIL on or off while threads run.
    ///
    /// The critical sections that this thread is in are suspended and resumed, as at a detach.
    ///
    /// Cost: a stop of the interpreter's world.
    ///
    /// ```
    /// let (runtime, mut main) = pyceval::Runtime::builder().gil(false).start().unwrap();
    /// let attached = main.attach().unwrap();
    /// runtime.main_interpreter().set_gil(&attached, true);
    /// assert!(runtime.main_interpreter().has_gil());
    /// ```
    ///
    /// Port of: `_PyEval_EnableGILTransient`, `_PyEval_DisableGIL` (Python/ceval_gil.c)
    pub fn set_gil(&self, attached: &Attached<'_>, on: bool) {
        let thread = attached.thread();
        let aside = Aside { thread, chain: sections::detach() };
        let pause = self.stop_the_world(attached);
        let gil = &self.shared().gil;
        if on {
            // SAFETY: the state is attached, and so kept until it has released the GIL again (ATTACH-1).
            unsafe { gil.enable(&thread.seat) };
        } else {
            gil.disable(&thread.seat);
        }
        self.shared().core.choose_turns();
        drop(pause);
        drop(aside);
    }

    /// Sets how long a thread keeps the GIL while others wait for it.
    ///
    /// # Errors
    ///
    /// [`IntervalTooShort`] below a microsecond.
    ///
    /// Cost: one relaxed store.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (runtime, _main) = pyceval::Runtime::builder().start().unwrap();
    /// let interpreter = runtime.main_interpreter();
    /// interpreter.set_switch_interval(Duration::from_millis(1)).unwrap();
    /// assert!(interpreter.set_switch_interval(Duration::from_nanos(999)).is_err());
    /// ```
    ///
    /// Port of: `_PyEval_SetSwitchInterval` (Python/ceval_gil.c)
    pub fn set_switch_interval(&self, interval: Duration) -> Result<(), IntervalTooShort> {
        self.shared().gil.set_interval(interval)
    }

    /// Attaches the calling thread for the length of `f`, whether or not it is attached already.
    ///
    /// A thread that is attached to this interpreter goes on with the state it has; any other gets a fresh state for
    /// the call. For callbacks from foreign code.
    ///
    /// # Errors
    ///
    /// As [`ThreadState::attach`]; a thread that is attached to another interpreter must be detached first.
    ///
    /// Cost: two thread-local reads if the thread is attached, else a thread state.
    ///
    /// ```
    /// let (runtime, _main) = pyceval::Runtime::builder().start().unwrap();
    /// let interpreter = runtime.main_interpreter().clone();
    /// std::thread::spawn(move || {
    ///     interpreter.with_attached(|attached| attached.poll().unwrap()).unwrap();
    /// })
    /// .join()
    /// .unwrap();
    /// ```
    ///
    /// Port of: `PyGILState_Ensure` (Python/pystate.c)
    pub fn with_attached<R>(
        &self,
        f: impl FnOnce(&Attached<'_>) -> R,
    ) -> Result<R, crate::AttachError> {
        // SAFETY: null, or the state that this thread has attached, kept alive by the token further up its stack.
        if let Some(thread) = unsafe { current::get().as_ref() } {
            if core::ptr::eq(thread.interpreter(), &**self.shared()) {
                let token = core::mem::ManuallyDrop::new(Attached::new(thread));
                return Ok(f(&token));
            }
        }
        let mut state = self.new_thread();
        let attached = state.attach()?;
        Ok(f(&attached))
    }
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreter")
            .field("id", &self.id())
            .field("gil", &self.shared().gil)
            .finish_non_exhaustive()
    }
}
