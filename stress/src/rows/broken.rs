//! Broken primitives: each lacks one promise, to show that its checker fires.
//!
//! They are built over std's locks so that what is broken is the promise and not the memory: no
//! test here has a data race.

use super::event::Latch;
use super::exclusive::Exclusive;
use super::once::{Failed, Once};
use super::parking::{Lot, Real};
use super::patience::Patience;
use super::recursive::Recursive;
use super::rw_mutex::Shared;
use super::seq_lock::Sequence;
use crate::pause::Pause;
use pyparking::{Deadline, ParkOptions, ParkStatus, Queue, park, with_queue};
use pysync::{LockStatus, SeqLock};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread::{self, ThreadId};

/// A lock over std's that opens while its holder dwells inside: no mutual exclusion.
#[derive(Debug, Default)]
pub(super) struct Open {
    held: Mutex<bool>,
    free: Condvar,
    done: AtomicBool,
}

impl Open {
    fn acquire(&self) {
        let mut held = self.held.lock().unwrap();
        while *held {
            held = self.free.wait(held).unwrap();
        }
        *held = true;
    }

    fn try_acquire(&self) -> bool {
        !std::mem::replace(&mut *self.held.lock().unwrap(), true)
    }

    fn release(&self) {
        *self.held.lock().unwrap() = false;
        self.free.notify_one();
    }

    fn let_others_in(&self) {
        self.release();
        thread::yield_now();
        self.acquire();
    }

    fn word(&self) -> usize {
        usize::from(*self.held.lock().unwrap())
    }
}

impl Exclusive for Open {
    fn fresh() -> Self {
        Self::default()
    }

    fn lock(&self) {
        self.acquire();
    }

    fn try_lock(&self) -> bool {
        self.try_acquire()
    }

    fn unlock(&self) {
        self.release();
    }

    fn is_locked(&self) -> bool {
        *self.held.lock().unwrap()
    }

    fn word(&self) -> usize {
        Self::word(self)
    }

    fn dwell(&self, _pause: Pause) {
        self.let_others_in();
    }
}

impl Shared for Open {
    fn fresh() -> Self {
        Self::default()
    }

    fn read_lock(&self) {
        self.acquire();
    }

    fn try_read_lock(&self) -> bool {
        self.try_acquire()
    }

    fn read_lock_timed(&self, _patience: Patience) -> LockStatus {
        self.acquire();
        LockStatus::Acquired
    }

    fn read_unlock(&self) {
        self.release();
    }

    fn write_lock(&self) {
        self.acquire();
    }

    fn try_write_lock(&self) -> bool {
        self.try_acquire()
    }

    fn write_lock_timed(&self, _patience: Patience) -> LockStatus {
        self.acquire();
        LockStatus::Acquired
    }

    fn write_unlock(&self) {
        self.release();
    }

    fn word(&self) -> usize {
        Self::word(self)
    }

    fn dwell(&self, _pause: Pause) {
        self.let_others_in();
    }
}

impl Once for Open {
    fn fresh() -> Self {
        Self::default()
    }

    fn call_once(&self, f: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed> {
        struct Release<'a>(&'a Open);
        impl Drop for Release<'_> {
            fn drop(&mut self) {
                self.0.release();
            }
        }
        self.acquire();
        let _held = Release(self);
        if self.is_done() {
            return Ok(());
        }
        f()?;
        // ORD: Release, pairs with the Acquire in `is_done`.
        self.done.store(true, Ordering::Release);
        Ok(())
    }

    fn is_done(&self) -> bool {
        // ORD: Acquire, pairs with the Release in `call_once`.
        self.done.load(Ordering::Acquire)
    }

    fn word(&self) -> usize {
        if self.is_done() { 4 } else { 0 }
    }

    fn dwell(&self, _pause: Pause) {
        self.let_others_in();
    }
}

/// A mutex over the lot that never hands over: waiters can be overtaken for ever.
#[derive(Debug, Default)]
pub(super) struct Unfair(AtomicU8);

/// A place on the stack for the lot's argument, as an honest mutex would have.
struct Entry;

impl Unfair {
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn sleep(&self) {
        let entry = Entry;
        let arg = std::ptr::from_ref(&entry).cast_mut().cast();
        let options =
            ParkOptions { arg, deadline: Deadline::NEVER, detach: false, interruptible: false };
        // ORD: Relaxed, under the bucket lock.
        let still_held = || self.0.load(Ordering::Relaxed) == 3;
        // SAFETY: the address is this lock's own, and the callbacks only look at its word.
        let _any = unsafe { park(self.address(), options, still_held, |_| {}) };
    }
}

impl Exclusive for Unfair {
    fn fresh() -> Self {
        Self::default()
    }

    fn lock(&self) {
        while !Exclusive::try_lock(self) {
            // ORD: Relaxed, the bit is the message; looked at again under the bucket lock.
            let marked = self.0.compare_exchange(1, 3, Ordering::Relaxed, Ordering::Relaxed);
            if marked.is_ok() || marked == Err(3) {
                self.sleep();
            }
        }
    }

    fn try_lock(&self) -> bool {
        // ORD: Relaxed, the compare-exchange decides.
        let seen = self.0.load(Ordering::Relaxed);
        // ORD: Acquire, pairs with the Release in `unlock`.
        seen & 1 == 0
            && self.0.compare_exchange(seen, seen | 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    fn unlock(&self) {
        // SAFETY: the address is this lock's own, and the callback only touches its word.
        unsafe {
            with_queue(self.address(), |queue| {
                queue.dequeue();
                let next = if queue.is_empty() { 0 } else { 2 };
                // ORD: Release, pairs with the Acquire in `try_lock`.
                self.0.store(next, Ordering::Release);
            });
        }
    }

    fn is_locked(&self) -> bool {
        Exclusive::word(self) & 1 != 0
    }

    fn word(&self) -> usize {
        // ORD: Relaxed, one moment's answer.
        usize::from(self.0.load(Ordering::Relaxed))
    }

    fn queue(&self) -> Option<usize> {
        Some(self.address())
    }
}

/// An event over std's condition variable that looks unset every other time.
#[derive(Debug, Default)]
pub(super) struct Blinking {
    set: Mutex<bool>,
    changed: Condvar,
    looks: AtomicU64,
}

impl Latch for Blinking {
    fn fresh() -> Self {
        Self::default()
    }

    fn notify(&self) {
        *self.set.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let mut set = self.set.lock().unwrap();
        while !*set {
            set = self.changed.wait(set).unwrap();
        }
    }

    fn wait_timed(&self, timeout: std::time::Duration) -> bool {
        let set = self.set.lock().unwrap();
        *self.changed.wait_timeout_while(set, timeout, |set| !*set).unwrap().0
    }

    fn is_set(&self) -> bool {
        // ORD: Relaxed, it only blinks.
        *self.set.lock().unwrap() && self.looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
    }

    fn word(&self) -> usize {
        usize::from(*self.set.lock().unwrap())
    }
}

/// An event that is set from the start, before anybody wrote what it announces.
#[derive(Debug, Default)]
pub(super) struct Mute;

impl Latch for Mute {
    fn fresh() -> Self {
        Self
    }

    fn notify(&self) {}

    fn wait(&self) {}

    fn wait_timed(&self, _timeout: std::time::Duration) -> bool {
        true
    }

    fn is_set(&self) -> bool {
        true
    }

    fn word(&self) -> usize {
        1
    }
}

/// A once that forgets now and then that it is done.
#[derive(Debug, Default)]
pub(super) struct Forgetful {
    done: AtomicBool,
    calls: AtomicU64,
}

impl Once for Forgetful {
    fn fresh() -> Self {
        Self::default()
    }

    fn call_once(&self, f: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed> {
        // ORD: Relaxed, one thread.
        let forgets = self.calls.fetch_add(1, Ordering::Relaxed) % 8 == 7;
        if self.is_done() && !forgets {
            return Ok(());
        }
        f()?;
        // ORD: Relaxed, one thread.
        self.done.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn is_done(&self) -> bool {
        // ORD: Relaxed, one thread.
        self.done.load(Ordering::Relaxed)
    }

    fn word(&self) -> usize {
        if self.is_done() { 4 } else { 0 }
    }
}

/// A recursive lock that forgets a level when it is given up whole, and opens while its holder
/// dwells.
#[derive(Debug, Default)]
pub(super) struct Flat {
    owner: Mutex<Option<(ThreadId, usize)>>,
    free: Condvar,
}

impl Flat {
    fn take(&self, levels: usize) {
        let mut owner = self.owner.lock().unwrap();
        while owner.is_some() {
            owner = self.free.wait(owner).unwrap();
        }
        *owner = Some((thread::current().id(), levels));
    }

    fn drop_all(&self) -> usize {
        let levels = self.owner.lock().unwrap().take().map_or(0, |(_, levels)| levels);
        self.free.notify_one();
        levels
    }
}

impl Recursive for Flat {
    type Saved = usize;

    fn fresh() -> Self {
        Self::default()
    }

    fn lock(&self) {
        if !Recursive::try_lock(self) {
            self.take(1);
        }
    }

    fn try_lock(&self) -> bool {
        let mut owner = self.owner.lock().unwrap();
        match *owner {
            None => *owner = Some((thread::current().id(), 1)),
            Some((thread, levels)) if thread == thread::current().id() => {
                *owner = Some((thread, levels + 1))
            }
            Some(_) => return false,
        }
        true
    }

    fn lock_timed(&self, _patience: Patience) -> LockStatus {
        Recursive::lock(self);
        LockStatus::Acquired
    }

    fn unlock(&self) {
        Recursive::try_unlock(self);
    }

    fn try_unlock(&self) -> bool {
        let mut owner = self.owner.lock().unwrap();
        match *owner {
            Some((thread, levels)) if thread == thread::current().id() => {
                *owner = (levels > 1).then_some((thread, levels - 1));
                self.free.notify_one();
                true
            }
            _ => false,
        }
    }

    fn is_mine(&self) -> bool {
        self.owner.lock().unwrap().is_some_and(|(thread, _)| thread == thread::current().id())
    }

    fn level(&self) -> usize {
        self.owner.lock().unwrap().map_or(0, |(_, levels)| levels - 1)
    }

    fn release_save(&self) -> usize {
        self.drop_all()
    }

    fn acquire_restore(&self, saved: usize) {
        self.take(saved.max(2) - 1);
    }

    fn word(&self) -> usize {
        usize::from(self.owner.lock().unwrap().is_some())
    }

    fn dwell(&self, _pause: Pause) {
        let levels = self.drop_all();
        thread::yield_now();
        self.take(levels.max(1));
    }
}

/// A sequence lock whose readers are always told that nothing happened.
#[derive(Debug, Default)]
pub(super) struct Trusting(SeqLock);

impl Sequence for Trusting {
    fn fresh() -> Self {
        Self::default()
    }

    fn begin_read(&self) -> u32 {
        0
    }

    fn end_read(&self, _begun: u32) -> bool {
        true
    }

    fn lock_write(&self) {
        self.0.lock_write();
    }

    fn unlock_write(&self) {
        self.0.unlock_write();
    }

    fn abandon_write(&self) {
        self.0.abandon_write();
    }

    fn sequence(&self) -> u32 {
        self.0.sequence()
    }
}

/// Parks as the real lot does, unless stated otherwise.
macro_rules! parks_honestly {
    () => {
        unsafe fn park(
            address: usize,
            options: ParkOptions,
            validate: impl FnOnce() -> bool,
            gave_up: impl FnOnce(&mut Queue<'_>),
        ) -> ParkStatus {
            // SAFETY: handed on to the caller.
            unsafe { Real::park(address, options, validate, gave_up) }
        }
    };
}

/// A lot that wakes whoever came last.
#[derive(Debug)]
pub(super) struct Lifo;

impl Lot for Lifo {
    parks_honestly!();

    unsafe fn unpark(address: usize, callback: impl FnOnce(Option<*mut ()>, bool)) {
        let decide = |queue: &mut Queue<'_>| {
            let last = queue.args().last();
            let arg = queue.dequeue_where(|arg| Some(arg) == last);
            callback(arg, !queue.is_empty());
        };
        // SAFETY: handed on to the caller.
        unsafe { with_queue(address, decide) };
    }
}

/// A lot that says "more" when it woke somebody.
#[derive(Debug)]
pub(super) struct Liar;

impl Lot for Liar {
    parks_honestly!();

    unsafe fn unpark(address: usize, callback: impl FnOnce(Option<*mut ()>, bool)) {
        // SAFETY: handed on to the caller.
        unsafe { Real::unpark(address, |arg, _| callback(arg, arg.is_some())) };
    }
}

/// A lot that reports a time-out although it was woken, if there was a deadline.
#[derive(Debug)]
pub(super) struct Deaf;

impl Lot for Deaf {
    unsafe fn park(
        address: usize,
        options: ParkOptions,
        validate: impl FnOnce() -> bool,
        gave_up: impl FnOnce(&mut Queue<'_>),
    ) -> ParkStatus {
        // SAFETY: handed on to the caller.
        match unsafe { Real::park(address, options, validate, gave_up) } {
            ParkStatus::Ok if options.deadline != Deadline::NEVER => ParkStatus::Timeout,
            status => status,
        }
    }

    unsafe fn unpark(address: usize, callback: impl FnOnce(Option<*mut ()>, bool)) {
        // SAFETY: handed on to the caller.
        unsafe { Real::unpark(address, callback) };
    }
}
