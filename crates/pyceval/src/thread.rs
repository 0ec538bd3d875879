//! A thread of an interpreter: what others see of it, and what it keeps for itself.
//!
//! | part | read and written by |
//! |---|---|
//! | breaker, state word, GIL seat | any thread, by their own rules |
//! | `place` | whoever holds the roster's lock |
//! | `lent`, `carrier` | whoever has the handle, or the token that borrows it |
//! | `sections`, `pause`, `raised` | the thread that has this state attached, or is attaching or detaching it |
//! | `exception` | whoever holds its lock |
//!
//! * THREAD-1: a state is attached by one operating-system thread at a time: [`ThreadState::attach`] borrows the
//!   handle, which has no copy, and so does whatever is reached through the borrow.
//! * THREAD-2: a state is listed in the roster from birth until its handle is dropped.
//!
//! Port of: `PyThreadState` (Include/cpython/pystate.h)

use crate::attached::Attached;
use crate::breaker::{Breaker, Events};
use crate::errno;
use crate::exit::{AttachError, Refused};
use crate::gil::Seat;
use crate::interpreter::{Interpreter, Shared};
use crate::raised::Raised;
use crate::runtime::Core;
use crate::state::{State, StateWord};
use crate::world::{self, Scope, World};
use core::fmt;
use pycritsec::runtime::Chain;
use pyparking::primitive::{Cell, RaceCell, UnsafeCell, seeded};
use pyparking::{RawMutex, fatal, ident};
use pyref::Member;
use std::sync::Arc;

/// What stands behind a [`ThreadState`].
pub(crate) struct Thread {
    /// Shared with the signal handlers, which must not keep the whole thread.
    pub(crate) seat: Arc<Seat>,
    pub(crate) state: StateWord,
    /// Of what owns objects and reads slots while the state is attached.
    pub(crate) member: Member,
    pub(crate) id: u64,
    interpreter: Arc<Shared>,
    /// Index in the roster's list (ROSTER-1).
    pub(crate) place: RaceCell<usize>,
    /// The critical sections of the detached thread.
    pub(crate) sections: Cell<Chain>,
    /// The stop that this thread has asked for.
    pub(crate) pause: Cell<Option<Scope>>,
    /// What a pending call raised inside a lock's wait, until the wait's caller fetches it.
    pub(crate) raised: Cell<Option<Raised>>,
    /// Whether there is a token, perhaps a forgotten one whose thread sleeps in a lock, detached (THREAD-1).
    pub(crate) lent: Cell<bool>,
    /// The number of the thread of the system that had the handle's last token; 0: none had one.
    carrier: Cell<u64>,
    exception: Slot,
}

// SAFETY: the cells are used by one thread at a time (THREAD-1) or under the lock that the table names.
unsafe impl Sync for Thread {}
// SAFETY: nothing in it belongs to an operating-system thread while it is detached.
unsafe impl Send for Thread {}

/// An exception that another thread has sent.
struct Slot {
    lock: RawMutex,
    raised: UnsafeCell<Option<Raised>>,
}

impl Slot {
    fn replace(&self, raised: Option<Raised>) -> Option<Raised> {
        let _held = self.lock.guard();
        // SAFETY: the lock is held, and the reference ends before it is given back.
        core::mem::replace(unsafe { &mut *self.raised.get() }, raised)
    }
}

impl Thread {
    pub(crate) fn breaker(&self) -> &Breaker {
        self.seat.breaker()
    }

    pub(crate) fn interpreter(&self) -> &Shared {
        &self.interpreter
    }

    pub(crate) fn runtime(&self) -> &Core {
        &self.interpreter.core
    }

    /// The calling thread, with this number, has the state's token, and had not the last one.
    #[cold]
    fn carry(this: &Arc<Self>, here: u64) {
        this.carrier.set(here);
        if this.runtime().is_main(this) && !seeded("signal-stays-behind") {
            errno::kept(|| this.runtime().bind_main(this));
        }
    }

    /// Whether the calling thread has a token of this state.
    #[cfg(unix)]
    pub(crate) fn is_carried_here(&self) -> bool {
        self.lent.get() && self.carrier.get() == ident::current().get()
    }

    /// What tells this state from every other that exists.
    pub(crate) fn identity(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    pub(crate) fn world(&self, scope: Scope) -> &World {
        match scope {
            Scope::Runtime => &self.runtime().world,
            Scope::Interpreter(_) => &self.interpreter.world,
        }
    }

    /// Sends an exception, or takes the one back that was sent before.
    pub(crate) fn send(&self, raised: Option<Raised>) -> Option<Raised> {
        let sent = raised.is_some();
        let replaced = self.exception.replace(raised);
        if sent {
            self.breaker().set(Events::ASYNC_EXCEPTION);
        }
        replaced
    }

    /// The exception that was sent, if it was not taken back.
    pub(crate) fn sent(&self) -> Option<Raised> {
        self.exception.replace(None)
    }
}

/// A thread's place in an interpreter: made once, attached whenever the thread wants to run.
///
/// Not bound to an operating-system thread: it may be made by one and attached by another, but by one at a
/// time. Dropping it takes the thread out of the interpreter.
///
/// Cost: one allocation, and the roster's lock at birth and death.
///
/// ```
/// use pyceval::Runtime;
///
/// let (runtime, mut main) = Runtime::builder().start().unwrap();
/// let mut worker = runtime.main_interpreter().new_thread();
/// std::thread::scope(|scope| {
///     scope.spawn(|| worker.attach().unwrap().poll().unwrap());
///     main.attach().unwrap().poll().unwrap();
/// });
/// ```
///
/// Port of: `PyThreadState` (Include/cpython/pystate.h)
pub struct ThreadState {
    thread: Arc<Thread>,
    /// Keeps the interpreter listed.
    interpreter: Interpreter,
}

impl ThreadState {
    /// A new thread of an interpreter; suspended from the start if the world stands still (WORLD-2).
    pub(crate) fn new(interpreter: &Interpreter) -> Self {
        let shared = interpreter.shared();
        let id = shared.core.next_thread_id();
        let seat = Arc::new(Seat::new());
        let member = Member::with_notice(seat.clone());
        let thread = shared.core.roster.with(|lists| {
            let during_pause = lists.is_stopping(shared.id);
            let thread = Arc::new(Thread {
                seat,
                state: StateWord::new(member.place(), during_pause),
                member,
                id,
                interpreter: Arc::clone(shared),
                place: RaceCell::new(0),
                sections: Cell::new(Chain::default()),
                pause: Cell::new(None),
                raised: Cell::new(None),
                lent: Cell::new(false),
                carrier: Cell::new(0),
                exception: Slot { lock: RawMutex::new(), raised: UnsafeCell::new(None) },
            });
            lists.entry(shared).add(Arc::clone(&thread));
            if !shared.calls.is_empty() {
                // Added when nobody was there to be told (PENDING-3).
                thread.breaker().set(Events::CALLS_TO_DO);
            }
            thread
        });
        Self { thread, interpreter: interpreter.clone() }
    }

    pub(crate) fn shared(&self) -> &Arc<Thread> {
        &self.thread
    }

    /// Attaches the calling thread, which may then run code of the interpreter until the token is dropped.
    ///
    /// Waits for the GIL, if there is one, and while the world is stopped. `errno` is kept.
    ///
    /// # Errors
    ///
    /// [`AttachError::AlreadyAttached`] if the calling thread is attached, with this or another state;
    /// [`AttachError::Finalising`] once the interpreter has begun to end; [`AttachError::LeftBehind`] in the child of a
    /// fork, of a state that the forking thread had no token of. Nothing has changed then.
    ///
    /// Cost: one RMW without a GIL, two with one that is free.
    ///
    /// Ordering: what other threads did before they let this one attach (by dropping the GIL, or by starting the
    /// world) is seen.
    ///
    /// ```
    /// use pyceval::{AttachError, Runtime};
    ///
    /// let (runtime, mut main) = Runtime::builder().start().unwrap();
    /// let mut second = runtime.main_interpreter().new_thread();
    /// let attached = main.attach().unwrap();
    /// assert_eq!(second.attach().err(), Some(AttachError::AlreadyAttached));
    /// // Another state can be used while the first is detached.
    /// attached.detached(|| second.attach().unwrap().poll()).unwrap();
    /// ```
    ///
    /// Port of: `PyEval_RestoreThread` (Python/ceval_gil.c)
    #[inline]
    pub fn attach(&mut self) -> Result<Attached<'_>, AttachError> {
        if self.thread.lent.get() {
            // By a token that was forgotten, or one of a thread that is not in this process.
            let gone = self.thread.state.is_gone();
            return Err(if gone { AttachError::LeftBehind } else { AttachError::AlreadyAttached });
        }
        match self.thread.attach() {
            Ok(()) => {
                self.thread.lent.set(true);
                let here = errno::kept_from_thread_locals(|| ident::current().get());
                if self.thread.carrier.get() != here {
                    Thread::carry(&self.thread, here);
                }
                Ok(Attached::new(&self.thread))
            }
            Err(Refused::Attached) => Err(AttachError::AlreadyAttached),
            Err(Refused::Finalising) => Err(AttachError::Finalising),
            Err(Refused::LeftBehind) => Err(AttachError::LeftBehind),
        }
    }

    /// The state's number: not zero, unique in the runtime.
    ///
    /// Cost: one load.
    ///
    /// ```
    /// let (runtime, main) = pyceval::Runtime::builder().start().unwrap();
    /// assert_ne!(main.id(), runtime.main_interpreter().new_thread().id());
    /// ```
    #[must_use]
    pub fn id(&self) -> u64 {
        self.thread.id
    }

    /// The interpreter.
    ///
    /// Cost: one load.
    ///
    /// ```
    /// let (runtime, main) = pyceval::Runtime::builder().start().unwrap();
    /// assert_eq!(main.interpreter().id(), runtime.main_interpreter().id());
    /// ```
    #[must_use]
    pub fn interpreter(&self) -> &Interpreter {
        &self.interpreter
    }

    /// Where the thread stands, at some moment during the call. For debuggers and tests.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// let (_runtime, main) = pyceval::Runtime::builder().start().unwrap();
    /// assert_eq!(main.state(), pyceval::State::Detached);
    /// ```
    #[must_use]
    pub fn state(&self) -> State {
        self.thread.state.get()
    }
}

impl Drop for ThreadState {
    /// Fatal if the state is attached, by a token that was forgotten: its thread would go on with it.
    ///
    /// Reference counts that others have queued for it are merged here, and destructors may run on the calling thread,
    /// attached or not; memory that readers are still waited for is handed on.
    fn drop(&mut self) {
        if self.thread.lent.get() && !self.thread.state.is_gone() {
            fatal("ThreadState", &*self.thread, "dropped while attached", "the token to end first");
        }
        self.thread.runtime().unbind_main(&self.thread);
        world::leave(&self.thread);
        self.interpreter.hand_calls_on(self.thread.breaker());
    }
}

impl fmt::Debug for ThreadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadState")
            .field("id", &self.thread.id)
            .field("interpreter", &self.thread.interpreter.id)
            .field("state", &self.state())
            .field("breaker", self.thread.breaker())
            .finish()
    }
}
