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
//! | b \| `WAITED` | and who ends the runtime waits, parked on the word | that thread |
//!
//! | step of a pass | order |
//! |---|---|
//! | 1. take the thread's own bit | before anything is looked at (BREAKER-2) |
//! | 2. 0→b, or b→b \| `AGAIN` and be turned away | compare-exchange |
//! | 3. pop a call, run it, up to the limit | outside every lock; the call may add, poll, or unwind |
//! | 4. swap 0 in; wake who waits; set the own bit if there was `AGAIN`, an error, or something left | on unwind too |
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
//! * PENDING-5: a thread that the end of its interpreter has overtaken in a call takes no other call from the queue. So
//!   after the end whoever ended it may take what is left, while such a thread still counts as the handler.
//! * PENDING-6: when the runtime has ended, nothing is queued, and nothing is added: calls that hold the runtime do not
//!   keep it for ever.
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
use pyparking::primitive::{AtomicUsize, Ordering, seeded, thread};
use pyparking::{ParkOptions, park, unpark_all};
use ring::Ring;

/// Set in the handler word by a thread that was turned away. A breaker's address leaves it free.
const AGAIN: usize = 1;

/// Set in the handler word by the thread that ends the runtime, which sleeps until the pass is over.
const WAITED: usize = 2;

const _: () = assert!(align_of::<Breaker>() > AGAIN | WAITED);

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

/// There is no room for the call, which is inside, or the runtime has ended.
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
    closed: bool,
}

impl QueueFull {
    /// Whether there will never be room: the runtime has ended.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// let (runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
    /// runtime.finalise(&main.attach().unwrap()).unwrap();
    /// assert!(runtime.add_main_call(|_| Ok(())).unwrap_err().is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

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
        if self.closed {
            return f.write_str("the queue of pending calls is closed: the runtime has ended");
        }
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
    /// [`QueueFull`], with the call in it, when as many as the capacity are queued, or the runtime has ended.
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
        match self.ring.claim() {
            Some(place) => {
                self.ring.fill(place, Call::new(call));
                Ok(())
            }
            None => Err(self.refused(Call::new(call))),
        }
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
        match self.ring.claim() {
            Some(place) => {
                self.ring.fill(place, call);
                Ok(())
            }
            None => Err(self.refused(call)),
        }
    }

    #[cold]
    fn refused(&self, call: Call) -> QueueFull {
        QueueFull { call, capacity: self.capacity(), closed: self.ring.is_closed() }
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
        breaker.take(Events::CALLS_TO_DO);
        self.run_after_take(limit, breaker, attached)
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
        // PENDING-5: the call before may have been overtaken by the end, and have stopped the unwinding.
        let go_on = || {
            if !seeded("pending-refused-goes-on") {
                attached.thread().expect_attached();
            }
        };
        self.pass(limit, breaker, go_on, |call| call.run(attached))
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
        self.pass(limit, breaker, || (), each)
    }

    /// Steps 2 to 4 of the table.
    #[inline]
    fn pass<E>(
        &self,
        limit: usize,
        breaker: &Breaker,
        go_on: impl Fn(),
        mut each: impl FnMut(Call) -> Result<(), E>,
    ) -> Result<Ran, E> {
        if !self.enter(breaker) {
            return Ok(Ran::HandedOn);
        }
        let pass = Pass { calls: self, breaker };
        let mut ran = 0;
        while ran < limit {
            go_on();
            // SAFETY: this thread is the handler until `pass` is dropped (PENDING-1).
            let Some(call) = (unsafe { self.ring.pop() }) else { break };
            each(call)?;
            ran += 1;
        }
        // Who has found nothing more has looked after the bit was taken; who adds from then on sets it (PENDING-3).
        pass.over(ran == limit);
        Ok(Ran::Calls(ran))
    }

    /// How many calls are queued, at some moment during the call.
    ///
    /// Cost: two loads.
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
    /// Cost: two loads.
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
        unsafe { self.keep_after_fork_child(breaker, &[breaker]) };
    }

    /// As [`after_fork_child`](Self::after_fork_child), of a thread whose passes may have any of the breakers `mine`.
    ///
    /// # Safety
    ///
    /// As there.
    pub(crate) unsafe fn keep_after_fork_child(&self, breaker: &Breaker, mine: &[&Breaker]) {
        // SAFETY: handed on to the caller.
        unsafe { self.ring.after_fork_child() };
        // ORD: Relaxed, there is no other thread.
        let handler = self.handler.load(Ordering::Relaxed) & !(AGAIN | WAITED);
        if !mine.iter().any(|mine| name(mine) == handler) {
            // ORD: Relaxed, as above.
            self.handler.store(NOBODY, Ordering::Relaxed);
        }
        if !self.is_empty() {
            breaker.set(Events::CALLS_TO_DO);
        }
    }

    /// Becomes the handler, or leaves word with the one there is (PENDING-3).
    /// Whether this thread is the handler now.
    #[inline]
    fn enter(&self, breaker: &Breaker) -> bool {
        let me = name(breaker);
        // ORD: Acquire, pairs with the Release of `leave` (PENDING-1). Relaxed on failure: decided anew.
        match self.handler.compare_exchange(NOBODY, me, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => true,
            Err(seen) => self.enter_slow(me, seen),
        }
    }

    #[cold]
    fn enter_slow(&self, me: usize, mut seen: usize) -> bool {
        loop {
            let free = seen == NOBODY;
            if !free && seeded("122201") {
                return false;
            }
            let next = if free { me } else { seen | AGAIN };
            // ORD: Acquire, pairs with the Release of `leave` (PENDING-1); Release, pairs with the Acquire of the next
            // `enter`, also where `AGAIN` was set before (PENDING-3). Relaxed on failure: decided anew.
            match self.handler.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return free,
                Err(now) => seen = now,
            }
        }
    }

    /// Ends the pass of the thread with `breaker`, which gets the bit if there is a reason: the pass ended early, or somebody
    /// was turned away.
    #[inline]
    fn leave(&self, breaker: &Breaker, early: bool) {
        // ORD: Release, pairs with the Acquire of `enter` (PENDING-1). What a thread saw that was turned away is seen by
        // the next pass, whose `enter` reads what this leaves: read-modify-writes all, so its Release reaches that far
        // (PENDING-3).
        let seen = self.handler.swap(NOBODY, Ordering::Release);
        if seeded("pending-bit-after") {
            breaker.take(Events::CALLS_TO_DO);
        }
        if early || seen & (AGAIN | WAITED) != 0 {
            self.leave_slow(breaker, early, seen);
        }
    }

    #[cold]
    fn leave_slow(&self, breaker: &Breaker, early: bool, seen: usize) {
        if seen & WAITED != 0 {
            self.wake_waiter();
        }
        if seeded("pending-rest-lost") && early {
            return;
        }
        if early || seen & AGAIN != 0 {
            breaker.set(Events::CALLS_TO_DO);
        }
    }
}

/// The end of a queue.
impl PendingCalls {
    /// Runs what is queued, and of what those calls add as many as there is room for: for a thread that ends the runtime.
    ///
    /// Waits for a pass of another thread. Within a call of its own pass it does nothing, as no pass has another inside.
    pub(crate) fn finish(&self, attached: &Attached<'_>) -> Result<(), Raised> {
        let mut left = self.len() + self.capacity();
        while left > 0 {
            match self.run_after_take(left, attached.breaker(), attached)? {
                Ran::Calls(0) => break,
                Ran::Calls(ran) => left -= ran,
                Ran::HandedOn if self.is_run_by(attached.breaker()) => break,
                Ran::HandedOn => self.wait_for_pass(),
            }
        }
        Ok(())
    }

    /// Refuses calls from now on.
    pub(crate) fn refuse(&self) {
        self.ring.close();
    }

    /// Refuses calls from now on, and takes out those that are queued (PENDING-6).
    ///
    /// # Safety
    ///
    /// No other thread is in a pass, or ends it before it takes another call (PENDING-5).
    pub(crate) unsafe fn close(&self) -> Vec<Call> {
        let mut rest = Vec::new();
        if seeded("pending-left-open") {
            return rest;
        }
        self.refuse();
        while !self.is_empty() {
            // SAFETY: the caller's word.
            match unsafe { self.ring.pop() } {
                Some(call) => rest.push(call),
                // Claimed, and about to be published (RING-3).
                None => thread::yield_now(),
            }
        }
        rest
    }

    fn is_run_by(&self, breaker: &Breaker) -> bool {
        // ORD: Relaxed, a thread sees what it has written itself; others only ask whether they are the one.
        self.handler.load(Ordering::Relaxed) & !(AGAIN | WAITED) == name(breaker)
    }

    /// Sleeps, detached, until a pass of another thread is over.
    #[cold]
    fn wait_for_pass(&self) {
        // ORD: Relaxed, the compare-exchange decides.
        let mut seen = self.handler.load(Ordering::Relaxed);
        while seen != NOBODY && seen & WAITED == 0 {
            let next = seen | WAITED;
            // ORD: Relaxed on both sides: the mark is the whole message, the bucket lock orders the rest; as an RMW it
            // keeps the Release of those who were turned away.
            match self.handler.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        // ORD: Relaxed, under the bucket lock, which the wake takes after the swap of `leave`.
        let wanted = || self.handler.load(Ordering::Relaxed) & WAITED != 0;
        // SAFETY: the address of a live word of ours, on which nobody else parks; the callbacks only load.
        let _status = unsafe { park(self.address(), ParkOptions::default(), wanted, |_| {}) };
    }

    #[cold]
    fn wake_waiter(&self) {
        // SAFETY: as in `wait_for_pass`.
        unsafe { unpark_all(self.address()) };
    }

    fn address(&self) -> usize {
        core::ptr::from_ref(&self.handler).addr()
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

/// A pass under way; ends when dropped, after an error and on unwind.
struct Pass<'a> {
    calls: &'a PendingCalls,
    breaker: &'a Breaker,
}

impl Pass<'_> {
    /// No call failed. `limited`: there may be others.
    #[inline]
    fn over(self, limited: bool) {
        let this = core::mem::ManuallyDrop::new(self);
        this.calls.leave(this.breaker, limited && !this.calls.is_empty());
    }
}

impl Drop for Pass<'_> {
    #[cold]
    fn drop(&mut self) {
        self.calls.leave(self.breaker, true);
    }
}
