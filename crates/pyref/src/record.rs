//! What a member is to others: a word that says since when it may be reading, and a queue of objects to merge.
//!
//! | part | read and written by |
//! |---|---|
//! | `word`, `pin` | the member's thread; any thread reads them: see [`qsbr`](crate::qsbr) |
//! | `guards`, `pinned_by` | the member's thread; the only thread of a child |
//! | `told` | whoever looks for a member that keeps memory from being freed |
//! | `shelf` | whoever holds `lock` |
//! | `desk` | the thread that is online as the member; whoever has its handle while it is offline; whoever has stopped it |
//!
//! * RECORD-1: records are never freed, and a record has one member at a time. A later member takes over what an earlier
//!   one has left: objects that it owned are owned again.
//! * RECORD-2: nothing that belongs to others runs while the shelf's lock is held, or while a reference into the desk
//!   exists: destructors may drop references, and come back here.
//!
//! Port of: `_PyThreadStateImpl`, `_qsbr_thread_state` (Include/internal/pycore_tstate.h, pycore_qsbr.h)
//! Port of: `_brc_thread_state` (Include/internal/pycore_brc.h)
//! PORT: an object's owner is the address of its owner's record, so that no table leads from one to the other.

use crate::delayed::Desk;
use crate::header::{Dealloc, Header};
use crate::notice::Notice;
use core::ptr::NonNull;
use pyparking::primitive::{AtomicU64, Cell, Ordering, UnsafeCell, seeded};
use pyparking::{RawMutex, RawMutexGuard, ident};
use std::sync::Arc;

/// A record that nobody is to be told about.
const DEAF: u64 = u64::MAX;

/// Beside the number of open guards: others wait for a quiescent state that these guards put off (GUARD-3).
const OWED: u32 = 1 << 31;

/// An object whose owner is to merge its count, with one reference.
pub(crate) struct Queued {
    pub(crate) object: NonNull<Header>,
    pub(crate) dealloc: Dealloc,
}

/// What others hand to a member.
#[derive(Default)]
struct Shelf {
    /// Whether there is a member.
    live: bool,
    queue: Vec<Queued>,
    notice: Option<Arc<dyn Notice>>,
}

/// One member's part of the shared state. In lines of its own.
#[repr(align(128))]
pub(crate) struct Record {
    pub(crate) word: AtomicU64,
    pub(crate) pin: AtomicU64,
    /// Guards that are open on this member, and [`OWED`].
    guards: Cell<u32>,
    /// The thread whose guards the pin is for.
    pinned_by: Cell<u64>,
    /// The word that the member was last told about, or `DEAF`.
    told: AtomicU64,
    lock: RawMutex,
    shelf: UnsafeCell<Shelf>,
    desk: UnsafeCell<Desk>,
}

// SAFETY: each part is used by whom the table names.
unsafe impl Sync for Record {}
// SAFETY: nothing in it belongs to an operating-system thread while its member is offline.
unsafe impl Send for Record {}

impl Record {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            pin: AtomicU64::new(0),
            guards: Cell::new(0),
            pinned_by: Cell::new(0),
            told: AtomicU64::new(DEAF),
            lock: RawMutex::new(),
            shelf: UnsafeCell::new(Shelf::default()),
            desk: UnsafeCell::new(Desk::default()),
        }
    }

    /// The lock, held, and what it protects.
    fn shelf(&self) -> Held<'_> {
        Held { _lock: self.lock.guard(), record: self }
    }

    /// What the member has put aside.
    ///
    /// # Safety
    ///
    /// The caller is whom the table names for `desk`, and `f` neither runs code of others nor comes here again.
    pub(crate) unsafe fn with_desk<R>(&self, f: impl FnOnce(&mut Desk) -> R) -> R {
        // SAFETY: one thread by the caller's word, and no second reference, because `f` makes none (RECORD-2).
        f(unsafe { &mut *self.desk.get() })
    }

    /// A member takes the record.
    pub(crate) fn open(&self, notice: Option<Arc<dyn Notice>>) {
        // ORD: Relaxed, a hint to those who look.
        self.told.store(if notice.is_some() { 0 } else { DEAF }, Ordering::Relaxed);
        self.shelf().change(|shelf| {
            shelf.live = true;
            shelf.notice = notice;
        });
    }

    /// The member leaves, unless there is something in the queue: then nothing changes but that it is taken.
    pub(crate) fn close(&self) -> Result<(), Vec<Queued>> {
        let (left, told) = self.shelf().change(|shelf| {
            if !shelf.queue.is_empty() {
                return (Err(core::mem::take(&mut shelf.queue)), None);
            }
            shelf.live = false;
            (Ok(()), shelf.notice.take())
        });
        drop(told);
        left
    }

    /// Queues an object for the member, and tells it.
    ///
    /// # Errors
    ///
    /// There is no member: nobody else will be, and none comes, for as long as the result is kept.
    pub(crate) fn queue(&self, queued: Queued) -> Result<(), Held<'_>> {
        let held = self.shelf();
        let live = held.change(|shelf| {
            if shelf.live {
                shelf.queue.push(queued);
                shelf.tell();
            }
            shelf.live
        });
        if live { Ok(()) } else { Err(held) }
    }

    /// Queues what others were to merge, who are not there. For the member's own thread.
    #[cfg(unix)]
    pub(crate) fn queue_all(&self, mut orphans: Vec<Queued>) {
        self.shelf().change(|shelf| {
            shelf.queue.append(&mut orphans);
            shelf.tell();
        });
    }

    /// Takes the queue. `spare` takes its place, so that its memory is used again.
    pub(crate) fn take_queue(&self, spare: Vec<Queued>) -> Vec<Queued> {
        debug_assert!(spare.is_empty());
        self.shelf().change(|shelf| core::mem::replace(&mut shelf.queue, spare))
    }

    /// Tells the member that others wait for its next quiescent state; once for each `seen` of its word.
    pub(crate) fn nudge(&self, seen: u64) {
        // ORD: Relaxed, a hint: told twice is as good, and told too seldom is mended by the next look.
        let told = self.told.load(Ordering::Relaxed);
        if told == DEAF || told == seen {
            return;
        }
        self.shelf().change(|shelf| shelf.tell());
        // ORD: Relaxed, as above. Afterwards: who finds the mark finds that the member was told.
        self.told.store(seen, Ordering::Relaxed);
    }

    /// Tells the member, if it listens, that it has put enough aside. For the member's own thread.
    pub(crate) fn tell_self(&self) {
        // ORD: Relaxed, written when the member took the record.
        if self.told.load(Ordering::Relaxed) != DEAF {
            self.shelf().change(|shelf| shelf.tell());
        }
    }

    /// A guard is opened. For the member's own thread, as everything about guards up to `pin`.
    #[inline]
    pub(crate) fn open_guard(&self) {
        self.guards.set(self.guards.get() + 1);
    }

    /// Whether a guard is open.
    #[inline]
    pub(crate) fn is_guarded(&self) -> bool {
        self.guards.get() != 0
    }

    /// A guard ends. What it put off is made up for at the member's next poll (GUARD-3).
    #[inline]
    pub(crate) fn close_guard(&self) {
        let left = self.guards.get() - 1;
        self.guards.set(left);
        if left & !OWED == 0 {
            self.close_last(left);
        }
    }

    #[inline]
    fn close_last(&self, left: u32) {
        // ORD: Relaxed, this thread's own.
        if self.pin.load(Ordering::Relaxed) != 0 {
            // ORD: Release, pairs with the Acquire of a look: nothing is read any more (QSBR-2).
            self.pin.store(0, Ordering::Release);
        }
        if left != 0 {
            self.pay();
        }
    }

    #[cold]
    fn pay(&self) {
        self.guards.set(0);
        if !seeded("guard-forgets-who-waits") {
            self.tell_self();
        }
    }

    /// Others wait for a quiescent state, and a guard is open.
    #[cold]
    pub(crate) fn owe(&self) {
        self.guards.set(self.guards.get() | OWED);
    }

    /// The member goes offline with open guards: what they have borrowed stays (QSBR-5).
    #[cold]
    pub(crate) fn pin(&self) {
        self.pinned_by.set(ident::current().get());
        // ORD: Relaxed, this thread's own, both.
        if self.pin.load(Ordering::Relaxed) == 0 {
            let since = self.word.load(Ordering::Relaxed);
            // ORD: Relaxed, before the Release store that makes the word even (QSBR-5).
            self.pin.store(since, Ordering::Relaxed);
        }
    }

    /// No guard is open any more, whether or not it was dropped.
    pub(crate) fn forget_guards(&self) {
        self.guards.set(0);
        // ORD: Relaxed, by the only thread of a process, or before the next member takes the record behind a lock.
        self.pin.store(0, Ordering::Relaxed);
    }

    /// Takes the lock and keeps it, for a fork.
    #[cfg(unix)]
    pub(crate) fn hold_for_fork(&self) {
        self.lock.lock();
    }

    /// Gives the lock back in the parent.
    ///
    /// # Safety
    ///
    /// The calling thread has called [`hold_for_fork`](Self::hold_for_fork).
    #[cfg(unix)]
    pub(crate) unsafe fn release_in_parent(&self) {
        // SAFETY: this thread holds the lock.
        unsafe { self.lock.unlock() };
    }

    /// Makes the lock free in the child, and says that the member's thread is not there, if it was online. What that
    /// thread had put aside may be half written: it stays where it is. The queue, if so. Guards of other threads are
    /// lost; those of the calling thread, on a member that is offline, go on (RECORD-4).
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process, held the lock at the fork, and is not this member's.
    #[cfg(unix)]
    pub(crate) unsafe fn forget_in_child(&self) -> Vec<Queued> {
        // SAFETY: handed on.
        unsafe { self.lock.after_fork_child() };
        // ORD: Relaxed, there is no other thread.
        let online = self.word.load(Ordering::Relaxed) & 1 != 0;
        let mine = self.pinned_by.get() == ident::current().get() && !seeded("fork-unpins");
        if online || !mine {
            self.forget_guards();
        }
        if !online {
            return Vec::new();
        }
        // ORD: Relaxed, as above.
        self.word.store(0, Ordering::Relaxed);
        // SAFETY: the only thread. Written over, because its last user may have been in the middle of it.
        unsafe { core::ptr::write(self.desk.get(), Desk::default()) };
        self.shelf().change(|shelf| {
            shelf.live = false;
            core::mem::take(&mut shelf.queue)
        })
    }

    /// Makes the lock free in the child, for the member whose thread has forked.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process, and held the lock at the fork.
    #[cfg(unix)]
    pub(crate) unsafe fn keep_in_child(&self) {
        // SAFETY: handed on.
        unsafe { self.lock.after_fork_child() };
    }
}

impl Shelf {
    /// Under the lock, so that the member does not leave meanwhile.
    fn tell(&self) {
        if let Some(notice) = &self.notice {
            notice.merge_wanted();
        }
    }
}

/// The lock of a record, held.
pub(crate) struct Held<'r> {
    _lock: RawMutexGuard<'r>,
    record: &'r Record,
}

impl Held<'_> {
    fn change<R>(&self, f: impl FnOnce(&mut Shelf) -> R) -> R {
        // SAFETY: the lock is held, and `f` does not come here again (RECORD-2).
        f(unsafe { &mut *self.record.shelf.get() })
    }

    /// Runs `f` in the place of the member that is not there, then gives the lock back.
    pub(crate) fn instead<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }
}
