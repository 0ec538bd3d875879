//! Points in time.

use pyparking::{Deadline, monotonic_nanos};
use std::time::Duration;
use trial::until::until;

#[test]
fn never_never_comes() {
    assert!(!Deadline::NEVER.passed());
    assert_eq!(Deadline::NEVER.remaining(), None);
    assert_eq!(Deadline::NEVER.nanos(), None);
    assert_eq!(Deadline::from_timeout(None), Deadline::NEVER);
}

#[test]
fn now_has_come() {
    assert!(Deadline::NOW.passed());
    assert_eq!(Deadline::NOW.remaining(), Some(Duration::ZERO));
    assert_eq!(Deadline::after(Duration::ZERO), Deadline::NOW);
    assert_eq!(Deadline::from_timeout(Some(Duration::ZERO)), Deadline::NOW);
}

#[test]
fn a_wait_counts_from_now_on_the_monotonic_clock() {
    let wait = Duration::from_secs(1000);
    let before = monotonic_nanos();
    let deadline = Deadline::after(wait);
    let after = monotonic_nanos();
    let at = deadline.nanos().expect("it is not never");
    let wait = wait.as_nanos() as u64;
    assert!(before + wait <= at && at <= after + wait);
    assert!(deadline.remaining().expect("it is not never") <= Duration::from_secs(1000));
}

#[test]
fn a_short_wait_passes_and_stays_passed() {
    let deadline = Deadline::after(Duration::from_micros(10));
    until("the deadline to pass", || deadline.passed());
    assert!(deadline.passed());
    assert_eq!(deadline.remaining(), Some(Duration::ZERO));
}

#[test]
fn absurd_waits_are_the_farthest_short_of_never() {
    let farthest = Deadline::after(Duration::MAX);
    for wait in [Duration::from_secs(u64::MAX), Duration::from_nanos(u64::MAX)] {
        assert_eq!(Deadline::after(wait), farthest);
    }
    assert!(farthest < Deadline::NEVER && !farthest.passed());
    assert!(farthest.nanos().is_some());
}

#[test]
fn order_is_time() {
    let mut all = [
        Deadline::NEVER,
        Deadline::after(Duration::from_secs(9)),
        Deadline::NOW,
        Deadline::after(Duration::from_secs(3)),
    ];
    all.sort();
    assert_eq!(all[0], Deadline::NOW);
    assert_eq!(all[3], Deadline::NEVER);
    assert!(all[1] < all[2]);
}

#[test]
fn the_clock_does_not_go_back() {
    let readings: Vec<_> = (0..100).map(|_| monotonic_nanos()).collect();
    assert!(readings.is_sorted());
    assert!(readings[0] > 0);
}
