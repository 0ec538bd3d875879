//! The one-byte condition variable: waits for a notification while a mutex is unlocked.
//!
//! | word | meaning | set by | cleared by |
//! |---|---|---|---|
//! | 0 | nobody waits | | |
//! | 2 `HAS_PARKED` | threads are queued | a waiter, under the bucket lock, as it queues | whoever takes the last one out, under the bucket lock |
//!
//! | step of a wait | where |
//! |---|---|
//! | set the bit, queue | bucket locked, mutex held |
//! | unlock the mutex | queued, bucket unlocked |
//! | sleep; leave the queue by a notification, or at the deadline under the bucket lock | |
//! | lock the mutex, unless it was handed over | in no queue of the condition variable |
//!
//! | a notification finds the waiter's mutex | the waiter |
//! |---|---|
//! | held | is moved to the queue of the mutex: awake it would only wait for the one who holds it, often the notifier |
//! | held, one thread is notified, and it does not sleep yet | is woken, and locks: that costs no system call, and the mutex will often be free by then |
//! | free | is woken, and locks |
//! | free, and has woken another one for it | is moved: the other one unlocks some time |
//! | whatever, its bucket busy, or it is not the mutex of the first waiter | is woken, and locks |
//!
//! Invariants:
//!
//! * COND-1: a waiter is queued before the mutex is unlocked. So a notification by a thread that locked the mutex after that
//!   finds it: no wake is lost.
//! * COND-2: a notification takes waiters out of the queue, and only those return as notified: no wait ends as notified
//!   without a notification, and the numbers that notifications return are exact.
//! * COND-3: the bit is set exactly while threads are queued, as seen by a thread that holds the mutex of those; one that
//!   does not may still see the moment before.
//! * COND-4: a waiter that unwinds out of its attach hook locks the mutex first, and passes on a notification that it had
//!   got.
//! * COND-5: the memory is touched neither by a wait after its notification, nor by a notification once a waiter that it
//!   found may return: the word is settled while the buckets of the condition variable and of the mutex are locked.
//! * COND-6: a waiter is moved only to a mutex whose `HAS_PARKED` is set, and whose holder, or a woken thread that will be,
//!   unlocks after the move (MUTEX-3, MUTEX-4). Its millisecond starts when the mutex wakes it
//!   (MUTEX-5).
//! * COND-7: a waiter that the mutex was handed to does not lock it again, on unwind neither.
//!
//! What a notification sees of a mutex is alive: a waiter in the queue is in its call, which borrows it.
//!
//! Not a port: CPython's condition variables are the system's, or Python code.

use crate::Mutex;
use crate::bits::HAS_PARKED;
use crate::mutex::Entry as MutexEntry;
use core::fmt;
use core::ptr;
use core::time::Duration;
use pyparking::primitive::{AtomicU8, Ordering, RaceCell, seeded};
use pyparking::{Deadline, ParkOptions, ParkStatus, Queue, Requeue, park_releasing, with_queue};

/// What a waiter shows to the one who notifies. On the waiter's stack, used under the bucket lock.
#[repr(C)]
struct Entry<'a> {
    /// What a waiter of the mutex shows. The first field, so that one argument does for both queues.
    lock: MutexEntry,
    mutex: &'a Mutex,
    notified: RaceCell<bool>,
}

/// A condition variable of one byte for [`Mutex`].
///
/// All-zero when fresh. A wait never ends without cause: it was notified, or its time was up. Any number of mutexes may
/// be used with it, also at a time.
///
/// Cost: one relaxed load to notify while nobody waits.
///
/// Ordering: what a notifier did before it unlocked the mutex is seen by who is notified, through the mutex.
///
/// ```
/// use pysync::{Condvar, Mutex};
/// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
///
/// static MUTEX: Mutex = Mutex::new();
/// static CHANGED: Condvar = Condvar::new();
/// static READY: AtomicBool = AtomicBool::new(false);
///
/// let waiter = std::thread::spawn(|| {
///     let _held = MUTEX.guard();
///     while !READY.load(Relaxed) {
///         CHANGED.wait(&MUTEX);
///     }
/// });
/// {
///     let _held = MUTEX.guard();
///     READY.store(true, Relaxed);
///     CHANGED.notify_one();
/// }
/// waiter.join().unwrap();
/// ```
#[repr(transparent)]
pub struct Condvar {
    word: AtomicU8,
}

impl Condvar {
    pyparking::const_fn! {
        /// A condition variable for which nobody waits.
        ///
        /// Cost: no atomic operation, no heap.
        ///
        /// ```
        /// use pysync::Condvar;
        ///
        /// static CHANGED: Condvar = Condvar::new();
        /// assert_eq!(size_of::<Condvar>(), 1);
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self { word: AtomicU8::new(0) }
        }
    }

    /// Unlocks `mutex`, which the calling thread holds, waits for a notification, and locks it again.
    ///
    /// Fatal if the mutex is not locked. An interrupt does not end the wait.
    ///
    /// Cost: a clock read, two RMW for the bucket lock, an unlock, the sleep, and a lock.
    ///
    /// ```
    /// use pysync::{Condvar, Mutex};
    ///
    /// static MUTEX: Mutex = Mutex::new();
    /// static CHANGED: Condvar = Condvar::new();
    ///
    /// MUTEX.lock();
    /// let notifier = std::thread::spawn(|| {
    ///     let _held = MUTEX.guard();
    ///     assert!(CHANGED.notify_one(), "whoever gets the mutex finds the waiter");
    /// });
    /// CHANGED.wait(&MUTEX);
    /// MUTEX.unlock();
    /// notifier.join().unwrap();
    /// ```
    pub fn wait(&self, mutex: &Mutex) {
        self.wait_until(mutex, Deadline::NEVER);
    }

    /// Waits within `timeout` (`None`: for ever); whether the wait ended by a notification.
    ///
    /// The time is for the notification; the mutex is then locked without a deadline. If it is over before the thread is
    /// queued, the mutex is not unlocked.
    ///
    /// Cost: a clock read, then as [`wait`](Self::wait).
    ///
    /// ```
    /// use pysync::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let (mutex, condvar) = (Mutex::new(), Condvar::new());
    /// mutex.lock();
    /// assert!(!condvar.wait_timed(&mutex, Some(Duration::from_millis(1))));
    /// assert!(mutex.is_locked());
    /// ```
    pub fn wait_timed(&self, mutex: &Mutex, timeout: Option<Duration>) -> bool {
        self.wait_until(mutex, Deadline::from_timeout(timeout))
    }

    /// Wakes the thread that waits longest; whether there was one.
    ///
    /// Whether the mutex is held is the caller's choice. A thread that began to wait before the mutex was last locked by
    /// the caller is found (COND-1).
    ///
    /// Cost: one relaxed load while nobody waits; otherwise three RMW (two for the bucket lock, one to wake)
    /// and at most one system call; while the mutex is held at most five RMW and seldom a system call.
    ///
    /// ```
    /// use pysync::Condvar;
    ///
    /// assert!(!Condvar::new().notify_one());
    /// ```
    #[inline]
    pub fn notify_one(&self) -> bool {
        self.bits() != 0 && self.notify_slow(1) == 1
    }

    /// Wakes all threads that wait; how many there were.
    ///
    /// Cost: one relaxed load while nobody waits; otherwise five RMW, and if the mutex is free one more and at
    /// most one system call. Threads that wait with another mutex than the first cost as much each.
    ///
    /// ```
    /// use pysync::Condvar;
    ///
    /// assert_eq!(Condvar::new().notify_all(), 0);
    /// ```
    #[inline]
    pub fn notify_all(&self) -> usize {
        if self.bits() == 0 { 0 } else { self.notify_slow(usize::MAX) }
    }

    /// The bits, at some moment during the call. For tests and debuggers.
    ///
    /// Cost: one relaxed load.
    ///
    /// ```
    /// use pysync::Condvar;
    ///
    /// assert_eq!(Condvar::new().bits(), 0);
    /// ```
    #[inline]
    #[must_use]
    pub fn bits(&self) -> u8 {
        // ORD: Relaxed, whoever must see a waiter has locked the mutex after it, which orders them (COND-3).
        self.word.load(Ordering::Relaxed)
    }

    /// Forgets the threads that waited before a fork, in its child. The same as zeroing it.
    ///
    /// Cost: one relaxed store.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one of the process.
    ///
    /// ```
    /// use pysync::Condvar;
    ///
    /// let condvar = Condvar::new();
    /// // SAFETY: no other thread runs.
    /// unsafe { condvar.after_fork_child() };
    /// assert!(!condvar.notify_one());
    /// ```
    pub unsafe fn after_fork_child(&self) {
        // ORD: Relaxed, there is no other thread.
        self.word.store(0, Ordering::Relaxed);
    }

    /// Waits until `deadline`. The mutex is held before and after.
    fn wait_until(&self, mutex: &Mutex, deadline: Deadline) -> bool {
        let entry = Entry { lock: MutexEntry::untimed(), mutex, notified: RaceCell::new(false) };
        let arg = ptr::from_ref(&entry).cast_mut().cast();
        let options = ParkOptions { deadline, arg, ..ParkOptions::default() };
        let mut relock = Relock { entry: &entry, unlocked: false };
        if seeded("condvar-unlock-first") {
            relock.unlock();
        }
        let validate = || {
            // ORD: Relaxed, the bucket lock orders it with every clearing; for who does not take that lock the mutex
            // does, which is unlocked later (COND-3).
            self.word.store(HAS_PARKED, Ordering::Relaxed);
            true
        };
        let unwinding = PassOnUnwind { condvar: self, entry: &entry };
        // SAFETY: the address of a live condition variable is used by this module alone; the callbacks only touch the
        // word; the entry outlives the call, and begins with what is shown in the queue of a mutex; unlocking does not
        // park.
        let status = unsafe {
            park_releasing(
                self.address(),
                options,
                validate,
                || relock.unlock(),
                |queue| self.settle(queue),
            )
        };
        core::mem::forget(unwinding);
        status == ParkStatus::Ok
    }

    #[cold]
    fn notify_slow(&self, most: usize) -> usize {
        let notify = |queue: &mut Queue<'_>| {
            let Some(mutex) = first(queue).map(|entry| entry.mutex) else {
                self.settle(queue);
                return 0;
            };
            if most == 1 && (!mutex.is_locked() || queue.first_is_awake()) {
                return self.wake(queue, most);
            }
            let requeue = |both: &mut Requeue<'_, '_>| self.requeue(both, mutex, most);
            // SAFETY: the mutex is alive (its waiter is queued), and what moved waiters show there is what its own do.
            unsafe { queue.beside(mutex.address(), requeue) }
                .unwrap_or_else(|| self.wake(queue, most))
        };
        // SAFETY: the address is this condition variable's own, and the callback only touches its word, its waiters and
        // the bit of their mutex.
        unsafe { with_queue(self.address(), notify) }
    }

    /// Notifies, waking everybody.
    fn wake(&self, queue: &mut Queue<'_>, most: usize) -> usize {
        let mut count = 0;
        while let Some(entry) = first(queue).filter(|_| count < most) {
            entry.notify();
            queue.dequeue();
            count += 1;
        }
        self.settle(queue);
        count
    }

    /// Notifies, moving to `mutex`, which is that of the first waiter, whoever would only wait for it (COND-6).
    fn requeue(&self, both: &mut Requeue<'_, '_>, mutex: &Mutex, most: usize) -> usize {
        let mut count = 0;
        while let Some(entry) = first(both.queue()).filter(|_| count < most) {
            entry.notify();
            // Behind the first waiter, which was moved or is coming.
            if ptr::eq(entry.mutex, mutex) && mutex.expect_waiter(count > 0) {
                both.move_first();
            } else {
                both.queue().dequeue();
            }
            count += 1;
        }
        self.settle(both.queue());
        count
    }

    /// Clears the bit behind the last waiter. Under the bucket lock.
    fn settle(&self, queue: &mut Queue<'_>) {
        if queue.is_empty() {
            // ORD: Relaxed, under the bucket lock, as every setting of the bit.
            self.word.store(0, Ordering::Relaxed);
        }
    }

    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }
}

/// The waiter that is notified next.
fn first<'a>(queue: &Queue<'_>) -> Option<&'a Entry<'a>> {
    // SAFETY: every argument at the address of a condition variable is the entry of a waiter in `wait_until`, alive until
    // it is woken, which is after the callback that this is used in; under the bucket lock.
    queue.first_arg().map(|entry| unsafe { &*entry.cast::<Entry<'_>>() })
}

impl Entry<'_> {
    /// Tells the waiter that it is notified. Under the bucket lock.
    fn notify(&self) {
        // SAFETY: under the bucket lock, and the waiter looks only after its wake.
        unsafe { self.notified.set(true) };
    }

    /// Locks the mutex, out of all queues.
    fn relock(&self) {
        if self.lock.was_handed_off() {
            return;
        }
        match self.lock.fair_at() {
            None => self.mutex.lock(),
            Some(fair_at) => self.mutex.lock_again(fair_at),
        }
    }
}

/// Locks the mutex again when the wait is over, also on unwind (COND-4).
struct Relock<'a> {
    entry: &'a Entry<'a>,
    unlocked: bool,
}

impl Relock<'_> {
    fn unlock(&mut self) {
        if !self.unlocked {
            self.unlocked = true;
            self.entry.mutex.unlock();
        }
    }
}

impl Drop for Relock<'_> {
    fn drop(&mut self) {
        if self.unlocked {
            self.entry.relock();
        }
    }
}

/// Passes a notification on if the attach hook unwinds (COND-4).
struct PassOnUnwind<'a> {
    condvar: &'a Condvar,
    entry: &'a Entry<'a>,
}

impl Drop for PassOnUnwind<'_> {
    fn drop(&mut self) {
        // SAFETY: this is the waiter, out of the queue: no notifier has the entry any more.
        if unsafe { self.entry.notified.get() } {
            self.condvar.notify_one();
        }
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").field("has_parked", &(self.bits() != 0)).finish()
    }
}
