//! Waiting for a read-write mutex: the slow half of its lock calls, and giving up.

use super::{RwMutex, blocks_readers, blocks_writers, has_parked, is_write_locked};
use crate::bits::RW_HAS_PARKED;
use crate::entry::Entry;
use crate::interrupted;
use crate::mutex::FAIR_AFTER;
use crate::status::{LockFlags, LockStatus};
use pyparking::primitive::{Ordering, seeded};
use pyparking::spin::Spin;
use pyparking::{Deadline, ParkOptions, ParkStatus, Queue, park};

/// What a waiter wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Read,
    Write,
}

impl Wish {
    fn is_blocked_by(self, seen: usize) -> bool {
        match self {
            Self::Read => blocks_readers(seen),
            Self::Write => blocks_writers(seen),
        }
    }
}

impl RwMutex {
    #[cold]
    pub(super) fn read_lock_slow(&self) {
        // Without a deadline and without flags for interrupts, only the lock itself ends the wait.
        let _acquired = self.lock_until(Wish::Read, Deadline::NEVER, LockFlags::DETACH);
    }

    #[cold]
    pub(super) fn write_lock_slow(&self) {
        // As above.
        let _acquired = self.lock_until(Wish::Write, Deadline::NEVER, LockFlags::DETACH);
    }

    pub(super) fn read_lock_until(&self, deadline: Deadline, flags: LockFlags) -> LockStatus {
        self.lock_until(Wish::Read, deadline, flags)
    }

    pub(super) fn write_lock_until(&self, deadline: Deadline, flags: LockFlags) -> LockStatus {
        self.lock_until(Wish::Write, deadline, flags)
    }

    #[cold]
    fn lock_until(&self, wish: Wish, deadline: Deadline, flags: LockFlags) -> LockStatus {
        if deadline == Deadline::NOW {
            return if self.try_wish(wish) { LockStatus::Acquired } else { LockStatus::Failure };
        }
        let mut spin = Spin::among_readers(deadline, flags.interruptible());
        loop {
            // ORD: Relaxed, the compare-exchanges decide.
            let seen = self.word.load(Ordering::Relaxed);
            if !wish.is_blocked_by(seen) {
                if self.take(wish, seen).is_ok() {
                    return LockStatus::Acquired;
                }
            } else if (has_parked(seen) || !spin.turn()) && self.mark_parked(seen) {
                let fair_at = spin.began() + FAIR_AFTER;
                if let Some(status) = self.wait(wish, deadline, flags, fair_at) {
                    return status;
                }
            }
        }
    }

    fn try_wish(&self, wish: Wish) -> bool {
        match wish {
            Wish::Read => self.try_read_lock(),
            Wish::Write => self.try_write_lock(),
        }
    }

    fn take(&self, wish: Wish, seen: usize) -> Result<(), usize> {
        match wish {
            Wish::Read => self.take_read(seen),
            Wish::Write => self.take_write(seen),
        }
    }

    /// Makes sure that `HAS_PARKED` is set; false if the word has changed.
    fn mark_parked(&self, seen: usize) -> bool {
        if has_parked(seen) {
            return true;
        }
        // ORD: Relaxed, the bit itself is the message; the bucket lock orders the queue (RW-3).
        let marked = self.word.compare_exchange(
            seen,
            seen | RW_HAS_PARKED,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        marked.is_ok()
    }

    /// Parks once. `Some` if that ended the lock call.
    fn wait(
        &self,
        wish: Wish,
        deadline: Deadline,
        flags: LockFlags,
        fair_at: u64,
    ) -> Option<LockStatus> {
        let entry = Entry::new(wish, fair_at);
        let options = ParkOptions {
            deadline,
            arg: entry.as_arg(),
            detach: flags.contains(LockFlags::DETACH),
            interruptible: flags.interruptible(),
        };
        let validate = || {
            // ORD: Relaxed, under the bucket lock, which orders it with every clearing of the bit (RW-3).
            let seen = self.word.load(Ordering::Relaxed);
            has_parked(seen) && wish.is_blocked_by(seen)
        };
        let unwinding = PassOnUnwind { mutex: self, entry: &entry };
        // SAFETY: the address of a live mutex is used by this module alone; the callbacks only touch the word
        // and entries of waiters; the entry outlives the call.
        let status =
            unsafe { park(self.address(), options, validate, |queue| self.gave_up(wish, queue)) };
        core::mem::forget(unwinding);
        match status {
            ParkStatus::Ok if entry.was_granted() => Some(LockStatus::Acquired),
            ParkStatus::Timeout => Some(LockStatus::Failure),
            ParkStatus::Intr if interrupted::ends_wait(flags) => Some(LockStatus::Intr),
            ParkStatus::Ok | ParkStatus::Again | ParkStatus::Intr => None,
        }
    }

    /// Leaves nothing behind that nobody would clear (RW-3), and lets readers go that only waited behind this
    /// writer (RW-5). Under the bucket lock.
    fn gave_up(&self, wish: Wish, queue: &mut Queue<'_>) {
        if seeded("has-parked-leak") {
            return;
        }
        // ORD: Relaxed, only a writer's bit is looked at: if it comes or goes now, its release, or the bucket
        // lock that it needs for that, puts things right.
        let held_by_writer = is_write_locked(self.word.load(Ordering::Relaxed));
        if wish == Wish::Write && !held_by_writer && !seeded("rw-strand-readers") {
            // SAFETY: under the bucket lock of this mutex.
            let is_writer = |arg| unsafe { Entry::<Wish>::of(arg) }.wish == Wish::Write;
            if !queue.args().any(is_writer) {
                while queue.dequeue().is_some() {}
            }
        }
        if queue.is_empty() {
            // ORD: Relaxed, as an RMW it keeps a holder's Release visible to the next Acquire (RW-2).
            self.word.fetch_and(!RW_HAS_PARKED, Ordering::Relaxed);
        }
    }
}

/// Passes the mutex, or the wake, on if the attach hook unwinds (RW-4).
struct PassOnUnwind<'a> {
    mutex: &'a RwMutex,
    entry: &'a Entry<Wish>,
}

impl Drop for PassOnUnwind<'_> {
    fn drop(&mut self) {
        match self.entry.wish {
            Wish::Read if self.entry.was_granted() => self.mutex.read_unlock(),
            Wish::Write if self.entry.was_granted() || self.mutex.try_write_lock() => {
                self.mutex.write_unlock();
            }
            Wish::Read | Wish::Write => {}
        }
    }
}
