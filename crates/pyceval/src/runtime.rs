//! The runtime: what all interpreters share.
//!
//! Port of: `_PyRuntimeState` (Include/internal/pycore_runtime.h)
//! PORT: a value, not a static: a process may have several, one of which handles signals.

use crate::attached::Attached;
use crate::breaker::Events;
use crate::gil::Seat;
use crate::handle::MAIN_CALLS;
use crate::handlers::{Handlers, Nothing};
use crate::hooks::HOOKS;
use crate::interpreter::Interpreter;
use crate::pause::Pause;
use crate::pending::{PendingCalls, QueueFull};
use crate::raised::Raised;
use crate::roster::Roster;
use crate::signals::{Signals, Target};
use crate::switch::{IntervalTooShort, SwitchPolicy};
use crate::thread::{Thread, ThreadState};
use crate::world::{Scope, World};
use core::fmt;
use core::time::Duration;
use pyparking::hooks::{self, AlreadyInstalled};
use pyparking::primitive::plain::AtomicU64;
use pyparking::primitive::{AtomicUsize, Ordering};
use pyparking::{ThreadHandle, fatal, spin};
use pysync::RwMutex;
use std::sync::Arc;

/// What the interpreters share.
pub(crate) struct Core {
    pub(crate) roster: Roster,
    /// Held shared by stops of one interpreter, exclusively by stops of all (WORLD-4).
    pub(crate) gate: RwMutex,
    pub(crate) world: World,
    pub(crate) main_calls: PendingCalls,
    pub(crate) signals: Signals,
    pub(crate) handlers: Box<dyn Handlers>,
    /// The identity of the state whose breaker signals trip.
    main_state: AtomicUsize,
    threads: AtomicU64,
    interpreters: AtomicU64,
}

impl Core {
    fn new(handlers: Box<dyn Handlers>) -> Self {
        Self {
            roster: Roster::new(),
            gate: RwMutex::new(),
            world: World::new(),
            main_calls: PendingCalls::new(MAIN_CALLS),
            signals: Signals::new(),
            handlers,
            main_state: AtomicUsize::new(0),
            threads: AtomicU64::new(1),
            interpreters: AtomicU64::new(0),
        }
    }

    pub(crate) fn next_thread_id(&self) -> u64 {
        // ORD: Relaxed, only uniqueness is asked for; an RMW gives it.
        self.threads.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn next_interpreter_id(&self) -> u64 {
        // ORD: Relaxed, as above.
        self.interpreters.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether this is the state that signals go to.
    pub(crate) fn is_main(&self, thread: &Thread) -> bool {
        // ORD: Relaxed, written by the main thread itself, at the start or in the child of a fork.
        self.main_state.load(Ordering::Relaxed) == thread.identity()
    }

    /// The calling thread, with this state, is the main thread from now on.
    pub(crate) fn bind_main(&self, thread: &Arc<Thread>) {
        // ORD: Relaxed, others only ask whether they are the one, and are not before or after.
        self.main_state.store(thread.identity(), Ordering::Relaxed);
        let seat = Arc::clone(&thread.seat);
        self.signals.bind_main(Target::new(seat, Seat::breaker, ThreadHandle::current()));
    }

    /// The thread ends: if it is the main one, no other is taken for it.
    pub(crate) fn unbind_main(&self, thread: &Thread) {
        if self.is_main(thread) {
            // ORD: Relaxed, as in `bind_main`.
            self.main_state.store(0, Ordering::Relaxed);
        }
    }

    /// Tells the locks how long to turn: not at all if a GIL is held by whoever runs. Whenever an interpreter comes,
    /// goes, or switches its GIL.
    pub(crate) fn choose_turns(&self) {
        self.roster.with(|lists| {
            let mut gils =
                lists.interpreters.iter().map(|entry| entry.interpreter.gil.is_enabled());
            let all = !lists.interpreters.is_empty() && gils.all(|enabled| enabled);
            // Under the lock, so that the last one who looks is the last one who says.
            spin::set_turns(if all { spin::GIL } else { spin::FREE_THREADED });
        });
    }
}

/// The runtime: makes interpreters, handles signals, stops all worlds at once. Cheap to clone.
///
/// ```
/// use pyceval::Runtime;
///
/// let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
/// let attached = main.attach().unwrap();
/// runtime.add_main_call(|_| Ok(())).unwrap();
/// attached.poll().unwrap();
/// runtime.finalise(&attached).unwrap();
/// ```
///
/// Port of: `_PyRuntimeState` (Include/internal/pycore_runtime.h)
#[derive(Clone)]
pub struct Runtime {
    pub(crate) core: Arc<Core>,
    main: Interpreter,
}

/// How a runtime is to be. Made by [`Runtime::builder`].
///
/// ```
/// use pyceval::{Runtime, SwitchPolicy};
/// use std::time::Duration;
///
/// let builder = Runtime::builder().switch_interval(Duration::from_millis(1));
/// let (_runtime, _main) = builder.switch_policy(SwitchPolicy::Responsive).start().unwrap();
/// ```
#[must_use]
pub struct Builder {
    gil: bool,
    interval: Duration,
    policy: SwitchPolicy,
    handlers: Box<dyn Handlers>,
}

impl Builder {
    /// Whether the main interpreter starts with a GIL. It does unless told otherwise.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// let (runtime, _main) = pyceval::Runtime::builder().gil(false).start().unwrap();
    /// assert!(!runtime.main_interpreter().has_gil());
    /// ```
    pub fn gil(mut self, gil: bool) -> Self {
        self.gil = gil;
        self
    }

    /// How long a thread keeps the GIL while others wait: 5 ms unless told otherwise.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = pyceval::Runtime::builder().switch_interval(Duration::from_millis(1));
    /// let (runtime, _main) = builder.start().unwrap();
    /// assert_eq!(runtime.main_interpreter().gil().interval().as_millis(), 1);
    /// ```
    pub fn switch_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Who is served first when several wait for the GIL.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pyceval::{Runtime, SwitchPolicy};
    ///
    /// let builder = Runtime::builder().switch_policy(SwitchPolicy::Responsive);
    /// let (runtime, _main) = builder.start().unwrap();
    /// assert_eq!(runtime.main_interpreter().gil().policy(), SwitchPolicy::Responsive);
    /// ```
    pub fn switch_policy(mut self, policy: SwitchPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// What the embedder does at a poll.
    ///
    /// Cost: one allocation.
    ///
    /// ```
    /// struct Defaults;
    /// impl pyceval::Handlers for Defaults {}
    ///
    /// let (_runtime, mut main) = pyceval::Runtime::builder().handlers(Defaults).start().unwrap();
    /// main.attach().unwrap().poll().unwrap();
    /// ```
    pub fn handlers(mut self, handlers: impl Handlers) -> Self {
        self.handlers = Box::new(handlers);
        self
    }

    /// Starts the runtime. The calling thread is its main thread; its state is the second result.
    ///
    /// Installs [`HOOKS`], so that every lock of the layers below detaches an attached thread while it sleeps.
    ///
    /// # Errors
    ///
    /// [`StartError`]: other hooks are installed, or the switch interval is below a microsecond.
    ///
    /// Cost: some allocations.
    ///
    /// ```
    /// let (_runtime, main) = pyceval::Runtime::builder().start().unwrap();
    /// assert_eq!(main.interpreter().id(), 0);
    /// ```
    pub fn start(self) -> Result<(Runtime, ThreadState), StartError> {
        install_hooks()?;
        self.start_with_hooks_installed()
    }

    /// Starts the runtime in a program that has installed hooks of its own, which ask [`HOOKS`].
    ///
    /// # Errors
    ///
    /// [`StartError`]: the switch interval is below a microsecond.
    ///
    /// Cost: some allocations.
    ///
    /// ```
    /// let (_runtime, main) = pyceval::Runtime::builder().start_with_hooks_installed().unwrap();
    /// assert_eq!(main.interpreter().id(), 0);
    /// ```
    pub fn start_with_hooks_installed(self) -> Result<(Runtime, ThreadState), StartError> {
        let core = Arc::new(Core::new(self.handlers));
        let main = Interpreter::new(&core, self.gil, self.interval, self.policy);
        let main = main.map_err(StartError::Interval)?;
        let state = main.new_thread();
        core.bind_main(state.shared());
        Ok((Runtime { core, main }, state))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("gil", &self.gil)
            .field("interval", &self.interval)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Installs our hooks, unless they are there already.
fn install_hooks() -> Result<(), StartError> {
    let ours = |installed: &hooks::Hooks| core::ptr::eq(installed, &HOOKS);
    match hooks::install(&HOOKS) {
        Err(error) if !hooks::installed().is_some_and(ours) => Err(StartError::Hooks(error)),
        _ => Ok(()),
    }
}

/// Why a runtime did not start.
///
/// ```
/// use std::time::Duration;
///
/// let builder = pyceval::Runtime::builder().switch_interval(Duration::ZERO);
/// assert!(builder.start().unwrap_err().to_string().contains("switch interval"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// Another runtime's hooks are installed.
    Hooks(AlreadyInstalled),
    /// The switch interval is too short.
    Interval(IntervalTooShort),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hooks(error) => error.fmt(f),
            Self::Interval(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for StartError {}

impl Runtime {
    /// A runtime to be: with a GIL, 5 ms, CPython's policy, and no handlers.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// let (runtime, _main) = pyceval::Runtime::builder().start().unwrap();
    /// assert!(runtime.main_interpreter().has_gil());
    /// ```
    pub fn builder() -> Builder {
        Builder {
            gil: true,
            interval: Duration::from_millis(5),
            policy: SwitchPolicy::default(),
            handlers: Box::new(Nothing),
        }
    }

    /// The interpreter that the runtime started with.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// let (runtime, _main) = pyceval::Runtime::builder().start().unwrap();
    /// assert_eq!(runtime.main_interpreter().id(), 0);
    /// ```
    #[must_use]
    pub fn main_interpreter(&self) -> &Interpreter {
        &self.main
    }

    /// One more interpreter, with a GIL of its own or none.
    ///
    /// Cost: some allocations, and the roster's lock.
    ///
    /// ```
    /// let (runtime, _main) = pyceval::Runtime::builder().start().unwrap();
    /// let mut thread = runtime.new_interpreter(true).new_thread();
    /// thread.attach().unwrap().poll().unwrap();
    /// ```
    ///
    /// Port of: `Py_NewInterpreterFromConfig` (Python/pylifecycle.c)
    #[must_use]
    pub fn new_interpreter(&self, gil: bool) -> Interpreter {
        let main = &self.main.shared().gil;
        let made = Interpreter::new(&self.core, gil, main.interval(), main.policy());
        made.expect("the main interpreter's interval is long enough")
    }

    /// The runtime's signals.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// let (runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// runtime.signals().trip(2).unwrap();
    /// let attached = main.attach().unwrap();
    /// assert!(attached.poll().unwrap_err().is::<pyceval::KeyboardInterrupt>());
    /// ```
    #[must_use]
    pub fn signals(&self) -> &Signals {
        &self.core.signals
    }

    /// Queues a call for the main thread to run at its next poll.
    ///
    /// # Errors
    ///
    /// [`QueueFull`] with 32 calls queued, or after the end of the runtime; nothing is lost.
    ///
    /// Cost: a lock, and one RMW. The main thread is not woken from a sleep.
    ///
    /// ```
    /// let (runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// runtime.add_main_call(|attached| Ok(assert!(attached.is_main()))).unwrap();
    /// main.attach().unwrap().poll().unwrap();
    /// ```
    ///
    /// Port of: `Py_AddPendingCall` (Python/ceval_gil.c)
    pub fn add_main_call<F>(&self, call: F) -> Result<(), QueueFull>
    where
        F: FnOnce(&Attached<'_>) -> Result<(), Raised> + Send + 'static,
    {
        self.core.main_calls.add(call)?;
        self.core.signals.set_on_main(Events::CALLS_TO_DO);
        Ok(())
    }

    /// Stops every other thread of the runtime until the pause is dropped. See
    /// [`Interpreter::stop_the_world`], which stops those of one interpreter.
    ///
    /// Fatal if this thread has stopped the world already.
    ///
    /// Cost: as there.
    ///
    /// ```
    /// let (runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let attached = main.attach().unwrap();
    /// drop(runtime.stop_the_world(&attached));
    /// ```
    ///
    /// Port of: `_PyEval_StopTheWorldAll` (Python/pystate.c)
    #[must_use = "the world starts again as soon as the pause is dropped"]
    pub fn stop_the_world<'a>(&self, attached: &'a Attached<'_>) -> Pause<'a> {
        if !core::ptr::eq(attached.thread().runtime(), &*self.core) {
            fatal(
                "Runtime",
                &*self.core,
                "its world is stopped by a thread of another runtime",
                "a token of this one",
            );
        }
        Pause::new(attached.thread(), Scope::Runtime)
    }

    /// Begins the end: runs the calls that are queued, then lets no other thread attach any more.
    ///
    /// When it returns, no other thread of the runtime is attached, and none will be: threads that want to unwind
    /// with [`ThreadExit`](crate::ThreadExit) instead, new ones get [`AttachError::Finalising`](crate::AttachError::Finalising).
    ///
    /// Calls run in order until one fails: those of this thread's interpreter and, on the main thread, those that are for
    /// it. What they add runs too, up to the capacity of the queue, so that a call that adds itself does not go on for
    /// ever. If another thread is running calls it is waited for, detached; a call must not wait for the end, therefore.
    /// What is then left (after an error or that number, for other interpreters, for a main thread that is not this
    /// one, or if this is called by a pending call) is dropped without having run, and what is added later is refused.
    ///
    /// # Errors
    ///
    /// What the first failing call raised; the end has begun all the same.
    ///
    /// Cost: a stop of the world, and a lock for each queue that another thread is running.
    ///
    /// ```
    /// let (runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let mut late = runtime.main_interpreter().new_thread();
    /// runtime.finalise(&main.attach().unwrap()).unwrap();
    /// assert!(std::thread::spawn(move || late.attach().is_err()).join().unwrap());
    /// ```
    ///
    /// Port of: `_PyRuntimeState_SetFinalizing` (Include/internal/pycore_runtime.h)
    /// Port of: `_Py_FinishPendingCalls` (Python/ceval_gil.c)
    pub fn finalise(&self, attached: &Attached<'_>) -> Result<(), Raised> {
        let finished = self.finish_calls(attached);
        // Threads that are attached now stop here, and find the end when they want to go on (INTERP-2).
        let pause = self.stop_the_world(attached);
        let finaliser = attached.id();
        let ended: Vec<_> = self.core.roster.with(|lists| {
            lists.ended_by = finaliser;
            let interpreters = lists.interpreters.iter().map(|entry| &entry.interpreter);
            interpreters.inspect(|each| each.end_by(finaliser)).map(Arc::clone).collect()
        });
        drop(pause);
        let queues = ended.iter().map(|interpreter| &interpreter.calls);
        // SAFETY: the world was stopped, and no thread but this one attaches again: who was in a pass takes no call any
        // more (PENDING-5), and a pass of this thread has this call inside.
        let rest = queues.chain([&self.core.main_calls]).flat_map(|calls| unsafe { calls.close() });
        // All are out before the first is dropped, which may do anything.
        drop(rest.collect::<Vec<_>>());
        finished
    }

    /// Runs what is queued for this thread, as far as [`finalise`](Self::finalise) says.
    fn finish_calls(&self, attached: &Attached<'_>) -> Result<(), Raised> {
        if attached.thread().pause.get().is_some() {
            // The stop that follows says what is wrong.
            return Ok(());
        }
        attached.shared().calls.finish(attached)?;
        if attached.is_main() { self.core.main_calls.finish(attached) } else { Ok(()) }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("main", &self.main).finish_non_exhaustive()
    }
}
