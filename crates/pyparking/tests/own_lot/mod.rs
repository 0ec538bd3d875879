//! A lot of a test's own, called without `unsafe`: its addresses are numbers that nobody else parks on.

use core::ptr;
use pyparking::{Lot, ParkOptions, ParkStatus, Queue, ThreadHandle, Totals};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use trial::until::until;

/// A lot whose waiters carry numbers.
pub(crate) struct OwnLot<const N: usize> {
    pub(crate) lot: Lot<N>,
}

/// A number as the argument of a waiter.
pub(crate) fn argument(number: usize) -> *mut () {
    ptr::without_provenance_mut(number)
}

/// For ever, with an argument.
pub(crate) fn with_argument(number: usize) -> ParkOptions {
    ParkOptions { arg: argument(number), ..ParkOptions::default() }
}

#[allow(dead_code, reason = "each test target has its own selection of calls")]
impl<const N: usize> OwnLot<N> {
    pub(crate) const fn new() -> Self {
        Self { lot: Lot::new() }
    }

    /// Parks whatever the state of the world.
    pub(crate) fn park(&self, address: usize, options: ParkOptions) -> ParkStatus {
        self.park_with(address, options, || true, |_| {})
    }

    pub(crate) fn park_with(
        &self,
        address: usize,
        options: ParkOptions,
        validate: impl FnOnce() -> bool,
        gave_up: impl FnOnce(&mut Queue<'_>),
    ) -> ParkStatus {
        // SAFETY: the lot is the test's own, so nobody else uses the address; arguments are not dereferenced;
        // the callbacks that tests give do not use the lot.
        unsafe { self.lot.park(address, options, validate, gave_up) }
    }

    /// Wakes the first; its number and whether there are more.
    pub(crate) fn unpark(&self, address: usize) -> (Option<usize>, bool) {
        self.unpark_with(address, |arg, has_more| (arg.map(<*mut ()>::addr), has_more))
    }

    pub(crate) fn unpark_with<R>(
        &self,
        address: usize,
        callback: impl FnOnce(Option<*mut ()>, bool) -> R,
    ) -> R {
        // SAFETY: as in `park_with`.
        unsafe { self.lot.unpark(address, callback) }
    }

    pub(crate) fn unpark_all(&self, address: usize) -> usize {
        // SAFETY: as in `park_with`.
        unsafe { self.lot.unpark_all(address) }
    }

    pub(crate) fn with_queue<R>(
        &self,
        address: usize,
        decide: impl FnOnce(&mut Queue<'_>) -> R,
    ) -> R {
        // SAFETY: as in `park_with`.
        unsafe { self.lot.with_queue(address, decide) }
    }

    /// The numbers of those who wait for `address`, in order.
    pub(crate) fn waiting(&self, address: usize) -> Vec<usize> {
        self.with_queue(address, |queue| queue.args().map(<*mut ()>::addr).collect())
    }

    pub(crate) fn until_waiting(&self, address: usize, count: usize) {
        until("the threads to be queued", || self.waiting(address).len() == count);
    }

    pub(crate) fn totals(&self) -> Totals {
        self.lot.totals()
    }

    /// Starts a thread that parks, and returns once it is queued.
    pub(crate) fn sleeper(&'static self, address: usize, number: usize) -> JoinHandle<ParkStatus> {
        let before = self.waiting(address).len();
        let sleeper = thread::spawn(move || self.park(address, with_argument(number)));
        self.until_waiting(address, before + 1);
        sleeper
    }

    /// The same with a thread that can be interrupted, and its handle.
    pub(crate) fn interruptible(
        &'static self,
        address: usize,
        number: usize,
    ) -> (JoinHandle<ParkStatus>, ThreadHandle) {
        let before = self.waiting(address).len();
        let (tell, told) = mpsc::channel();
        let sleeper = thread::spawn(move || {
            tell.send(ThreadHandle::current()).expect("the test listens");
            self.park(address, ParkOptions { interruptible: true, ..with_argument(number) })
        });
        let handle = told.recv().expect("the thread tells");
        self.until_waiting(address, before + 1);
        (sleeper, handle)
    }
}
