//! One sleeping thread: a node on its own stack, from before it is queued until its wake.
//!
//! | state | `queued` | links | who may touch it |
//! |---|---|---|---|
//! | fresh | false | null | its thread |
//! | queued | true | in the queue of its address | whoever holds the bucket lock |
//! | moved | false | in the queue of another address | whoever holds the lock of that one's bucket |
//! | dequeued | false | in one unparker's wake list | that unparker, until it signals |
//! | signalled | false | stale | its thread |
//!
//! * WAITER-1: a waiter is queued at most once, and leaves the queue exactly once: by an unparker, or by its
//!   own thread after a timeout or an interrupt; the bucket lock decides which.
//! * WAITER-2: its frame lives until it has left the queue and, if an unparker took it, until that unparker
//!   has signalled: the token is never lost and never written to freed memory (CPython issue 114944).
//! * WAITER-3: `queued` is written under the lock of the bucket that the thread parked in, and says whether the thread may
//!   still leave by itself. A move clears it: from then on only an unparker takes the waiter out, like one that it has
//!   dequeued already.

use crate::deadline::Deadline;
use crate::ident;
use crate::os::{self, Desk};
use crate::primitive::RaceCell;
use crate::register::Seat;
use crate::sleeper::{Sleeper, Slept};
use core::num::NonZeroU64;
use core::ptr;

/// The links of a queued waiter; `queue.rs` alone reads and writes them.
pub(crate) struct Links {
    /// The next waiter of the same address, or of the same wake list.
    pub(crate) next: RaceCell<*const Waiter>,
    /// The waiter before, null for the leader of an address.
    pub(crate) previous: RaceCell<*const Waiter>,
    /// The last waiter of the address; the leader's is the true one.
    pub(crate) tail: RaceCell<*const Waiter>,
    /// Subtrees of other addresses, the leader's are in use.
    pub(crate) children: [RaceCell<*const Waiter>; 2],
}

/// A thread that waits for an address.
pub(crate) struct Waiter {
    pub(crate) links: Links,
    pub(crate) queued: RaceCell<bool>,
    /// Where it is queued. A move changes it, under the locks of both buckets.
    pub(crate) address: RaceCell<usize>,
    pub(crate) arg: *mut (),
    pub(crate) thread: NonZeroU64,
    pub(crate) system_thread: u64,
    /// When it began to wait, in nanoseconds of the monotonic clock.
    pub(crate) since: u64,
    /// The word of the thread's record, if it can be interrupted.
    registered: Option<&'static Sleeper>,
    /// The word that it sleeps on otherwise.
    own: Sleeper,
    desk: Desk,
}

impl Waiter {
    /// A fresh waiter of the calling thread, armed, on its record if `seat` is that.
    #[inline]
    pub(crate) fn new(address: usize, arg: *mut (), seat: Option<&Seat>) -> Self {
        Self {
            links: Links {
                next: RaceCell::new(ptr::null()),
                previous: RaceCell::new(ptr::null()),
                tail: RaceCell::new(ptr::null()),
                children: [RaceCell::new(ptr::null()), RaceCell::new(ptr::null())],
            },
            queued: RaceCell::new(false),
            address: RaceCell::new(address),
            arg,
            thread: ident::current(),
            system_thread: ident::native(),
            since: os::now(),
            registered: seat.map(Seat::sleeper),
            own: Sleeper::new(),
            desk: os::desk(),
        }
    }

    #[inline]
    fn sleeper(&self) -> &Sleeper {
        self.registered.unwrap_or(&self.own)
    }

    /// Whether `sleep` would sleep.
    #[inline]
    pub(crate) fn would_sleep(&self, interruptible: bool) -> bool {
        self.sleeper().would_sleep(interruptible)
    }

    /// Whether it has not announced its sleep. Of a queued waiter, so that the sleeper was armed for this wait.
    #[inline]
    pub(crate) fn is_awake(&self) -> bool {
        self.sleeper().is_awake()
    }

    /// Sleeps. Its own thread.
    pub(crate) fn sleep(&self, deadline: Deadline, interruptible: bool) -> Slept {
        self.sleeper().sleep(&self.desk, deadline, interruptible)
    }

    /// Sleeps until the wake of the unparker that has dequeued it. Its own thread.
    pub(crate) fn sleep_until_signalled(&self) {
        self.sleeper().sleep_until_signalled(&self.desk);
    }

    /// Takes back the interrupt that ended the wait.
    pub(crate) fn take_interrupt(&self) {
        if let Some(sleeper) = self.registered {
            sleeper.take_interrupt();
        }
    }

    /// Wakes the waiter, which this unparker dequeued.
    ///
    /// # Safety
    ///
    /// `this` was dequeued by the caller, who signals it once and does not use it afterwards (WAITER-2).
    pub(crate) unsafe fn signal(this: *const Self) {
        // SAFETY: alive until it is signalled (WAITER-2); both are copied out before.
        let (sleeper, desk) =
            unsafe { (ptr::from_ref((*this).sleeper()), Clone::clone(&(*this).desk)) };
        // SAFETY: armed when it was made, and its thread does not leave before this signal.
        unsafe { Sleeper::signal(sleeper, &desk) };
    }
}
