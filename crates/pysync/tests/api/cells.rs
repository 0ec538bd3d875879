//! The forms that carry their data.

use pyparking::ThreadHandle;
use pysync::{LockFlags, LockStatus, MutexCell, RwCell};
use std::panic::{catch_unwind, resume_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use trial::until::{joined, until, until_asleep};

const BRIEFLY: Option<Duration> = Some(Duration::from_millis(2));

#[test]
fn a_mutex_cell_lends_its_value() {
    let mut cell = MutexCell::new(vec![1]);
    cell.lock().push(2);
    assert_eq!(cell.lock().len(), 2);
    cell.get_mut().push(3);
    assert_eq!(*cell.try_lock().expect("free"), [1, 2, 3]);
    assert_eq!(cell.into_inner(), [1, 2, 3]);
    assert_eq!(*MutexCell::from("x").lock(), "x");
    assert_eq!(*MutexCell::<u8>::default().lock(), 0);
}

#[test]
fn a_held_mutex_cell_is_refused_to_others() {
    let cell = MutexCell::new(1);
    let held = cell.lock();
    assert!(cell.is_locked());
    assert!(cell.try_lock().is_none());
    assert_eq!(cell.lock_timed(BRIEFLY, LockFlags::DETACH).err(), Some(LockStatus::Failure));
    assert_eq!(
        cell.lock_timed(Some(Duration::ZERO), LockFlags::DETACH).err(),
        Some(LockStatus::Failure)
    );
    drop(held);
    assert!(!cell.is_locked());
    assert_eq!(cell.lock_timed(BRIEFLY, LockFlags::DETACH).map(|held| *held).ok(), Some(1));
}

#[test]
fn a_mutex_cell_can_be_interrupted() {
    static CELL: MutexCell<u8> = MutexCell::new(1);
    let held = CELL.lock();
    let (tell, told) = mpsc::channel();
    let waiter = thread::spawn(move || {
        tell.send(ThreadHandle::current()).expect("the test listens");
        CELL.lock_timed(None, LockFlags::FAIL_IF_INTERRUPTED).map(|held| *held).err()
    });
    let handle = told.recv().expect("the thread tells");
    // SAFETY: looked at, not locked.
    until_asleep(unsafe { CELL.raw() }, 1);
    assert!(handle.interrupt());
    assert_eq!(joined(waiter), Some(LockStatus::Intr));
    drop(held);
}

#[test]
fn a_panic_does_not_poison_a_mutex_cell() {
    static CELL: MutexCell<u32> = MutexCell::new(1);
    let unwound = catch_unwind(|| {
        *CELL.lock() += 1;
        let mut held = CELL.lock();
        *held += 1;
        resume_unwind(Box::new(()));
    });
    assert!(unwound.is_err());
    assert_eq!(*CELL.lock(), 3, "as it was left");
}

#[test]
fn debug_of_a_mutex_cell_never_blocks() {
    let cell = MutexCell::new(5);
    assert_eq!(format!("{cell:?}"), "MutexCell { value: 5 }");
    let held = cell.lock();
    assert_eq!(format!("{cell:?}"), "MutexCell { value: <locked> }");
    assert_eq!(format!("{held:?}"), "5");
}

#[test]
fn cells_hold_what_has_no_size() {
    let cell: Box<MutexCell<[u8]>> = Box::new(MutexCell::new([1, 2, 3]));
    cell.lock()[0] = 9;
    assert_eq!(cell.lock()[..], [9, 2, 3]);
    let cell: Box<RwCell<dyn core::fmt::Debug>> = Box::new(RwCell::new(7));
    assert_eq!(format!("{:?}", &*cell.read()), "7");
}

#[test]
fn a_rw_cell_lends_its_value() {
    let mut cell = RwCell::new(String::from("a"));
    cell.write().push('b');
    {
        let (one, two) = (cell.read(), cell.try_read().expect("only readers"));
        assert_eq!((one.as_str(), two.as_str()), ("ab", "ab"));
        assert!(cell.is_locked());
        assert!(cell.try_write().is_none());
    }
    assert!(!cell.is_locked());
    cell.get_mut().push('c');
    cell.try_write().expect("free").push('d');
    assert_eq!(cell.into_inner(), "abcd");
    assert_eq!(*RwCell::from("x").read(), "x");
    assert_eq!(*RwCell::<u8>::default().read(), 0);
}

#[test]
fn a_written_rw_cell_is_refused_to_others() {
    let cell = RwCell::new(1);
    let alone = cell.write();
    assert!(cell.is_locked());
    assert!(cell.try_read().is_none() && cell.try_write().is_none());
    assert_eq!(format!("{cell:?}"), "RwCell { value: <locked> }");
    assert_eq!(format!("{alone:?}"), "1");
    drop(alone);
    let shared = cell.read();
    assert_eq!(format!("{cell:?}"), "RwCell { value: 1 }");
    assert_eq!(format!("{shared:?}"), "1");
}

#[test]
fn a_panic_does_not_poison_a_rw_cell() {
    static CELL: RwCell<u32> = RwCell::new(1);
    let unwound = catch_unwind(|| {
        let mut alone = CELL.write();
        *alone += 1;
        resume_unwind(Box::new(()));
    });
    assert!(unwound.is_err());
    assert_eq!(*CELL.read(), 2);
}

#[test]
fn values_go_from_thread_to_thread() {
    let (threads, turns) = if cfg!(miri) { (2, 3) } else { (4, 500) };
    let cells = Arc::new((MutexCell::new(0), RwCell::new(0)));
    let adders: Vec<_> = (0..threads)
        .map(|_| {
            let cells = Arc::clone(&cells);
            thread::spawn(move || {
                for _ in 0..turns {
                    *cells.0.lock() += 1;
                    *cells.1.write() += 1;
                    assert!(*cells.1.read() > 0);
                }
            })
        })
        .collect();
    until("the adders to end", || adders.iter().all(|adder| adder.is_finished()));
    adders.into_iter().for_each(joined);
    assert_eq!((*cells.0.lock(), *cells.1.read()), (threads * turns, threads * turns));
}

/// A value that came out of its cell is dropped once, as is one that did not.
#[test]
fn values_are_dropped_once() {
    let value = Arc::new(());
    drop(MutexCell::new(Arc::clone(&value)));
    drop(RwCell::new(Arc::clone(&value)));
    drop(MutexCell::new(Arc::clone(&value)).into_inner());
    drop(RwCell::new(Arc::clone(&value)).into_inner());
    assert_eq!(Arc::strong_count(&value), 1);
}
