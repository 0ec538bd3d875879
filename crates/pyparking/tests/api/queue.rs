//! What a waker, or a waiter that gives up, sees and does under the bucket lock.

use crate::own_lot::{OwnLot, with_argument};
use pyparking::{Deadline, ParkOptions, ParkStatus, ThreadHandle, Totals};
use std::sync::mpsc;
use std::thread;
use trial::until::{joined, until};

const HERE: usize = 500;

#[test]
fn an_empty_queue_gives_nothing() {
    static LOT: OwnLot<2> = OwnLot::new();
    LOT.with_queue(HERE, |queue| {
        assert!(queue.is_empty());
        assert_eq!(queue.first_arg(), None);
        assert!(!queue.first_is_awake());
        assert_eq!(queue.args().count(), 0);
        assert_eq!(queue.dequeue(), None);
        assert_eq!(queue.dequeue_where(|_| true), None);
    });
    assert_eq!(LOT.totals(), Totals::default());
}

#[test]
fn a_waker_dequeues_as_many_as_it_likes() {
    static LOT: OwnLot<2> = OwnLot::new();
    let sleepers: Vec<_> = (1..=4).map(|number| LOT.sleeper(HERE, number)).collect();
    LOT.with_queue(HERE, |queue| {
        let all: Vec<_> = queue.args().map(<*mut ()>::addr).collect();
        assert_eq!(all, [1, 2, 3, 4]);
        assert_eq!(queue.dequeue().map(<*mut ()>::addr), Some(1));
        assert_eq!(queue.dequeue().map(<*mut ()>::addr), Some(2));
        let left: Vec<_> = queue.args().map(<*mut ()>::addr).collect();
        assert_eq!(left, [3, 4]);
    });
    assert_eq!(LOT.waiting(HERE), [3, 4]);
    assert_eq!(LOT.unpark_all(HERE), 2);
    assert!(sleepers.into_iter().all(|sleeper| joined(sleeper) == ParkStatus::Ok));
}

#[test]
fn who_is_queued_is_awake_until_it_sleeps() {
    static LOT: OwnLot<2> = OwnLot::new();
    let sleeper = thread::spawn(|| {
        let release = || assert!(LOT.with_queue(HERE, |queue| queue.first_is_awake()));
        // SAFETY: the lot is the test's own, so nobody else uses the address; looking does not park.
        unsafe { LOT.lot.park_releasing(HERE, ParkOptions::default(), || true, release, |_| {}) }
    });
    until("the thread to be asleep", || {
        LOT.with_queue(HERE, |queue| !queue.is_empty() && !queue.first_is_awake())
    });
    assert_eq!(LOT.unpark_all(HERE), 1);
    assert_eq!(joined(sleeper), ParkStatus::Ok);
}

#[test]
fn dequeue_where_takes_the_oldest_that_fits() {
    static LOT: OwnLot<2> = OwnLot::new();
    let sleepers: Vec<_> = [3, 8, 5, 6].map(|number| LOT.sleeper(HERE, number)).into();
    let mut shown = Vec::new();
    let taken = LOT.with_queue(HERE, |queue| {
        queue.dequeue_where(|arg| {
            shown.push(arg.addr());
            arg.addr() % 2 == 0
        })
    });
    assert_eq!(taken.map(<*mut ()>::addr), Some(8));
    assert_eq!(shown, [3, 8], "nobody behind the chosen one is looked at");
    assert_eq!(LOT.waiting(HERE), [3, 5, 6]);
    assert_eq!(LOT.with_queue(HERE, |queue| queue.dequeue_where(|arg| arg.addr() > 8)), None);
    assert_eq!(LOT.waiting(HERE), [3, 5, 6]);
    let last = LOT.with_queue(HERE, |queue| queue.dequeue_where(|arg| arg.addr() == 6));
    assert_eq!(last.map(<*mut ()>::addr), Some(6));
    let late = LOT.sleeper(HERE, 7);
    assert_eq!(LOT.waiting(HERE), [3, 5, 7], "the end of the queue is where it should be");
    assert_eq!(LOT.unpark_all(HERE), 3);
    assert!(sleepers.into_iter().all(|sleeper| joined(sleeper) == ParkStatus::Ok));
    assert_eq!(joined(late), ParkStatus::Ok);
}

#[test]
fn hand_offs_are_what_the_waker_says_they_are() {
    static LOT: OwnLot<2> = OwnLot::new();
    let sleepers = [LOT.sleeper(HERE, 1), LOT.sleeper(HERE, 2)];
    LOT.with_queue(HERE, |queue| {
        queue.dequeue();
        queue.note_hand_off();
    });
    assert_eq!(LOT.unpark_all(HERE), 1);
    assert!(sleepers.into_iter().all(|sleeper| joined(sleeper) == ParkStatus::Ok));
    assert_eq!(LOT.totals(), Totals { parks: 2, wakes: 2, hand_offs: 1, ..Totals::default() });
}

/// A waiter that gives up sees the others, without itself, and may send some of them on.
#[test]
fn who_gives_up_sees_the_queue_without_itself() {
    static LOT: OwnLot<2> = OwnLot::new();
    let (tell, told) = mpsc::channel();
    let leaver = thread::spawn(move || {
        tell.send(ThreadHandle::current()).expect("the test listens");
        let mut seen = (Vec::new(), false, None);
        let options = ParkOptions { interruptible: true, ..with_argument(1) };
        let status = LOT.park_with(
            HERE,
            options,
            || true,
            |queue| {
                seen.0 = queue.args().map(<*mut ()>::addr).collect();
                seen.1 = queue.is_empty();
                seen.2 = queue.dequeue_where(|arg| arg.addr() == 3).map(<*mut ()>::addr);
            },
        );
        (status, seen)
    });
    let handle = told.recv().expect("the thread tells");
    LOT.until_waiting(HERE, 1);
    let stays = LOT.sleeper(HERE, 2);
    let goes = LOT.sleeper(HERE, 3);
    assert!(handle.interrupt());
    assert_eq!(joined(leaver), (ParkStatus::Intr, (vec![2, 3], false, Some(3))));
    assert_eq!(joined(goes), ParkStatus::Ok);
    assert_eq!(LOT.unpark(HERE), (Some(2), false));
    assert_eq!(joined(stays), ParkStatus::Ok);
    assert_eq!(LOT.totals(), Totals { parks: 3, wakes: 2, interrupts: 1, ..Totals::default() });
}

/// The same for one that never was in the queue, because its time was up before.
#[test]
fn who_comes_too_late_sees_the_queue_too() {
    static LOT: OwnLot<2> = OwnLot::new();
    let sleeper = LOT.sleeper(HERE, 4);
    let options = ParkOptions { deadline: Deadline::NOW, ..with_argument(5) };
    let mut seen = None;
    let status =
        LOT.park_with(HERE, options, || true, |queue| seen = queue.dequeue().map(<*mut ()>::addr));
    assert_eq!((status, seen), (ParkStatus::Timeout, Some(4)));
    assert_eq!(joined(sleeper), ParkStatus::Ok);
    assert_eq!(LOT.totals(), Totals { parks: 1, wakes: 1, ..Totals::default() });
}

#[test]
fn the_last_who_gives_up_sees_an_empty_queue() {
    static LOT: OwnLot<2> = OwnLot::new();
    let (tell, told) = mpsc::channel();
    let leavers: Vec<_> = (0..3)
        .map(|number| {
            let tell = tell.clone();
            let (handle_to, handle_from) = mpsc::channel();
            let leaver = thread::spawn(move || {
                handle_to.send(ThreadHandle::current()).expect("the test listens");
                let options = ParkOptions { interruptible: true, ..with_argument(number) };
                let note = |empty| tell.send(empty).expect("the test listens");
                LOT.park_with(HERE, options, || true, |queue| note(queue.is_empty()))
            });
            LOT.until_waiting(HERE, number + 1);
            (leaver, handle_from.recv().expect("the thread tells"))
        })
        .collect();
    for (left, (leaver, handle)) in (0..3).rev().zip(leavers) {
        assert!(handle.interrupt());
        assert_eq!(joined(leaver), ParkStatus::Intr);
        until("the queue to shrink", || LOT.waiting(HERE).len() == left);
        assert_eq!(told.recv(), Ok(left == 0));
    }
}
