//! Taking turns: order, requests, forced switches, and what upstream's tests of the switch interval look at.

use crate::room::{FOR_EVER, Room, SHORT, Sitting, patient, with_interval};
use pyceval::{Gil, Seat, SwitchPolicy, Taken};
use pyparking::Deadline;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use trial::until::{joined, until};

/// Scenario of: `test_switchinterval` (`Lib/test/test_sys.py`): the interval is read back as it was set.
#[test]
fn test_switchinterval() {
    let gil = Gil::new(SwitchPolicy::Classic);
    assert_eq!(gil.interval(), Duration::from_millis(5));
    for micros in [50_u64, 1, 100, 3_000_000] {
        let interval = Duration::from_micros(micros);
        gil.set_interval(interval).expect("long enough");
        assert_eq!(gil.interval(), interval);
    }
    gil.set_interval(Duration::from_nanos(999)).expect_err("too short");
    assert_eq!(gil.interval(), Duration::from_secs(3), "an error changes nothing");
}

/// Scenario of: `test_enumerate_after_join` (`Lib/test/test_threading.py`): threads are born and joined under the
/// shortest interval.
#[test]
fn test_enumerate_after_join() {
    let gil = Arc::new(with_interval(SwitchPolicy::Classic, Duration::from_micros(1)));
    let here = Sitting::at(&gil);
    here.take();
    for _ in 0..200 {
        let theirs = Arc::clone(&gil);
        let thread = thread::spawn(move || theirs.with(&Seat::new(), || ()));
        until("the thread to run", || {
            here.poll();
            thread.is_finished()
        });
        joined(thread);
    }
    assert_eq!(gil.waiting(), 0);
}

/// Scenario of: `test_4` and its like (`Lib/test/test_threadsignals.py`, ccbench): several threads compute, poll and
/// share one number.
#[test]
fn test_threads_that_compute_take_turns() {
    static ROOM: Room = Room::new();
    let gil = Arc::new(with_interval(SwitchPolicy::Classic, SHORT));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let gil = Arc::clone(&gil);
            thread::spawn(move || {
                let here = Sitting::at(&gil);
                here.take();
                let mut turns = 0;
                while turns < 25 {
                    ROOM.add();
                    turns += u32::from(here.poll() || gil.waiting() == 0);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(joined);
    assert!(ROOM.sum() >= 100 && gil.switch_number() >= 4);
}

/// GIL-5: a holder that drops because it was asked does not return before another has had the GIL.
#[test]
fn test_forced_switch_really_switches() {
    let gil = Arc::new(with_interval(SwitchPolicy::Classic, SHORT));
    let here = Sitting::at(&gil);
    for _ in 0..100 {
        here.take();
        let before = gil.switch_number();
        let theirs = Arc::clone(&gil);
        let other = thread::spawn(move || theirs.with(&Seat::new(), || theirs.switch_number()));
        until("the request", || here.is_asked());
        here.release();
        assert!(here.take() && !here.is_asked());
        assert_eq!(gil.switch_number(), before + 2, "somebody else came between");
        assert_eq!(joined(other), before + 1);
        here.release();
    }
}

/// GIL-5: a waiter whose interval has passed is handed the GIL, however often the holder lets go by its own wish.
#[test]
fn test_a_loop_of_short_releases_does_not_starve_a_waiter() {
    let gil = Arc::new(with_interval(SwitchPolicy::Classic, SHORT));
    let here = Sitting::at(&gil);
    let theirs = Arc::clone(&gil);
    here.take();
    let other = thread::spawn(move || theirs.with(&Seat::new(), || ()));
    until("the other's turn", || {
        here.release();
        here.take();
        other.is_finished()
    });
    joined(other);
}

/// GIL-11: first in, first out, when each has let the one before it sleep.
#[test]
fn test_first_in_first_out() {
    for policy in [SwitchPolicy::Classic, SwitchPolicy::Responsive] {
        let gil = Arc::new(patient(policy));
        let order = Arc::new(Mutex::new(Vec::new()));
        let here = Sitting::at(&gil);
        here.take();
        let threads: Vec<_> = (0..6)
            .map(|number| {
                let (gil, order) = (Arc::clone(&gil), Arc::clone(&order));
                let theirs = Arc::clone(&gil);
                let push = move || order.lock().expect("no panic inside").push(number);
                let thread = thread::spawn(move || theirs.with(&Seat::new(), push));
                until("the thread to wait", || gil.waiting() == number + 1);
                thread
            })
            .collect();
        here.release();
        threads.into_iter().for_each(joined);
        assert_eq!(*order.lock().expect("no panic inside"), [0, 1, 2, 3, 4, 5], "{policy:?}");
    }
}

/// A waiter that sleeps beyond its deadline says so, and one that does not wait never queues.
#[test]
fn test_a_take_with_a_deadline() {
    let gil = patient(SwitchPolicy::Classic);
    let (one, two) = (Sitting::at(&gil), Sitting::at(&gil));
    assert_eq!(one.take_until(Deadline::NOW), Taken::Held);
    let parks = gil.waiting();
    assert_eq!(two.take_until(Deadline::NOW), Taken::TimedOut);
    assert_eq!(two.take_until(Deadline::after(Duration::from_millis(2))), Taken::TimedOut);
    assert_eq!((gil.waiting(), parks), (0, 0));
    one.release();
    assert_eq!(two.take_until(Deadline::after(FOR_EVER)), Taken::Held);
    assert!(two.gil.is_held_by(&two.seat) && !gil.is_held_by(&one.seat));
}

/// A tenure goes on over a release that nobody used.
#[test]
fn test_switch_number_counts_changes_of_holder() {
    let gil = Gil::new(SwitchPolicy::Classic);
    let (one, two) = (Seat::new(), Seat::new());
    for seat in [&one, &one, &one, &two, &one] {
        gil.with(seat, || assert!(gil.was_last_held_by(seat)));
    }
    assert_eq!(gil.switch_number(), 3);
}

/// The GIL is released when the work under it panics.
#[test]
fn test_released_on_unwind() {
    let gil = Gil::new(SwitchPolicy::Classic);
    let seat = Seat::new();
    let work = std::panic::AssertUnwindSafe(|| gil.with(&seat, || panic!("on purpose")));
    std::panic::catch_unwind(work).expect_err("it panicked");
    assert!(!gil.is_held_by(&seat));
    gil.with(&seat, || ());
}
