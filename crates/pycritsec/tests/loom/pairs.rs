//! Models of sections over two mutexes, on threads without a runtime.

use crate::shared::Shared;
use pycritsec::{is_held, with_critical_section as one, with_critical_section2 as two};
use trial::explore::{Bucket, bounded, start};

/// A pair of objects.
fn both(shared: &Shared, a: usize, b: usize) {
    let (a, b) = (&shared.0[a], &shared.0[b]);
    two(a, b, || {
        assert!(is_held(a) && is_held(b));
        a.bump();
        b.bump();
    });
}

/// CS-3, PAIR-1. Two threads, bounded: both orders of naming the two.
#[test]
fn pairs_exclude_each_other_in_both_orders() {
    bounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let other = start(&shared, |shared| both(shared, 1, 0));
        both(&shared, 0, 1);
        other.join().unwrap();
        shared.ends_with([2, 2, 0]);
    });
}

/// PAIR-1. Two threads, bounded, for each of the mutexes: a pair against a section of one of them.
#[test]
fn pairs_and_sections_exclude_each_other() {
    for single in [0, 1] {
        bounded(Bucket::Abstract, move || {
            let shared = Shared::new();
            let other = start(&shared, move |shared| {
                one(&shared.0[single], || shared.0[single].bump());
            });
            both(&shared, 0, 1);
            other.join().unwrap();
            let extra = |which| u32::from(which == single);
            shared.ends_with([1 + extra(0), 1 + extra(1), 0]);
        });
    }
}

/// PAIR-1, PAIR-2. Three threads, bounded: overlapping pairs.
#[test]
fn pairs_in_a_ring_do_not_deadlock() {
    bounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let others =
            [(1, 2), (2, 0)].map(|(a, b)| start(&shared, move |shared| both(shared, a, b)));
        both(&shared, 0, 1);
        others.into_iter().for_each(|other| other.join().unwrap());
        shared.ends_with([2, 2, 2]);
    });
}

/// PAIR-1. Two threads, bounded: while a pair sleeps for the one mutex, the other is free for all.
#[test]
fn pairs_hold_nothing_while_they_sleep() {
    bounded(Bucket::Abstract, || {
        let shared = Shared::new();
        shared.0[1].mutex.lock();
        let other = start(&shared, |shared| both(shared, 0, 1));
        // Would wait for ever if the sleeper kept it: the other mutex is given back only afterwards.
        shared.0[0].mutex.lock();
        shared.0[0].bump();
        shared.0[0].mutex.unlock();
        shared.0[1].mutex.unlock();
        other.join().unwrap();
        shared.ends_with([2, 1, 0]);
    });
}

/// CS-5, CS-6, PAIR-1. Two threads, bounded: a pair inside a section of one of its mutexes, against a section inside the
/// pair's other one.
#[test]
fn pairs_inside_sections_do_not_deadlock() {
    bounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let other = start(&shared, |shared| {
            let [a, b, _] = &shared.0;
            one(b, || {
                one(a, || a.bump());
                b.bump();
            });
        });
        let [a, ..] = &shared.0;
        one(a, || {
            both(&shared, 0, 1);
            assert!(is_held(a));
            a.bump();
        });
        other.join().unwrap();
        shared.ends_with([3, 2, 0]);
    });
}
