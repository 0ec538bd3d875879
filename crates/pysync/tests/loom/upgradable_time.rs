//! Models of the upgradable read-write mutex with deadlines and the millisecond after which it is handed over.

use crate::queue::queued;
use crate::upgradable::{Shared, shared};
use pyparking::{ThreadHandle, clock};
use pysync::{LockFlags, LockStatus};
use std::time::Duration;
use trial::explore::{Bucket, bounded, spawn, start};

const MICROSECOND: Option<Duration> = Some(Duration::from_micros(1));
const TWO_MICROSECONDS: u64 = 2_000;
const TWO_MILLISECONDS: u64 = 2_000_000;

impl Shared {
    /// Upgrades within a microsecond, or stays the upgradable reader; how many were written.
    fn upgrade_within(&self) -> u32 {
        let seen = self.data.get();
        let upgraded = self.mutex.upgrade_timed(MICROSECOND, LockFlags::DETACH);
        if upgraded == LockStatus::Acquired {
            assert_eq!(self.data.bump(), seen, "no writer came between (UPRW-9)");
            self.mutex.write_unlock();
            return 1;
        }
        assert_eq!(self.data.get(), seen, "still the upgradable reader (UPRW-9)");
        assert!(self.mutex.bits() & 4 != 0);
        self.check_queue();
        self.mutex.upgradable_unlock();
        0
    }

    /// How many were written.
    fn write_within(&self) -> u32 {
        if self.mutex.write_lock_timed(MICROSECOND, LockFlags::DETACH) == LockStatus::Acquired {
            self.data.bump();
            self.mutex.write_unlock();
            return 1;
        }
        self.check_queue();
        0
    }
}

/// UPRW-3, UPRW-9. Two threads, bounded: an upgrade gives up while a reader is inside.
#[test]
fn uprw_timed_upgrade_against_a_reader() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.read_lock();
        let upgrade = start(&shared, |shared| {
            shared.mutex.upgradable_lock();
            shared.upgrade_within()
        });
        clock::advance(TWO_MICROSECONDS);
        shared.look();
        shared.mutex.read_unlock();
        let written = upgrade.join().unwrap();
        shared.ends_with(written);
    });
}

/// UPRW-5. Three threads, bounded: a reader queues behind an upgrade that is interrupted while another reader stays
/// inside.
#[test]
fn uprw_readers_go_on_when_the_upgrade_gives_up() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.read_lock();
        shared.mutex.upgradable_lock();
        let reader = start(&shared, Shared::read);
        let me = ThreadHandle::current();
        let interrupter = spawn(move || me.interrupt());
        // This thread reads and upgrades, so the upgrade cannot succeed: the reader needs its end.
        let upgraded = shared.mutex.upgrade_timed(None, LockFlags::FAIL_IF_INTERRUPTED);
        assert_eq!(upgraded, LockStatus::Intr);
        reader.join().unwrap();
        interrupter.join().unwrap();
        shared.mutex.upgradable_unlock();
        shared.mutex.read_unlock();
        shared.ends_with(0);
    });
}

/// UPRW-5. Three threads, bounded: a reader queues behind a writer that is interrupted while another reader stays inside.
#[test]
fn uprw_readers_go_on_when_the_writer_gives_up() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.read_lock();
        let reader = start(&shared, Shared::read);
        let me = ThreadHandle::current();
        let interrupter = spawn(move || me.interrupt());
        let written = shared.mutex.write_lock_timed(None, LockFlags::FAIL_IF_INTERRUPTED);
        assert_eq!(written, LockStatus::Intr, "the reader is inside");
        reader.join().unwrap();
        interrupter.join().unwrap();
        shared.mutex.read_unlock();
        shared.ends_with(0);
    });
}

/// UPRW-3 to UPRW-5. Three threads, bounded: an upgrade and a writer, each with a deadline, against a reader.
#[test]
fn uprw_timed_upgrade_against_a_timed_writer() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.upgradable_lock();
        let writer = start(&shared, Shared::write_within);
        let reader = start(&shared, |shared| {
            shared.read();
            clock::advance(TWO_MICROSECONDS);
        });
        let written = shared.upgrade_within();
        reader.join().unwrap();
        shared.ends_with(written + writer.join().unwrap());
    });
}

/// UPRW-7. Two threads, bounded: a reader that has waited a millisecond is handed the mutex by the writer.
#[test]
fn uprw_writer_hands_over_after_a_millisecond() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.write_lock();
        let reader = start(&shared, Shared::read);
        let waits = queued(&shared.mutex) == 1;
        clock::advance(TWO_MILLISECONDS);
        shared.data.bump();
        shared.mutex.write_unlock();
        assert!(!waits || pyparking::totals().hand_offs == 1);
        reader.join().unwrap();
        shared.ends_with(1);
    });
}
