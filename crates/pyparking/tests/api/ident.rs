//! Numbers of threads.

use pyparking::ident;
use std::collections::HashSet;
use std::thread;
use trial::until::joined;

#[test]
fn a_thread_keeps_its_number() {
    assert_eq!(ident::current(), ident::current());
}

#[test]
fn numbers_differ_between_threads_that_live_together() {
    let count = if cfg!(miri) { 4 } else { 50 };
    let threads: Vec<_> = (0..count).map(|_| thread::spawn(ident::current)).collect();
    let numbers: HashSet<_> = threads.into_iter().map(joined).collect();
    assert_eq!(numbers.len(), count);
    assert!(!numbers.contains(&ident::current()));
}

#[test]
fn numbers_of_threads_that_are_gone_are_not_used_again() {
    let count = if cfg!(miri) { 4 } else { 50 };
    let numbers: Vec<_> = (0..count).map(|_| joined(thread::spawn(ident::current))).collect();
    assert!(numbers.is_sorted_by(|first, second| first < second), "they count up");
}
