//! Models of the upgradable read-write mutex without time: exclusion, upgrades, downgrades, recursive reads, freeing.

use crate::queue::{queued, with_queued};
use pysync::UpgradableRwMutex;
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start, unbounded};
use trial::guarded::{Doomed, Guarded};

pub(crate) struct Shared {
    pub(crate) mutex: UpgradableRwMutex,
    pub(crate) data: Guarded,
}

pub(crate) fn shared() -> Arc<Shared> {
    Arc::new(fresh())
}

fn fresh() -> Shared {
    Shared { mutex: UpgradableRwMutex::new(), data: Guarded::new(0) }
}

impl Shared {
    pub(crate) fn write(&self) {
        self.mutex.write_lock();
        assert_eq!((self.mutex.is_write_locked(), self.mutex.reader_count()), (true, 0));
        self.data.bump();
        self.mutex.write_unlock();
    }

    pub(crate) fn read(&self) {
        self.mutex.read_lock();
        self.look();
        self.mutex.read_unlock();
    }

    /// Inside as a reader.
    pub(crate) fn look(&self) {
        let seen = self.data.get();
        assert!(!self.mutex.is_write_locked());
        assert_eq!(self.data.get(), seen, "no writer came between");
    }

    /// Reads, and writes what follows from it.
    pub(crate) fn read_then_write(&self) {
        self.mutex.upgradable_lock();
        let seen = self.data.get();
        self.mutex.upgrade();
        assert_eq!(self.data.bump(), seen, "no writer came between (UPRW-9)");
        self.mutex.write_unlock();
    }

    /// UPRW-3 and the state table, under the bucket lock.
    pub(crate) fn check_queue(&self) {
        with_queued(&self.mutex, |queued| {
            let bits = self.mutex.bits();
            assert!(queued == 0 || bits & 2 != 0, "{queued} queued, bits {bits}");
            assert!(bits & 8 == 0 || bits & 2 != 0, "a writer waits, but nobody: {bits}");
            assert!(bits & 1 == 0 || (bits & 4 == 0 && bits >> 4 == 0), "beside a writer: {bits}");
        });
    }

    pub(crate) fn ends_with(&self, sum: u32) {
        assert_eq!((self.data.get(), self.mutex.bits(), queued(&self.mutex)), (sum, 0, 0));
    }
}

/// UPRW-1, UPRW-2. Two threads, no bound.
#[test]
fn uprw_writers_exclude_each_other() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, Shared::write);
        shared.write();
        writer.join().unwrap();
        shared.ends_with(2);
    });
}

/// UPRW-1, UPRW-2. Two threads, no bound.
#[test]
fn uprw_reader_and_writer_exclude_each_other() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, Shared::write);
        shared.read();
        writer.join().unwrap();
        shared.ends_with(1);
    });
}

/// UPRW-1, UPRW-9. Two threads, no bound: both read and write what follows; there is one upgradable reader at a time.
#[test]
fn uprw_two_upgrades() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let other = start(&shared, Shared::read_then_write);
        shared.read_then_write();
        other.join().unwrap();
        shared.ends_with(2);
    });
}

/// UPRW-1, UPRW-2, UPRW-9. Two threads, no bound: an upgrade waits for a reader, or the reader for it.
#[test]
fn uprw_upgrade_against_a_reader() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let reader = start(&shared, Shared::read);
        shared.read_then_write();
        reader.join().unwrap();
        shared.ends_with(1);
    });
}

/// UPRW-9. Two threads, no bound: a writer comes before or after, never between.
#[test]
fn uprw_upgrade_against_a_writer() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, Shared::write);
        shared.read_then_write();
        writer.join().unwrap();
        shared.ends_with(2);
    });
}

/// UPRW-1 to UPRW-4, UPRW-9. Three threads, bounded.
#[test]
fn uprw_upgrade_reader_and_writer() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let reader = start(&shared, Shared::read);
        let writer = start(&shared, Shared::write);
        shared.read_then_write();
        shared.check_queue();
        reader.join().unwrap();
        writer.join().unwrap();
        shared.ends_with(2);
    });
}

/// UPRW-1 to UPRW-4, LOT-1. Two threads, bounded, real bucket.
#[test]
fn uprw_upgrade_over_the_real_bucket() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let reader = start(&shared, Shared::read);
        shared.read_then_write();
        reader.join().unwrap();
        shared.ends_with(1);
    });
}

/// UPRW-2, UPRW-6, UPRW-9. Three threads, bounded: two readers leave while an upgrade waits for them. It is ordered after
/// both, also after the one that left first.
#[test]
fn uprw_upgrade_while_readers_leave() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.read_lock();
        shared.mutex.read_lock();
        let leave = |shared: &Shared| {
            shared.look();
            shared.mutex.read_unlock();
        };
        let readers = [(); 2].map(|()| start(&shared, leave));
        shared.read_then_write();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        shared.ends_with(1);
    });
}

/// UPRW-9. Two threads, no bound: an attempt to upgrade succeeds exactly if no reader is inside, and changes nothing else.
#[test]
fn uprw_attempts_to_upgrade() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let reader = start(&shared, Shared::read);
        shared.mutex.upgradable_lock();
        let written = shared.mutex.try_upgrade();
        if written {
            shared.data.bump();
            shared.mutex.write_unlock();
        } else {
            shared.look();
            shared.mutex.upgradable_unlock();
        }
        reader.join().unwrap();
        shared.ends_with(u32::from(written));
    });
}

/// UPRW-8. Two threads, bounded: a thread that reads may read again whoever waits to write.
#[test]
fn uprw_recursive_read_past_a_waiting_writer() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.read_lock();
        let writer = start(&shared, Shared::write);
        if queued(&shared.mutex) == 1 {
            assert!(!shared.mutex.try_read_lock(), "a writer waits");
        }
        shared.mutex.read_lock_recursive();
        shared.look();
        shared.mutex.read_unlock();
        shared.look();
        shared.mutex.read_unlock();
        writer.join().unwrap();
        shared.ends_with(1);
    });
}

/// UPRW-8, UPRW-9. Two threads, bounded: a reader reads again while an upgrade waits for it.
#[test]
fn uprw_recursive_read_past_a_waiting_upgrade() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.read_lock();
        let upgrade = start(&shared, Shared::read_then_write);
        shared.mutex.read_lock_recursive();
        shared.look();
        shared.mutex.read_unlock();
        shared.mutex.read_unlock();
        upgrade.join().unwrap();
        shared.ends_with(1);
    });
}

/// UPRW-1, UPRW-2, UPRW-6. Three threads, bounded: the last reader decides to hand over to a writer while another reader
/// comes in past that writer, and leaves again: the word is the same, the readers are not.
#[test]
fn uprw_recursive_read_against_the_last_reader() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.read_lock();
        let writer = start(&shared, Shared::write);
        let again = start(&shared, |shared| {
            if shared.mutex.try_read_lock_recursive() {
                shared.look();
                shared.mutex.read_unlock();
            }
        });
        shared.look();
        shared.mutex.read_unlock();
        again.join().unwrap();
        writer.join().unwrap();
        shared.ends_with(1);
    });
}

/// UPRW-2, UPRW-9. Three threads, bounded: a writer becomes a reader; the other writer does not come between, the other
/// reader may.
#[test]
fn uprw_downgrade() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, Shared::write);
        let reader = start(&shared, Shared::read);
        shared.mutex.write_lock();
        let written = shared.data.bump() + 1;
        shared.mutex.downgrade();
        assert_eq!(shared.data.get(), written, "no writer came between (UPRW-9)");
        shared.check_queue();
        shared.mutex.read_unlock();
        writer.join().unwrap();
        reader.join().unwrap();
        shared.ends_with(2);
    });
}

/// UPRW-2, UPRW-9. Two threads, no bound: down to the upgradable reader and up again, or down to a reader.
#[test]
fn uprw_downgrade_to_upgradable() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, Shared::write);
        shared.mutex.write_lock();
        let written = shared.data.bump() + 1;
        shared.mutex.downgrade_to_upgradable();
        assert_eq!(shared.data.get(), written, "no writer came between (UPRW-9)");
        shared.mutex.downgrade_upgradable();
        assert_eq!(shared.data.get(), written, "no writer came between");
        shared.mutex.read_unlock();
        writer.join().unwrap();
        shared.ends_with(2);
    });
}

/// UPRW-4, UPRW-5. Three threads, bounded: who waits for the upgradable reader goes on when that becomes an ordinary one.
#[test]
fn uprw_downgrade_of_the_upgradable_reader() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.upgradable_lock();
        let upgrade = start(&shared, Shared::read_then_write);
        let reader = start(&shared, Shared::read);
        shared.mutex.downgrade_upgradable();
        shared.look();
        shared.mutex.read_unlock();
        upgrade.join().unwrap();
        reader.join().unwrap();
        shared.ends_with(1);
    });
}

/// UPRW-4. Three threads, bounded: two wait for the upgradable reader, and come after each other.
#[test]
fn uprw_upgradable_readers_follow_each_other() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.upgradable_lock();
        let others = [(); 2].map(|()| {
            start(&shared, |shared| {
                shared.mutex.upgradable_lock();
                shared.look();
                shared.mutex.upgradable_unlock();
            })
        });
        shared.mutex.upgradable_unlock();
        shared.check_queue();
        others.into_iter().for_each(|other| other.join().unwrap());
        shared.ends_with(0);
    });
}

/// UPRW-7. Three threads, bounded: a fair release hands the mutex to whoever is first.
#[test]
fn uprw_fair_unlock_hands_over() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.write_lock();
        let writer = start(&shared, Shared::write);
        let reader = start(&shared, Shared::read);
        let waited = queued(&shared.mutex) > 0;
        shared.mutex.write_unlock_fair();
        assert!(!waited || pyparking::totals().hand_offs > 0);
        writer.join().unwrap();
        reader.join().unwrap();
        shared.ends_with(1);
    });
}

/// UPRW-6. Two threads, no bound: a reader lets an upgrade go on, and is still inside its unlock when the mutex is freed.
#[test]
fn uprw_may_be_freed_by_the_upgrade_behind_a_reader() {
    unbounded(Bucket::Abstract, || {
        let doomed = Arc::new(Doomed::new(fresh()));
        doomed.get().mutex.read_lock();
        let upgrade = start(&doomed, |doomed| {
            // The reader is inside, so this upgrade follows its unlock.
            doomed.get().read_then_write();
            doomed.free();
        });
        doomed.get().mutex.read_unlock();
        upgrade.join().unwrap();
    });
}

/// UPRW-6. Two threads, no bound: the same behind a writer that becomes a reader, and then leaves.
#[test]
fn uprw_may_be_freed_by_the_writer_behind_a_downgrade() {
    unbounded(Bucket::Abstract, || {
        let doomed = Arc::new(Doomed::new(fresh()));
        doomed.get().mutex.write_lock();
        let writer = start(&doomed, |doomed| {
            doomed.get().write();
            doomed.free();
        });
        doomed.get().mutex.downgrade();
        doomed.get().mutex.read_unlock();
        writer.join().unwrap();
    });
}
