//! Models of the read-write mutex without time: exclusion, who is woken, write preference, freeing.

use crate::queue::{queued, with_queued};
use pysync::RwMutex;
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start, unbounded};
use trial::guarded::{Doomed, Guarded};

struct Shared {
    mutex: RwMutex,
    data: Guarded,
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared { mutex: RwMutex::new(), data: Guarded::new(0) })
}

impl Shared {
    fn write(&self) {
        self.mutex.write_lock();
        assert_eq!((self.mutex.is_write_locked(), self.mutex.reader_count()), (true, 0));
        self.data.bump();
        self.mutex.write_unlock();
    }

    fn read(&self) {
        self.mutex.read_lock();
        let seen = self.data.get();
        assert!(!self.mutex.is_write_locked() && self.mutex.reader_count() > 0);
        assert_eq!(self.data.get(), seen, "no writer came between");
        self.mutex.read_unlock();
    }

    /// RW-3 and the state table, under the bucket lock.
    fn check_queue(&self) {
        with_queued(&self.mutex, |queued| {
            let bits = self.mutex.bits();
            assert!(queued == 0 || bits & 2 != 0, "{queued} queued, bits {bits}");
            assert!(bits & 1 == 0 || bits >> 2 == 0, "a writer beside readers: {bits}");
        });
    }

    fn ends_with(&self, sum: u32) {
        assert_eq!((self.data.get(), self.mutex.bits(), queued(&self.mutex)), (sum, 0, 0));
    }
}

/// RW-1, RW-2. Two threads, no bound.
#[test]
fn rw_writers_exclude_each_other() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, Shared::write);
        shared.write();
        writer.join().unwrap();
        shared.ends_with(2);
    });
}

/// RW-1, RW-2. Two threads, no bound.
#[test]
fn rw_reader_and_writer_exclude_each_other() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, Shared::write);
        shared.read();
        writer.join().unwrap();
        shared.ends_with(1);
    });
}

/// RW-1, RW-2, LOT-1. Two threads, bounded, real bucket.
#[test]
fn rw_reader_and_writer_over_the_real_bucket() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let writer = start(&shared, Shared::write);
        shared.read();
        writer.join().unwrap();
        shared.ends_with(1);
    });
}

/// RW-1, RW-2, RW-3. Three threads, bounded.
#[test]
fn rw_two_readers_and_a_writer() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let reader = start(&shared, Shared::read);
        let writer = start(&shared, Shared::write);
        shared.read();
        shared.check_queue();
        reader.join().unwrap();
        writer.join().unwrap();
        shared.ends_with(1);
    });
}

/// RW-1 to RW-4. Three threads, bounded: a release by a writer leaves one of the two asleep, and the one that was
/// woken, or overtaken, sees to it.
#[test]
fn rw_two_writers_and_a_reader() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let reader = start(&shared, Shared::read);
        let writer = start(&shared, Shared::write);
        shared.write();
        shared.check_queue();
        reader.join().unwrap();
        writer.join().unwrap();
        shared.ends_with(2);
    });
}

/// RW-1 to RW-4, RAW-1. Three threads, bounded, real bucket.
#[test]
fn rw_three_threads_over_the_real_bucket() {
    bounded(Bucket::Real, || {
        let shared = shared();
        let reader = start(&shared, Shared::read);
        let writer = start(&shared, Shared::write);
        shared.write();
        reader.join().unwrap();
        writer.join().unwrap();
        shared.ends_with(2);
    });
}

/// RW-2, RW-6. Three threads, bounded: two readers leave while a writer waits. The writer is ordered after both,
/// also after the one that left first and knew of no writer.
#[test]
fn rw_writer_sees_every_reader_gone() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.read_lock();
        let reader = start(&shared, Shared::read);
        let writer = start(&shared, Shared::write);
        shared.data.get();
        shared.mutex.read_unlock();
        reader.join().unwrap();
        writer.join().unwrap();
        shared.ends_with(1);
    });
}

/// The state table of rw_mutex.rs, RW-3. Two threads, no bound: two readers and a waiting writer are 10; a new
/// reader does not get in; the last reader hands the lock to the writer.
#[test]
fn rw_writer_is_preferred() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.read_lock();
        shared.mutex.read_lock();
        assert_eq!(shared.mutex.bits(), 8);
        let writer = start(&shared, Shared::write);
        let waits = queued(&shared.mutex) == 1;
        if waits {
            assert_eq!(shared.mutex.bits(), 10);
            assert!(!shared.mutex.try_read_lock(), "a writer waits");
        }
        shared.mutex.read_unlock();
        assert!(!waits || shared.mutex.bits() == 6);
        shared.mutex.read_unlock();
        writer.join().unwrap();
        assert!(!waits || pyparking::totals().hand_offs == 1);
        shared.ends_with(1);
    });
}

/// RW-3, RW-4. Two threads, no bound: a writer's release wakes a reader that waits; with nobody else queued no
/// bit stays.
#[test]
fn rw_writer_wakes_a_reader() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.write_lock();
        let reader = start(&shared, Shared::read);
        if queued(&shared.mutex) == 1 {
            assert_eq!(shared.mutex.bits(), 3);
        }
        shared.data.bump();
        shared.mutex.write_unlock();
        assert!(matches!(shared.mutex.bits(), 0 | 4));
        reader.join().unwrap();
        shared.ends_with(1);
    });
}

/// RW-3, RW-4. Three threads, bounded: a writer's release wakes all readers when no writer waits.
#[test]
fn rw_writer_wakes_every_reader() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.write_lock();
        let readers = [(); 2].map(|()| start(&shared, Shared::read));
        shared.data.bump();
        shared.mutex.write_unlock();
        shared.check_queue();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        shared.ends_with(1);
    });
}

/// RW-1. Two threads, no bound: attempts never block, and what they get is a lock.
#[test]
fn rw_attempts_exclude() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let tries = start(&shared, |shared| {
            if shared.mutex.try_write_lock() {
                shared.data.bump();
                shared.mutex.write_unlock();
                return 1;
            }
            0
        });
        if shared.mutex.try_read_lock() {
            shared.data.get();
            shared.mutex.read_unlock();
        }
        let written = tries.join().unwrap();
        shared.ends_with(written);
    });
}

/// RW-6. Two threads, no bound: a reader and a writer; whoever leaves last frees the lock, while the other may
/// still be inside its own unlock.
#[test]
fn rw_may_be_freed_after_the_last_unlock() {
    unbounded(Bucket::Abstract, || {
        let doomed = Arc::new(Doomed::new(Shared { mutex: RwMutex::new(), data: Guarded::new(0) }));
        let first = start(&doomed, |doomed| {
            doomed.get().mutex.read_lock();
            let last = doomed.get().data.get() == 1;
            doomed.get().mutex.read_unlock();
            if last {
                doomed.free();
            }
            last
        });
        let shared = doomed.get();
        shared.mutex.write_lock();
        shared.data.bump();
        shared.mutex.write_unlock();
        let freed = first.join().unwrap();
        if !freed {
            doomed.free();
        }
    });
}

/// RW-6. Two threads, no bound: a reader lets the writer in and is still inside its unlock when the writer is
/// done and frees the lock.
#[test]
fn rw_may_be_freed_by_the_writer_behind_a_reader() {
    unbounded(Bucket::Abstract, || {
        let doomed = Arc::new(Doomed::new(Shared { mutex: RwMutex::new(), data: Guarded::new(0) }));
        doomed.get().mutex.read_lock();
        let writer = start(&doomed, |doomed| {
            // The reader is inside, so this lock follows its unlock.
            doomed.get().write();
            doomed.free();
        });
        doomed.get().mutex.read_unlock();
        writer.join().unwrap();
    });
}
