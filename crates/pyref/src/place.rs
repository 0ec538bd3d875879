//! A member's place in the shared state, for runtimes whose thread states have a state word already.
//!
//! A thread state that attaches does an RMW of its word. That word can be the member's: while it is odd the member is
//! online, since the sequence in it; while it is even it is whatever the runtime makes of it. So attaching costs no
//! RMW more, detaching is the store that it was, and a poll costs nothing.
//!
//! | step | what the runtime does |
//! |---|---|
//! | attach | compare-exchange from [`OFFLINE`](Place::OFFLINE) to [`Place::sequence`], Acquire; then [`Place::enter`] |
//! | poll | nothing, unless its [`Notice`](crate::Notice) was called; then [`Place::serve`] |
//! | detach | [`Place::leave`]; then a Release store of an even word |
//! | stop the world | RMWs between even words; when nobody runs, [`Place::ripe`] for each place |

use crate::current;
use crate::delayed::{Delayed, Desk};
use crate::guard::Guard;
use crate::merge;
use crate::qsbr::{OFFLINE, is_online, the_qsbr};
use crate::record::{Queued, Record};
use core::fmt;
use core::ptr;
use pyparking::fatal;
use pyparking::primitive::{AtomicU64, Ordering, seeded};

/// A member's place. See [the module](crate::raw).
///
/// ```
/// use pyref::Member;
/// use pyref::raw::Place;
///
/// let member = Member::new();
/// assert!(!member.place().is_online());
/// assert_eq!(Place::OFFLINE, 0);
/// assert_eq!(Place::sequence() % 2, 1);
/// ```
#[derive(Clone, Copy)]
pub struct Place(&'static Record);

impl Place {
    /// The word of a member that is offline and may go online. Port of: `QSBR_OFFLINE` (Include/internal/pycore_qsbr.h)
    pub const OFFLINE: u64 = OFFLINE;

    pub(crate) fn new(record: &'static Record) -> Self {
        Self(record)
    }

    /// The sequence to go online with.
    ///
    /// Cost: one acquire load.
    ///
    /// ```
    /// assert_eq!(pyref::raw::Place::sequence() % 2, 1);
    /// ```
    ///
    /// Port of: `_Py_qsbr_shared_current` (Include/internal/pycore_qsbr.h)
    #[inline]
    #[must_use]
    pub fn sequence() -> u64 {
        the_qsbr().current()
    }

    /// Whether the member is online, at some moment during the call.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// let mut member = pyref::Member::new();
    /// let place = member.place();
    /// let online = member.online();
    /// assert!(place.is_online());
    /// # drop(online);
    /// ```
    #[inline]
    #[must_use]
    pub fn is_online(self) -> bool {
        // ORD: Relaxed, an answer about one moment.
        is_online(self.0.word.load(Ordering::Relaxed))
    }

    /// The member's word.
    ///
    /// Cost: no atomic operation.
    ///
    /// # Safety
    ///
    /// 1. From an even word to another word: by RMW alone, with Acquire if the new one is odd (QSBR-4).
    /// 2. To an odd word: by the thread that is going to be the member's, from [`Place::OFFLINE`], with a result of
    ///    [`Place::sequence`] (QSBR-2). It calls [`Place::enter`] before it reads a slot.
    /// 3. From an odd word: by the member's thread alone, with Release, after [`Place::leave`].
    ///
    /// ```
    /// use pyparking::primitive::Ordering;
    ///
    /// let member = pyref::Member::new();
    /// // SAFETY: only loaded.
    /// let word = unsafe { member.place().word() };
    /// assert_eq!(word.load(Ordering::Relaxed), 0);
    /// ```
    #[inline]
    #[must_use]
    pub unsafe fn word(self) -> &'static AtomicU64 {
        &self.0.word
    }

    /// The calling thread is the member's from now on: it owns what the member owns.
    ///
    /// If it was online as another member, it owns that one's objects no longer, and counts them as others do.
    ///
    /// Cost: no atomic operation.
    ///
    /// # Safety
    ///
    /// The calling thread has just made the word odd, as [`word`](Self::word) asks.
    ///
    /// ```
    /// use pyparking::primitive::Ordering;
    /// use pyref::raw::Place;
    ///
    /// let member = pyref::Member::new();
    /// let place = member.place();
    /// // SAFETY: as its conditions ask, step by step.
    /// unsafe {
    ///     let word = place.word();
    ///     let (offline, odd) = (Place::OFFLINE, Place::sequence());
    ///     word.compare_exchange(offline, odd, Ordering::AcqRel, Ordering::Relaxed).unwrap();
    ///     place.enter();
    ///     place.leave();
    ///     word.store(offline, Ordering::Release);
    /// }
    /// ```
    #[inline]
    pub unsafe fn enter(self) {
        current::set(self.0);
    }

    /// The calling thread is nobody's from now on. What open guards have borrowed stays (QSBR-5).
    ///
    /// Cost: no atomic operation; a store if a guard is open.
    ///
    /// # Safety
    ///
    /// The calling thread is the member's, and makes the word even next, as [`word`](Self::word) asks.
    ///
    /// ```
    /// # use pyparking::primitive::Ordering;
    /// # use pyref::raw::Place;
    /// # let member = pyref::Member::new();
    /// # let place = member.place();
    /// // SAFETY: see `enter`.
    /// # unsafe {
    /// # let word = place.word();
    /// # word.compare_exchange(0, Place::sequence(), Ordering::AcqRel, Ordering::Relaxed).unwrap();
    /// # place.enter();
    /// place.leave();
    /// word.store(Place::OFFLINE, Ordering::Release);
    /// # }
    /// ```
    #[inline]
    pub unsafe fn leave(self) {
        current::set(ptr::null());
        if self.0.is_guarded() {
            self.0.pin();
        }
    }

    /// A quiescent state: the thread has stopped looking at everything that it has reached without a reference.
    /// While a guard is open it is put off until the next [`serve`](Self::serve) after it, for which the member's
    /// [`Notice`](crate::Notice) is called.
    ///
    /// Cost: two loads, and a store if somebody has advanced the sequence.
    ///
    /// # Safety
    ///
    /// 1. The calling thread is the member's.
    /// 2. It uses no pointer any more that it has read from a slot without taking a reference, but through a guard.
    ///
    /// ```
    /// let mut member = pyref::Member::new();
    /// let place = member.place();
    /// let online = member.online();
    /// // SAFETY: this thread is online, and has read nothing.
    /// unsafe { place.quiescent() };
    /// # drop(online);
    /// ```
    ///
    /// Port of: `_Py_qsbr_quiescent_state` (Include/internal/pycore_qsbr.h)
    #[inline]
    pub unsafe fn quiescent(self) {
        let now = the_qsbr().current();
        // ORD: Relaxed, this thread's own.
        if self.0.word.load(Ordering::Relaxed) != now {
            if self.0.is_guarded() {
                return self.0.owe();
            }
            // ORD: Release, pairs with the Acquire of a look: what was read before is not read any more (QSBR-2).
            self.0.word.store(now, Ordering::Release);
        }
    }

    /// What a poll does after the member's [`Notice`](crate::Notice) was called: a quiescent state, the objects that
    /// others have queued, and what can be freed of that which was put aside.
    ///
    /// Cost: a lock, and an RMW for each member if something was put aside; besides, what destructors do.
    ///
    /// # Safety
    ///
    /// As of [`quiescent`](Self::quiescent).
    ///
    /// ```
    /// let mut member = pyref::Member::new();
    /// let place = member.place();
    /// let online = member.online();
    /// // SAFETY: this thread is online, and has read nothing.
    /// unsafe { place.serve() };
    /// # drop(online);
    /// ```
    ///
    /// Port of: `_Py_brc_merge_refcounts` (Python/brc.c)
    pub unsafe fn serve(self) {
        // SAFETY: handed on.
        unsafe { self.quiescent() };
        merge_all(self.0.take_queue(Vec::new()));
        // SAFETY: this thread may use the desk, as its member's.
        unsafe { self.free_ripe() };
        the_qsbr().free_orphans();
    }

    /// Frees what can be freed of what was put aside, after an advance if there is anything without a goal.
    ///
    /// # Safety
    ///
    /// The caller may use the record's desk during the call.
    unsafe fn free_ripe(self) {
        let qsbr = the_qsbr();
        // SAFETY: handed on. The closures only move items.
        unsafe {
            if self.0.with_desk(|desk| desk.has_fresh()) {
                let goal = goal_of_fresh();
                self.0.with_desk(|desk| desk.stamp(goal));
                // The goal would wait for this thread itself.
                if ptr::eq(current::get(), self.0) {
                    self.quiescent();
                }
            }
            if !self.0.with_desk(|desk| desk.is_empty()) {
                qsbr.free_of(self.0);
            }
        }
    }

    /// Puts something aside.
    ///
    /// # Safety
    ///
    /// The calling thread is the member's; the item is out of everybody's reach.
    pub(crate) unsafe fn put(self, item: Delayed) {
        // SAFETY: the member's thread may use the desk; the closures only move items. So below.
        if !unsafe { self.0.with_desk(|desk| desk.put(item)) } {
            return;
        }
        let goal = goal_of_fresh();
        // SAFETY: as above.
        let look = unsafe {
            self.0.with_desk(|desk| {
                desk.stamp(goal);
                desk.is_look_due()
            })
        };
        if look {
            self.0.tell_self();
            // SAFETY: as above.
            unsafe { the_qsbr().free_of(self.0) };
        }
    }

    /// In a pause of the world: what the members of these places have put aside, as far as no guard is open. It is freed
    /// when the result is dropped, which is to be after the pause: a destructor may wait for somebody who stands still.
    /// [`Ripe::free_memory`] frees the rest at once.
    ///
    /// Cost: an RMW, and one for each member.
    ///
    /// # Safety
    ///
    /// 1. The calling thread is online, or is in no member's place.
    /// 2. The members of `places` are the calling thread's, or offline and stay so during the call.
    /// 3. As of [`quiescent`](Self::quiescent), for the calling thread.
    ///
    /// ```
    /// use pyref::raw::Place;
    ///
    /// let mut member = pyref::Member::new();
    /// let place = member.place();
    /// let online = member.online();
    /// // SAFETY: the only member there is, on its own thread, which has read nothing.
    /// let ripe = unsafe { Place::ripe([place]) };
    /// assert!(ripe.is_empty());
    /// # drop(ripe);
    /// # drop(online);
    /// ```
    ///
    /// Port of: `process_delayed_frees` (Python/gc_free_threading.c)
    #[must_use = "what is ripe is freed when this is dropped, which is to be after the pause"]
    pub unsafe fn ripe(places: impl IntoIterator<Item = Self>) -> Ripe {
        let qsbr = the_qsbr();
        let goal = qsbr.advance();
        // SAFETY: null or a record, of which none is ever freed.
        if let Some(mine) = unsafe { current::get().cast::<Record>().as_ref() } {
            // SAFETY: this thread's own; the rest is handed on (3).
            unsafe { Self(mine).quiescent() };
        }
        let reached = qsbr.look(goal);
        let mut ripe = Ripe::default();
        for Self(record) in places {
            let sort = |desk: &mut Desk| {
                desk.stamp(goal);
                while let Some(item) = desk.take(reached) {
                    ripe.0.push(item);
                }
                desk.looked();
            };
            // SAFETY: the members stand still (2); the closure only moves items.
            unsafe { record.with_desk(sort) };
        }
        ripe
    }

    /// A guard of the calling thread, for as long as the borrow.
    ///
    /// Cost: no atomic operation.
    ///
    /// # Safety
    ///
    /// The calling thread is the member's, and no other thread becomes it during `'a`, nor is the member dropped.
    ///
    /// ```
    /// let mut member = pyref::Member::new();
    /// let place = member.place();
    /// let online = member.online();
    /// // SAFETY: dropped before the token.
    /// let guard = unsafe { place.guard() };
    /// # drop(guard);
    /// # drop(online);
    /// ```
    #[inline]
    pub unsafe fn guard<'a>(self) -> Guard<'a> {
        self.0.open_guard();
        Guard::new(self.0)
    }

    #[cold]
    pub(crate) fn misused(self, found: &str, expected: &str) -> ! {
        fatal("Member", self.0, found, expected)
    }

    /// The member will never be online again, though its handle may never be dropped, as in the child of a fork whose
    /// thread had it: what is queued for it is merged, what it has put aside is freed or handed on, and it owns nothing
    /// any more.
    ///
    /// Cost: as dropping the handle; besides, what destructors do.
    ///
    /// # Safety
    ///
    /// 1. The member is offline, and nobody makes its word odd again.
    /// 2. No thread uses the handle or the place during the call.
    ///
    /// ```
    /// let member = pyref::Member::new();
    /// // SAFETY: offline, and not used again.
    /// unsafe { member.place().abandon() };
    /// ```
    ///
    /// Port of: `_PyMem_AbandonDelayed` (Objects/obmalloc.c)
    pub unsafe fn abandon(self) {
        // SAFETY: handed on: nobody else uses the desk.
        unsafe { self.wind_up() };
    }

    /// The member leaves: it is wound up, and its record is spare.
    pub(crate) fn retire(self) {
        // ORD: AcqRel, an RMW as every change of an even word; a runtime may have left one of its own (QSBR-4). As an Acquire
        // it pairs with the Release of going offline: the member may have been another thread's last.
        if is_online(self.0.word.swap(OFFLINE, Ordering::AcqRel)) {
            self.misused("dropped while online", "its thread to go offline first");
        }
        // SAFETY: the member's handle is being dropped, so the desk is this thread's.
        unsafe { self.wind_up() };
        the_qsbr().give_back(self.0);
    }

    /// Merges the member's queue and closes it; frees or hands on what it has put aside.
    ///
    /// # Safety
    ///
    /// The member is offline and stays so; nobody else uses the desk.
    unsafe fn wind_up(self) {
        while let Err(queue) = self.0.close() {
            merge_all(queue);
        }
        // SAFETY: handed on.
        unsafe { self.free_ripe() };
        let hand_on = |desk: &mut Desk| {
            if !desk.is_empty() {
                the_qsbr().adopt_all(desk);
            }
        };
        // SAFETY: as above; no code of others runs under the orphans' lock.
        unsafe { self.0.with_desk(hand_on) };
        // A guard that was forgotten, or is lost.
        self.0.forget_guards();
        the_qsbr().free_orphans();
    }
}

/// What is put aside so far waits for this (DELAY-1).
fn goal_of_fresh() -> u64 {
    let qsbr = the_qsbr();
    if seeded("qsbr-borrowed-goal") { qsbr.current() + 2 } else { qsbr.advance() }
}

/// Merges what was queued.
pub(crate) fn merge_all(queue: Vec<Queued>) {
    for Queued { object, dealloc } in queue {
        // SAFETY: the queue's reference keeps the object.
        let header = unsafe { object.as_ref() };
        // SAFETY: this thread is online as the owner, or has its handle while nobody is (REF-1); the queue's reference is
        // given up.
        if unsafe { merge::merge(header, -1) } == 0 {
            // SAFETY: merged, and that was the last one.
            unsafe { dealloc(object) };
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ORD: Relaxed, an answer about one moment.
        f.debug_struct("Place").field("word", &self.0.word.load(Ordering::Relaxed)).finish()
    }
}

/// What can be freed now, and is when this is dropped.
///
/// ```
/// assert!(pyref::raw::Ripe::default().is_empty());
/// ```
#[derive(Default)]
pub struct Ripe(Vec<Delayed>);

impl Ripe {
    /// Whether there is nothing.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// assert!(pyref::raw::Ripe::default().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Frees what runs no destructor: allowed in a pause, and under locks.
    ///
    /// Cost: that of freeing.
    ///
    /// ```
    /// pyref::raw::Ripe::default().free_memory();
    /// ```
    pub fn free_memory(&mut self) {
        let (later, now) =
            core::mem::take(&mut self.0).into_iter().partition(|item| item.runs_code);
        self.0 = later;
        let now: Vec<Delayed> = now;
        now.into_iter().for_each(Delayed::free);
    }
}

impl Drop for Ripe {
    fn drop(&mut self) {
        while let Some(item) = self.0.pop() {
            item.free();
        }
    }
}

impl fmt::Debug for Ripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ripe").field("left", &self.0.len()).finish()
    }
}
