//! Parking and unparking: how each call ends, and in which order.

use crate::own_lot::{OwnLot, argument, with_argument};
use pyparking::{Deadline, ParkOptions, ParkStatus, Totals, monotonic_nanos};
use std::thread;
use std::time::Duration;
use trial::until::joined;

/// Two addresses of one bucket, in a lot of three.
const HERE: usize = 3_000;
const NEIGHBOUR: usize = HERE + 3;

#[test]
fn a_validation_that_says_no_is_again_and_nothing_happened() {
    static LOT: OwnLot<3> = OwnLot::new();
    let status = LOT.park_with(
        HERE,
        ParkOptions::default(),
        || false,
        |_| panic!("nobody gave up: the thread was never queued"),
    );
    assert_eq!(status, ParkStatus::Again);
    assert_eq!(LOT.totals(), Totals::default());
}

#[test]
fn a_zero_timeout_neither_queues_nor_sleeps() {
    static LOT: OwnLot<3> = OwnLot::new();
    for deadline in [Deadline::NOW, Deadline::after(Duration::ZERO)] {
        let mut seen_empty = None;
        let options = ParkOptions { deadline, ..ParkOptions::default() };
        let status =
            LOT.park_with(HERE, options, || true, |queue| seen_empty = Some(queue.is_empty()));
        assert_eq!(status, ParkStatus::Timeout);
        assert_eq!(seen_empty, Some(true), "the caller is told that it waits no longer");
    }
    assert_eq!(LOT.totals(), Totals::default());
}

#[test]
fn a_zero_timeout_still_validates() {
    static LOT: OwnLot<3> = OwnLot::new();
    let options = ParkOptions { deadline: Deadline::NOW, ..ParkOptions::default() };
    assert_eq!(LOT.park_with(HERE, options, || false, |_| {}), ParkStatus::Again);
}

#[test]
fn a_deadline_that_has_passed_does_not_queue() {
    static LOT: OwnLot<3> = OwnLot::new();
    let deadline = Deadline::after(Duration::from_nanos(1));
    while !deadline.passed() {}
    let options = ParkOptions { deadline, ..ParkOptions::default() };
    assert_eq!(LOT.park(HERE, options), ParkStatus::Timeout);
    assert_eq!(LOT.totals(), Totals::default());
}

#[test]
fn a_timeout_is_never_early_and_is_counted() {
    static LOT: OwnLot<3> = OwnLot::new();
    for wait in [1, 1_000, 1_000_000, 3_141_593].map(Duration::from_nanos) {
        let begun = monotonic_nanos();
        let deadline = Deadline::after(wait);
        let mut told = 0;
        let options = ParkOptions { deadline, ..ParkOptions::default() };
        let status = LOT.park_with(HERE, options, || true, |_| told += 1);
        assert_eq!(status, ParkStatus::Timeout);
        assert!(deadline.passed());
        assert!(monotonic_nanos() - begun >= wait.as_nanos() as u64, "early for {wait:?}");
        assert_eq!(told, 1);
    }
    let totals = LOT.totals();
    assert_eq!(totals.timeouts, totals.parks);
    assert_eq!((totals.wakes, totals.hand_offs, totals.interrupts), (0, 0, 0));
}

#[test]
fn absurd_timeouts_wait_until_they_are_woken() {
    static LOT: OwnLot<3> = OwnLot::new();
    for wait in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_nanos(u64::MAX)] {
        let sleeper = thread::spawn(move || {
            let deadline = Deadline::after(wait);
            LOT.park(HERE, ParkOptions { deadline, ..ParkOptions::default() })
        });
        LOT.until_waiting(HERE, 1);
        assert_eq!(LOT.unpark(HERE), (Some(0), false));
        assert_eq!(joined(sleeper), ParkStatus::Ok);
    }
}

#[test]
fn the_unparker_sees_the_argument_and_the_sleeper_sees_what_it_did() {
    static LOT: OwnLot<3> = OwnLot::new();
    let sleeper = thread::spawn(|| {
        let mut note = String::new();
        let arg = (&raw mut note).cast();
        let status = LOT.park(HERE, ParkOptions { arg, ..ParkOptions::default() });
        (status, note)
    });
    LOT.until_waiting(HERE, 1);
    LOT.unpark_with(HERE, |arg, has_more| {
        let note = arg.expect("somebody waits").cast::<String>();
        // SAFETY: the sleeper's frame lives until this callback has returned, and it does not look before.
        unsafe { (*note).push_str("from the unparker") };
        assert!(!has_more);
    });
    assert_eq!(joined(sleeper), (ParkStatus::Ok, "from the unparker".to_owned()));
    assert_eq!(LOT.totals(), Totals { parks: 1, wakes: 1, ..Totals::default() });
}

#[test]
fn an_unpark_of_nobody_still_calls_back() {
    static LOT: OwnLot<3> = OwnLot::new();
    let result = LOT.unpark_with(HERE, |waiter, has_more| {
        assert_eq!((waiter, has_more), (None, false));
        "what the callback returns"
    });
    assert_eq!(result, "what the callback returns");
    assert_eq!(LOT.unpark_all(HERE), 0);
    assert_eq!(LOT.totals(), Totals::default());
}

#[test]
fn an_unpark_before_the_park_is_not_remembered() {
    static LOT: OwnLot<3> = OwnLot::new();
    assert_eq!(LOT.unpark(HERE), (None, false));
    let options =
        ParkOptions { deadline: Deadline::after(Duration::from_millis(2)), ..with_argument(1) };
    assert_eq!(LOT.park(HERE, options), ParkStatus::Timeout);
}

#[test]
fn waiters_leave_in_the_order_in_which_they_came() {
    static LOT: OwnLot<3> = OwnLot::new();
    let count = if cfg!(miri) { 5 } else { 32 };
    let sleepers: Vec<_> = (0..count).map(|number| LOT.sleeper(HERE, number)).collect();
    for number in 0..count {
        assert_eq!(LOT.unpark(HERE), (Some(number), number + 1 < count));
    }
    for sleeper in sleepers {
        assert_eq!(joined(sleeper), ParkStatus::Ok);
    }
}

#[test]
fn leaving_from_the_middle_and_the_ends_keeps_the_order() {
    static LOT: OwnLot<3> = OwnLot::new();
    let sleepers: Vec<_> = (0..6).map(|number| LOT.interruptible(HERE, number)).collect();
    for leaver in [3, 0, 5] {
        assert!(sleepers[leaver].1.interrupt());
        LOT.with_queue(HERE, |_| {});
        trial::until::until("the leaver to leave", || !LOT.waiting(HERE).contains(&leaver));
    }
    assert_eq!(LOT.waiting(HERE), [1, 2, 4]);
    let late = LOT.sleeper(HERE, 6);
    let order: Vec<_> = (0..4).map(|_| LOT.unpark(HERE)).collect();
    assert_eq!(order, [(Some(1), true), (Some(2), true), (Some(4), true), (Some(6), false)]);
    let statuses: Vec<_> = sleepers.into_iter().map(|(sleeper, _)| joined(sleeper)).collect();
    use ParkStatus::{Intr, Ok};
    assert_eq!(statuses, [Intr, Ok, Ok, Intr, Ok, Intr]);
    assert_eq!(joined(late), Ok);
}

#[test]
fn has_more_is_about_the_address_and_not_the_bucket() {
    static LOT: OwnLot<3> = OwnLot::new();
    let here = LOT.sleeper(HERE, 1);
    let there = [LOT.sleeper(NEIGHBOUR, 2), LOT.sleeper(NEIGHBOUR, 3)];
    assert_eq!(LOT.unpark(HERE), (Some(1), false));
    assert_eq!(LOT.unpark(HERE), (None, false));
    assert_eq!(LOT.unpark(NEIGHBOUR), (Some(2), true));
    assert_eq!(LOT.unpark(NEIGHBOUR), (Some(3), false));
    assert_eq!(joined(here), ParkStatus::Ok);
    assert!(there.into_iter().all(|sleeper| joined(sleeper) == ParkStatus::Ok));
}

#[test]
fn unpark_all_takes_everybody_of_its_address_and_nobody_else() {
    static LOT: OwnLot<3> = OwnLot::new();
    let crowd: Vec<_> = (0..5).map(|number| LOT.sleeper(HERE, number)).collect();
    let neighbour = LOT.sleeper(NEIGHBOUR, 9);
    assert_eq!(LOT.unpark_all(HERE), 5);
    assert!(crowd.into_iter().all(|sleeper| joined(sleeper) == ParkStatus::Ok));
    assert_eq!(LOT.waiting(NEIGHBOUR), [9]);
    assert_eq!(LOT.unpark_all(NEIGHBOUR), 1);
    assert_eq!(joined(neighbour), ParkStatus::Ok);
    assert_eq!(LOT.totals(), Totals { parks: 6, wakes: 6, ..Totals::default() });
}

/// Many addresses in one bucket: every one finds its own queue, in whatever order they go.
#[test]
fn a_crowded_bucket_keeps_its_addresses_apart() {
    static LOT: OwnLot<1> = OwnLot::new();
    let count = if cfg!(miri) { 6 } else { 24 };
    let sleepers: Vec<_> = (0..count).map(|at| LOT.sleeper(0x7000 + 16 * at, at)).collect();
    let again: Vec<_> = (0..count).map(|at| LOT.sleeper(0x7000 + 16 * at, at + 100)).collect();
    // A step that shares no factor with the count visits every address.
    for at in (0..count).map(|turn| turn * 5 % count) {
        assert_eq!(LOT.unpark(0x7000 + 16 * at), (Some(at), true));
    }
    for at in (0..count).map(|turn| turn * 7 % count) {
        assert_eq!(LOT.waiting(0x7000 + 16 * at), [at + 100]);
        assert_eq!(LOT.unpark(0x7000 + 16 * at), (Some(at + 100), false));
    }
    assert!(sleepers.into_iter().chain(again).all(|thread| joined(thread) == ParkStatus::Ok));
    assert!(LOT.lot.snapshot().waiters().is_empty());
}

#[test]
fn the_first_argument_of_the_queue_is_that_of_the_oldest() {
    static LOT: OwnLot<3> = OwnLot::new();
    assert_eq!(LOT.with_queue(HERE, |queue| queue.first_arg()), None);
    let old = LOT.sleeper(HERE, 1);
    let young = LOT.sleeper(HERE, 2);
    assert_eq!(LOT.with_queue(HERE, |queue| queue.first_arg()), Some(argument(1)));
    assert_eq!(LOT.unpark_all(HERE), 2);
    assert_eq!([joined(old), joined(young)], [ParkStatus::Ok; 2]);
}
