//! A thread's part in the counting of references and the freeing of memory.
//!
//! | state of a member | its thread may |
//! |---|---|
//! | offline | count in the shared parts; drop anything; hold references for as long as it likes |
//! | online | besides: count what it owns without an atomic operation; read slots; be waited for |
//!
//! * MEMBER-1: a member is online on one thread, a thread is online as one member: going online borrows the handle, and a
//!   second time is a panic.
//! * MEMBER-2: a member that is dropped leaves nothing: objects that were queued are merged, what was put aside is
//!   freed, or handed to whoever comes next.

use crate::current;
use crate::guard::Guard;
use crate::notice::Notice;
use crate::place::Place;
use crate::qsbr::{OFFLINE, the_qsbr};
use crate::record::Record;
use core::fmt;
use core::marker::PhantomData;
use pyparking::primitive::Ordering;
use std::sync::Arc;

/// A thread that owns objects and reads slots. Made once, online whenever the thread works with objects.
///
/// Not bound to a thread: one may make it and another go online with it. Dropping it merges what others have queued for
/// it; fatal while it is online, by a token that was forgotten.
///
/// Cost: two locks at birth and at death; memory once for as many members as there are at a time.
///
/// ```
/// use pyref::{Member, Ref, Slot};
///
/// let slot = Slot::new(Ref::new(1));
/// let mut member = Member::new();
/// let online = member.online();
/// for round in 0..100 {
///     let seen = slot.load().unwrap();
///     slot.store(Some(Ref::new(*seen + 1)));
///     online.quiescent();
/// }
/// assert_eq!(*slot.load().unwrap(), 101);
/// ```
///
/// Port of: `_qsbr_thread_state` (Include/internal/pycore_qsbr.h)
/// Port of: `_brc_thread_state` (Include/internal/pycore_brc.h)
pub struct Member(&'static Record);

impl Member {
    /// A member that learns at its own polls what others want of it: see [`Online::serve`].
    ///
    /// Cost: two locks; memory if there were never so many members.
    ///
    /// ```
    /// drop(pyref::Member::new());
    /// ```
    ///
    /// Port of: `_Py_qsbr_reserve` (Python/qsbr.c)
    /// Port of: `_Py_brc_init_thread` (Python/brc.c)
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it takes a place in the process")]
    pub fn new() -> Self {
        Self::open(None)
    }

    /// A member that is told when others want something of it.
    ///
    /// Cost: as of [`new`](Self::new).
    ///
    /// ```
    /// struct Nobody;
    /// impl pyref::Notice for Nobody {
    ///     fn merge_wanted(&self) {}
    /// }
    /// drop(pyref::Member::with_notice(std::sync::Arc::new(Nobody)));
    /// ```
    #[must_use]
    pub fn with_notice(notice: Arc<dyn Notice>) -> Self {
        Self::open(Some(notice))
    }

    fn open(notice: Option<Arc<dyn Notice>>) -> Self {
        let record = the_qsbr().reserve();
        record.open(notice);
        Self(record)
    }

    /// The place, for a runtime that goes online by itself.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// assert!(!pyref::Member::new().place().is_online());
    /// ```
    #[inline]
    #[must_use]
    pub fn place(&self) -> Place {
        Place::new(self.0)
    }

    /// Goes online: the calling thread may read slots, and owns what it makes.
    ///
    /// # Panics
    ///
    /// The thread is online already, as this or another member, or the member is on another thread, by a token that was
    /// forgotten.
    ///
    /// Cost: one RMW.
    ///
    /// Ordering: whatever was taken out of reach before somebody looked for this member and did not find it, is out of
    /// reach for the thread.
    ///
    /// ```
    /// let mut member = pyref::Member::new();
    /// let online = member.online();
    /// assert_eq!(*pyref::Ref::new(3), 3);
    /// # drop(online);
    /// ```
    ///
    /// Port of: `_Py_qsbr_attach` (Python/qsbr.c)
    pub fn online(&mut self) -> Online<'_> {
        assert!(current::get().is_null(), "the calling thread is online already");
        self.go_online();
        // SAFETY: the word was made odd just now, and the thread was nobody's.
        unsafe { self.place().enter() };
        Online { place: self.place(), _on_thread: PhantomData }
    }

    /// Makes the word odd.
    pub(crate) fn go_online(&self) -> &'static Record {
        // ORD: Acquire, pairs with the Release of a look (QSBR-4); Relaxed on failure: nothing happens.
        let gone = self.0.word.compare_exchange(
            OFFLINE,
            the_qsbr().current(),
            Ordering::Acquire,
            Ordering::Relaxed,
        );
        assert!(gone.is_ok(), "the member is online already");
        self.0
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.place().retire();
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("online", &self.place().is_online()).finish()
    }
}

/// Proof that the calling thread is online. Goes offline when dropped.
///
/// ```
/// let mut member = pyref::Member::new();
/// let online = member.online();
/// online.serve();
/// ```
#[must_use = "the thread is offline as soon as the token is dropped"]
pub struct Online<'m> {
    place: Place,
    _on_thread: PhantomData<(&'m mut Member, *const ())>,
}

impl Online<'_> {
    /// A quiescent state: whatever the thread has read from slots without a guard, it has let go of. Nothing while a
    /// guard is open.
    ///
    /// Cost: two loads, and a store if somebody has advanced the sequence.
    ///
    /// ```
    /// let mut member = pyref::Member::new();
    /// let online = member.online();
    /// online.quiescent();
    /// ```
    ///
    /// Port of: `_Py_qsbr_quiescent_state` (Include/internal/pycore_qsbr.h)
    #[inline]
    pub fn quiescent(&self) {
        // SAFETY: the token is on the member's thread; safe code reads slots through references and guards alone.
        unsafe { self.place.quiescent() };
    }

    /// A quiescent state, and all that others have left for this thread to do: merges what is queued for it, frees what
    /// can be freed.
    ///
    /// Cost: a lock, and an RMW for each member if something was put aside; besides, what destructors do.
    ///
    /// ```
    /// use pyref::{Member, Ref};
    /// use std::thread;
    ///
    /// let mut member = Member::new();
    /// let online = member.online();
    /// let object = Ref::new(vec![1, 2, 3]);
    /// let clone = object.clone();
    /// // Counted here and dropped there: the other thread asks this one to merge.
    /// thread::spawn(move || drop(clone)).join().unwrap();
    /// assert_eq!(Ref::count(&object), 2);
    /// online.serve();
    /// assert_eq!(Ref::count(&object), 1);
    /// ```
    ///
    /// Port of: `_Py_brc_merge_refcounts` (Python/brc.c)
    pub fn serve(&self) {
        // SAFETY: as in `quiescent`.
        unsafe { self.place.serve() };
    }

    /// Opens a guard for borrowed reads.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// use pyref::{Member, Ref, Slot};
    ///
    /// let slot = Slot::new(Ref::new(5));
    /// let mut member = Member::new();
    /// let online = member.online();
    /// let guard = online.guard();
    /// assert_eq!(slot.borrow(&guard).as_deref(), Some(&5));
    /// ```
    #[inline]
    pub fn guard(&self) -> Guard<'_> {
        // SAFETY: the token, which the guard borrows, is on the member's thread until it is dropped (GUARD-2).
        unsafe { self.place.guard() }
    }
}

impl Drop for Online<'_> {
    fn drop(&mut self) {
        // SAFETY: the token is on the member's thread; the word is made even next.
        unsafe { self.place.leave() };
        // ORD: Release, pairs with the Acquire of a look, and with that of the next to go online (QSBR-2, REF-1).
        // SAFETY: by the member's thread, after it has left.
        unsafe { self.place.word() }.store(OFFLINE, Ordering::Release);
    }
}

impl fmt::Debug for Online<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Online").field("place", &self.place).finish()
    }
}
