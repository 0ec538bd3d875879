//! Quiescent states: when nobody can still be looking at what was taken out of everybody's reach.
//!
//! | word of a member | meaning | from | by |
//! |---|---|---|---|
//! | even: 0, or what a runtime puts there | offline: reads nothing | odd, by a store | the member's thread |
//! | odd: a sequence | online; everything that it still reads was in reach when the sequence was so | even, by an RMW | the member's thread |
//! | a later odd one | a quiescent state since then | odd, by a store | the member's thread |
//!
//! | shared | meaning | changed by |
//! |---|---|---|
//! | `written` | the sequence: odd, 1 at first, +2 a step | an advance, an RMW |
//! | `read` | no member's word was behind this when somebody looked | a look, upwards only |
//! | `made` | records that were ever made | who makes one, an RMW |
//!
//! | pin of a member | meaning |
//! |---|---|
//! | 0 | nothing |
//! | a sequence | a guard that was open when the member went offline still is, since then |
//!
//! What was taken out of reach is freed so: the thread advances the sequence and remembers the result, the *goal*; once
//! `read` has come to the goal, every member has been offline or quiescent since. `read` moves when somebody *looks*:
//! reads `written`, then each member's word, and takes the smallest.
//!
//! Invariants:
//!
//! * QSBR-1: the sequence is odd and only grows.
//! * QSBR-2: a member reads what it reached through shared memory only while its word is odd, and puts a later sequence
//!   there only when it has stopped looking at everything that it reached before.
//! * QSBR-3: an item is freed after `read` has come to a goal that its own thread made after it had taken the item out of
//!   reach.
//! * QSBR-4: going online is an RMW of the word, and so is a look that finds it even. Of the two one comes first. If
//!   going online does, the look finds the word odd. If the look does, the member's RMW reads what the look has
//!   written, or an RMW that followed it, and sees whatever was taken out of reach before the look: plain stores of the
//!   word end an odd state, so between the two there are RMWs alone. A word that is found odd needs no RMW: whether it is the
//!   last one or not, what it says was true, and stays so until a later one is found.
//! * QSBR-5: a member that goes offline with an open guard leaves its word in the pin first.
//! * QSBR-6: records are never freed, and a new one is announced by an RMW that a look does too: a look that misses the
//!   record is before it, and is seen by its member.
//!
//! With plain loads in the look, QSBR-4 would need a sequentially consistent fence in each attach and in each look: a
//! member stores its word and then loads a slot, another thread stores the slot and then loads the word, and each may
//! miss the other's store. CPython has that fence. Here the RMW of going online is one that a runtime has anyhow, and the
//! price is paid by the one who looks: an RMW for each member that is offline.
//!
//! Port of: `_qsbr_shared`, `_Py_qsbr_advance`, `_Py_qsbr_poll`, `qsbr_poll_scan`, `_Py_qsbr_attach`, `_Py_qsbr_detach`,
//! `_Py_qsbr_quiescent_state`, `_Py_qbsr_goal_reached`, `_Py_qsbr_reserve`, `_Py_qsbr_register`, `_Py_qsbr_unregister`
//! (Python/qsbr.c, Include/internal/pycore_qsbr.h)
//! PORT: one for the process, not for an interpreter: a slot need not know whose it is. What another interpreter's
//! threads read keeps memory longer, and is never wrong.

use crate::current;
use crate::delayed::{Delayed, Desk};
use crate::record::Record;
use crate::table::Array;
use core::ptr::{self, NonNull};
use pyparking::RawMutex;
use pyparking::primitive::{AtomicPtr, AtomicU64, AtomicUsize, Ordering, UnsafeCell, seeded};

/// The first sequence. Port of: `QSBR_INITIAL` (Include/internal/pycore_qsbr.h)
const FIRST: u64 = 1;
/// A step. Port of: `QSBR_INCR` (Include/internal/pycore_qsbr.h)
const STEP: u64 = 2;
/// The word of a member that is offline. Port of: `QSBR_OFFLINE` (Include/internal/pycore_qsbr.h)
pub(crate) const OFFLINE: u64 = 0;

/// Whether this is a sequence: the word of a member that is online.
#[inline]
pub(crate) const fn is_online(word: u64) -> bool {
    word & 1 != 0
}

/// What all members share.
pub(crate) struct Qsbr {
    written: AtomicU64,
    read: AtomicU64,
    made: AtomicUsize,
    array: AtomicPtr<Array>,
    /// Of the books, and of every change of the array (TABLE-2).
    lock: RawMutex,
    books: UnsafeCell<Books>,
    /// Whether `orphans` has anything: a hint.
    orphaned: AtomicUsize,
    orphans_lock: RawMutex,
    orphans: UnsafeCell<Option<Desk>>,
}

/// Records without a member, and arrays that were replaced.
struct Books {
    spare: Vec<&'static Record>,
    /// Not as boxes, which nobody else may read.
    replaced: Vec<(u64, NonNull<Array>)>,
}

// SAFETY: the books and the orphans are reached under their locks alone.
unsafe impl Sync for Qsbr {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for Qsbr {}

pyparking::global! {
    /// The process's own.
    pub(crate) fn the_qsbr() -> &'static Qsbr = Qsbr::new()
}

impl Qsbr {
    pyparking::const_fn! {
        pub(crate) fn new() -> Self {
            Self {
                written: AtomicU64::new(FIRST),
                read: AtomicU64::new(FIRST),
                made: AtomicUsize::new(0),
                array: AtomicPtr::new(ptr::null_mut()),
                lock: RawMutex::new(),
                books: UnsafeCell::new(Books { spare: Vec::new(), replaced: Vec::new() }),
                orphaned: AtomicUsize::new(0),
                orphans_lock: RawMutex::new(),
                orphans: UnsafeCell::new(None),
            }
        }
    }

    /// The sequence, for a member's word.
    #[inline]
    pub(crate) fn current(&self) -> u64 {
        // ORD: Acquire, pairs with the Release of `advance`: who has this sequence sees what was taken out of reach
        // before it (QSBR-2, QSBR-3).
        self.written.load(Ordering::Acquire)
    }

    /// Moves the sequence on: the goal of everything that the calling thread has taken out of reach.
    pub(crate) fn advance(&self) -> u64 {
        // ORD: Release, pairs with the Acquire of `current`. Every change is an RMW, so who loads a later step synchronises
        // with this one too: a goal stands for those before it.
        self.written.fetch_add(STEP, Ordering::Release) + STEP
    }

    /// The sequence that every member has come to, as far as anybody knows.
    pub(crate) fn reached(&self) -> u64 {
        // ORD: Acquire, pairs with the Release of `raise`: what the members did before (QSBR-3).
        self.read.load(Ordering::Acquire)
    }

    /// Looks, unless `goal` is known to be reached, and tells the members that are behind it. What is reached now.
    pub(crate) fn look(&self, goal: u64) -> u64 {
        let reached = self.reached();
        if reached >= goal {
            return reached;
        }
        if current::get().is_null() {
            // Not online: the lock keeps the array.
            let _held = self.lock.guard();
            self.look_around(goal)
        } else {
            self.look_around(goal)
        }
    }

    /// The look. The calling thread is online, or holds the lock (TABLE-2).
    fn look_around(&self, goal: u64) -> u64 {
        let mut least = self.current();
        // ORD: AcqRel, an RMW in the same order as that of `make`: a record that is not seen here is one whose member
        // sees what this thread has done (QSBR-6).
        self.made.fetch_or(0, Ordering::AcqRel);
        // ORD: Acquire, pairs with the Release of `grow`.
        let array = self.array.load(Ordering::Acquire);
        // SAFETY: null or an array, which is kept while this thread is online or holds the lock (TABLE-2).
        let records = unsafe { array.as_ref() }.into_iter().flat_map(Array::records);
        for record in records {
            let since = since(record);
            if since < goal {
                record.nudge(since);
            }
            least = least.min(since);
        }
        self.raise(least)
    }

    /// `read` is at least this from now on. What it is.
    fn raise(&self, least: u64) -> u64 {
        // ORD: Acquire, as in `reached`.
        let mut seen = self.read.load(Ordering::Acquire);
        while seen < least {
            // ORD: AcqRel, as a Release pairs with the Acquire of `reached`; Acquire on both sides as there.
            match self.read.compare_exchange(seen, least, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return least,
                Err(now) => seen = now,
            }
        }
        seen
    }

    /// A record for a new member: one that is spare, or one more.
    pub(crate) fn reserve(&self) -> &'static Record {
        let (record, freed) = self.with_books(|books| {
            let record = books.spare.pop().unwrap_or_else(|| self.make(books));
            (record, books.unreachable(self.reached()))
        });
        freed.into_iter().for_each(free_array);
        record
    }

    /// Takes a record back, which no member has any more.
    pub(crate) fn give_back(&self, record: &'static Record) {
        let freed = self.with_books(|books| {
            books.spare.push(record);
            books.unreachable(self.reached())
        });
        freed.into_iter().for_each(free_array);
    }

    /// One more record. Under the lock.
    fn make(&self, books: &mut Books) -> &'static Record {
        let record: &'static Record = Box::leak(Box::new(Record::new()));
        // ORD: Relaxed, under the lock that every change is made under.
        let array = self.array.load(Ordering::Relaxed);
        // SAFETY: null, or the current array, which is kept under the lock (TABLE-2).
        let array = unsafe { array.as_ref() };
        if !array.is_some_and(|array| array.add(record)) {
            self.grow(array, books).add(record);
        }
        // ORD: AcqRel, pairs with that of `look_around` (QSBR-6).
        self.made.fetch_add(1, Ordering::AcqRel);
        record
    }

    /// A larger array, which is the current one from now on. Under the lock.
    fn grow(&self, old: Option<&Array>, books: &mut Books) -> &Array {
        let grown = Box::into_raw(Box::new(Array::grown(old)));
        // ORD: Release, pairs with the Acquire of `look_around`.
        self.array.store(grown, Ordering::Release);
        if let Some(old) = old {
            books.replaced.push((self.advance(), NonNull::from(old)));
        }
        // SAFETY: made above.
        unsafe { &*grown }
    }

    fn with_books<R>(&self, f: impl FnOnce(&mut Books) -> R) -> R {
        let _held = self.lock.guard();
        // SAFETY: the lock is held, and no callback comes here again.
        f(unsafe { &mut *self.books.get() })
    }

    fn with_orphans<R>(&self, f: impl FnOnce(&mut Desk) -> R) -> R {
        let _held = self.orphans_lock.guard();
        // SAFETY: the lock is held, and no callback comes here again.
        f(unsafe { &mut *self.orphans.get() }.get_or_insert_default())
    }

    /// Puts something aside that no member answers for.
    pub(crate) fn adopt(&self, item: Delayed) {
        self.with_orphans(|orphans| {
            orphans.put(item);
            orphans.stamp(self.advance());
            // ORD: Relaxed, a hint; who must find the orphans takes the lock after it has put some there.
            self.orphaned.store(1, Ordering::Relaxed);
        });
        self.free_orphans();
    }

    /// Takes over what a member leaves behind.
    pub(crate) fn adopt_all(&self, left: &mut Desk) {
        self.with_orphans(|orphans| {
            orphans.append(left);
            // ORD: Relaxed, as above.
            self.orphaned.store(1, Ordering::Relaxed);
        });
    }

    /// Frees what no member answers for, as far as goals are reached.
    pub(crate) fn free_orphans(&self) {
        // ORD: Relaxed, a hint, as above.
        while self.orphaned.load(Ordering::Relaxed) != 0 {
            let Some(goal) = self.with_orphans(|orphans| orphans.goal()) else {
                return self.forget_orphans();
            };
            if self.look(goal) < goal {
                return;
            }
            let reached = self.reached();
            if let Some(item) = self.with_orphans(|orphans| orphans.take(reached)) {
                item.free();
            }
        }
    }

    /// Says that there are no orphans, if there are none.
    fn forget_orphans(&self) {
        self.with_orphans(|orphans| {
            if orphans.is_empty() {
                // ORD: Relaxed, a hint, changed under the lock.
                self.orphaned.store(0, Ordering::Relaxed);
            }
        });
    }

    /// Frees what a member has put aside, as far as goals are reached.
    ///
    /// # Safety
    ///
    /// The caller is who may use the record's desk, during the whole call.
    pub(crate) unsafe fn free_of(&self, record: &Record) {
        let mut reached = self.reached();
        // SAFETY: handed on; the closures only move items. So below.
        while let Some(goal) = unsafe { record.with_desk(|desk| desk.goal()) } {
            if goal > reached {
                reached = self.look(goal);
            }
            // SAFETY: as above.
            let ripe = unsafe { record.with_desk(|desk| desk.take(reached)) };
            let Some(item) = ripe else { break };
            item.free();
        }
        // SAFETY: as above.
        unsafe { record.with_desk(Desk::looked) };
    }

    /// Every record there is, and the lock. For a fork.
    #[cfg(unix)]
    pub(crate) fn hold_for_fork(&self) {
        self.lock.lock();
        self.orphans_lock.lock();
        self.each_record(|record| record.hold_for_fork());
    }

    /// Under the lock.
    #[cfg(any(unix, test))]
    pub(crate) fn each_record(&self, f: impl FnMut(&'static Record)) {
        // ORD: Acquire, as in `look_around`.
        let array = self.array.load(Ordering::Acquire);
        // SAFETY: null or the current array, which the lock keeps.
        unsafe { array.as_ref() }.into_iter().flat_map(Array::records).for_each(f);
    }

    /// Gives the locks back in the parent.
    ///
    /// # Safety
    ///
    /// The calling thread has called [`hold_for_fork`](Self::hold_for_fork), and nothing since.
    #[cfg(unix)]
    pub(crate) unsafe fn release_in_parent(&self) {
        // SAFETY: this thread holds all of them.
        self.each_record(|record| unsafe { record.release_in_parent() });
        // SAFETY: as above.
        unsafe {
            self.orphans_lock.unlock();
            self.lock.unlock();
        }
    }

    /// Makes the locks free in the child.
    ///
    /// # Safety
    ///
    /// As above; the calling thread is the only one of the process.
    #[cfg(unix)]
    pub(crate) unsafe fn release_in_child(&self) {
        // SAFETY: handed on.
        unsafe {
            self.orphans_lock.after_fork_child();
            self.lock.after_fork_child();
        }
    }
}

impl Books {
    /// The arrays that nobody reads any more.
    fn unreachable(&mut self, reached: u64) -> Vec<NonNull<Array>> {
        let ripe = self.replaced.iter().take_while(|(goal, _)| *goal <= reached).count();
        self.replaced.drain(..ripe).map(|(_, array)| array).collect()
    }
}

fn free_array(array: NonNull<Array>) {
    // SAFETY: from `Box::into_raw` in `grow`, taken out of the list of those that were replaced, its goal reached.
    drop(unsafe { Box::from_raw(array.as_ptr()) });
}

/// The word. If it is even, it is the last one there was: the member sees what this thread has done before it goes online.
fn word_of(record: &Record) -> u64 {
    // ORD: Acquire, pairs with the Release of a member that is quiescent or goes offline: its reads are over (QSBR-2).
    let mut seen = record.word.load(Ordering::Acquire);
    while !is_online(seen) && !seeded("qsbr-look-by-load") {
        // ORD: AcqRel, as a Release pairs with the Acquire of going online (QSBR-4); as an Acquire, and on failure, as
        // above.
        match record.word.compare_exchange(seen, seen, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => break,
            Err(now) => seen = now,
        }
    }
    seen
}

/// Since when the member may be reading: the largest number if it is not.
fn since(record: &Record) -> u64 {
    let word = word_of(record);
    // ORD: Acquire, pairs with the Release of a guard's end. A pin that was set before the member went offline is seen
    // through the word (QSBR-5).
    let pin = record.pin.load(Ordering::Acquire);
    let online = if is_online(word) { word } else { u64::MAX };
    if pin == 0 { online } else { online.min(pin) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_odd_and_grows_by_two() {
        let qsbr = Qsbr::new();
        assert_eq!((qsbr.current(), qsbr.reached()), (1, 1));
        assert_eq!((qsbr.advance(), qsbr.advance()), (3, 5));
        assert_eq!(qsbr.look(5), 5);
    }

    #[test]
    fn the_slowest_member_is_what_is_waited_for() {
        static QSBR: Qsbr = Qsbr::new();
        let qsbr = &QSBR;
        let [slow, quick] = [(); 2].map(|()| qsbr.reserve());
        // ORD: Relaxed, one thread.
        [slow, quick].iter().for_each(|record| record.word.store(1, Ordering::Relaxed));
        let goal = qsbr.advance();
        // ORD: Relaxed, one thread.
        quick.word.store(goal, Ordering::Relaxed);
        assert_eq!(qsbr.look(goal), 1);
        // ORD: Relaxed, one thread.
        slow.pin.store(1, Ordering::Relaxed);
        slow.word.store(OFFLINE, Ordering::Relaxed);
        assert_eq!(qsbr.look(goal), 1, "a guard outlives the detach");
        // ORD: Relaxed, one thread.
        slow.pin.store(0, Ordering::Relaxed);
        assert_eq!(qsbr.look(goal), goal);
    }

    #[test]
    fn the_array_grows_and_the_old_ones_go() {
        static QSBR: Qsbr = Qsbr::new();
        let qsbr = &QSBR;
        let records: Vec<_> = (0..40).map(|_| qsbr.reserve()).collect();
        let mut seen = Vec::new();
        qsbr.each_record(|record| seen.push(ptr::from_ref(record)));
        assert_eq!(seen, records.iter().map(|record| ptr::from_ref(*record)).collect::<Vec<_>>());
        let replaced = || qsbr.with_books(|books| books.replaced.len());
        assert_eq!(replaced(), 3, "8, 16 and 32");
        // ORD: Relaxed, one thread.
        records[0].word.store(1, Ordering::Relaxed);
        qsbr.look(u64::MAX);
        qsbr.give_back(records[39]);
        assert_eq!(replaced(), 3, "somebody may be reading them");
        // ORD: Relaxed, one thread.
        records[0].word.store(OFFLINE, Ordering::Relaxed);
        qsbr.look(u64::MAX);
        qsbr.give_back(records[38]);
        assert_eq!(replaced(), 0);
        assert!(ptr::eq(qsbr.reserve(), records[38]));
    }
}
