//! Misuse ends the process with a message that says what was wrong, where, and what was expected.
//!
//! Each case runs in a child: this test binary again, told by the environment to commit it.
#![cfg(not(miri))]

use pyparking::hooks::{self, Hooks};
use pysync::{Condvar, Mutex, RawMutex, RecursiveMutex, RwMutex, SeqLock, UpgradableRwMutex};
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

/// What a misused upgradable mutex says.
fn upgradable(test: &str, misuse: fn(&UpgradableRwMutex), words: &str) {
    let report = dies(test, || misuse(place(&UpgradableRwMutex::new())));
    report.says("fatal error: UpgradableRwMutex at 0x");
    report.names_the_place();
    report.says(words);
}

#[test]
fn upgradable_read_unlock_of_a_writer() {
    let misuse = |mutex: &UpgradableRwMutex| {
        mutex.write_lock();
        mutex.read_unlock();
    };
    let words = "read_unlock without a reader; expected a read_lock before it";
    upgradable("upgradable_read_unlock_of_a_writer", misuse, words);
}

#[test]
fn upgradable_write_unlock_of_a_reader() {
    let misuse = |mutex: &UpgradableRwMutex| {
        mutex.read_lock();
        mutex.write_unlock();
    };
    let words = "a release of the writer, but there is none; expected a write_lock before it";
    upgradable("upgradable_write_unlock_of_a_reader", misuse, words);
}

#[test]
fn upgradable_downgrade_when_free() {
    let words = "a release of the writer, but there is none";
    upgradable("upgradable_downgrade_when_free", UpgradableRwMutex::downgrade, words);
}

#[test]
fn upgradable_unlock_of_a_reader() {
    let misuse = |mutex: &UpgradableRwMutex| {
        mutex.read_lock();
        mutex.upgradable_unlock();
    };
    let words = "a release of the upgradable reader, but there is none";
    upgradable("upgradable_unlock_of_a_reader", misuse, words);
}

#[test]
fn upgradable_upgrade_of_a_reader() {
    let misuse = |mutex: &UpgradableRwMutex| {
        mutex.read_lock();
        mutex.upgrade();
    };
    let words =
        "an upgrade, but there is no upgradable reader; expected an upgradable_lock before it";
    upgradable("upgradable_upgrade_of_a_reader", misuse, words);
}

#[test]
fn mutex_unlock_fair_when_free() {
    let report = dies("mutex_unlock_fair_when_free", || place(&Mutex::new()).unlock_fair());
    report.names_the_place();
    report.says("unlock of a mutex that is not locked");
}

#[test]
fn condvar_wait_without_the_mutex() {
    let report = dies("condvar_wait_without_the_mutex", || {
        let (mutex, condvar) = (Mutex::new(), Condvar::new());
        condvar.wait(place(&mutex));
    });
    report.names_the_place();
    report.says("unlock of a mutex that is not locked");
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
