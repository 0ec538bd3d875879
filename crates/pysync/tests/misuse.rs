//! Misuse ends the process with a message that says what was wrong, where, and what was expected.
//!
//! Each case runs in a child: this test binary again, told by the environment to commit it.
#![cfg(not(miri))]

use pyparking::hooks::{self, Hooks};
use pysync::{Mutex, RawMutex, RecursiveMutex, RwMutex, SeqLock};
use std::thread;
use trial::child::dies;

/// Prints the place of `primitive`, to be compared with the message.
fn place<P>(primitive: &P) -> &P {
    eprintln!("the place is {:#x}", core::ptr::from_ref(primitive).addr());
    primitive
}

#[test]
fn mutex_unlock_when_free() {
    let report = dies("mutex_unlock_when_free", || place(&Mutex::new()).unlock());
    report.says("fatal error: Mutex at 0x");
    report.names_the_place();
    report.says("unlock of a mutex that is not locked; expected a locked mutex");
}

#[test]
fn mutex_unlock_twice() {
    let report = dies("mutex_unlock_twice", || {
        let mutex = Mutex::new();
        mutex.lock();
        mutex.unlock();
        place(&mutex).unlock();
    });
    report.names_the_place();
    report.says("unlock of a mutex that is not locked");
}

#[test]
fn raw_mutex_unlock_when_free() {
    let report = dies("raw_mutex_unlock_when_free", || {
        let mutex = RawMutex::new();
        // SAFETY: not what the contract asks for, but nobody waits, so nothing is followed.
        unsafe { place(&mutex).unlock() };
    });
    report.says("fatal error: RawMutex at 0x");
    report.names_the_place();
    report.says("unlock of a mutex that is not locked; expected a locked mutex");
}

#[test]
fn rw_mutex_read_unlock_when_free() {
    let report = dies("rw_mutex_read_unlock_when_free", || place(&RwMutex::new()).read_unlock());
    report.says("fatal error: RwMutex at 0x");
    report.names_the_place();
    report.says("read_unlock without a reader; expected a read_lock before it");
}

#[test]
fn rw_mutex_read_unlock_of_a_writer() {
    let report = dies("rw_mutex_read_unlock_of_a_writer", || {
        let mutex = RwMutex::new();
        mutex.write_lock();
        place(&mutex).read_unlock();
    });
    report.names_the_place();
    report.says("read_unlock without a reader");
}

#[test]
fn rw_mutex_write_unlock_when_free() {
    let report = dies("rw_mutex_write_unlock_when_free", || place(&RwMutex::new()).write_unlock());
    report.names_the_place();
    report.says("write_unlock without a writer; expected a write_lock before it");
}

#[test]
fn rw_mutex_write_unlock_of_a_reader() {
    let report = dies("rw_mutex_write_unlock_of_a_reader", || {
        let mutex = RwMutex::new();
        mutex.read_lock();
        place(&mutex).write_unlock();
    });
    report.names_the_place();
    report.says("write_unlock without a writer");
}

#[test]
fn recursive_mutex_unlock_when_free() {
    let report =
        dies("recursive_mutex_unlock_when_free", || place(&RecursiveMutex::new()).unlock());
    report.says("fatal error: RecursiveMutex at 0x");
    report.names_the_place();
    report.says("unlock by a thread that does not own it; expected the owner's own unlock");
}

#[test]
fn recursive_mutex_unlock_by_another_thread() {
    static MUTEX: RecursiveMutex = RecursiveMutex::new();
    let report = dies("recursive_mutex_unlock_by_another_thread", || {
        MUTEX.lock();
        place(&MUTEX);
        let _never = thread::spawn(|| MUTEX.unlock()).join();
    });
    report.names_the_place();
    report.says("unlock by a thread that does not own it");
}

#[test]
fn recursive_mutex_release_save_by_another_thread() {
    static MUTEX: RecursiveMutex = RecursiveMutex::new();
    let report = dies("recursive_mutex_release_save_by_another_thread", || {
        MUTEX.lock();
        place(&MUTEX);
        let _never = thread::spawn(|| MUTEX.release_save()).join();
    });
    report.names_the_place();
    report.says("by a thread that does not own it");
}

#[test]
fn seq_lock_unlock_without_a_writer() {
    let report = dies("seq_lock_unlock_without_a_writer", || place(&SeqLock::new()).unlock_write());
    report.says("fatal error: SeqLock at 0x");
    report.names_the_place();
    report.says("unlock_write without a writer inside; expected a lock_write before it");
}

#[test]
fn seq_lock_abandon_without_a_writer() {
    let report =
        dies("seq_lock_abandon_without_a_writer", || place(&SeqLock::new()).abandon_write());
    report.names_the_place();
    report.says("abandon_write without a writer inside; expected a lock_write before it");
}

#[test]
fn a_runtime_gets_the_message_first() {
    static RUNTIME: Hooks = Hooks { fatal: |message| eprintln!("told: {message}."), ..Hooks::NONE };
    let report = dies("a_runtime_gets_the_message_first", || {
        hooks::install(&RUNTIME).expect("the first");
        place(&Mutex::new()).unlock();
    });
    report.says("told: Mutex at 0x");
    report.names_the_place();
    report.says("expected a locked mutex.");
    report.says("fatal error: ");
}

#[test]
fn a_runtime_may_end_the_process_in_its_own_way() {
    static RUNTIME: Hooks = Hooks { fatal: |_| std::process::exit(3), ..Hooks::NONE };
    let report = dies("a_runtime_may_end_the_process_in_its_own_way", || {
        hooks::install(&RUNTIME).expect("the first");
        Mutex::new().unlock();
    });
    assert_eq!(report.exit_code(), Some(3));
    assert!(!report.text().contains("fatal error"), "{}", report.text());
}
