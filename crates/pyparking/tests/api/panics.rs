//! A panic in a callback: the lot stays usable, nobody stays queued, and who was dequeued is woken.

use crate::own_lot::{OwnLot, with_argument};
use pyparking::{Deadline, ParkOptions, ParkStatus, ThreadHandle, Totals};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread;
use trial::until::joined;

const HERE: usize = 900;

/// Unwinds without the message of a panic, which would only clutter the output.
fn unwind() -> ! {
    resume_unwind(Box::new("a callback unwinds"))
}

#[track_caller]
fn unwinds<R>(call: impl FnOnce() -> R) {
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err(), "the call should have unwound");
}

/// Parks and unparks once, to see that the lot still works.
#[track_caller]
fn still_works(lot: &'static OwnLot<1>) {
    assert!(lot.lot.snapshot().waiters().is_empty());
    assert_eq!(lot.lot.snapshot().busy_buckets(), 0, "a bucket lock was left behind");
    let sleeper = lot.sleeper(HERE, 1);
    assert_eq!(lot.unpark(HERE), (Some(1), false));
    assert_eq!(joined(sleeper), ParkStatus::Ok);
}

#[test]
fn in_validate() {
    static LOT: OwnLot<1> = OwnLot::new();
    unwinds(|| LOT.park_with(HERE, ParkOptions::default(), || unwind(), |_| {}));
    still_works(&LOT);
}

#[test]
fn in_gave_up_of_a_zero_timeout() {
    static LOT: OwnLot<1> = OwnLot::new();
    let other = LOT.sleeper(HERE, 7);
    let options = ParkOptions { deadline: Deadline::NOW, ..ParkOptions::default() };
    unwinds(|| {
        LOT.park_with(
            HERE,
            options,
            || true,
            |queue| {
                queue.dequeue();
                unwind();
            },
        )
    });
    assert_eq!(joined(other), ParkStatus::Ok);
    assert_eq!(LOT.totals(), Totals { parks: 1, wakes: 1, ..Totals::default() });
    still_works(&LOT);
}

#[test]
fn in_gave_up_after_an_interrupt() {
    static LOT: OwnLot<1> = OwnLot::new();
    let (tell, told) = mpsc::channel();
    let leaver = thread::spawn(move || {
        tell.send(ThreadHandle::current()).expect("the test listens");
        let options = ParkOptions { interruptible: true, ..with_argument(1) };
        unwinds(|| {
            LOT.park_with(
                HERE,
                options,
                || true,
                |queue| {
                    queue.dequeue();
                    unwind();
                },
            )
        });
    });
    let handle = told.recv().expect("the thread tells");
    LOT.until_waiting(HERE, 1);
    let other = LOT.sleeper(HERE, 2);
    assert!(handle.interrupt());
    joined(leaver);
    assert_eq!(joined(other), ParkStatus::Ok);
    assert_eq!(LOT.totals(), Totals { parks: 2, wakes: 1, interrupts: 1, ..Totals::default() });
    still_works(&LOT);
}

#[test]
fn in_the_callback_of_unpark() {
    static LOT: OwnLot<1> = OwnLot::new();
    let sleeper = LOT.sleeper(HERE, 1);
    unwinds(|| LOT.unpark_with(HERE, |_, _| unwind()));
    assert_eq!(joined(sleeper), ParkStatus::Ok);
    unwinds(|| LOT.unpark_with(HERE, |_, _| unwind()));
    still_works(&LOT);
}

#[test]
fn in_a_decision_half_way() {
    static LOT: OwnLot<1> = OwnLot::new();
    let sleepers: Vec<_> = (0..4).map(|number| LOT.sleeper(HERE, number)).collect();
    unwinds(|| {
        LOT.with_queue(HERE, |queue| {
            queue.dequeue();
            queue.dequeue_where(|arg| arg.addr() == 2);
            unwind()
        })
    });
    assert_eq!(LOT.waiting(HERE), [1, 3]);
    assert_eq!(LOT.unpark_all(HERE), 2);
    assert!(sleepers.into_iter().all(|sleeper| joined(sleeper) == ParkStatus::Ok));
    assert_eq!(LOT.totals(), Totals { parks: 4, wakes: 4, ..Totals::default() });
    still_works(&LOT);
}

#[test]
fn in_the_choice_of_dequeue_where() {
    static LOT: OwnLot<1> = OwnLot::new();
    let sleeper = LOT.sleeper(HERE, 1);
    unwinds(|| LOT.with_queue(HERE, |queue| queue.dequeue_where(|_| unwind())));
    assert_eq!(LOT.waiting(HERE), [1], "it was not chosen, so it stays");
    assert_eq!(LOT.unpark_all(HERE), 1);
    assert_eq!(joined(sleeper), ParkStatus::Ok);
    still_works(&LOT);
}
