//! Models of moving waiters from one queue to another: against deadlines, and over two buckets.

use crate::parking::{HERE, THERE, park, pass_soon, soon, unpark, until, with_arg, with_queue};
use pyparking::primitive::abstraction;
use pyparking::{Lot, ParkOptions, ParkStatus};
use std::sync::Arc;
use trial::explore::{Bucket, bounded, spawn, start};
use trial::guarded::Guarded;

/// Moves the first waiter from `HERE` to `THERE`, and lets nobody in any more; whether there was one.
fn move_and_close(closed: &Guarded) -> bool {
    with_queue(HERE, |queue| {
        closed.set(1);
        // SAFETY: both addresses are the models' own, and arguments are numbers.
        let moved = unsafe { queue.beside(THERE, |both| both.move_first()) };
        moved.expect("there is one bucket").is_some()
    })
}

/// REQUEUE-1, REQUEUE-2, WAITER-3, PARK-1. Three threads, bounded, real bucket: a waiter is moved, at its deadline or
/// before, and then unparked where it went.
#[test]
fn requeue_against_a_deadline() {
    bounded(Bucket::Real, against_a_deadline);
}

/// The same over the checker's bucket lock.
#[test]
fn requeue_against_a_deadline_plain() {
    bounded(Bucket::Abstract, against_a_deadline);
}

fn against_a_deadline() {
    let closed = Arc::new(Guarded::new(0));
    let left = Arc::new(Guarded::new(0));
    let waiter = {
        let (closed, left) = (Arc::clone(&closed), Arc::clone(&left));
        let deadline = soon();
        spawn(move || {
            park(
                HERE,
                until(deadline),
                || closed.get() == 0,
                |queue| {
                    assert!(queue.is_empty());
                    left.bump();
                },
            )
        })
    };
    let clock = spawn(pass_soon);
    let moved = move_and_close(&closed);
    assert_eq!(unpark(HERE, |_, _| {}).0, None);
    assert_eq!(unpark(THERE, |_, _| {}).0.is_some(), moved, "who is moved is there until unparked");
    clock.join().unwrap();
    let status = waiter.join().unwrap();
    assert_eq!(status == ParkStatus::Ok, moved, "{status:?}");
    assert_eq!(left.get() == 1, status == ParkStatus::Timeout);
}

/// REQUEUE-1, QUEUE-1. Three threads, bounded: the mover and the one who unparks where it moves to are two.
#[test]
fn requeue_against_an_unpark() {
    bounded(Bucket::Abstract, || {
        let closed = Arc::new(Guarded::new(0));
        let waiter = start(&closed, |closed| {
            park(HERE, with_arg(7), || closed.get() == 0, |_| unreachable!())
        });
        let mover = start(&closed, move_and_close);
        let early = unpark(THERE, |_, _| {}).0;
        let moved = mover.join().unwrap();
        assert!(early.is_none() || moved);
        let late = unpark(THERE, |_, _| {}).0;
        assert_eq!(early.or(late), moved.then_some(7));
        assert_eq!(waiter.join().unwrap(), if moved { ParkStatus::Ok } else { ParkStatus::Again });
    });
}

/// LOT-4. Two threads, bounded: each locks one bucket and then wants the other's.
#[test]
fn requeue_over_two_buckets_in_both_directions() {
    bounded(Bucket::Abstract, || {
        abstraction::choose(true);
        let lot = Arc::new(Lot::<2>::new());
        abstraction::choose(false);
        let cross = |lot: &Lot<2>, from: usize, to: usize| {
            // SAFETY: the lot is the model's own, nobody parks, and the callbacks do nothing.
            unsafe { lot.with_queue(from, |queue| queue.beside(to, |both| both.move_first())) }
        };
        let other = start(&lot, move |lot| cross(lot, 1, 0));
        assert!(matches!(cross(&lot, 0, 1), None | Some(None)));
        assert!(matches!(other.join().unwrap(), None | Some(None)));
    });
}

/// REQUEUE-1, REQUEUE-2, WAITER-3. Three threads, bounded, two buckets: the thread looks whether it may still leave under
/// the lock of the first, while it is unparked under that of the second.
#[test]
fn requeue_over_two_buckets_against_a_deadline() {
    bounded(Bucket::Abstract, || {
        abstraction::choose(true);
        let lot = Arc::new(Lot::<2>::new());
        abstraction::choose(false);
        let closed = Arc::new(Guarded::new(0));
        let deadline = soon();
        let waiter = {
            let (lot, closed) = (Arc::clone(&lot), Arc::clone(&closed));
            let options = ParkOptions { deadline, ..ParkOptions::default() };
            // SAFETY: the lot is the model's own, and the callbacks do not use it.
            spawn(move || unsafe { lot.park(0, options, || closed.get() == 0, |_| {}) })
        };
        let clock = spawn(pass_soon);
        // SAFETY: as above.
        let moved = unsafe {
            lot.with_queue(0, |queue| {
                closed.set(1);
                queue.beside(1, |both| both.move_first()).expect("nobody locks that bucket yet")
            })
        };
        // SAFETY: as above.
        let woken = unsafe { lot.unpark(1, |arg, _| arg) };
        assert_eq!(moved, woken);
        clock.join().unwrap();
        let status = waiter.join().unwrap();
        assert_eq!(status == ParkStatus::Ok, moved.is_some(), "{status:?}");
    });
}
