//! The waiters of one bucket: a queue for every address, in a tree of addresses.
//!
//! The first waiter of an address (its *leader*) stands in the tree; the others are linked behind it in order
//! of arrival. The tree is a digital search tree over the bits of the mixed address: no rebalancing, nothing to
//! allocate, depth about log2 of the number of *addresses* in the bucket, however many threads wait. So
//! a lock that shares its bucket with a hundred sleepers finds its queue in a few steps, and enqueue, dequeue
//! and `has_more` are O(1) from there.
//!
//! | operation | steps beside finding the address |
//! |---|---|
//! | enqueue | append behind the leader's tail, or become leader |
//! | dequeue the first | the next of the address inherits the leader's place, or a leaf of the subtree does |
//! | remove any | unlink; like dequeue if it was the leader |
//!
//! * QUEUE-1: every link is read and written under the bucket lock, or by the one unparker that dequeued the
//!   waiter.
//! * QUEUE-2: an address has at most one leader in the tree; `tail` and `children` of others mean nothing.
//! * QUEUE-3: FIFO: a waiter is dequeued by `dequeue` before every later one of the same address.
//! * QUEUE-4: `has_more` is exact: it is the link behind the dequeued waiter, of this address and no other
//!   (CPython issue 135641).
//!
//! All `unsafe` about links is in this file.

use crate::bucket::{Bucket, add};
use crate::primitive::{RaceCell, seeded};
use crate::waiter::Waiter;
use core::ptr;

/// A place in the tree that points to a leader: the root, or a child of another leader.
type Place = RaceCell<*const Waiter>;

/// The queues of one bucket.
pub(crate) struct Tree {
    root: Place,
}

impl Tree {
    crate::const_fn! {
        pub(crate) fn new() -> Self {
            Self { root: RaceCell::new(ptr::null()) }
        }
    }

    /// The place of `address`: it points to the leader, or is null where the leader would be.
    ///
    /// # Safety
    ///
    /// Under the bucket lock.
    #[inline]
    unsafe fn place(&self, address: usize) -> &Place {
        let mut place = &self.root;
        let mut bits = mix(address);
        loop {
            // SAFETY: links are read under the lock (QUEUE-1); a leader in the tree is alive (WAITER-2).
            let leader = unsafe { place.get().as_ref() };
            match leader {
                // SAFETY: a leader's address changes under this lock (WAITER-3).
                Some(other) if unsafe { other.address.get() } != address => {
                    bits = bits.rotate_left(1);
                    place = &other.links.children[bits & 1];
                }
                _ => return place,
            }
        }
    }

    /// The first waiter of `address`.
    ///
    /// # Safety
    ///
    /// Under the bucket lock, which the use of the result does not outlast.
    #[inline]
    pub(crate) unsafe fn first(&self, address: usize) -> Option<&Waiter> {
        // SAFETY: as the caller says; a queued waiter is alive (WAITER-2).
        unsafe { self.place(address).get().as_ref() }
    }

    /// Appends a waiter to the queue of its address.
    ///
    /// # Safety
    ///
    /// Under the bucket lock; the waiter is not queued and stays where it is until it has left the queue.
    pub(crate) unsafe fn enqueue(&self, waiter: &Waiter) {
        // SAFETY: under the lock, so all links are ours to use (QUEUE-1); the leader is alive.
        unsafe {
            let place = self.place(waiter.address.get());
            let last = match place.get().as_ref() {
                None => {
                    place.set(waiter);
                    ptr::null()
                }
                Some(leader) => {
                    let last = leader.links.tail.get();
                    (*last).links.next.set(waiter);
                    leader.links.tail.set(waiter);
                    last
                }
            };
            waiter.links.previous.set(last);
            waiter.links.next.set(ptr::null());
            waiter.links.tail.set(waiter);
            waiter.links.children[0].set(ptr::null());
            waiter.links.children[1].set(ptr::null());
        }
    }

    /// Takes `waiter` out of the queue of its address.
    ///
    /// # Safety
    ///
    /// Under the bucket lock; the waiter is queued here.
    pub(crate) unsafe fn remove(&self, waiter: &Waiter) {
        // SAFETY: under the lock, so all links are ours to use (QUEUE-1); the neighbours are queued and alive.
        unsafe {
            let place = self.place(waiter.address.get());
            let next = waiter.links.next.get();
            if ptr::eq(place.get(), waiter) {
                Self::replace_leader(place, waiter, next);
            } else {
                let previous = waiter.links.previous.get();
                (*previous).links.next.set(next);
                match next.as_ref() {
                    Some(next) => next.links.previous.set(previous),
                    None => (*place.get()).links.tail.set(previous),
                }
            }
        }
    }

    /// Puts the next waiter of the address, or a leaf from below, where `leader` stood.
    ///
    /// # Safety
    ///
    /// Under the bucket lock; `leader` stands at `place` and `next` is the waiter behind it.
    unsafe fn replace_leader(place: &Place, leader: &Waiter, next: *const Waiter) {
        // SAFETY: under the lock; everything in the tree is alive.
        unsafe {
            let heir = match next.as_ref() {
                Some(next) => {
                    next.links.previous.set(ptr::null());
                    next.links.tail.set(leader.links.tail.get());
                    Some(next)
                }
                None => Self::take_leaf(leader),
            };
            if let Some(heir) = heir {
                heir.links.children[0].set(leader.links.children[0].get());
                heir.links.children[1].set(leader.links.children[1].get());
            }
            place.set(heir.map_or(ptr::null(), ptr::from_ref));
        }
    }

    /// Takes some leaf out of the subtrees of `leader`. Any will do: the bits on the way to `leader` are a
    /// prefix of the bits of everything below it.
    ///
    /// # Safety
    ///
    /// Under the bucket lock; `leader` is in the tree.
    unsafe fn take_leaf(leader: &Waiter) -> Option<&Waiter> {
        let mut found = None;
        let mut node = leader;
        loop {
            let [left, right] = &node.links.children;
            // SAFETY: under the lock; everything in the tree is alive.
            let below = unsafe { left.get().as_ref().map(|leaf| (left, leaf)) };
            // SAFETY: as above.
            let below = below.or_else(|| unsafe { right.get().as_ref().map(|leaf| (right, leaf)) });
            match below {
                Some((place, leaf)) => {
                    found = Some((place, leaf));
                    node = leaf;
                }
                None => break,
            }
        }
        let (place, leaf) = found?;
        // SAFETY: as above.
        unsafe { place.set(ptr::null()) };
        Some(leaf)
    }

    /// Whether anybody waits in this bucket, for whatever address.
    ///
    /// # Safety
    ///
    /// Under the bucket lock.
    unsafe fn is_empty(&self) -> bool {
        // SAFETY: as the caller says.
        unsafe { self.root.get().is_null() }
    }

    /// Calls `visit` for every waiter, address by address, in order within an address, until it says no.
    ///
    /// # Safety
    ///
    /// Under the bucket lock; `visit` does not use the lot.
    pub(crate) unsafe fn visit(&self, visit: &mut dyn FnMut(&Waiter) -> bool) {
        // SAFETY: as the caller says.
        unsafe { Self::visit_below(&self.root, visit) };
    }

    /// Visits what is at `place` and below; false once `visit` said no. Recursion is bounded by the number of
    /// address bits.
    ///
    /// # Safety
    ///
    /// As [`visit`](Self::visit).
    unsafe fn visit_below(place: &Place, visit: &mut dyn FnMut(&Waiter) -> bool) -> bool {
        // SAFETY: under the lock (QUEUE-1); everything in the tree is alive.
        let Some(leader) = (unsafe { place.get().as_ref() }) else { return true };
        // SAFETY: as above.
        if !unsafe { waiters_from(leader) }.all(&mut *visit) {
            return false;
        }
        let [left, right] = &leader.links.children;
        // SAFETY: as above.
        unsafe { Self::visit_below(left, visit) && Self::visit_below(right, visit) }
    }

    /// Forgets everybody, in the child of a fork.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one.
    pub(crate) unsafe fn after_fork_child(&self) {
        // SAFETY: as the caller says.
        unsafe { self.root.set(ptr::null()) };
    }
}

/// The waiters from `first` on, in order.
///
/// # Safety
///
/// Under the bucket lock for as long as the iterator is used.
unsafe fn waiters_from(first: &Waiter) -> impl Iterator<Item = &Waiter> {
    // SAFETY: links are read under the lock (QUEUE-1); queued waiters are alive.
    core::iter::successors(Some(first), |waiter| unsafe { waiter.links.next.get().as_ref() })
}

/// Spreads an address over all bits, one to one, so that neighbours part early in the tree.
fn mix(address: usize) -> usize {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    address.wrapping_mul(ODD as usize)
}

/// Dequeued waiters on their way to being woken, in order. Wakes them when dropped, on unwind too.
pub(crate) struct WakeList {
    first: *const Waiter,
    last: *const Waiter,
}

impl WakeList {
    pub(crate) fn new() -> Self {
        Self { first: ptr::null(), last: ptr::null() }
    }

    /// # Safety
    ///
    /// The caller has just removed `waiter` from its queue, under the bucket lock.
    unsafe fn push(&mut self, waiter: &Waiter) {
        // SAFETY: dequeued, so its links belong to this list (QUEUE-1), as do those of `last`.
        unsafe {
            waiter.links.next.set(ptr::null());
            match self.last.as_ref() {
                Some(last) => last.links.next.set(waiter),
                None => self.first = waiter,
            }
        }
        self.last = waiter;
    }
}

impl Drop for WakeList {
    fn drop(&mut self) {
        let mut waiter = self.first;
        while !waiter.is_null() {
            // SAFETY: alive until it is signalled, so its link is read before (WAITER-2).
            unsafe {
                let next = (*waiter).links.next.get();
                Waiter::signal(waiter);
                waiter = next;
            }
        }
    }
}

/// The waiters of one address, while its bucket is locked: what a waker looks at when it decides.
///
/// Dequeued threads are woken after the bucket has been unlocked.
///
/// ```
/// use pyparking::{ParkOptions, park, with_queue};
/// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
///
/// // A gate that wakes everybody in the step that opens it.
/// let open = AtomicBool::new(false);
/// let address = (&raw const open).addr();
/// std::thread::scope(|scope| {
///     for _ in 0..2 {
///         scope.spawn(|| {
///             // SAFETY: nobody else parks at the address; the closure only loads.
///             let _ok_or_again =
///                 unsafe { park(address, ParkOptions::default(), || !open.load(Relaxed), |_| {}) };
///             assert!(open.load(Relaxed));
///         });
///     }
///     // SAFETY: as above; the closure uses nothing but the word and the queue.
///     unsafe {
///         with_queue(address, |queue| {
///             open.store(true, Relaxed);
///             while queue.dequeue().is_some() {}
///         });
///     }
/// });
/// ```
pub struct Queue<'a> {
    pub(crate) buckets: &'a [Bucket],
    pub(crate) bucket: &'a Bucket,
    pub(crate) wake: &'a mut WakeList,
    pub(crate) address: usize,
}

impl Queue<'_> {
    /// Whether nobody waits for this address.
    ///
    /// Cost: no atomic operation; a walk down the bucket's tree, about log2 of the addresses in it.
    ///
    /// ```
    /// use pyparking::with_queue;
    ///
    /// // What an unlock leaves in the word: a bit that says whether anybody still waits.
    /// const HAS_PARKED: u8 = 2;
    /// let word = 0_u8;
    /// // SAFETY: the address is this frame's own.
    /// let next = unsafe {
    ///     with_queue((&raw const word).addr(), |queue| {
    ///         queue.dequeue();
    ///         if queue.is_empty() { 0 } else { HAS_PARKED }
    ///     })
    /// };
    /// assert_eq!(next, 0);
    /// ```
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        if seeded("135641") {
            // SAFETY: a queue exists under its bucket lock only.
            return unsafe { self.bucket.tree.is_empty() };
        }
        self.first_arg().is_none()
    }

    /// The argument of the thread that waits longest.
    ///
    /// Cost: as [`is_empty`](Self::is_empty).
    ///
    /// ```
    /// use pyparking::{ParkOptions, park, unpark_all, with_queue};
    ///
    /// let word = 0_u8;
    /// let address = (&raw const word).addr();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let ticket = 7_u32;
    ///         let arg = (&raw const ticket).cast_mut().cast();
    ///         let options = ParkOptions { arg, ..ParkOptions::default() };
    ///         // SAFETY: the address is this frame's own; the ticket is there until the call returns.
    ///         unsafe { park(address, options, || true, |_| {}) }
    ///     });
    ///     // SAFETY: as above; an argument in the queue is the ticket of a thread that is still in its call.
    ///     let first = || unsafe {
    ///         with_queue(address, |queue| queue.first_arg().map(|arg| *arg.cast::<u32>()))
    ///     };
    ///     while first().is_none() {
    ///         std::thread::yield_now();
    ///     }
    ///     assert_eq!(first(), Some(7));
    ///     // SAFETY: as above.
    ///     unsafe { unpark_all(address) };
    /// });
    /// ```
    #[must_use]
    #[inline]
    pub fn first_arg(&self) -> Option<*mut ()> {
        // SAFETY: a queue exists under its bucket lock only.
        unsafe { self.bucket.tree.first(self.address) }.map(|waiter| waiter.arg)
    }

    /// Whether the thread that waits longest has not gone to sleep yet: its wake needs no system call then. A hint, as it may
    /// be on its way; no if nobody waits.
    ///
    /// Cost: as [`is_empty`](Self::is_empty), and one relaxed load.
    ///
    /// ```
    /// use pyparking::{ParkOptions, ParkStatus, park_releasing, with_queue};
    ///
    /// let word = 0_u8;
    /// let address = (&raw const word).addr();
    /// // SAFETY: nobody else parks at the address, and waking does not park.
    /// let status = unsafe {
    ///     // What it lets go a thread lets go while it is queued and awake: here it wakes itself.
    ///     let release = || with_queue(address, |queue| {
    ///         assert!(queue.first_is_awake());
    ///         queue.dequeue();
    ///     });
    ///     park_releasing(address, ParkOptions::default(), || true, release, |_| {})
    /// };
    /// assert_eq!(status, ParkStatus::Ok);
    /// ```
    #[must_use]
    #[inline]
    pub fn first_is_awake(&self) -> bool {
        // SAFETY: a queue exists under its bucket lock only.
        unsafe { self.bucket.tree.first(self.address) }.is_some_and(Waiter::is_awake)
    }

    /// The arguments of all who wait, in order.
    ///
    /// Cost: as [`is_empty`](Self::is_empty), and one step each.
    ///
    /// ```
    /// use pyparking::{ParkOptions, park, unpark_all, with_queue};
    ///
    /// let word = 0_u8;
    /// let address = (&raw const word).addr();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let ticket = 7_u32;
    ///         let arg = (&raw const ticket).cast_mut().cast();
    ///         let options = ParkOptions { arg, ..ParkOptions::default() };
    ///         // SAFETY: the address is this frame's own; the ticket is there until the call returns.
    ///         unsafe { park(address, options, || true, |_| {}) }
    ///     });
    ///     // SAFETY: as above; an argument in the queue is the ticket of a thread that is still in its call.
    ///     let has_seven = || unsafe {
    ///         with_queue(address, |queue| queue.args().any(|arg| *arg.cast::<u32>() == 7))
    ///     };
    ///     while !has_seven() {
    ///         std::thread::yield_now();
    ///     }
    ///     // SAFETY: as above.
    ///     unsafe { unpark_all(address) };
    /// });
    /// ```
    pub fn args(&self) -> impl Iterator<Item = *mut ()> {
        // SAFETY: a queue exists under its bucket lock only, and the iterator borrows it.
        let first = unsafe { self.bucket.tree.first(self.address) };
        // SAFETY: as above.
        first.into_iter().flat_map(|first| unsafe { waiters_from(first) }).map(|waiter| waiter.arg)
    }

    /// Takes out the thread that waits longest, to be woken; its argument.
    ///
    /// Cost: as [`is_empty`](Self::is_empty), twice, and a few stores. The wake, later, is one RMW and at most one
    /// system call.
    ///
    /// ```
    /// use pyparking::{ParkOptions, ParkStatus, park, with_queue};
    ///
    /// let word = 0_u8;
    /// let address = (&raw const word).addr();
    /// // SAFETY: nobody else parks at the address, and the closures do nothing.
    /// let sleeper = std::thread::spawn(move || unsafe {
    ///     park(address, ParkOptions::default(), || true, |_| {})
    /// });
    /// // SAFETY: as above.
    /// while unsafe { with_queue(address, |queue| queue.dequeue().is_none()) } {
    ///     std::thread::yield_now();
    /// }
    /// assert_eq!(sleeper.join().unwrap(), ParkStatus::Ok);
    /// ```
    pub fn dequeue(&mut self) -> Option<*mut ()> {
        // SAFETY: a queue exists under its bucket lock only.
        let waiter = unsafe { self.bucket.tree.first(self.address) }?;
        self.take(waiter);
        Some(waiter.arg)
    }

    /// Takes out the longest waiting thread whose argument `pick` accepts, to be woken; its argument.
    ///
    /// Cost: as [`dequeue`](Self::dequeue), and one step for each waiter that is passed over.
    ///
    /// ```
    /// use pyparking::{ParkOptions, park, with_queue};
    ///
    /// let word = 0_u8;
    /// let address = (&raw const word).addr();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let ticket = 7_u32;
    ///         let arg = (&raw const ticket).cast_mut().cast();
    ///         let options = ParkOptions { arg, ..ParkOptions::default() };
    ///         // SAFETY: the address is this frame's own; the ticket is there until the call returns.
    ///         unsafe { park(address, options, || true, |_| {}) }
    ///     });
    ///     // SAFETY: as above; an argument in the queue is the ticket of a thread that is still in its call.
    ///     let wake = |wanted: u32| unsafe {
    ///         with_queue(address, |queue| {
    ///             queue.dequeue_where(|arg| *arg.cast::<u32>() == wanted).is_some()
    ///         })
    ///     };
    ///     assert!(!wake(8));
    ///     while !wake(7) {
    ///         std::thread::yield_now();
    ///     }
    /// });
    /// ```
    pub fn dequeue_where(&mut self, mut pick: impl FnMut(*mut ()) -> bool) -> Option<*mut ()> {
        // SAFETY: a queue exists under its bucket lock only.
        let first = unsafe { self.bucket.tree.first(self.address) }?;
        // SAFETY: as above.
        let waiter = unsafe { waiters_from(first) }.find(|waiter| pick(waiter.arg))?;
        self.take(waiter);
        Some(waiter.arg)
    }

    /// Counts one hand-off in [`totals`](crate::totals).
    ///
    /// Cost: one relaxed load and one relaxed store.
    ///
    /// ```
    /// use pyparking::{totals, with_queue};
    ///
    /// let lock = 1_u8;
    /// let before = totals().hand_offs;
    /// // SAFETY: the address is this frame's own.
    /// unsafe {
    ///     with_queue((&raw const lock).addr(), |queue| {
    ///         // Here the first waiter would be told that the lock, which stays locked, is his.
    ///         queue.dequeue();
    ///         queue.note_hand_off();
    ///     });
    /// }
    /// assert_eq!(totals().hand_offs, before + 1);
    /// ```
    pub fn note_hand_off(&mut self) {
        add(&self.bucket.counters.hand_offs);
    }

    fn take(&mut self, waiter: &Waiter) {
        // SAFETY: under the bucket lock, and the waiter was found in the queue.
        unsafe {
            self.bucket.tree.remove(waiter);
            // The cell of one that was moved is its thread's to read (WAITER-3).
            if waiter.queued.get() {
                waiter.queued.set(false);
            }
            self.wake.push(waiter);
        }
        add(&self.bucket.counters.wakes);
    }
}
