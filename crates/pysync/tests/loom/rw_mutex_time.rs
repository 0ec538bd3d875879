//! Models of the read-write mutex with deadlines, interrupts and the millisecond after which it is handed over.

use crate::queue::{queued, with_queued};
use pyparking::{ThreadHandle, clock};
use pysync::{LockFlags, LockStatus, RwMutex};
use std::sync::Arc;
use std::time::Duration;
use trial::explore::{Bucket, bounded, spawn, start, unbounded};
use trial::guarded::Guarded;

const MICROSECOND: Option<Duration> = Some(Duration::from_micros(1));
const TWO_MICROSECONDS: u64 = 2_000;
const TWO_MILLISECONDS: u64 = 2_000_000;

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
        self.data.bump();
        self.mutex.write_unlock();
    }

    fn read(&self) {
        self.mutex.read_lock();
        self.data.get();
        self.mutex.read_unlock();
    }

    /// How many were written.
    fn write_within(&self, timeout: Option<Duration>, flags: LockFlags) -> u32 {
        let status = self.mutex.write_lock_timed(timeout, flags);
        if status == LockStatus::Acquired {
            self.data.bump();
            self.mutex.write_unlock();
            return 1;
        }
        self.check_queue();
        0
    }

    fn read_within(&self, timeout: Option<Duration>, flags: LockFlags) {
        let status = self.mutex.read_lock_timed(timeout, flags);
        if status == LockStatus::Acquired {
            self.data.get();
            self.mutex.read_unlock();
        } else {
            self.check_queue();
        }
    }

    /// Whoever gave up has left a true word: RW-3.
    fn check_queue(&self) {
        with_queued(&self.mutex, |queued| {
            let bits = self.mutex.bits();
            assert!(queued == 0 || bits & 2 != 0, "{queued} queued, bits {bits}");
        });
    }

    fn ends_with(&self, sum: u32) {
        assert_eq!((self.data.get(), self.mutex.bits(), queued(&self.mutex)), (sum, 0, 0));
    }
}

/// RW-3, PARK-2. Two threads, no bound: a writer gives up while a reader holds the lock; the word is the reader's
/// alone again.
#[test]
fn rw_timed_writer_leaves_no_trace() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.read_lock();
        let writer = start(&shared, |shared| {
            let written = shared.write_within(MICROSECOND, LockFlags::DETACH);
            assert!(shared.mutex.bits() & 2 == 0, "the only waiter has left");
            written
        });
        clock::advance(TWO_MICROSECONDS);
        shared.data.get();
        shared.mutex.read_unlock();
        let written = writer.join().unwrap();
        shared.ends_with(written);
    });
}

/// RW-2. Two threads, no bound: a writer that gave up comes back when the reader, which had still seen it waiting,
/// has left: it is ordered behind the reader all the same.
#[test]
fn rw_writer_that_gave_up_comes_back() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.read_lock();
        let writer = start(&shared, |shared| {
            let status = shared.mutex.write_lock_timed(MICROSECOND, LockFlags::DETACH);
            if status == LockStatus::Acquired || shared.mutex.try_write_lock() {
                shared.data.bump();
                shared.mutex.write_unlock();
                return 1;
            }
            0
        });
        clock::advance(TWO_MICROSECONDS);
        shared.data.get();
        shared.mutex.read_unlock();
        let written = writer.join().unwrap();
        shared.ends_with(written);
    });
}

/// RW-5. Four threads, bounded: a writer waits for a reader that stays, and a second reader queues behind the
/// writer. When the writer gives up, the second reader gets in beside the first.
#[test]
fn rw_readers_go_on_when_the_writer_gives_up() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.read_lock();
        let writer = start(&shared, |shared| {
            let me = ThreadHandle::current();
            let interrupter = spawn(move || me.interrupt());
            let written = shared.write_within(None, LockFlags::FAIL_IF_INTERRUPTED);
            assert_eq!(written, 0, "the reader stays");
            interrupter
        });
        let second = start(&shared, Shared::read);
        // The first reader is still inside: nobody but the writer that gives up can let the second in.
        second.join().unwrap();
        writer.join().unwrap().join().unwrap();
        assert_eq!(shared.mutex.bits(), 4);
        shared.mutex.read_unlock();
        shared.ends_with(0);
    });
}

/// RW-3, RW-5. Three threads, bounded, real bucket: a timed writer between a reader that leaves and one that
/// comes.
#[test]
fn rw_timed_writer_between_readers() {
    bounded(Bucket::Real, || {
        let shared = shared();
        shared.mutex.read_lock();
        let writer = start(&shared, |shared| shared.write_within(MICROSECOND, LockFlags::DETACH));
        let reader = start(&shared, Shared::read);
        clock::advance(TWO_MICROSECONDS);
        shared.mutex.read_unlock();
        let written = writer.join().unwrap();
        reader.join().unwrap();
        shared.ends_with(written);
    });
}

/// RW-3, RW-4. Three threads, bounded, real bucket: a timed reader beside a writer, behind a writer that leaves:
/// the one who gives up takes its bit along, and the other gets the lock.
#[test]
fn rw_timed_reader_beside_a_writer() {
    bounded(Bucket::Real, || {
        let shared = shared();
        shared.mutex.write_lock();
        let reader = start(&shared, |shared| shared.read_within(MICROSECOND, LockFlags::DETACH));
        let writer = start(&shared, Shared::write);
        clock::advance(TWO_MICROSECONDS);
        shared.mutex.write_unlock();
        reader.join().unwrap();
        writer.join().unwrap();
        shared.ends_with(1);
    });
}

/// The docs of the timed calls. Two threads, no bound: zero timeouts neither park nor leave a bit.
///
/// CPython issue 135871, here.
#[test]
fn rw_zero_timeouts_never_park_135871() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer =
            start(&shared, |shared| shared.write_within(Some(Duration::ZERO), LockFlags::DETACH));
        shared.read_within(Some(Duration::ZERO), LockFlags::DETACH);
        let written = writer.join().unwrap();
        shared.ends_with(written);
        assert_eq!(pyparking::totals().parks, 0);
    });
}

/// RW-7. Two threads, bounded: a writer that has waited a millisecond is handed the lock by another writer, which
/// can not take it again first.
#[test]
fn rw_writer_is_handed_the_lock_after_a_millisecond() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.write_lock();
        let writer = start(&shared, Shared::write);
        let due = queued(&shared.mutex) == 1;
        clock::advance(TWO_MILLISECONDS);
        shared.mutex.write_unlock();
        let barged = shared.mutex.try_write_lock();
        if barged {
            assert!(!due || shared.data.get() == 1, "overtaken past the millisecond");
            shared.mutex.write_unlock();
        }
        writer.join().unwrap();
        assert!(!due || pyparking::totals().hand_offs == 1);
        shared.ends_with(1);
    });
}

/// RW-7. Three threads, bounded: a reader that has waited a millisecond, and stands first, is handed the lock by
/// a writer, although another writer waits.
#[test]
fn rw_reader_is_handed_the_lock_after_a_millisecond() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.write_lock();
        let reader = start(&shared, Shared::read);
        let first = queued(&shared.mutex) == 1;
        let writer = start(&shared, Shared::write);
        clock::advance(TWO_MILLISECONDS);
        shared.mutex.write_unlock();
        let hand_offs = pyparking::totals().hand_offs;
        assert!(!first || hand_offs > 0, "the reader stood first");
        reader.join().unwrap();
        writer.join().unwrap();
        shared.ends_with(1);
    });
}

/// RW-2, RW-7. Three threads, bounded: two readers past the millisecond are handed the lock together; both see
/// what the writer did.
#[test]
fn rw_readers_are_handed_the_lock_together() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        shared.mutex.write_lock();
        let readers = [(); 2].map(|()| {
            start(&shared, |shared| {
                shared.mutex.read_lock();
                assert_eq!(shared.data.get(), 1);
                shared.mutex.read_unlock();
            })
        });
        let due = queued(&shared.mutex) as u64;
        clock::advance(TWO_MILLISECONDS);
        shared.data.bump();
        shared.mutex.write_unlock();
        assert!(pyparking::totals().hand_offs >= due);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        shared.ends_with(1);
    });
}

/// RW-3, RW-4, REG-2. Three threads, bounded, real bucket: an interrupt of a writer against the last reader's
/// hand-over. A writer that was handed the lock says so.
#[test]
fn rw_interrupt_against_hand_over_114944() {
    bounded(Bucket::Real, || {
        let shared = shared();
        shared.mutex.read_lock();
        let writer = start(&shared, |shared| {
            let me = ThreadHandle::current();
            let interrupter = spawn(move || me.interrupt());
            (shared.write_within(None, LockFlags::FAIL_IF_INTERRUPTED), interrupter)
        });
        shared.mutex.read_unlock();
        let (written, interrupter) = writer.join().unwrap();
        interrupter.join().unwrap();
        shared.ends_with(written);
    });
}
