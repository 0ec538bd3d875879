//! Letting go of an upgradable read-write mutex, and who gets it next.

use super::wait::Wish;
use super::{UpgradableRwMutex, has_parked, holders, is_upgradable, is_write_locked, readers};
use crate::bits::{UP_READER, UPGRADABLE, WRITE_LOCKED};
use crate::entry::Entry;
use pyparking::primitive::{Ordering, seeded};
use pyparking::{Queue, monotonic_nanos, with_queue};

/// The end of time, at which everybody has waited long enough: a fair release.
const FAIR: u64 = u64::MAX;

impl UpgradableRwMutex {
    /// Unlocks one reader. Fatal if there is none.
    ///
    /// Cost: one RMW for the only reader, two among others; for the last one that others wait for a clock read, the
    /// bucket lock, one RMW and the wakes.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.read_lock();
    /// mutex.read_unlock();
    /// assert!(mutex.try_write_lock());
    /// ```
    #[inline]
    pub fn read_unlock(&self) {
        if let Err(seen) = self.replace(UP_READER, 0) {
            self.read_unlock_contended(seen, None);
        }
    }

    /// Unlocks one reader; the last one hands the mutex to the first in the queue, not to the first writer.
    ///
    /// Cost: as [`read_unlock`](Self::read_unlock), without the clock read.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.read_lock();
    /// mutex.read_unlock_fair();
    /// assert!(!mutex.is_locked());
    /// ```
    #[inline]
    pub fn read_unlock_fair(&self) {
        if let Err(seen) = self.replace(UP_READER, 0) {
            self.read_unlock_contended(seen, Some(FAIR));
        }
    }

    /// Leaves among other readers, or settles who is next.
    #[inline(never)]
    fn read_unlock_contended(&self, mut seen: usize, now: Option<u64>) {
        while readers(seen) > 1 || readers(seen) == 1 && !has_parked(seen) {
            match self.replace(seen, seen - UP_READER) {
                Ok(()) => return,
                Err(found) => seen = found,
            }
        }
        let leave = |held: usize| {
            if readers(held) == 0 {
                self.misuse("read_unlock without a reader", "a read_lock before it");
            }
            held - UP_READER
        };
        self.let_go(leave, false, now);
    }

    /// Unlocks the writer. Fatal if there is none.
    ///
    /// Cost: one RMW when nobody waits; otherwise a clock read, the bucket lock, one RMW and the wakes.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.write_lock();
    /// mutex.write_unlock();
    /// assert!(mutex.try_read_lock());
    /// ```
    #[inline]
    pub fn write_unlock(&self) {
        if self.replace(WRITE_LOCKED, 0).is_err() {
            self.write_leave(0, true, None);
        }
    }

    /// Unlocks the writer, and hands the mutex to the first in the queue.
    ///
    /// Cost: as [`write_unlock`](Self::write_unlock), without the clock read.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.write_lock();
    /// mutex.write_unlock_fair();
    /// assert!(!mutex.is_locked());
    /// ```
    #[inline]
    pub fn write_unlock_fair(&self) {
        if self.replace(WRITE_LOCKED, 0).is_err() {
            self.write_leave(0, true, Some(FAIR));
        }
    }

    /// Makes the writer a reader; no writer gets in between. Fatal if there is no writer.
    ///
    /// Readers that wait in front of the first writer get in too.
    ///
    /// Cost: as [`write_unlock`](Self::write_unlock).
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.write_lock();
    /// mutex.downgrade();
    /// assert_eq!((mutex.is_write_locked(), mutex.reader_count()), (false, 1));
    /// ```
    #[inline]
    pub fn downgrade(&self) {
        if self.replace(WRITE_LOCKED, UP_READER).is_err() {
            self.write_leave(UP_READER, false, None);
        }
    }

    /// Makes the writer the upgradable reader; no writer gets in between. Fatal if there is no writer.
    ///
    /// Readers that wait in front of the first writer get in.
    ///
    /// Cost: as [`write_unlock`](Self::write_unlock).
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.write_lock();
    /// mutex.downgrade_to_upgradable();
    /// assert!(mutex.try_read_lock() && !mutex.try_upgradable_lock());
    /// ```
    #[inline]
    pub fn downgrade_to_upgradable(&self) {
        if self.replace(WRITE_LOCKED, UPGRADABLE).is_err() {
            self.write_leave(UPGRADABLE, false, None);
        }
    }

    #[cold]
    fn write_leave(&self, left: usize, barging: bool, now: Option<u64>) {
        let leave = |held: usize| {
            if !is_write_locked(held) {
                self.misuse("a release of the writer, but there is none", "a write_lock before it");
            }
            left
        };
        self.let_go(leave, barging, now);
    }

    /// Unlocks the upgradable reader. Fatal if there is none.
    ///
    /// Cost: one RMW, or two beside readers; if others wait a clock read, the bucket lock, one RMW and the wakes.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.upgradable_lock();
    /// mutex.upgradable_unlock();
    /// assert!(mutex.try_upgradable_lock());
    /// ```
    #[inline]
    pub fn upgradable_unlock(&self) {
        if let Err(seen) = self.replace(UPGRADABLE, 0) {
            self.upgradable_leave(seen, 0, None);
        }
    }

    /// Unlocks the upgradable reader, and hands the mutex to the first in the queue.
    ///
    /// Cost: as [`upgradable_unlock`](Self::upgradable_unlock), without the clock read.
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.upgradable_lock();
    /// mutex.upgradable_unlock_fair();
    /// assert!(!mutex.is_locked());
    /// ```
    #[inline]
    pub fn upgradable_unlock_fair(&self) {
        if let Err(seen) = self.replace(UPGRADABLE, 0) {
            self.upgradable_leave(seen, 0, Some(FAIR));
        }
    }

    /// Makes the upgradable reader an ordinary one. Fatal if there is none.
    ///
    /// Cost: as [`upgradable_unlock`](Self::upgradable_unlock).
    ///
    /// ```
    /// use pysync::UpgradableRwMutex;
    ///
    /// let mutex = UpgradableRwMutex::new();
    /// mutex.upgradable_lock();
    /// mutex.downgrade_upgradable();
    /// assert!(mutex.reader_count() == 1 && mutex.try_upgradable_lock());
    /// ```
    #[inline]
    pub fn downgrade_upgradable(&self) {
        if let Err(seen) = self.replace(UPGRADABLE, UP_READER) {
            self.upgradable_leave(seen, UP_READER, None);
        }
    }

    /// Takes the upgradable reader off and puts `left` on.
    #[inline(never)]
    fn upgradable_leave(&self, mut seen: usize, left: usize, now: Option<u64>) {
        let leave = |held: usize| {
            if !is_upgradable(held) {
                self.misuse(
                    "a release of the upgradable reader, but there is none",
                    "an upgradable_lock before it",
                );
            }
            held - UPGRADABLE + left
        };
        while !has_parked(seen) {
            match self.replace(seen, leave(seen)) {
                Ok(()) => return,
                Err(found) => seen = found,
            }
        }
        self.let_go(leave, true, now);
    }

    /// One attempt to go from `seen` to `next`, which lets go of something, while nobody has to be told.
    #[inline]
    fn replace(&self, seen: usize, next: usize) -> Result<(), usize> {
        // ORD: Release, pairs with the Acquire of later holders (UPRW-2). Relaxed on failure: the caller looks at what
        // was found.
        let left = self.word.compare_exchange(seen, next, Ordering::Release, Ordering::Relaxed);
        left.map(|_| ())
    }

    /// Lets go in front of those who wait. `now` is read from the clock unless it is given.
    #[cold]
    fn let_go(&self, leave: impl Fn(usize) -> usize, barging: bool, now: Option<u64>) {
        let now = now.unwrap_or_else(monotonic_nanos);
        let settle = |queue: &mut Queue<'_>| self.settle(queue, &leave, barging, now);
        // SAFETY: the address is this mutex's own; the callback only touches its word and its waiters.
        unsafe { with_queue(self.address(), settle) };
    }

    /// Replaces what is held by what `leave` makes of it and by what follows for those who wait, and wakes them (UPRW-4).
    /// Under the bucket lock.
    pub(super) fn settle(
        &self,
        queue: &mut Queue<'_>,
        leave: impl Fn(usize) -> usize,
        barging: bool,
        now: u64,
    ) {
        // ORD: Relaxed, the compare-exchange decides.
        let mut seen = self.word.load(Ordering::Relaxed);
        let plan = loop {
            let plan = Plan::new(queue, leave(holders(seen)), barging, now);
            // ORD: Release, pairs with the Acquire of later holders; Acquire, pairs with the Release of those that have
            // left, since whom it is granted to hears of them through this thread, not through the word (UPRW-2).
            // Relaxed on failure: the loop looks at what was found.
            match self.word.compare_exchange(seen, plan.word, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => break plan,
                Err(found) => seen = found,
            }
        };
        plan.carry_out(queue);
    }
}

/// Who is taken out of the queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chosen {
    Nobody,
    /// The first with this wish.
    First(Wish),
    /// All readers in front of the first writer, with one upgradable reader among them if there is room.
    Readers {
        upgradable: bool,
    },
}

/// What to do with a queue, decided before anything is done: the word may change until it is replaced.
struct Plan {
    chosen: Chosen,
    granted: bool,
    word: usize,
}

impl Plan {
    /// What follows for the queue from `held`, which says who is inside.
    fn new(queue: &Queue<'_>, held: usize, barging: bool, now: u64) -> Self {
        let waits = |wish| wishes(queue).any(|other| other == wish);
        let readers_of = |held| Chosen::Readers { upgradable: !is_upgradable(held) };
        let (chosen, granted) = if is_write_locked(held) {
            (Chosen::Nobody, false)
        } else if is_upgradable(held) && waits(Wish::Upgrade) {
            let alone = readers(held) == 0 && !seeded("uprw-upgrade-lost");
            (if alone { Chosen::First(Wish::Upgrade) } else { Chosen::Nobody }, true)
        } else if held != 0 {
            (readers_of(held), true)
        } else {
            let first = entries(queue).next();
            let due = first.is_some_and(|first| now > first.fair_at);
            let chosen = match first {
                Some(first) if due && first.wish != Wish::Write => readers_of(held),
                _ if waits(Wish::Write) => Chosen::First(Wish::Write),
                _ => readers_of(held),
            };
            (chosen, due || !barging)
        };
        Self { chosen, granted, word: chosen.word_after(queue, held, granted) }
    }

    /// Takes the chosen out of the queue; they are woken when the bucket is unlocked.
    fn carry_out(self, queue: &mut Queue<'_>) {
        let mut picker = Picker::new(self.chosen);
        let mut chosen = |arg| {
            // SAFETY: the queue is that of an upgradable read-write mutex, whose bucket is locked while it exists.
            let entry = unsafe { Entry::<Wish>::of(arg) };
            let picked = picker.picks(entry.wish);
            if picked && self.granted {
                entry.grant();
            }
            picked
        };
        while queue.dequeue_where(&mut chosen).is_some() {
            if self.granted {
                queue.note_hand_off();
            }
        }
    }
}

impl Chosen {
    /// The word with `held` and what is granted, its bits true to what stays in the queue (UPRW-3).
    fn word_after(self, queue: &Queue<'_>, held: usize, granted: bool) -> usize {
        let mut picker = Picker::new(self);
        let mut word = held;
        for wish in wishes(queue) {
            if !picker.picks(wish) {
                word |= wish.marks();
            } else if granted {
                word = wish.granted_in(word);
            }
        }
        word
    }
}

/// Goes through a queue from its front and says who is chosen.
struct Picker {
    chosen: Chosen,
}

impl Picker {
    fn new(chosen: Chosen) -> Self {
        Self { chosen }
    }

    fn picks(&mut self, wish: Wish) -> bool {
        match self.chosen {
            Chosen::First(sought) if sought == wish => {
                self.chosen = Chosen::Nobody;
                true
            }
            Chosen::Nobody | Chosen::First(_) => false,
            Chosen::Readers { upgradable } => match wish {
                Wish::Read | Wish::ReadAgain => true,
                Wish::Upgradable => {
                    self.chosen = Chosen::Readers { upgradable: false };
                    upgradable
                }
                Wish::Write | Wish::Upgrade => {
                    self.chosen = Chosen::Nobody;
                    false
                }
            },
        }
    }
}

/// The waiters, from the front.
fn entries<'a>(queue: &Queue<'a>) -> impl Iterator<Item = &'a Entry<Wish>> {
    // SAFETY: the queue is that of an upgradable read-write mutex, whose bucket is locked while it exists.
    queue.args().map(|arg| unsafe { Entry::<Wish>::of(arg) })
}

/// What they wait for.
fn wishes(queue: &Queue<'_>) -> impl Iterator<Item = Wish> {
    entries(queue).map(|entry| entry.wish)
}
