//! Models of the forms that carry their data.

use pysync::{MutexCell, OnceCell, RwCell};
use std::sync::Arc;
use trial::explore::{Bucket, start, unbounded};
use trial::guarded::Guarded;

/// MUTEX-1, MUTEX-2. Two threads, no bound: the value is lent to one thread at a time.
#[test]
fn cells_mutex_lends_to_one() {
    unbounded(Bucket::Abstract, || {
        let cell = Arc::new(MutexCell::new(Guarded::new(0)));
        let adder = start(&cell, |cell| {
            cell.lock().bump();
        });
        cell.lock().bump();
        adder.join().unwrap();
        assert_eq!(cell.lock().get(), 2);
    });
}

/// RW-1, RW-2. Two threads, no bound: the value is lent to a reader or to a writer.
#[test]
fn cells_rw_lends_to_readers_or_a_writer() {
    unbounded(Bucket::Abstract, || {
        let cell = Arc::new(RwCell::new(Guarded::new(0)));
        let writer = start(&cell, |cell| {
            cell.write().bump();
        });
        assert!(cell.read().get() <= 1);
        writer.join().unwrap();
        assert_eq!(cell.read().get(), 1);
    });
}

/// ONCE-1, ONCE-2. Two threads, no bound: both get the one value, whole.
#[test]
fn cells_once_makes_one_value() {
    unbounded(Bucket::Abstract, || {
        let cell = Arc::new(OnceCell::new());
        let other = start(&cell, |cell| {
            let made = cell.get_or_init(|| Guarded::new(7));
            (made.get(), core::ptr::from_ref(made).addr())
        });
        let made = cell.get_or_init(|| Guarded::new(7));
        let mine = (made.get(), core::ptr::from_ref(made).addr());
        assert_eq!(mine, other.join().unwrap());
    });
}

/// ONCE-2. Two threads, no bound: `get` shows nothing, or the value whole.
#[test]
fn cells_once_get_sees_the_value() {
    unbounded(Bucket::Abstract, || {
        let cell = Arc::new(OnceCell::new());
        let maker = start(&cell, |cell| {
            cell.get_or_init(|| Guarded::new(7));
        });
        assert!(cell.get().is_none_or(|made| made.get() == 7));
        maker.join().unwrap();
        assert!(cell.get().is_some());
    });
}
