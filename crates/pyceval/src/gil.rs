//! The global interpreter lock: one word, first in, first out, with hand-over on request.
//!
//! | word | meaning |
//! |---|---|
//! | 0 | free, nobody waits |
//! | seat | held by the thread of that seat, nobody waits |
//! | seat \| `QUEUED` 1 | held, and others wait |
//! | `QUEUED` | free; a woken waiter, the *heir*, is on its way, and perhaps others wait |
//! | `DISABLED` 2 | there is no GIL at present: threads run freely |
//!
//! | transition | who | how |
//! |---|---|---|
//! | 0 → seat | any thread | compare-exchange, Acquire |
//! | `QUEUED` → seat [\| `QUEUED`] | the heir; a thread whose last release was its own wish (barging) | compare-exchange, Acquire |
//! | seat → 0 | the holder | compare-exchange, Release |
//! | seat → seat \| `QUEUED` | who is about to wait, under the queue lock | compare-exchange |
//! | seat \| `QUEUED` → `QUEUED` | the holder, under the queue lock | swap, Release |
//! | seat \| `QUEUED` → other [\| `QUEUED`] | the holder, under the queue lock: hand-over | swap, Release |
//! | clear `QUEUED` | the last waiter, as it gets the GIL or gives up, under the queue lock | RMW |
//! | seat … → `DISABLED` → seat | the holder, the world being stopped, under the queue lock | swap |
//!
//! A *tenure* lasts from one change of holder to the next; a holder that releases and takes again before anybody else
//! goes on with it. The thread that waits sleeps under the address of its own node, with a deadline; the rows of
//! nodes are the GIL's own (`gil/line.rs`), so that a sleep that ends at its deadline leaves the place in the row
//! alone. When the deadline passes without a switch, the waiter sets [`Events::GIL_DROP_REQUEST`] in the breaker of
//! the holder, and marks the next release as a hand-over.
//!
//! How a request, a release and the end of a thread go together, step by step:
//!
//! | the holder A | a waiter B | why nothing goes wrong |
//! |---|---|---|
//! | about to release by compare-exchange | sets `QUEUED` first | A's compare-exchange fails; it takes the queue lock (GIL-3) |
//! | has released | comes to set `QUEUED` | B finds the word free and takes it |
//! | waits for the queue lock | holds it, sets A's request bit | A is in its release, its seat alive (GIL-4) |
//! | was asked, releases | first in the row | A writes B into the word: A cannot come back before B (GIL-5) |
//! | was asked, releases | gave up before | B took the request back, the row is empty, A frees the word (GIL-6) |
//! | releases by its own wish, takes again at once | woken as heir, finds the word taken | B goes back to the front of its row, and the next release wakes it again (GIL-7) |
//! | writes B into the word | its deadline passes just then | B finds itself out of the row, waits for its wake, looks at the word (GIL-8) |
//! | disables the GIL | asleep, competing or arriving | everybody is out of the rows and woken; the word says `DISABLED` (GIL-9) |
//!
//! Invariants:
//!
//! * GIL-1: at most one seat is in the word; its thread holds the GIL, and nobody else does.
//! * GIL-2: what a holder did is seen by the next holder.
//! * GIL-3: `QUEUED` is set exactly while there is a waiter, in a row or as heir; it changes under the queue lock. So a
//!   release that sees no `QUEUED` may ignore the rows.
//! * GIL-4: under the queue lock, a seat in the word beside `QUEUED` is alive: its thread cannot release without the
//!   lock. So a drop request never touches the seat of a thread that has gone.
//! * GIL-5: a release after a request, or after a waiter's interval has passed, writes the next holder into the word.
//! * GIL-6: a request is made for a waiter, about the holder of that moment. It ends with the tenure, or with the last
//!   waiter that leaves.
//! * GIL-7: a free word with `QUEUED` has an heir, who is awake or being woken. The heir gets the GIL, or finds it
//!   held by a thread whose release comes to the rows again. So nobody is stranded.
//! * GIL-8: a waiter's node is alive until the thread that took it out of its row has woken it (GILWAITER-2). Whether
//!   it was given the GIL is in the word: its own seat.
//! * GIL-9: after [`Gil::disable`] no thread waits.
//! * GIL-10: a releasing thread does not touch its seat after the store that releases; the last thing that it touches
//!   of the GIL is the queue lock, which a drop of the GIL waits for.
//! * GIL-11: first in, first out within a class; between the classes of [`SwitchPolicy::Responsive`], SWITCH-2. A thread
//!   that was asked does not barge: the GIL was taken from it for those who wait. It goes to the end of its row.
//!
//! Port of: `_gil_runtime_state` (Include/internal/pycore_gil.h), `take_gil`, `drop_gil` (Python/ceval_gil.c)
//! PORT: one word and rows of sleepers instead of a flag under a mutex and two condition variables. A holder that was
//! asked does not wait for the switch: it makes it. A waiter whose interval passed while others barged is handed the
//! GIL at the next release, where CPython starts its interval anew. Waiters are served first in, first out. The holder
//! is the seat in the word, not a field beside it (CPython issue 96387). `disable` wakes every waiter itself
//! (118745).

mod line;
mod release;
mod seat;
mod toggle;
mod wait;
mod waiter;

use crate::breaker::Events;
use crate::switch::{self, DEFAULT_INTERVAL, IntervalTooShort, SwitchPolicy};
use core::fmt;
use core::time::Duration;
use line::Line;
use pyparking::primitive::{AtomicU8, AtomicU64, AtomicUsize, Ordering, RaceCell};
use pyparking::{Deadline, RawMutex};
pub use seat::Seat;

const QUEUED: usize = 1;
const DISABLED: usize = 2;

fn is_queued(seen: usize) -> bool {
    seen & QUEUED != 0
}

fn is_free(seen: usize) -> bool {
    seen & !QUEUED == 0
}

/// The seat in the word, 0 if there is none.
fn holder(seen: usize) -> usize {
    seen & !(QUEUED | DISABLED)
}

/// How a wait for the GIL ended.
///
/// ```
/// use pyceval::{Gil, Seat, SwitchPolicy, Taken};
/// use pyparking::Deadline;
///
/// let (gil, seat) = (Gil::new(SwitchPolicy::Classic), Seat::new());
/// // SAFETY: released below, before the seat goes.
/// assert_eq!(unsafe { gil.take_until(&seat, Deadline::NOW) }, Taken::Held);
/// gil.release(&seat);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Taken {
    /// The thread holds the GIL.
    Held,
    /// There is no GIL at present: the thread goes on without.
    Disabled,
    /// The deadline passed; the thread does not hold the GIL.
    TimedOut,
}

/// A global interpreter lock: whoever holds it runs, and hands it over when asked.
///
/// It knows threads by their [`Seat`]s, and nothing else of them: one GIL per interpreter, whatever an interpreter
/// is. The holder polls the breaker of its seat and, when it finds [`Events::GIL_DROP_REQUEST`], releases and takes
/// again; another thread has run in between.
///
/// A release by the holder's own wish wakes the first waiter but leaves the GIL free until it comes, so that a short
/// release costs no switch. A release after a request, or when a waiter's [interval](Self::set_interval) has
/// passed, hands the GIL over.
///
/// Cost: one RMW to take and one to release while nobody waits.
///
/// Ordering: a release happens before the take that follows it.
///
/// ```
/// use pyceval::{Events, Gil, Seat, SwitchPolicy};
/// use std::time::Duration;
///
/// static GIL: Gil = Gil::new(SwitchPolicy::Classic);
/// GIL.set_interval(Duration::from_millis(1)).unwrap();
///
/// let here = Seat::new();
/// let other = GIL.with(&here, || {
///     let other = std::thread::spawn(|| GIL.with(&Seat::new(), || GIL.switch_number()));
///     // The loop of an interpreter.
///     while !here.breaker().events().contains(Events::GIL_DROP_REQUEST) {
///         std::thread::yield_now();
///     }
///     other
/// });
/// assert_eq!(other.join().unwrap(), 2);
/// ```
///
/// Port of: `_gil_runtime_state` (Include/internal/pycore_gil.h)
pub struct Gil {
    word: AtomicUsize,
    last_holder: AtomicUsize,
    switch_number: AtomicU64,
    interval: AtomicU64,
    policy: AtomicU8,
    queue_lock: RawMutex,
    line: RaceCell<Line>,
}

// SAFETY: the line is used under the queue lock, and its pointers are to nodes of threads that wait here (GIL-8).
unsafe impl Send for Gil {}
// SAFETY: as above.
unsafe impl Sync for Gil {}

impl Gil {
    pyparking::const_fn! {
        /// A GIL that nobody holds, enabled, with an interval of 5 ms.
        ///
        /// Cost: no atomic operation.
        ///
        /// ```
        /// use pyceval::{Gil, SwitchPolicy};
        /// static GIL: Gil = Gil::new(SwitchPolicy::Classic);
        /// assert!(GIL.is_enabled());
        /// ```
        ///
        /// Port of: `create_gil` (Python/ceval_gil.c)
        #[must_use]
        pub fn new(policy: SwitchPolicy) -> Self {
            Self {
                word: AtomicUsize::new(0),
                last_holder: AtomicUsize::new(0),
                switch_number: AtomicU64::new(0),
                interval: AtomicU64::new(DEFAULT_INTERVAL),
                policy: AtomicU8::new(policy.to_bits()),
                queue_lock: RawMutex::new(),
                line: RaceCell::new(Line::EMPTY),
            }
        }
    }

    /// Takes the GIL, sleeping if need be. True: the thread holds it. False: it is disabled, the thread goes on
    /// without.
    ///
    /// Fatal if the seat holds the GIL already.
    ///
    /// Cost: one RMW if the GIL is free and nobody waits. The park hooks are not called: the caller is the one who
    /// attaches.
    ///
    /// Ordering: what earlier holders did is seen.
    ///
    /// # Safety
    ///
    /// The seat stays where it is, and alive, until this call has returned false, or the GIL has been released or
    /// disabled by it.
    ///
    /// ```
    /// use pyceval::{Gil, Seat, SwitchPolicy};
    ///
    /// let (gil, seat) = (Gil::new(SwitchPolicy::Classic), Seat::new());
    /// // SAFETY: released below, before the seat goes.
    /// assert!(unsafe { gil.take(&seat) });
    /// gil.release(&seat);
    /// ```
    ///
    /// Port of: `take_gil` (Python/ceval_gil.c)
    #[inline]
    pub unsafe fn take(&self, seat: &Seat) -> bool {
        // SAFETY: handed on to the caller.
        let taken = unsafe { self.take_fresh(seat) };
        taken || self.take_slow(seat, Deadline::NEVER) == Taken::Held
    }

    /// Takes the GIL until `deadline`. A waiter that leaves at its deadline takes its drop request back, unless others
    /// wait.
    ///
    /// Fatal if the seat holds the GIL already.
    ///
    /// Cost: as [`take`](Self::take); with [`Deadline::NOW`] one attempt, which does not wait.
    ///
    /// # Safety
    ///
    /// As [`take`](Self::take).
    ///
    /// ```
    /// use pyceval::{Gil, Seat, SwitchPolicy, Taken};
    /// use pyparking::Deadline;
    ///
    /// let (gil, one, two) = (Gil::new(SwitchPolicy::Classic), Seat::new(), Seat::new());
    /// gil.with(&one, || {
    ///     // SAFETY: not taken, so the seat may go.
    ///     assert_eq!(unsafe { gil.take_until(&two, Deadline::NOW) }, Taken::TimedOut);
    /// });
    /// ```
    pub unsafe fn take_until(&self, seat: &Seat, deadline: Deadline) -> Taken {
        // SAFETY: handed on to the caller.
        let taken = unsafe { self.take_fresh(seat) };
        if taken { Taken::Held } else { self.take_slow(seat, deadline) }
    }

    /// Takes the word from 0 to the seat: [`take`](Self::take) without its wait.
    ///
    /// # Safety
    ///
    /// As [`take`](Self::take), where this returns true.
    #[inline]
    pub(crate) unsafe fn take_fresh(&self, seat: &Seat) -> bool {
        let me = seat.word();
        // ORD: Acquire, pairs with the Release of `release`, `release_slow` and `disable` (GIL-2). Relaxed on
        // failure: nothing is read behind it.
        let taken = self.word.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if taken {
            self.settle(seat, me);
        }
        taken
    }

    /// What a thread does first with the GIL that it holds.
    #[inline]
    fn settle(&self, seat: &Seat, me: usize) {
        self.count_switch(me);
        seat.forget_request();
    }

    /// Counts a tenure that begins. By the holder, or for the one that is about to be.
    #[inline]
    fn count_switch(&self, holder: usize) {
        // ORD: Relaxed, written by holders, whose order the word gives (GIL-2).
        if self.last_holder.load(Ordering::Relaxed) == holder {
            return;
        }
        // ORD: Relaxed, as above.
        self.last_holder.store(holder, Ordering::Relaxed);
        // ORD: Relaxed, as above.
        let number = self.switch_number.load(Ordering::Relaxed);
        // ORD: Relaxed, as above.
        self.switch_number.store(number.wrapping_add(1), Ordering::Relaxed);
    }

    /// Releases the GIL.
    ///
    /// Fatal if the seat does not hold it. The seat is not touched once another thread may have the GIL: the thread
    /// state that it stands in may go then.
    ///
    /// Cost: one RMW when nobody waits; about five, and a wake if one is due, when somebody does.
    ///
    /// Ordering: what the thread did is seen by later holders.
    ///
    /// ```
    /// use pyceval::{Gil, Seat, SwitchPolicy};
    ///
    /// let (gil, seat) = (Gil::new(SwitchPolicy::Classic), Seat::new());
    /// // SAFETY: released below, before the seat goes.
    /// let _held = unsafe { gil.take(&seat) };
    /// gil.release(&seat);
    /// assert!(!gil.is_held_by(&seat));
    /// ```
    ///
    /// Port of: `drop_gil` (Python/ceval_gil.c)
    #[inline]
    pub fn release(&self, seat: &Seat) {
        // Before the store that releases (GIL-10); the slow path puts it right if this release was asked for.
        let was_ordinary = seat.was_asked();
        if was_ordinary {
            seat.note_release(false);
        }
        // ORD: Release, pairs with the Acquire of the next take (GIL-2). Relaxed on failure: the slow path looks
        // under the queue lock.
        let freed =
            self.word.compare_exchange(seat.word(), 0, Ordering::Release, Ordering::Relaxed);
        if freed.is_err() {
            self.release_slow(seat, was_ordinary);
        }
    }

    /// Runs `work` with the GIL, or without if it is disabled; releases it afterwards, also on unwind.
    ///
    /// Fatal if the seat holds the GIL already, or if `work` has released it.
    ///
    /// Cost: as [`take`](Self::take) and [`release`](Self::release).
    ///
    /// ```
    /// use pyceval::{Gil, Seat, SwitchPolicy};
    ///
    /// let (gil, seat) = (Gil::new(SwitchPolicy::Classic), Seat::new());
    /// assert!(gil.with(&seat, || gil.is_held_by(&seat)));
    /// ```
    pub fn with<R>(&self, seat: &Seat, work: impl FnOnce() -> R) -> R {
        // SAFETY: the seat is borrowed until the GIL is released, when `held` goes.
        let taken = unsafe { self.take(seat) };
        let held = taken.then(|| Held { gil: self, seat });
        let result = work();
        drop(held);
        result
    }

    /// Whether the seat's thread holds the GIL. For the thread itself, and for assertions.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pyceval::{Gil, Seat, SwitchPolicy};
    /// assert!(!Gil::new(SwitchPolicy::Classic).is_held_by(&Seat::new()));
    /// ```
    #[inline]
    #[must_use]
    pub fn is_held_by(&self, seat: &Seat) -> bool {
        // ORD: Relaxed, a thread's own seat is in the word or not by its own doing.
        holder(self.word.load(Ordering::Relaxed)) == core::ptr::from_ref(seat).addr()
    }

    /// Whether there is a GIL at present.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pyceval::{Gil, SwitchPolicy};
    /// assert!(Gil::new(SwitchPolicy::Classic).is_enabled());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        // ORD: Relaxed, the answer is about one moment; it changes while the world is stopped.
        self.word.load(Ordering::Relaxed) != DISABLED
    }

    /// How often the GIL has gone to a seat other than the last.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pyceval::{Gil, Seat, SwitchPolicy};
    ///
    /// let (gil, one, two) = (Gil::new(SwitchPolicy::Classic), Seat::new(), Seat::new());
    /// for seat in [&one, &one, &two] {
    ///     gil.with(seat, || ());
    /// }
    /// assert_eq!(gil.switch_number(), 2);
    /// ```
    #[must_use]
    pub fn switch_number(&self) -> u64 {
        // ORD: Relaxed, a statistic; a waiter that compares it has loaded the word with Acquire before.
        self.switch_number.load(Ordering::Relaxed)
    }

    /// Whether the seat was the last to be given the GIL; it may still hold it.
    ///
    /// A seat is known by its address: one that was made where another has gone counts as that one.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pyceval::{Gil, Seat, SwitchPolicy};
    ///
    /// let (gil, seat) = (Gil::new(SwitchPolicy::Classic), Seat::new());
    /// gil.with(&seat, || ());
    /// assert!(gil.was_last_held_by(&seat));
    /// ```
    #[must_use]
    pub fn was_last_held_by(&self, seat: &Seat) -> bool {
        // ORD: Relaxed, a statistic.
        self.last_holder.load(Ordering::Relaxed) == core::ptr::from_ref(seat).addr()
    }

    /// How many threads wait for the GIL. For tests and debuggers.
    ///
    /// Cost: two RMW, and a step for each of them.
    ///
    /// ```
    /// use pyceval::{Gil, SwitchPolicy};
    /// assert_eq!(Gil::new(SwitchPolicy::Classic).waiting(), 0);
    /// ```
    #[must_use]
    pub fn waiting(&self) -> usize {
        // SAFETY: under the queue lock.
        self.locked(|line| unsafe { line.count() })
    }

    /// The switch interval.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pyceval::{Gil, SwitchPolicy};
    /// assert_eq!(Gil::new(SwitchPolicy::Classic).interval().as_millis(), 5);
    /// ```
    ///
    /// Port of: `_PyEval_GetSwitchInterval` (Python/ceval_gil.c)
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval_nanos())
    }

    fn interval_nanos(&self) -> u64 {
        // ORD: Relaxed, a policy: a waiter that still uses the old one is as right.
        self.interval.load(Ordering::Relaxed)
    }

    /// Sets how long a waiter lets the holder run before it asks for the GIL; from the next wait on. At least a
    /// microsecond.
    ///
    /// Cost: one relaxed store.
    ///
    /// # Errors
    ///
    /// [`IntervalTooShort`]; nothing has changed.
    ///
    /// ```
    /// use pyceval::{Gil, SwitchPolicy};
    /// use std::time::Duration;
    ///
    /// let gil = Gil::new(SwitchPolicy::Classic);
    /// assert!(gil.set_interval(Duration::from_micros(1)).is_ok());
    /// assert!(gil.set_interval(Duration::ZERO).is_err());
    /// assert_eq!(gil.interval().as_micros(), 1);
    /// ```
    ///
    /// Port of: `_PyEval_SetSwitchInterval` (Python/ceval_gil.c)
    pub fn set_interval(&self, interval: Duration) -> Result<(), IntervalTooShort> {
        let nanos = switch::interval_nanos(interval)?;
        // ORD: Relaxed, as in `interval_nanos`.
        self.interval.store(nanos, Ordering::Relaxed);
        Ok(())
    }

    /// The switch policy.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pyceval::{Gil, SwitchPolicy};
    /// assert_eq!(Gil::new(SwitchPolicy::Responsive).policy(), SwitchPolicy::Responsive);
    /// ```
    #[must_use]
    pub fn policy(&self) -> SwitchPolicy {
        // ORD: Relaxed, as in `interval_nanos`.
        SwitchPolicy::from_bits(self.policy.load(Ordering::Relaxed))
    }

    /// Sets the switch policy, for threads that begin to wait from now on.
    ///
    /// Cost: one relaxed store.
    ///
    /// ```
    /// use pyceval::{Gil, SwitchPolicy};
    /// Gil::new(SwitchPolicy::Classic).set_policy(SwitchPolicy::Responsive);
    /// ```
    pub fn set_policy(&self, policy: SwitchPolicy) {
        // ORD: Relaxed, as in `interval_nanos`.
        self.policy.store(policy.to_bits(), Ordering::Relaxed);
    }

    /// Runs `change` on the line under the queue lock.
    fn locked<R>(&self, change: impl FnOnce(&mut Line) -> R) -> R {
        let _held = self.queue_lock.guard();
        // SAFETY: under the queue lock.
        let mut line = unsafe { self.line.get() };
        let result = change(&mut line);
        // SAFETY: as above.
        unsafe { self.line.set(line) };
        result
    }

    /// The seat that holds the GIL while others wait.
    ///
    /// # Safety
    ///
    /// Under the queue lock, with the holder and `QUEUED` in the word, and the result is not used after that (GIL-4).
    unsafe fn seat_of<'a>(&self, holder: usize) -> &'a Seat {
        // SAFETY: exposed by `Seat::word` when it was taken, and alive (GIL-4).
        unsafe { &*core::ptr::with_exposed_provenance::<Seat>(holder) }
    }

    /// Counts a tenure and notes when it began. Under the queue lock.
    fn begin_tenure(&self, line: &mut Line, holder: usize, now: u64) {
        self.count_switch(holder);
        line.tenure_since(holder, self.switch_number(), now);
    }

    /// Asks the holder to drop the GIL. Under the queue lock, with the holder and `QUEUED` in the word.
    fn request(&self, line: &mut Line, holder: usize) {
        line.requested = true;
        line.hand_over = true;
        // SAFETY: as this is called.
        unsafe { self.seat_of(holder) }.breaker().set(Events::GIL_DROP_REQUEST);
    }
}

/// Releases on unwind too.
struct Held<'a> {
    gil: &'a Gil,
    seat: &'a Seat,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.gil.is_enabled() {
            self.gil.release(self.seat);
        }
    }
}

impl Drop for Gil {
    /// Waits for a release that has let the GIL go but not yet the queue lock (GIL-10).
    fn drop(&mut self) {
        drop(self.queue_lock.guard());
    }
}

impl fmt::Debug for Gil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ORD: Relaxed, about one moment.
        let seen = self.word.load(Ordering::Relaxed);
        f.debug_struct("Gil")
            .field("enabled", &(seen != DISABLED))
            .field("held", &(holder(seen) != 0))
            .field("queued", &is_queued(seen))
            .field("switch_number", &self.switch_number())
            .field("interval", &self.interval())
            .field("policy", &self.policy())
            .finish()
    }
}
