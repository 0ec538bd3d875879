//! The process's own lot, through the free functions.

use core::ptr;
use pyparking::{
    Deadline, ParkOptions, ParkStatus, park, snapshot, totals, unpark, unpark_all, visit_waiters,
    with_queue,
};
use std::thread::{self, JoinHandle};
use trial::until::{joined, until};

/// Bytes a bucket count of the process's lot apart are neighbours in one bucket.
const BUCKETS: usize = 257;

fn park_at(address: usize, number: usize) -> ParkStatus {
    let arg = ptr::without_provenance_mut(number);
    // SAFETY: every test here parks on bytes of its own; the argument is a number; no callback does anything.
    unsafe { park(address, ParkOptions { arg, ..ParkOptions::default() }, || true, |_| {}) }
}

fn unpark_at(address: usize) -> (Option<usize>, bool) {
    // SAFETY: as above.
    unsafe { unpark(address, |arg, has_more| (arg.map(<*mut ()>::addr), has_more)) }
}

fn count_at(address: usize) -> usize {
    // SAFETY: as above.
    unsafe { with_queue(address, |queue| queue.args().count()) }
}

fn sleeper(address: usize, number: usize) -> JoinHandle<ParkStatus> {
    let before = count_at(address);
    let sleeper = thread::spawn(move || park_at(address, number));
    until("the thread to be queued", || count_at(address) == before + 1);
    sleeper
}

#[test]
fn addresses_equal_modulo_257_do_not_disturb_each_other() {
    static BYTES: [u8; BUCKETS + 1] = [0; BUCKETS + 1];
    let here = (&raw const BYTES[0]).addr();
    let there = (&raw const BYTES[BUCKETS]).addr();
    let sleepers = [sleeper(here, 1), sleeper(there, 2), sleeper(here, 3), sleeper(there, 4)];
    assert_eq!(unpark_at(here), (Some(1), true));
    assert_eq!(unpark_at(here), (Some(3), false), "two others of the bucket still wait");
    assert_eq!(unpark_at(here), (None, false));
    assert_eq!(unpark_at(there), (Some(2), true));
    // SAFETY: as in `park_at`.
    assert_eq!(unsafe { unpark_all(there) }, 1);
    assert_eq!(unpark_at(there), (None, false));
    assert!(sleepers.into_iter().all(|sleeper| joined(sleeper) == ParkStatus::Ok));
}

#[test]
fn the_process_counts_what_it_did() {
    static BYTE: u8 = 0;
    let address = (&raw const BYTE).addr();
    let before = totals();
    let sleeper = sleeper(address, 1);
    assert_eq!(unpark_at(address), (Some(1), false));
    assert_eq!(joined(sleeper), ParkStatus::Ok);
    let after = totals();
    // Other tests run beside this one, so the counts grow by one at least.
    assert!(after.parks > before.parks && after.wakes > before.wakes);
}

#[test]
fn the_process_shows_its_waiters() {
    static BYTE: u8 = 0;
    let address = (&raw const BYTE).addr();
    let sleeper = sleeper(address, 1);
    until("the waiter to be shown", || {
        snapshot().waiters().iter().any(|waiter| waiter.address == address)
    });
    until("the waiter to be visited", || {
        let mut visited = false;
        visit_waiters(|waiter| visited |= waiter.address == address);
        visited
    });
    assert_eq!(unpark_at(address), (Some(1), false));
    assert_eq!(joined(sleeper), ParkStatus::Ok);
    let gone = snapshot();
    assert!(gone.waiters().iter().all(|waiter| waiter.address != address));
}

#[test]
fn a_zero_timeout_ends_at_once() {
    static BYTE: u8 = 0;
    let options = ParkOptions { deadline: Deadline::NOW, ..ParkOptions::default() };
    // SAFETY: the byte is this test's own, and the callbacks do nothing.
    let status = unsafe { park((&raw const BYTE).addr(), options, || true, |_| {}) };
    assert_eq!(status, ParkStatus::Timeout);
}
