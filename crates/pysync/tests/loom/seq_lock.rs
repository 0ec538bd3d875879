//! Models of the sequence lock, with two words of data that belong together.

use pyparking::primitive::{AtomicU32, Ordering};
use pysync::SeqLock;
use std::sync::Arc;
use trial::explore::{Bucket, bounded, start, unbounded};

struct Shared {
    lock: SeqLock,
    /// Equal, but for the middle of a write.
    pair: [AtomicU32; 2],
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared { lock: SeqLock::new(), pair: [AtomicU32::new(0), AtomicU32::new(0)] })
}

impl Shared {
    fn pair(&self) -> [u32; 2] {
        // ORD: Relaxed, as the lock demands of its data.
        [self.pair[0].load(Ordering::Relaxed), self.pair[1].load(Ordering::Relaxed)]
    }

    /// Replaces both words, inside a write.
    fn set_pair(&self, value: u32) {
        // ORD: Relaxed, as the lock demands of its data.
        self.pair[0].store(value, Ordering::Relaxed);
        // ORD: Relaxed, as above.
        self.pair[1].store(value, Ordering::Relaxed);
    }

    fn write(&self, value: u32) {
        self.lock.lock_write();
        self.set_pair(value);
        self.lock.unlock_write();
    }

    /// Adds one to both words; nobody else may come between.
    fn add_one(&self) {
        self.lock.lock_write();
        let [left, right] = self.pair();
        assert_eq!(left, right, "a writer sees the last write whole");
        self.set_pair(left + 1);
        self.lock.unlock_write();
    }

    /// As `add_one` if nobody is inside; how many were added.
    fn try_add_one(&self) -> u32 {
        let entered = self.lock.try_lock_write();
        if entered {
            let [left, right] = self.pair();
            assert_eq!(left, right, "a writer sees the last write whole");
            self.set_pair(left + 1);
            self.lock.unlock_write();
        }
        u32::from(entered)
    }

    /// One attempt to read; `None` if a writer was in the way.
    fn try_read(&self) -> Option<u32> {
        let begun = self.lock.try_begin_read()?;
        let [left, right] = self.pair();
        self.lock.end_read(begun).then(|| {
            assert_eq!(left, right, "torn, but accepted");
            left
        })
    }
}

/// SEQ-2, SEQ-3. Two threads, no bound: what a read accepts is
/// whole.
///
/// CPython issue 121368.
#[test]
fn seq_torn_read_is_never_accepted_121368() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, |shared| shared.write(1));
        let read = shared.try_read();
        assert!(matches!(read, None | Some(0 | 1)));
        writer.join().unwrap();
        assert_eq!(shared.try_read(), Some(1));
        assert_eq!(shared.lock.sequence(), 2);
    });
}

/// SEQ-2, SEQ-3. Two threads, no bound: the same over two writes, where a read may begin in one and end in
/// the next.
#[test]
fn seq_torn_read_across_two_writes() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, |shared| {
            shared.write(1);
            shared.write(2);
        });
        shared.try_read();
        writer.join().unwrap();
        assert_eq!(shared.try_read(), Some(2));
    });
}

/// SEQ-2, SEQ-4. Two threads, no bound: `read` repeats until it was not disturbed, and ends.
#[test]
fn seq_read_repeats_until_whole() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, |shared| shared.write(1));
        let [left, right] = shared.lock.read(|| shared.pair());
        assert_eq!(left, right);
        writer.join().unwrap();
    });
}

/// SEQ-1, SEQ-4. Two threads, no bound: writers exclude each other, and each sees the last one's data.
#[test]
fn seq_writers_exclude_each_other() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, Shared::add_one);
        shared.add_one();
        writer.join().unwrap();
        assert_eq!(shared.try_read(), Some(2));
        assert_eq!(shared.lock.sequence(), 4);
    });
}

/// SEQ-1, SEQ-2. Three threads, bounded: two writers and a reader. Attempts only: loom follows two threads that
/// turn for a third without end.
#[test]
fn seq_two_writers_and_a_reader() {
    bounded(Bucket::Abstract, || {
        let shared = shared();
        let writers = [(); 2].map(|()| start(&shared, Shared::try_add_one));
        let read = shared.try_read();
        assert!(matches!(read, None | Some(0..=2)));
        let written = writers.map(|writer| writer.join().unwrap()).iter().sum();
        assert_eq!(shared.try_read(), Some(written));
        assert!(matches!(written, 1 | 2));
    });
}

/// SEQ-1, SEQ-2. Two threads, no bound: a write that is abandoned leaves the sequence as it was, and no
/// reader is the worse for it.
#[test]
fn seq_abandoned_write_changes_nothing() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, |shared| {
            shared.lock.lock_write();
            shared.lock.abandon_write();
        });
        let begun = shared.lock.begin_read();
        assert_eq!((begun, shared.pair()), (0, [0, 0]));
        let _whole = shared.lock.end_read(begun);
        writer.join().unwrap();
        assert_eq!(shared.lock.sequence(), 0);
        assert!(shared.lock.end_read(begun), "the data is that of the same number");
    });
}

/// SEQ-1, SEQ-3. Two threads, no bound: an abandoned write before a true one, on the same number.
#[test]
fn seq_write_after_an_abandoned_one() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, |shared| {
            shared.lock.lock_write();
            shared.lock.abandon_write();
            shared.write(1);
        });
        shared.try_read();
        writer.join().unwrap();
        assert_eq!((shared.try_read(), shared.lock.sequence()), (Some(1), 2));
    });
}

/// SEQ-1. Two threads, no bound: an attempt to write or read beside a writer neither waits nor gets in.
#[test]
fn seq_attempts_do_not_wait() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, |shared| shared.write(1));
        assert!(shared.lock.try_begin_read().is_none_or(|begun| begun % 2 == 0));
        let written = shared.try_add_one();
        writer.join().unwrap();
        assert_eq!(shared.lock.sequence(), 2 + 2 * written);
    });
}

/// SEQ-2. Two threads, no bound: a read that begins with a number sees the data of that number, not older data.
#[test]
fn seq_a_number_comes_with_its_data() {
    unbounded(Bucket::Abstract, || {
        let shared = shared();
        let writer = start(&shared, |other| other.write(1));
        let begun = shared.lock.begin_read();
        let pair = shared.pair();
        if shared.lock.end_read(begun) {
            assert_eq!(pair, [begun / 2; 2], "older than its number");
        }
        writer.join().unwrap();
    });
}
