//! Pending calls: what any thread asks an interpreter to do between two of its bytecodes.
//!
//! A bounded queue (`pending/ring.rs`) and one word that says who empties it. Whoever adds a call then sets
//! [`Events::CALLS_TO_DO`] on the breakers of the threads that may run it; whoever finds the bit runs a pass.
//!
//! | handler word | meaning | who makes it so |
//! |---|---|---|
//! | 0 | nobody runs calls | the handler, when it leaves |
//! | b | the thread with the breaker at address b does | that thread, from 0 |
//! | b \| `AGAIN` | and somebody came meanwhile | a thread that was turned away, the handler itself in a call included |
//!
//! | step of a pass | order |
//! |---|---|
//! | 1. take the thread's own bit | before anything is looked at (BREAKER-2) |
//! | 2. 0→b, or b→b \| `AGAIN` and be turned away | compare-exchange |
//! | 3. pop a call, run it, up to the limit | outside every lock; the call may add, poll, or unwind |
//! | 4. swap 0 in; set the own bit if there was `AGAIN`, an error, or something left | on unwind too |
//!
//! Invariants:
//!
//! * PENDING-1: at most one thread is between steps 2 and 4: one handler at a time, and none inside itself.
//! * PENDING-2: calls of one sender run in the order in which it added them, each once.
//! * PENDING-3: while a call is queued, some breaker has the bit, or a thread that will see the call is on its way: who
//!   adds sets bits after the call can be seen; who takes a bit looks after that, or leaves `AGAIN` to the handler, which
//!   then sees what the turned-away thread saw and sets its own bit. A thread that ends with the bit sets it on the others
//!   (`Interpreter::hand_calls_on`). (CPython issues 122201, 122204)
//! * PENDING-4: a call that fails or unwinds ends the pass; it is gone, the others are queued as they were and the
//!   handler's bit is set.
//!
//! Port of: `_pending_calls` (Include/internal/pycore_ceval.h), `make_pending_calls` (Python/ceval_gil.c)
//! PORT: no lock: a blocked `add` would detach, and a thread that is stopped with the lock would stop everybody
//! else who adds. The bit is handed on through the handler word instead of the handler's breaker, so nobody touches a
//! breaker that may be gone, and a call that polls does not lose the bit. As in CPython calls that are added during a
//! pass run in it, up to the limit.

mod call;
mod ring;

pub use call::Call;

use crate::attached::Attached;
use crate::breaker::{Breaker, Events};
use crate::raised::Raised;
use core::fmt;
use pyparking::primitive::{AtomicUsize, Ordering, seeded};
use ring::Ring;

/// Set in the handler word by a thread that was turned away. A breaker's address leaves it free.
const AGAIN: usize = 1;

const NOBODY: usize = 0;

/// What a pass did.
///
/// ```
/// use pyceval::{Breaker, PendingCalls, Ran};
///
/// let ran = PendingCalls::new(4).run_with(4, &Breaker::new(), |_call| Ok::<(), ()>(()));
/// assert_eq!(ran, Ok(Ran::Calls(0)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// So many calls ran, none of which failed.
    Calls(usize),
    /// A pass is under way, on another thread or around this one; its thread comes back for what is left.
    HandedOn,
}

/// There is no room for the call, which is inside.
///
/// ```
/// use pyceval::PendingCalls;
///
/// let calls = PendingCalls::new(1);
/// calls.add(|_| Ok(())).unwrap();
/// let full = calls.add(|_| Ok(())).unwrap_err();
/// assert_eq!(full.to_string(), "the queue of pending calls is full: it holds 1");
/// drop(full.into_call());
/// ```
#[derive(Debug)]
pub struct QueueFull {
    call: Call,
    capacity: usize,
}

impl QueueFull {
    /// The call that was not added.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// let calls = pyceval::PendingCalls::new(1);
    /// calls.add(|_| Ok(())).unwrap();
    /// let _call = calls.add(|_| Ok(())).unwrap_err().into_call();
    /// ```
    #[must_use]
    pub fn into_call(self) -> Call {
        self.call
    }
}

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the queue of pending calls is full: it holds {}", self.capacity)
    }
}

impl core::error::Error for QueueFull {}

/// A bounded queue of calls, and the right to run them.
///
/// First in, first out. Dropping it drops the calls that did not run.
///
/// ```
/// use pyceval::{Breaker, Events, PendingCalls, Ran};
///
/// let calls = PendingCalls::new(300);
/// let breaker = Breaker::new();
/// calls.add(|_attached| Ok(())).unwrap();
/// breaker.set(Events::CALLS_TO_DO);
///
/// // What `run` does for an attached thread:
/// let ran = calls.run_with(100, &breaker, |call| Ok::<(), ()>(drop(call)));
/// assert_eq!(ran, Ok(Ran::Calls(1)));
/// assert!(calls.is_empty() && !breaker.is_tripped());
/// ```
///
/// Port of: `_pending_calls` (Include/internal/pycore_ceval.h)
pub struct PendingCalls {
    ring: Ring,
    handler: AtomicUsize,
}

impl PendingCalls {
    /// An empty queue with room for `capacity` calls.
    ///
    /// Cost: one allocation of 40 bytes a slot, the slots rounded up to a power of two.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    ///
    /// ```
    /// assert_eq!(pyceval::PendingCalls::new(300).capacity(), 300);
    /// ```
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { ring: Ring::new(capacity), handler: AtomicUsize::new(NOBODY) }
    }

    /// Adds a call at the end. From any thread, attached or not, and from a running call; never blocks.
    ///
    /// The caller then sets [`Events::CALLS_TO_DO`] on the breaker of every thread that may run it, or of one that
    /// certainly polls: without that nobody looks. Not for signal handlers, which only set bits: the breakers to
    /// set cannot be found in one.
    ///
    /// Cost: one RMW, and one allocation if the closure is larger than three words. Ordering: what happened before is
    /// seen by the call.
    ///
    /// # Errors
    ///
    /// [`QueueFull`], with the call in it, when as many as the capacity are queued.
    ///
    /// ```
    /// use pyceval::PendingCalls;
    ///
    /// let calls = PendingCalls::new(32);
    /// calls.add(|_| Ok(())).unwrap();
    /// assert_eq!(calls.len(), 1);
    /// ```
    ///
    /// Port of: `_PyEval_AddPendingCall` (Python/ceval_gil.c)
    #[inline]
    pub fn add<F>(&self, call: F) -> Result<(), QueueFull>
    where
        F: FnOnce(&Attached<'_>) -> Result<(), Raised> + Send + 'static,
    {
        self.add_call(Call::new(call))
    }

    /// As [`add`](Self::add), of a call that is wrapped already: one that [`QueueFull`] gave back.
    ///
    /// Cost: one RMW. Ordering: as [`add`](Self::add).
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    ///
    /// ```
    /// use pyceval::PendingCalls;
    ///
    /// let calls = PendingCalls::new(1);
    /// calls.add(|_| Ok(())).unwrap();
    /// let again = calls.add(|_| Ok(())).unwrap_err().into_call();
    /// assert!(calls.add_call(again).is_err());
    /// ```
    #[inline]
    pub fn add_call(&self, call: Call) -> Result<(), QueueFull> {
        self.ring.push(call).map_err(|call| QueueFull { call, capacity: self.capacity() })
    }

    /// Runs queued calls, at most `limit` of them, those included that they add. For a thread that found
    /// [`Events::CALLS_TO_DO`] in its own `breaker`.
    ///
    /// The bit is cleared first, and set again if calls are left. If a pass is under way already, on another
    /// thread or on this one (a call polls), nothing runs and the thread of that pass gets the bit when it ends.
    ///
    /// Cost: three RMWs a pass, none a call. Ordering: as [`add`](Self::add), and passes happen one after the other.
    ///
    /// # Errors
    ///
    /// What the first call that failed returned. The calls behind it stay queued, and the bit is set.
    ///
    /// # Panics
    ///
    /// If a call does; the state is as after an error.
    ///
    /// ```
    /// use pyceval::{PendingCalls, Ran};
    ///
    /// let (_runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let attached = main.attach().unwrap();
    /// let calls = PendingCalls::new(4);
    /// calls.add(|_| Ok(())).unwrap();
    /// assert_eq!(calls.run(4, attached.breaker(), &attached).unwrap(), Ran::Calls(1));
    /// ```
    ///
    /// Port of: `make_pending_calls` (Python/ceval_gil.c)
    pub fn run(
        &self,
        limit: usize,
        breaker: &Breaker,
        attached: &Attached<'_>,
    ) -> Result<Ran, Raised> {
        self.run_with(limit, breaker, |call| call.run(attached))
    }

    /// As [`run`](Self::run), for a thread that has taken [`Events::CALLS_TO_DO`] itself, because several queues stand
    /// behind the one bit: a second `run` would take the bit that the first one left for its own rest.
    ///
    /// Cost: two RMWs a pass, none a call. Ordering: as [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    ///
    /// ```
    /// use pyceval::{PendingCalls, Ran};
    ///
    /// let (_runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// let attached = main.attach().unwrap();
    /// let calls = PendingCalls::new(4);
    /// calls.add(|_| Ok(())).unwrap();
    /// assert_eq!(calls.run_after_take(4, attached.breaker(), &attached).unwrap(), Ran::Calls(1));
    /// ```
    pub fn run_after_take(
        &self,
        limit: usize,
        breaker: &Breaker,
        attached: &Attached<'_>,
    ) -> Result<Ran, Raised> {
        self.pass(limit, breaker, |call| call.run(attached))
    }

    /// As [`run`](Self::run), with the calls handed to `each`, which runs them or drops them: for those who
    /// wrap every call.
    ///
    /// Cost: three RMWs a pass, none a call. Ordering: as [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// The first error of `each`.
    ///
    /// # Panics
    ///
    /// If `each` does.
    ///
    /// ```
    /// use pyceval::{Breaker, Events, PendingCalls};
    ///
    /// let (calls, breaker) = (PendingCalls::new(32), Breaker::new());
    /// calls.add(|_| Ok(())).unwrap();
    /// calls.add(|_| Ok(())).unwrap();
    /// assert_eq!(calls.run_with(32, &breaker, |_call| Err("no")), Err("no"));
    /// // One is gone, the other waits for the next pass.
    /// assert!(calls.len() == 1 && breaker.events().contains(Events::CALLS_TO_DO));
    /// ```
    pub fn run_with<E>(
        &self,
        limit: usize,
        breaker: &Breaker,
        each: impl FnMut(Call) -> Result<(), E>,
    ) -> Result<Ran, E> {
        if !seeded("pending-bit-after") {
            breaker.take(Events::CALLS_TO_DO);
        }
        self.pass(limit, breaker, each)
    }

    /// Steps 2 to 4 of the table.
    fn pass<E>(
        &self,
        limit: usize,
        breaker: &Breaker,
        mut each: impl FnMut(Call) -> Result<(), E>,
    ) -> Result<Ran, E> {
        let Some(mut pass) = self.enter(breaker) else { return Ok(Ran::HandedOn) };
        let mut ran = 0;
        while ran < limit {
            // SAFETY: this thread is the handler until `pass` is dropped (PENDING-1).
            let Some(call) = (unsafe { self.ring.pop() }) else { break };
            each(call)?;
            ran += 1;
        }
        pass.failed = false;
        Ok(Ran::Calls(ran))
    }

    /// How many calls are queued, at some moment during the call.
    ///
    /// Cost: two acquire loads.
    ///
    /// ```
    /// assert_eq!(pyceval::PendingCalls::new(32).len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether nothing is queued, at some moment during the call.
    ///
    /// Cost: two acquire loads.
    ///
    /// ```
    /// assert!(pyceval::PendingCalls::new(32).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many calls there is room for.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// assert_eq!(pyceval::PendingCalls::new(32).capacity(), 32);
    /// ```
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// Makes the queue usable in the child of a fork: calls that were added stay, one that a thread was just adding
    /// is gone with that thread, and so is a pass of another thread. `breaker` is the calling thread's, and gets the
    /// bit if calls are queued.
    ///
    /// A call that another thread was running is not run again. A pass of the calling thread goes on.
    ///
    /// Cost: some loads and stores.
    ///
    /// ```
    /// use pyceval::{Breaker, PendingCalls};
    ///
    /// let (calls, breaker) = (PendingCalls::new(32), Breaker::new());
    /// calls.add(|_| Ok(())).unwrap();
    /// // SAFETY: this example's process has one thread.
    /// unsafe { calls.after_fork_child(&breaker) };
    /// assert!(calls.len() == 1 && breaker.is_tripped());
    /// ```
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process.
    ///
    /// Cost: a look at each place that is taken.
    ///
    /// ```
    /// let (calls, breaker) = (pyceval::PendingCalls::new(4), pyceval::Breaker::new());
    /// calls.add(|_| Ok(())).unwrap();
    /// // SAFETY: no other thread has been started.
    /// unsafe { calls.after_fork_child(&breaker) };
    /// assert!(calls.len() == 1 && breaker.is_tripped());
    /// ```
    ///
    /// Port of: `_PyEval_ReInitThreads` (Python/ceval_gil.c)
    /// PORT: CPython makes the lock anew and leaves the handler as it was.
    pub unsafe fn after_fork_child(&self, breaker: &Breaker) {
        // SAFETY: handed on to the caller.
        unsafe { self.ring.after_fork_child() };
        // ORD: Relaxed, there is no other thread.
        if self.handler.load(Ordering::Relaxed) & !AGAIN != name(breaker) {
            // ORD: Relaxed, as above.
            self.handler.store(NOBODY, Ordering::Relaxed);
        }
        if !self.is_empty() {
            breaker.set(Events::CALLS_TO_DO);
        }
    }

    /// Becomes the handler, or leaves word with the one there is (PENDING-3).
    fn enter<'a>(&'a self, breaker: &'a Breaker) -> Option<Pass<'a>> {
        // ORD: Relaxed, the compare-exchange decides.
        let mut seen = self.handler.load(Ordering::Relaxed);
        loop {
            let free = seen == NOBODY;
            if !free && seeded("122201") {
                return None;
            }
            let next = if free { name(breaker) } else { seen | AGAIN };
            // ORD: Acquire, pairs with the Release of `leave` (PENDING-1); Release, pairs with the Acquire of
            // `leave`, also where `AGAIN` was set before (PENDING-3). Relaxed on failure: decided anew.
            match self.handler.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return free.then(|| Pass { calls: self, breaker, failed: true }),
                Err(now) => seen = now,
            }
        }
    }

    /// Ends the pass of the thread with `breaker`, which gets the bit if there is a reason.
    #[inline]
    fn leave(&self, breaker: &Breaker, failed: bool) {
        let left = !self.is_empty();
        // ORD: Release, pairs with the Acquire of `enter` (PENDING-1); Acquire, pairs with its Release
        // (PENDING-3).
        let again = self.handler.swap(NOBODY, Ordering::AcqRel) & AGAIN != 0;
        if seeded("pending-bit-after") {
            breaker.take(Events::CALLS_TO_DO);
        }
        if seeded("pending-rest-lost") && failed {
            return;
        }
        if again || failed || left {
            breaker.set(Events::CALLS_TO_DO);
        }
    }
}

impl fmt::Debug for PendingCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingCalls")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish()
    }
}

/// What stands for the thread with this breaker in the handler word. Only ever compared.
fn name(breaker: &Breaker) -> usize {
    core::ptr::from_ref(breaker).addr()
}

/// A pass under way; ends when dropped, on unwind too.
struct Pass<'a> {
    calls: &'a PendingCalls,
    breaker: &'a Breaker,
    /// Until all went well.
    failed: bool,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.calls.leave(self.breaker, self.failed);
    }
}
