//! Interrupts by handle: sticky, coalescing, harmless to threads that are gone.

use crate::own_lot::{OwnLot, with_argument};
use pyparking::{
    Deadline, ParkOptions, ParkStatus, ThreadHandle, Totals, interrupt, take_interrupt,
};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use trial::until::joined;

const HERE: usize = 70;

fn interruptible(deadline: Deadline) -> ParkOptions {
    ParkOptions { deadline, interruptible: true, ..ParkOptions::default() }
}

/// Runs `test` on a thread of its own, which no other test can interrupt.
fn alone(test: impl FnOnce() + Send + 'static) {
    joined(thread::spawn(test));
}

#[test]
fn an_interrupt_ends_the_park_that_it_finds() {
    static LOT: OwnLot<1> = OwnLot::new();
    let (sleeper, handle) = LOT.interruptible(HERE, 1);
    assert!(handle.interrupt());
    assert_eq!(joined(sleeper), ParkStatus::Intr);
    assert!(LOT.waiting(HERE).is_empty());
    assert_eq!(LOT.totals(), Totals { parks: 1, interrupts: 1, ..Totals::default() });
}

#[test]
fn an_interrupt_of_a_thread_that_is_awake_waits_for_its_next_park() {
    static LOT: OwnLot<1> = OwnLot::new();
    alone(|| {
        let me = ThreadHandle::current();
        assert!(joined(thread::spawn(move || interrupt(me))));
        let mut told = 0;
        let status = LOT.park_with(HERE, interruptible(Deadline::NEVER), || true, |_| told += 1);
        assert_eq!((status, told), (ParkStatus::Intr, 1));
        assert!(!take_interrupt(), "the park took it");
    });
}

#[test]
fn an_interrupt_that_found_a_park_is_not_found_again() {
    static LOT: OwnLot<1> = OwnLot::new();
    alone(|| {
        let me = ThreadHandle::current();
        assert!(me.interrupt());
        assert_eq!(LOT.park(HERE, interruptible(Deadline::NEVER)), ParkStatus::Intr);
        let soon = Deadline::after(Duration::from_millis(2));
        assert_eq!(LOT.park(HERE, interruptible(soon)), ParkStatus::Timeout);
    });
}

#[test]
fn interrupts_that_meet_are_one() {
    static LOT: OwnLot<1> = OwnLot::new();
    alone(|| {
        let me = ThreadHandle::current();
        assert!((0..3).all(|_| me.interrupt()));
        assert_eq!(LOT.park(HERE, interruptible(Deadline::NEVER)), ParkStatus::Intr);
        assert!(!take_interrupt());
    });
}

#[test]
fn an_interrupt_can_be_taken_back() {
    static LOT: OwnLot<1> = OwnLot::new();
    alone(|| {
        assert!(!take_interrupt(), "a thread without a handle has none");
        let me = ThreadHandle::current();
        assert!(!take_interrupt());
        assert!(me.interrupt());
        assert!(take_interrupt());
        assert!(!take_interrupt());
        let soon = Deadline::after(Duration::from_millis(2));
        assert_eq!(LOT.park(HERE, interruptible(soon)), ParkStatus::Timeout);
    });
}

/// Neither a park that is not interruptible, nor one that does not come to sleep, uses an interrupt up.
#[test]
fn other_parks_leave_the_interrupt_where_it_is() {
    static LOT: OwnLot<1> = OwnLot::new();
    alone(|| {
        assert!(ThreadHandle::current().interrupt());
        let soon = Deadline::after(Duration::from_millis(2));
        let deaf = ParkOptions { interruptible: false, ..interruptible(soon) };
        assert_eq!(LOT.park(HERE, deaf), ParkStatus::Timeout);
        assert_eq!(LOT.park(HERE, interruptible(Deadline::NOW)), ParkStatus::Timeout);
        let refused = LOT.park_with(HERE, interruptible(Deadline::NEVER), || false, |_| {});
        assert_eq!(refused, ParkStatus::Again);
        assert!(take_interrupt());
    });
}

#[test]
fn a_park_that_is_not_interruptible_sleeps_on() {
    static LOT: OwnLot<1> = OwnLot::new();
    let (tell, told) = mpsc::channel();
    let sleeper = thread::spawn(move || {
        tell.send(ThreadHandle::current()).expect("the test listens");
        (LOT.park(HERE, with_argument(1)), take_interrupt())
    });
    let handle = told.recv().expect("the thread tells");
    LOT.until_waiting(HERE, 1);
    for _ in 0..20 {
        assert!(handle.interrupt());
        thread::yield_now();
    }
    assert_eq!(LOT.unpark(HERE), (Some(1), false));
    assert_eq!(joined(sleeper), (ParkStatus::Ok, true));
}

#[test]
fn a_handle_of_a_thread_that_is_gone_does_nothing() {
    for _ in 0..8 {
        let stale = joined(thread::spawn(ThreadHandle::current));
        assert!(!stale.interrupt());
        // The next thread is likely to get the same record, and must not get the interrupt.
        joined(thread::spawn(move || {
            let heir = ThreadHandle::current();
            assert!(!stale.interrupt());
            assert!(!take_interrupt());
            assert!(heir.interrupt());
            assert!(take_interrupt());
        }));
    }
}

#[test]
fn an_interrupt_that_nobody_took_dies_with_its_thread() {
    for _ in 0..8 {
        joined(thread::spawn(|| assert!(ThreadHandle::current().interrupt())));
        joined(thread::spawn(|| {
            let _heir = ThreadHandle::current();
            assert!(!take_interrupt());
        }));
    }
}

#[test]
fn a_handle_is_the_same_however_often_it_is_asked_for() {
    alone(|| {
        let [first, second] = [ThreadHandle::current(), ThreadHandle::current()];
        assert_eq!(format!("{first:?}"), format!("{second:?}"));
        assert!(first.interrupt() && second.interrupt());
        assert!(take_interrupt() && !take_interrupt());
    });
}

/// Either the unparker found the sleeper or the interrupt did, and both agree about it.
#[test]
fn an_interrupt_that_races_an_unpark_loses_no_token() {
    static LOT: OwnLot<1> = OwnLot::new();
    let rounds = if cfg!(miri) { 3 } else { 300 };
    for _ in 0..rounds {
        let (sleeper, handle) = LOT.interruptible(HERE, 1);
        let interrupter = thread::spawn(move || handle.interrupt());
        let (found, has_more) = LOT.unpark(HERE);
        assert!(!has_more);
        joined(interrupter);
        let expected = if found.is_some() { ParkStatus::Ok } else { ParkStatus::Intr };
        assert_eq!(joined(sleeper), expected);
    }
    let totals = LOT.totals();
    assert_eq!(totals.wakes + totals.interrupts, totals.parks);
}
