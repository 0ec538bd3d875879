//! Who waits for what: the snapshot of a lot, and of the process.

use crate::own_lot::OwnLot;
use pyparking::{WaiterInfo, ident, monotonic_nanos};
use std::collections::HashSet;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use trial::until::{joined, until};

#[test]
fn of_an_empty_lot() {
    static LOT: OwnLot<2> = OwnLot::new();
    let snapshot = LOT.lot.snapshot();
    assert!(snapshot.waiters().is_empty());
    assert_eq!(snapshot.busy_buckets(), 0);
    assert_eq!(snapshot.to_string(), "nobody waits\n");
}

#[test]
fn shows_address_thread_and_time_of_each_the_longest_first() {
    static LOT: OwnLot<2> = OwnLot::new();
    let begun = monotonic_nanos();
    let sleepers = [21, 10, 32].map(|address| {
        let (tell, told) = mpsc::channel();
        let sleeper = thread::spawn(move || {
            tell.send(ident::current().get()).expect("the test listens");
            LOT.park(address, Default::default())
        });
        LOT.until_waiting(address, 1);
        (address, told.recv().expect("the thread tells"), sleeper)
    });
    let snapshot = LOT.lot.snapshot();
    let passed = Duration::from_nanos(monotonic_nanos() - begun);
    assert_eq!(snapshot.busy_buckets(), 0);
    let rows: Vec<_> =
        snapshot.waiters().iter().map(|waiter| (waiter.address, waiter.thread)).collect();
    let expected: Vec<_> =
        sleepers.iter().map(|(address, thread, _)| (*address, *thread)).collect();
    assert_eq!(rows, expected, "in the order in which they went to sleep");
    assert!(snapshot.waiters().iter().all(|waiter| waiter.waited <= passed));
    assert!(snapshot.waiters().windows(2).all(|pair| pair[0].waited >= pair[1].waited));
    if cfg!(any(target_os = "linux", windows)) {
        assert!(snapshot.waiters().iter().all(|waiter| waiter.system_thread != 0));
    }
    for (address, _, sleeper) in sleepers {
        assert_eq!(LOT.unpark_all(address), 1);
        let _ok = joined(sleeper);
    }
    assert_eq!(rows.len(), 3, "a snapshot is of its moment: it does not change afterwards");
}

#[test]
fn prints_a_line_for_each() {
    static LOT: OwnLot<2> = OwnLot::new();
    let sleeper = LOT.sleeper(0xABCDE, 1);
    let snapshot = LOT.lot.snapshot();
    let text = snapshot.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    for title in ["address", "thread", "system", "waited"] {
        assert!(lines[0].contains(title), "{text}");
    }
    assert!(lines[1].contains("0xabcde"), "{text}");
    assert!(lines[1].contains(&snapshot.waiters()[0].thread.to_string()), "{text}");
    assert_eq!(LOT.unpark_all(0xABCDE), 1);
    let _ok = joined(sleeper);
}

#[test]
fn waits_grow() {
    static LOT: OwnLot<2> = OwnLot::new();
    let sleeper = LOT.sleeper(1, 1);
    let first = LOT.lot.snapshot().waiters()[0].waited;
    until("time to pass", || LOT.lot.snapshot().waiters()[0].waited > first);
    assert_eq!(LOT.unpark_all(1), 1);
    let _ok = joined(sleeper);
}

/// A bucket whose lock is held is named as such, and not waited for.
#[test]
fn does_not_wait_for_a_busy_bucket() {
    static LOT: OwnLot<2> = OwnLot::new();
    let sleeper = LOT.sleeper(2, 1);
    let odd = LOT.sleeper(3, 2);
    let snapshot = LOT.unpark_with(2, |_, _| joined(thread::spawn(|| LOT.lot.snapshot())));
    assert_eq!(snapshot.busy_buckets(), 1);
    let seen: Vec<_> = snapshot.waiters().iter().map(|waiter| waiter.address).collect();
    assert_eq!(seen, [3], "the other bucket is shown");
    assert!(snapshot.to_string().contains("1 buckets stayed locked"), "{snapshot}");
    assert_eq!(LOT.unpark_all(3), 1);
    let _ok = (joined(sleeper), joined(odd));
}

/// However many wait in one bucket, all are shown, each once.
#[test]
#[cfg(not(miri))]
fn shows_a_crowd_in_one_bucket() {
    static LOT: OwnLot<1> = OwnLot::new();
    const CROWD: usize = 131;
    let address_of = |number| 0x400 + number % 9;
    let sleepers: Vec<_> = (0..CROWD)
        .map(|number| thread::spawn(move || LOT.park(address_of(number), Default::default())))
        .collect();
    until("the crowd to be queued", || LOT.lot.snapshot().waiters().len() == CROWD);
    let snapshot = LOT.lot.snapshot();
    let threads: HashSet<_> = snapshot.waiters().iter().map(|waiter| waiter.thread).collect();
    assert_eq!((threads.len(), snapshot.waiters().len()), (CROWD, CROWD));
    assert_eq!(snapshot.to_string().lines().count(), CROWD + 1);
    assert_eq!((0..9).map(|number| LOT.unpark_all(address_of(number))).sum::<usize>(), CROWD);
    for sleeper in sleepers {
        let _ok = joined(sleeper);
    }
}

#[test]
fn a_visit_shows_what_a_snapshot_shows() {
    static LOT: OwnLot<2> = OwnLot::new();
    let sleepers = [LOT.sleeper(5, 1), LOT.sleeper(6, 2)];
    let mut visited: Vec<WaiterInfo> = Vec::new();
    assert_eq!(LOT.lot.visit_waiters(|waiter| visited.push(waiter)), 0, "no bucket was busy");
    visited.sort_by_key(|waiter| waiter.address);
    let addresses: Vec<_> = visited.iter().map(|waiter| waiter.address).collect();
    assert_eq!(addresses, [5, 6]);
    assert_eq!(LOT.unpark_all(5) + LOT.unpark_all(6), 2);
    for sleeper in sleepers {
        let _ok = joined(sleeper);
    }
}
