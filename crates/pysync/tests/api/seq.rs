//! The sequence lock, and plain data behind one.

use pysync::{PlainData, SeqCell, SeqLock};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use trial::until::{joined, until};

#[test]
fn counts_even_numbers_while_nobody_writes() {
    // SAFETY: all-zero is a free lock, says its documentation.
    let zeroed: SeqLock = unsafe { core::mem::zeroed() };
    for lock in [zeroed, SeqLock::new(), SeqLock::default()] {
        assert_eq!(lock.sequence(), 0);
        lock.lock_write();
        assert_eq!(lock.sequence(), 1);
        lock.unlock_write();
        assert_eq!(lock.sequence(), 2);
        assert!(lock.try_lock_write());
        assert!(!lock.try_lock_write(), "one writer at a time");
        lock.abandon_write();
        assert_eq!(lock.sequence(), 2, "nothing has changed");
    }
}

#[test]
fn a_read_is_whole_unless_a_write_came_between() {
    let lock = SeqLock::new();
    let undisturbed = lock.begin_read();
    assert!(lock.end_read(undisturbed));
    let disturbed = lock.begin_read();
    lock.lock_write();
    assert!(!lock.end_read(disturbed), "a writer is inside");
    lock.unlock_write();
    assert!(!lock.end_read(disturbed), "a writer was inside");
    let abandoned = lock.begin_read();
    lock.lock_write();
    lock.abandon_write();
    assert!(lock.end_read(abandoned), "it changed nothing");
}

#[test]
fn readers_wait_for_the_writer_inside() {
    static LOCK: SeqLock = SeqLock::new();
    LOCK.lock_write();
    assert_eq!(LOCK.try_begin_read(), None);
    let (tell, told) = mpsc::channel();
    let reader = thread::spawn(move || {
        tell.send(()).expect("the test listens");
        LOCK.begin_read()
    });
    told.recv().expect("the reader tells");
    LOCK.unlock_write();
    assert_eq!(joined(reader), 2);
    assert_eq!(LOCK.try_begin_read(), Some(2));
}

#[test]
fn read_repeats_what_was_disturbed() {
    let lock = SeqLock::new();
    let mut turns = 0;
    let result = lock.read(|| {
        turns += 1;
        if turns < 3 {
            lock.lock_write();
            lock.unlock_write();
        }
        turns
    });
    assert_eq!(result, 3);
}

#[test]
fn writers_exclude_each_other() {
    let turns = if cfg!(miri) { 3 } else { 1_000 };
    let lock = Arc::new(SeqLock::new());
    let writers: Vec<_> = (0..4)
        .map(|number| {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                for turn in 0..turns {
                    lock.lock_write();
                    let inside = lock.sequence();
                    assert_eq!(inside % 2, 1);
                    if (turn + number) % 2 == 0 {
                        lock.unlock_write()
                    } else {
                        lock.abandon_write()
                    }
                }
            })
        })
        .collect();
    writers.into_iter().for_each(joined);
    assert_eq!(lock.sequence() % 2, 0);
}

#[test]
fn debug_never_blocks() {
    let lock = SeqLock::new();
    lock.lock_write();
    assert_eq!(format!("{lock:?}"), "SeqLock { sequence: 1 }");
    lock.unlock_write();
}

/// Two halves of what a user might keep in a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
struct Version {
    tag: u32,
    keys: u32,
}

// SAFETY: two numbers of four bytes leave no padding.
unsafe impl PlainData for Version {}

/// Stores and loads values of a type, through every call of the cell.
fn holds<T: PlainData + PartialEq + core::fmt::Debug>(first: T, second: T) {
    let mut cell = SeqCell::new(first);
    assert_eq!(cell.load(), first);
    assert_eq!(cell.try_load(), Some(first));
    cell.store(second);
    assert_eq!(cell.load(), second);
    cell.update(|old| {
        assert_eq!(old, second);
        first
    });
    assert_eq!(cell.load(), first);
    *cell.get_mut() = second;
    assert_eq!(cell.load(), second);
}

#[test]
fn a_cell_holds_plain_data_of_every_size_and_alignment() {
    holds(1_u8, 2);
    holds(true, false);
    holds('a', 'ß');
    holds([1_u8, 2, 3], [4, 5, 6]);
    holds([0_u8; 0], []);
    holds(0x0102_u16, 0x0304);
    holds([1_u16; 7], [9; 7]);
    holds(f64::MAX, -0.5);
    holds(u64::MAX, 1);
    holds(u128::MAX / 3, 7);
    holds([i64::MIN, 0, i64::MAX], [1, 2, 3]);
    holds([[1_u32; 3]; 5], [[8; 3]; 5]);
    holds(Version { tag: 1, keys: 2 }, Version { tag: 3, keys: 4 });
    assert_eq!(SeqCell::<Version>::default().load(), Version::default());
}

/// A pointer that went through a cell is as good as before.
#[test]
fn a_cell_keeps_pointers_whole() {
    let (left, right) = (1_u32, 2_u32);
    let cell = SeqCell::new(&raw const left);
    // SAFETY: the pointer is to a local that lives.
    assert_eq!(unsafe { *cell.load() }, 1);
    cell.store(&raw const right);
    // SAFETY: as above.
    assert_eq!(unsafe { *cell.load() }, 2);
}

#[test]
fn a_cell_that_is_being_written_can_be_asked_but_not_read() {
    let cell = SeqCell::new(7_u64);
    // SAFETY: the write that is ended here was begun here.
    let lock = unsafe { cell.raw() };
    lock.lock_write();
    assert_eq!(cell.try_load(), None);
    assert_eq!(format!("{cell:?}"), "SeqCell { value: <being written> }");
    lock.abandon_write();
    assert_eq!(cell.try_load(), Some(7));
    let text = format!("{cell:?}");
    assert!(text.starts_with("SeqCell { value: ") && text.contains('7'), "{text}");
}

#[test]
fn an_update_that_unwinds_changes_nothing() {
    let cell = SeqCell::new([1_u64, 2]);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        cell.update(|_| resume_unwind(Box::new(())));
    }));
    assert!(unwound.is_err());
    assert_eq!(cell.try_load(), Some([1, 2]));
    cell.store([3, 4]);
    assert_eq!(cell.load(), [3, 4]);
}

#[test]
fn updates_do_not_get_lost() {
    let (threads, turns) = if cfg!(miri) { (2, 3) } else { (4, 500) };
    let cell = Arc::new(SeqCell::new([0_u64; 4]));
    let writers: Vec<_> = (0..threads)
        .map(|_| {
            let cell = Arc::clone(&cell);
            thread::spawn(move || {
                for _ in 0..turns {
                    cell.update(|all| all.map(|one| one + 1));
                }
            })
        })
        .collect();
    let mut newest = 0;
    until("the writers to end", || {
        let all = cell.load();
        assert!(all.iter().all(|one| *one == all[0]), "torn: {all:?}");
        assert!(all[0] >= newest, "an older value after a newer one");
        newest = all[0];
        writers.iter().all(|writer| writer.is_finished())
    });
    writers.into_iter().for_each(joined);
    assert_eq!(cell.load(), [threads * turns; 4]);
}
