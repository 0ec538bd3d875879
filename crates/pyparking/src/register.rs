//! Threads that can be interrupted: a handle that stays valid for ever, and a word behind it.
//!
//! A thread that takes its own handle gets a record. Records are never freed, only passed on to later threads,
//! so an interrupt from a signal handler can touch one at any time; the generation in the word tells a stale
//! handle. A thread without a record sleeps on a word of its own frame and cannot be interrupted by a handle,
//! which costs nothing: nobody has one.
//!
//! * REG-1: the record of a live thread is used for sleeping by that thread alone, by one park at a time: a park
//!   inside another (in a detach hook) sleeps on its own frame.
//! * REG-2: an interrupt is kept until the thread takes it: in a sleep, at the start of the next interruptible
//!   sleep, or by [`take_interrupt`]. None is lost between a poll and the sleep after it.
//! * REG-3: a handle whose thread has ended does nothing.

use crate::os::{self, Desk};
use crate::primitive::{Cell, modelled, native};
use crate::sleeper::Sleeper;
use crate::thread_slot;
use core::fmt;

/// What a registered thread sleeps on. Lives for ever.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) sleeper: Sleeper,
    /// The desk of an interrupter's wake; where that must not ring, it is never used.
    desk: Desk,
}

impl Record {
    fn new() -> Self {
        Self { sleeper: Sleeper::new(), desk: os::desk() }
    }
}

thread_slot! {
    static MINE: Cell<Option<&'static Record>> = Cell::new(None)
}
thread_slot! {
    static SEATED: Cell<bool> = Cell::new(false)
}

/// The calling thread's record, if it took a handle. Async-signal-safe.
#[inline]
fn mine() -> Option<&'static Record> {
    MINE.with(Cell::get)
}

/// The use of the record by one park of its thread (REG-1).
#[derive(Debug)]
pub(crate) struct Seat(&'static Record);

impl Seat {
    /// Takes the calling thread's record, if it has one that no outer park is using.
    #[inline]
    pub(crate) fn take() -> Option<Self> {
        let record = mine()?;
        let free = SEATED.with(|seated| {
            let free = !seated.get();
            seated.set(true);
            free
        });
        free.then(|| {
            record.sleeper.arm();
            Self(record)
        })
    }

    /// The record's word.
    pub(crate) fn sleeper(&self) -> &'static Sleeper {
        &self.0.sleeper
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        SEATED.with(|seated| seated.set(false));
    }
}

/// A thread that can be interrupted.
///
/// `Copy`, `Send` and `Sync`, valid for ever: once the thread has ended, interrupting it does nothing.
///
/// ```
/// use pyparking::{ThreadHandle, take_interrupt};
///
/// let main = ThreadHandle::current();
/// std::thread::spawn(move || assert!(main.interrupt())).join().unwrap();
/// // This thread was awake: the interrupt waits for its next interruptible park, or is taken back.
/// assert!(take_interrupt());
/// assert!(!take_interrupt());
/// ```
#[derive(Clone, Copy)]
pub struct ThreadHandle {
    record: &'static Record,
    generation: u32,
}

impl ThreadHandle {
    /// The calling thread. Its first call may allocate: not in a signal handler, therefore.
    ///
    /// Cost: a thread-local read and a relaxed load; the first call of a thread two RMW, and heap if no thread that
    /// has ended left a record behind.
    ///
    /// ```
    /// use pyparking::{ThreadHandle, take_interrupt};
    ///
    /// // A worker leaves its handle where a signal handler or a watchdog can find it.
    /// let (send, receive) = std::sync::mpsc::channel();
    /// let worker = std::thread::spawn(move || {
    ///     send.send(ThreadHandle::current()).unwrap();
    ///     while !take_interrupt() {
    ///         std::thread::yield_now();
    ///     }
    /// });
    /// assert!(receive.recv().unwrap().interrupt());
    /// worker.join().unwrap();
    /// ```
    #[must_use]
    pub fn current() -> Self {
        let record = mine().unwrap_or_else(register);
        Self { record, generation: record.sleeper.generation() }
    }

    /// Makes the thread's interruptible park end with [`ParkStatus::Intr`](crate::ParkStatus::Intr): the one
    /// that it is in, or else its next one. Tells whether the thread still lives, as far as this process saw.
    ///
    /// Async-signal-safe, from any thread; `errno` is kept. Interrupts that meet before they are taken are one.
    /// Where the system's wake takes a lock (the fallback), the sleeper notices within 10 ms instead.
    ///
    /// Cost: a relaxed load and one RMW; if the thread sleeps, one system call.
    ///
    /// Ordering: what happened before `interrupt` is seen after the park returned `Intr`.
    ///
    /// ```
    /// use pyparking::{ParkOptions, ParkStatus, ThreadHandle, park};
    ///
    /// let (send, receive) = std::sync::mpsc::channel();
    /// let sleeper = std::thread::spawn(move || {
    ///     send.send(ThreadHandle::current()).unwrap();
    ///     let word = 0_u8;
    ///     let options = ParkOptions { interruptible: true, ..ParkOptions::default() };
    ///     // SAFETY: the address is this frame's own.
    ///     unsafe { park((&raw const word).addr(), options, || true, |_| {}) }
    /// });
    /// let handle = receive.recv().unwrap();
    /// // Asleep or not yet: an interrupt is kept until a park takes it.
    /// assert!(handle.interrupt());
    /// assert_eq!(sleeper.join().unwrap(), ParkStatus::Intr);
    /// assert!(!handle.interrupt(), "the thread has ended");
    /// ```
    pub fn interrupt(&self) -> bool {
        self.record.sleeper.interrupt(&self.record.desk, self.generation)
    }
}

impl PartialEq for ThreadHandle {
    /// Whether both are handles of one thread.
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self.record, other.record) && self.generation == other.generation
    }
}

impl Eq for ThreadHandle {}

impl fmt::Debug for ThreadHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = core::ptr::from_ref(self.record);
        f.debug_struct("ThreadHandle")
            .field("record", &record)
            .field("generation", &self.generation)
            .finish()
    }
}

/// Interrupts `thread`; the same as [`ThreadHandle::interrupt`].
///
/// Cost: as there.
///
/// ```
/// use pyparking::{ThreadHandle, interrupt, take_interrupt};
///
/// assert!(interrupt(ThreadHandle::current()));
/// assert!(take_interrupt());
/// ```
pub fn interrupt(thread: ThreadHandle) -> bool {
    thread.interrupt()
}

/// Takes back an interrupt that waits for the calling thread; tells whether there was one. For a runtime that
/// has just handled what the interrupt was about.
///
/// Cost: one RMW; a thread-local read for a thread without a handle.
///
/// ```
/// use pyparking::{ThreadHandle, take_interrupt};
///
/// assert!(!take_interrupt());
/// let me = ThreadHandle::current();
/// me.interrupt();
/// me.interrupt();
/// // Two that meet are one.
/// assert!(take_interrupt());
/// assert!(!take_interrupt());
/// ```
pub fn take_interrupt() -> bool {
    mine().is_some_and(|record| record.sleeper.take_interrupt())
}

#[cold]
fn register() -> &'static Record {
    let record = pool::take();
    MINE.with(|mine| mine.set(Some(record)));
    record
}

native! {
    mod pool {
        //! Records of threads that are gone, for the next ones.

        use super::{MINE, Record};
        use crate::primitive::RaceCell;
        use crate::raw_mutex::RawMutex;

        /// A record with its place in the list of spare ones.
        struct Entry {
            record: Record,
            next: RaceCell<Option<&'static Entry>>,
        }

        struct Pool {
            lock: RawMutex,
            spare: RaceCell<Option<&'static Entry>>,
        }

        // SAFETY: `next` and `spare` are used under `lock`; the rest is atomic.
        unsafe impl Sync for Pool {}
        // SAFETY: as above.
        unsafe impl Sync for Entry {}

        static POOL: Pool = Pool { lock: RawMutex::new(), spare: RaceCell::new(None) };

        std::thread_local! {
            static LEASE: Lease = Lease { entry: take_entry() };
        }

        /// Gives the record back when its thread ends.
        struct Lease {
            entry: &'static Entry,
        }

        impl Drop for Lease {
            fn drop(&mut self) {
                MINE.with(|mine| mine.set(None));
                if !self.entry.record.sleeper.retire() {
                    // All generations are used up: the record is left alone, so that no old handle fits it.
                    return;
                }
                let _held = POOL.lock.guard();
                // SAFETY: under the lock, and no longer in use by a thread (REG-1).
                unsafe {
                    self.entry.next.set(POOL.spare.get());
                    POOL.spare.set(Some(self.entry));
                }
            }
        }

        fn take_entry() -> &'static Entry {
            let held = POOL.lock.guard();
            // SAFETY: under the lock.
            let spare = unsafe { POOL.spare.get() };
            if let Some(entry) = spare {
                // SAFETY: under the lock.
                unsafe { POOL.spare.set(entry.next.get()) };
                return entry;
            }
            drop(held);
            Box::leak(Box::new(Entry { record: Record::new(), next: RaceCell::new(None) }))
        }

        /// A record for the calling thread, given back when it ends. A thread whose locals are already being
        /// destroyed keeps it.
        pub(super) fn take() -> &'static Record {
            LEASE.try_with(|lease| lease.entry).unwrap_or_else(|_| take_entry()).record()
        }

        impl Entry {
            fn record(&'static self) -> &'static Record {
                &self.record
            }
        }

        /// Forgets the spare records: the lock may be held by a thread that is not in the child.
        pub(crate) fn after_fork_child() {
            // SAFETY: the child has one thread, which is not in this module.
            unsafe {
                POOL.lock.after_fork_child();
                POOL.spare.set(None);
            }
        }
    }
}
modelled! {
    mod pool {
        //! Models make a record for each thread that asks.

        use super::Record;

        pub(super) fn take() -> &'static Record {
            Box::leak(Box::new(Record::new()))
        }

        pub(crate) fn after_fork_child() {}
    }
}
pub(crate) use pool::after_fork_child;
