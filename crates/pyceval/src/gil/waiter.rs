//! A thread that waits for the GIL: a node on its stack, asleep in the parking lot under its own address.
//!
//! | `queued` | `awake` | where it is |
//! |---|---|---|
//! | no | yes | not in a row: new, competing, or about to return |
//! | yes | no | in a row, asleep or about to be |
//! | no | no | claimed by a waker, whose call is on its way |
//!
//! * GILWAITER-1: a node is read and written under the queue lock while it is queued, and by the thread that took
//!   it out of the row until that thread has set `awake`, under the bucket lock.
//! * GILWAITER-2: a thread that was claimed does not leave before it is awake. So its frame outlives the waker's use
//!   of it, and no wake is left on its way to an address that has become something else.

use crate::switch::Class;
use core::ptr;
use pyparking::primitive::RaceCell;
use pyparking::{Deadline, ParkOptions, ParkStatus, park, unpark};

pub(super) struct Waiter {
    /// The word of a GIL that the waiter's seat holds.
    pub(super) seat: usize,
    pub(super) class: Class,
    /// Whether it takes a free GIL past others.
    pub(super) barges: bool,
    /// When it came, in nanoseconds of the monotonic clock.
    pub(super) began: u64,
    /// The next in the row, or in a list of those to be woken.
    pub(super) next: RaceCell<*const Waiter>,
    pub(super) queued: RaceCell<bool>,
    awake: RaceCell<bool>,
}

impl Waiter {
    pub(super) fn new(seat: usize, class: Class, barges: bool, began: u64) -> Self {
        let next = RaceCell::new(ptr::null());
        Self {
            seat,
            class,
            barges,
            began,
            next,
            queued: RaceCell::new(false),
            awake: RaceCell::new(true),
        }
    }

    /// The node as it stands in the rows.
    pub(super) fn place(&self) -> *const Self {
        ptr::from_ref(self)
    }

    /// Before the node is queued, so that a waker finds a thread that is to be woken.
    ///
    /// # Safety
    ///
    /// The thread itself, awake, under the queue lock.
    pub(super) unsafe fn lie_down(&self) {
        // SAFETY: not queued and not claimed, so this thread alone uses the cell (GILWAITER-1).
        unsafe { self.awake.set(false) };
    }

    /// Sleeps until woken; false if the deadline passed first. A claimed thread is woken for certain.
    pub(super) fn sleep(&self, until: Deadline) -> bool {
        let options = ParkOptions {
            deadline: until,
            arg: ptr::null_mut(),
            detach: false,
            interruptible: false,
        };
        // SAFETY: under the bucket lock, where `wake` sets it (GILWAITER-1).
        let validate = || unsafe { !self.awake.get() };
        // SAFETY: the address is this frame's own, used by this module alone; the callbacks do not use the lot.
        let status = unsafe { park(self.place().addr(), options, validate, |_| {}) };
        matches!(status, ParkStatus::Ok | ParkStatus::Again)
    }

    /// Wakes a thread whose node the caller has taken out of its row.
    ///
    /// # Safety
    ///
    /// Once for each time that the node is taken out, by the thread that did so, and without the queue lock.
    pub(super) unsafe fn wake(this: *const Self) {
        let set = |_, _| {
            // SAFETY: claimed by this thread and not yet awake, so the node is there (GILWAITER-2); under the bucket
            // lock (GILWAITER-1).
            unsafe { (*this).awake.set(true) };
        };
        // SAFETY: the node's own address, at which only its thread parks; the callback only touches the node.
        unsafe { unpark(this.addr(), set) };
    }
}
