//! Sections that block, on threads without a runtime: they suspend each other.

use pycritsec::{with_critical_section as one, with_critical_section2 as two};
use pysync::{Event, Mutex};
use std::thread;
use trial::until::{joined, until, until_asleep};

/// The outer section is given up for as long as the inner one waits, and taken back before it ends.
#[test]
fn a_blocked_section_suspends_the_outer_ones() {
    static OUTER: Mutex = Mutex::new();
    static MIDDLE: Mutex = Mutex::new();
    static INNER: Mutex = Mutex::new();
    INNER.lock();
    let nested = thread::spawn(|| {
        one(&OUTER, || {
            one(&MIDDLE, || {
                one(&INNER, || {
                    assert_eq!([&OUTER, &MIDDLE, &INNER].map(Mutex::bits), [0, 0, 1]);
                });
                assert_eq!([&OUTER, &MIDDLE, &INNER].map(Mutex::bits), [0, 1, 0]);
            });
            assert_eq!([&OUTER, &MIDDLE, &INNER].map(Mutex::bits), [1, 0, 0]);
        });
    });
    until_asleep(&INNER, 1);
    assert_eq!([&OUTER, &MIDDLE].map(Mutex::bits), [0, 0]);
    INNER.unlock();
    joined(nested);
}

/// What is resumed may itself be taken meanwhile: End waits for it.
#[test]
fn an_end_waits_for_the_section_below() {
    static OUTER: Mutex = Mutex::new();
    static INNER: Mutex = Mutex::new();
    static ENDING: Event = Event::new();
    INNER.lock();
    let nested = thread::spawn(|| {
        one(&OUTER, || {
            one(&INNER, || ENDING.wait());
            assert!(OUTER.is_locked());
        });
    });
    until_asleep(&INNER, 1);
    assert!(OUTER.try_lock(), "given up");
    INNER.unlock();
    ENDING.notify();
    until_asleep(&OUTER, 1);
    assert!(!INNER.is_locked(), "ended before it waits");
    OUTER.unlock();
    joined(nested);
    assert_eq!(OUTER.bits(), 0);
}

/// A pair that waits for either of its mutexes holds the other one not.
#[test]
fn a_blocked_pair_holds_neither() {
    static PAIR: [Mutex; 2] = [const { Mutex::new() }; 2];
    for round in 0..20 {
        let [busy, free] = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        PAIR[busy].lock();
        let pair = thread::spawn(|| two(&PAIR[0], &PAIR[1], || PAIR.each_ref().map(Mutex::bits)));
        until_asleep(&PAIR[busy], 1);
        assert!(!PAIR[free].is_locked(), "held by a sleeper");
        PAIR[busy].unlock();
        assert_eq!(joined(pair), [1, 1]);
        assert_eq!(PAIR.each_ref().map(Mutex::bits), [0, 0]);
    }
}

#[test]
fn opposite_orders_do_not_deadlock() {
    static A: Mutex = Mutex::new();
    static B: Mutex = Mutex::new();
    let workers = [(&A, &B), (&B, &A), (&A, &B), (&B, &A)].map(|(first, second)| {
        thread::spawn(move || {
            for turn in 0..2_000 {
                match turn % 3 {
                    0 => one(first, || one(second, || ())),
                    1 => one(first, || two(second, first, || ())),
                    _ => two(first, second, || one(second, || ())),
                }
            }
        })
    });
    workers.into_iter().for_each(joined);
    until("both to be free", || [&A, &B].map(Mutex::bits) == [0, 0]);
}
