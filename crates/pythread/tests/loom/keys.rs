//! Models of storage keys.

use core::ptr;
use pythread::TssKey;
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start};

fn value(number: usize) -> *mut () {
    ptr::without_provenance_mut(number)
}

/// Takes all places but some twenty, in a model of its own: what leaks afterwards is missed soon.
fn leave_few() {
    bounded(Bucket::Abstract, || {
        for _ in 0..500 {
            let key = TssKey::new();
            key.create().expect("room");
            core::mem::forget(key);
        }
    });
}

/// TSS-2, TSS-3. Three threads, bounded: a race to create makes one key and takes one place, and each thread has its
/// own value.
#[test]
fn keys_of_a_race_are_one() {
    // Explored from two starts, so twice 500.
    leave_few();
    bounded(Bucket::Abstract, || {
        let key = Arc::new(TssKey::new());
        let others = [1, 2].map(|number| {
            start(&key, move |key| {
                key.create().expect("room");
                key.set(value(number)).expect("created");
                assert_eq!(key.get(), value(number));
            })
        });
        key.create().expect("room");
        assert!(key.get().is_null());
        others.map(|other| other.join().unwrap());
        assert!(key.is_created() && key.get().is_null());
    });
}

/// TSS-1. Two threads, bounded: a key that another thread deletes and creates again reads what was stored under it,
/// or null, and never what another creation had.
#[test]
fn keys_created_again_read_null() {
    bounded(Bucket::Abstract, || {
        let key = Arc::new(TssKey::new());
        key.create().expect("room");
        key.set(value(1)).expect("created");
        let other = start(&key, |key| {
            key.delete();
            key.create().expect("room");
            key.set(value(2)).expect("created");
            assert_eq!(key.get(), value(2));
        });
        let seen = key.get();
        assert!(seen.is_null() || seen == value(1), "{seen:?}");
        other.join().unwrap();
        assert!(key.get().is_null(), "the key of before is gone");
        key.set(value(3)).expect("created");
        assert_eq!(key.get(), value(3));
    });
}

/// TSS-2. Two threads, bounded: of two deletes one gives the place back, so that nobody else's is given away.
#[test]
fn keys_are_deleted_once() {
    bounded(Bucket::Abstract, || {
        let key = Arc::new(TssKey::new());
        key.create().expect("room");
        let other = start(&key, TssKey::delete);
        key.delete();
        let mine = TssKey::new();
        mine.create().expect("room");
        other.join().unwrap();
        let theirs = TssKey::new();
        theirs.create().expect("room");
        mine.set(value(1)).expect("created");
        theirs.set(value(2)).expect("created");
        assert_eq!((mine.get(), theirs.get()), (value(1), value(2)));
    });
}
