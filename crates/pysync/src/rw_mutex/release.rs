//! Releasing a read-write mutex that others wait for: who gets it next.

use super::wait::Wish;
use super::{RwMutex, has_parked, is_write_locked, readers};
use crate::bits::{READER, RW_HAS_PARKED, WRITE_LOCKED};
use crate::entry::Entry;
use pyparking::primitive::Ordering;
use pyparking::{Queue, monotonic_nanos, with_queue};

impl RwMutex {
    #[cold]
    pub(super) fn read_unlock_slow(&self, seen: usize) {
        if readers(seen) == 0 {
            self.misuse("read_unlock without a reader", "a read_lock before it");
        }
        let now = monotonic_nanos();
        let decide = |queue: &mut Queue<'_>| self.leave_as_reader(queue, now);
        // SAFETY: the address is this mutex's own; the callback only touches its word and its waiters.
        unsafe { with_queue(self.address(), decide) };
    }

    /// Takes one reader off; if it is the last and others wait, hands the mutex on (RW-6). Under the bucket
    /// lock.
    fn leave_as_reader(&self, queue: &mut Queue<'_>, now: u64) {
        // ORD: Acquire, pairs with the Release of the readers that left before: what is handed on
        // through a queue goes through this thread, not through the word (RW-2). With the last reader inside and
        // the bit set, the word changes under the bucket lock only.
        let mut seen = self.word.load(Ordering::Acquire);
        while seen != READER | RW_HAS_PARKED {
            if readers(seen) == 0 {
                self.misuse("read_unlock without a reader", "a read_lock before it");
            }
            // ORD: Release, pairs with the Acquire of the next writer (RW-2). Acquire on failure, as above.
            match self.word.compare_exchange(
                seen,
                seen - READER,
                Ordering::Release,
                Ordering::Acquire,
            ) {
                Ok(_) => return,
                Err(found) => seen = found,
            }
        }
        let next = match first(queue) {
            Some(entry) if is_due(entry, now) => hand_to_first(queue),
            _ if dequeue_writer(queue, |writer| writer.grant()) => {
                queue.note_hand_off();
                WRITE_LOCKED | parked(queue)
            }
            _ => wake_all(queue),
        };
        // ORD: Release, pairs with the Acquire of later holders (RW-2). An RMW, so that it is in one order with
        // the bits that waiters set outside the bucket lock.
        self.word.swap(next, Ordering::Release);
    }

    #[cold]
    pub(super) fn write_unlock_slow(&self, seen: usize) {
        if !is_write_locked(seen) {
            self.misuse("write_unlock without a writer", "a write_lock before it");
        }
        debug_assert!(has_parked(seen) && readers(seen) == 0, "a writer excludes readers (RW-1)");
        let now = monotonic_nanos();
        let decide = |queue: &mut Queue<'_>| {
            let next = match first(queue) {
                Some(entry) if is_due(entry, now) => hand_to_first(queue),
                _ if dequeue_writer(queue, |_| ()) => parked(queue),
                _ => wake_all(queue),
            };
            // ORD: Release, pairs with the Acquire of later holders (RW-2). An RMW, as in `leave_as_reader`; a
            // waiter whose bit is overwritten here fails to validate.
            self.word.swap(next, Ordering::Release);
        };
        // SAFETY: the address is this mutex's own; the callback only touches its word and its waiters.
        unsafe { with_queue(self.address(), decide) };
    }
}

/// The one who waits longest.
fn first<'a>(queue: &Queue<'a>) -> Option<&'a Entry<Wish>> {
    // SAFETY: the queue is that of a read-write mutex, whose bucket is locked while it exists.
    queue.first_arg().map(|arg| unsafe { Entry::<Wish>::of(arg) })
}

fn is_due(entry: &Entry<Wish>, now: u64) -> bool {
    now > entry.fair_at
}

/// `HAS_PARKED` if others are left in the queue.
fn parked(queue: &Queue<'_>) -> usize {
    if queue.is_empty() { 0 } else { RW_HAS_PARKED }
}

/// Hands the mutex to the first waiter, or to the readers in front of the first writer; the word for that.
fn hand_to_first(queue: &mut Queue<'_>) -> usize {
    let mut held = 0;
    while let Some(entry) = first(queue) {
        match entry.wish {
            Wish::Write if held > 0 => break,
            wish => {
                entry.grant();
                queue.dequeue();
                queue.note_hand_off();
                if wish == Wish::Write {
                    held = WRITE_LOCKED;
                    break;
                }
                held += READER;
            }
        }
    }
    held | parked(queue)
}

/// Takes out the first writer, if there is one, after telling `tell` about it.
fn dequeue_writer(queue: &mut Queue<'_>, tell: impl Fn(&Entry<Wish>)) -> bool {
    let is_writer = |arg| {
        // SAFETY: the queue is that of a read-write mutex, whose bucket is locked while it exists.
        let entry = unsafe { Entry::<Wish>::of(arg) };
        let found = entry.wish == Wish::Write;
        if found {
            tell(entry);
        }
        found
    };
    queue.dequeue_where(is_writer).is_some()
}

/// Wakes everybody: they are readers, and can all go on. The word for that.
fn wake_all(queue: &mut Queue<'_>) -> usize {
    while queue.dequeue().is_some() {}
    0
}
