//! Waiters that are moved from one queue to another.

use crate::own_lot::OwnLot;
use pyparking::{Deadline, ParkOptions, ParkStatus, Queue};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use trial::until::until;

/// Of a lot with two buckets: the second is in the same one as the first, the third in the other.
const HERE: usize = 0x1000;
const BESIDE: usize = 0x2000;
const ACROSS: usize = 0x1001;

/// Moves up to `count` waiters; how many there were.
fn move_some(queue: &mut Queue<'_>, address: usize, count: usize) -> Option<usize> {
    // SAFETY: the lot is a test's own, and arguments are not dereferenced.
    unsafe { queue.beside(address, |both| (0..count).map_while(|_| both.move_first()).count()) }
}

/// REQUEUE-1, REQUEUE-3.
#[test]
fn they_queue_behind_those_who_are_there() {
    static LOT: OwnLot<2> = OwnLot::new();
    for there in [BESIDE, ACROSS] {
        let settled = LOT.sleeper(there, 9);
        let movers = [1, 2, 3].map(|number| LOT.sleeper(HERE, number));
        let moved = LOT.with_queue(HERE, |queue| move_some(queue, there, 2));
        assert_eq!(moved, Some(2));
        assert_eq!((LOT.waiting(HERE), LOT.waiting(there)), (vec![3], vec![9, 1, 2]));
        assert_eq!(LOT.unpark(there), (Some(9), true));
        assert_eq!(LOT.unpark(there), (Some(1), true));
        assert_eq!(LOT.unpark_all(there) + LOT.unpark_all(HERE), 2);
        for thread in movers.into_iter().chain([settled]) {
            assert_eq!(thread.join().unwrap(), ParkStatus::Ok);
        }
    }
    let totals = LOT.totals();
    assert_eq!((totals.parks, totals.moves, totals.wakes), (8, 4, 8));
}

/// REQUEUE-2: a waiter that is moved at its deadline, before it could leave, has not given up.
#[test]
fn a_deadline_is_forgotten() {
    static LOT: OwnLot<2> = OwnLot::new();
    for there in [BESIDE, ACROSS] {
        let deadline = Deadline::after(Duration::from_millis(100));
        let waiter = thread::spawn(move || {
            let options = ParkOptions { deadline, ..ParkOptions::default() };
            let mut gave_up = false;
            (LOT.park_with(HERE, options, || true, |_| gave_up = true), gave_up)
        });
        until("the thread to be queued", || LOT.totals().parks > 0 || deadline.passed());
        let moved = LOT.with_queue(HERE, |queue| {
            until("the deadline to be past", || deadline.passed());
            move_some(queue, there, 1)
        });
        assert_eq!(LOT.unpark_all(there), moved.unwrap());
        // On a machine that is too busy it was gone before the bucket was locked.
        let left = moved == Some(0);
        let expected = if left { ParkStatus::Timeout } else { ParkStatus::Ok };
        assert_eq!(waiter.join().unwrap(), (expected, left));
    }
}

/// REQUEUE-2: neither does an interrupt, which is kept.
#[test]
fn an_interrupt_waits() {
    static LOT: OwnLot<2> = OwnLot::new();
    let (waiter, handle) = LOT.interruptible(HERE, 1);
    assert_eq!(LOT.with_queue(HERE, |queue| move_some(queue, ACROSS, 1)), Some(1));
    assert!(handle.interrupt());
    assert_eq!(LOT.unpark(ACROSS), (Some(1), false));
    assert_eq!(waiter.join().unwrap(), ParkStatus::Ok);
}

/// A snapshot shows where a thread waits now.
#[test]
fn a_snapshot_follows() {
    static LOT: OwnLot<2> = OwnLot::new();
    let waiter = LOT.sleeper(HERE, 1);
    assert_eq!(LOT.with_queue(HERE, |queue| move_some(queue, ACROSS, 1)), Some(1));
    assert_eq!(LOT.lot.snapshot().waiters()[0].address, ACROSS);
    assert_eq!(LOT.unpark_all(ACROSS), 1);
    assert_eq!(waiter.join().unwrap(), ParkStatus::Ok);
}

/// LOT-4.
#[test]
fn a_bucket_that_is_taken_is_done_without() {
    static LOT: OwnLot<2> = OwnLot::new();
    let waiter = LOT.sleeper(HERE, 1);
    let (tell, told) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let holder = thread::spawn(move || {
        LOT.with_queue(ACROSS, |_| {
            tell.send(()).unwrap();
            ended.recv().unwrap();
        });
    });
    told.recv().unwrap();
    assert_eq!(LOT.with_queue(HERE, |queue| move_some(queue, ACROSS, 1)), None);
    assert_eq!(LOT.waiting(HERE), [1], "nothing has changed");
    end.send(()).unwrap();
    holder.join().unwrap();
    assert_eq!(LOT.unpark_all(HERE), 1);
    assert_eq!(waiter.join().unwrap(), ParkStatus::Ok);
}
