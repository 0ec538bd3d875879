//! Waiting for an upgradable read-write mutex: the slow half of its lock calls, and giving up.

use super::{UpgradableRwMutex, readers};
use crate::bits::{RW_HAS_PARKED, UP_READER, UPGRADABLE, WRITE_LOCKED, WRITER_WAITS};
use crate::entry::Entry;
use crate::interrupted;
use crate::mutex::FAIR_AFTER;
use crate::status::{LockFlags, LockStatus};
use pyparking::primitive::{Ordering, seeded};
use pyparking::spin::Spin;
use pyparking::{Deadline, ParkOptions, ParkStatus, Queue, park, with_queue};

/// What a thread wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Read,
    /// To read, past a writer that waits.
    ReadAgain,
    Upgradable,
    Write,
    /// To write instead of the upgradable read that it has.
    Upgrade,
}

impl Wish {
    #[inline]
    pub(super) fn is_blocked_by(self, seen: usize) -> bool {
        match self {
            Self::Read => seen & (WRITE_LOCKED | WRITER_WAITS) != 0,
            Self::ReadAgain if seeded("uprw-recursive-waits") => Self::Read.is_blocked_by(seen),
            Self::ReadAgain => seen & WRITE_LOCKED != 0,
            Self::Upgradable => seen & (WRITE_LOCKED | WRITER_WAITS | UPGRADABLE) != 0,
            Self::Write => super::holders(seen) != 0,
            Self::Upgrade => readers(seen) != 0,
        }
    }

    /// The word `seen` with this granted.
    #[inline]
    pub(super) fn granted_in(self, seen: usize) -> usize {
        match self {
            Self::Read | Self::ReadAgain => seen + UP_READER,
            Self::Upgradable => seen | UPGRADABLE,
            Self::Write => seen | WRITE_LOCKED,
            Self::Upgrade => seen & !UPGRADABLE | WRITE_LOCKED,
        }
    }

    /// Whether new readers queue behind this.
    pub(super) fn is_to_write(self) -> bool {
        matches!(self, Self::Write | Self::Upgrade)
    }

    /// The bits that are set while a thread with this wish is queued (UPRW-3).
    pub(super) fn marks(self) -> usize {
        if self.is_to_write() { RW_HAS_PARKED | WRITER_WAITS } else { RW_HAS_PARKED }
    }
}

impl UpgradableRwMutex {
    #[cold]
    pub(super) fn lock_slow(&self, wish: Wish) {
        // Without a deadline and without flags for interrupts, only the lock itself ends the wait.
        let _acquired = self.lock_until(wish, Deadline::NEVER, LockFlags::DETACH);
    }

    #[cold]
    pub(super) fn lock_until(
        &self,
        wish: Wish,
        deadline: Deadline,
        flags: LockFlags,
    ) -> LockStatus {
        if deadline == Deadline::NOW {
            return if self.try_take(wish) { LockStatus::Acquired } else { LockStatus::Failure };
        }
        let spin = if wish == Wish::Upgrade { Spin::near } else { Spin::among_readers };
        let mut spin = spin(deadline, flags.interruptible());
        loop {
            // ORD: Relaxed, the compare-exchanges decide.
            let seen = self.word.load(Ordering::Relaxed);
            if !wish.is_blocked_by(seen) {
                if self.take(wish, seen).is_ok() {
                    return LockStatus::Acquired;
                }
            } else if !spin.turn() && self.mark(wish, seen) {
                let fair_at = spin.began() + FAIR_AFTER;
                if let Some(status) = self.wait(wish, deadline, flags, fair_at) {
                    return status;
                }
            }
        }
    }

    /// Makes sure that the bits of a waiter with this wish are set; false if the word has changed.
    fn mark(&self, wish: Wish, seen: usize) -> bool {
        let marks = wish.marks();
        if seen & marks == marks {
            return true;
        }
        // ORD: Relaxed, the bits themselves are the message; the bucket lock orders the queue (UPRW-3).
        let marked =
            self.word.compare_exchange(seen, seen | marks, Ordering::Relaxed, Ordering::Relaxed);
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
            // ORD: Relaxed, under the bucket lock, which orders it with every clearing of the bits (UPRW-3).
            let seen = self.word.load(Ordering::Relaxed);
            seen & wish.marks() == wish.marks() && wish.is_blocked_by(seen)
        };
        let unwinding = PassOnUnwind { mutex: self, entry: &entry };
        // SAFETY: the address of a live mutex is used by this module alone; the callbacks only touch the word
        // and entries of waiters; the entry outlives the call.
        let status =
            unsafe { park(self.address(), options, validate, |queue| self.gave_up(queue)) };
        core::mem::forget(unwinding);
        match status {
            ParkStatus::Ok if entry.was_granted() => Some(LockStatus::Acquired),
            ParkStatus::Timeout => Some(LockStatus::Failure),
            ParkStatus::Intr if interrupted::ends_wait(flags) => Some(LockStatus::Intr),
            ParkStatus::Ok | ParkStatus::Again | ParkStatus::Intr => None,
        }
    }

    /// Lets those go who only waited behind this one (UPRW-5), and makes the bits true (UPRW-3). Under the bucket lock.
    fn gave_up(&self, queue: &mut Queue<'_>) {
        if !seeded("uprw-strand-readers") {
            self.settle(queue, |held| held, false, 0);
        }
    }
}

/// Passes the mutex, or the wake, on if the attach hook unwinds (UPRW-4).
struct PassOnUnwind<'a> {
    mutex: &'a UpgradableRwMutex,
    entry: &'a Entry<Wish>,
}

impl Drop for PassOnUnwind<'_> {
    fn drop(&mut self) {
        if !self.entry.was_granted() {
            let settle = |queue: &mut Queue<'_>| self.mutex.settle(queue, |held| held, false, 0);
            // SAFETY: the address is this mutex's own; the callback only touches its word and its waiters.
            unsafe { with_queue(self.mutex.address(), settle) };
            return;
        }
        match self.entry.wish {
            Wish::Read | Wish::ReadAgain => self.mutex.read_unlock(),
            Wish::Upgradable => self.mutex.upgradable_unlock(),
            Wish::Write => self.mutex.write_unlock(),
            Wish::Upgrade => self.mutex.downgrade_to_upgradable(),
        }
    }
}
