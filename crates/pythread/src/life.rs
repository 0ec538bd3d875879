//! A thread's life, as its handles share it.
//!
//! | field | meaning | written by |
//! |---|---|---|
//! | `state` | fresh, starting, started; in which process | see `state.rs` |
//! | `ident`, `name` | who it is | the starter, before the thread is there; a thread that had an ident before, itself |
//! | `native` | the system's number of it | the thread, before "started"; 0 until then |
//! | `ended` | set when body and exit hooks are over | the thread last of all; who adopted it; a starter that failed |
//! | `outcome` | how it ended | the same, before `ended` |
//! | `handed` | set when `thread` has what the starter got | the starter |
//! | `thread` | the system's thread, until it is joined or detached | the starter puts it in, one joiner or detacher takes it out |
//! | `reaped` | whether somebody has joined or detached the system's thread | whoever comes first |
//!
//! Invariants:
//!
//! * THREAD-1: a handle is started once (STAGE-1). A start that fails ends the life as one that never ran.
//! * THREAD-2: the outcome is there before `ended` is set, and nothing of the thread's body or hooks comes after. So
//!   every joiner gets the outcome, the same one, and sees what the thread did.
//! * THREAD-3: the system's thread is joined or detached once, and by nobody before its starter has handed it over. A
//!   joiner returns after the system's thread has ended, whoever joined it, unless it was detached.
//! * THREAD-4: a thread does not wait for its own end, not from a hook or a destructor either. Idents are not used
//!   twice, so no other thread is taken for it.
//! * THREAD-5: a joiner that gives up, or does not come back from an attach, leaves the next joiner what it needs.
//! * THREAD-6: in the child of a fork only the survivor's life and those begun in the child are waited for; of older
//!   lives only what was complete before the fork is read, and no system's thread is touched (LOST-1).
//!
//! Port of: `ThreadHandle` (Modules/_threadmodule.c)
//! PORT: the new thread does not wait for its handle; idents are never used again, so a self-join is told without an
//! event; a detach does not end the life; no list of handles.

use crate::error::{JoinError, NotAdopted};
use crate::fork;
use crate::native_thread::NativeThread;
use crate::outcome::Outcome;
use crate::state::{Seen, State, StateWord};
use core::convert::Infallible;
use core::time::Duration;
use pyparking::hooks;
use pyparking::ident::{self, Reserved};
use pyparking::primitive::{AtomicU64, Ordering, RaceCell, seeded};
use pysync::{Event, LockFlags, LockStatus, OnceCell, OnceFlag};

/// What the handles of one thread share with it.
pub(crate) struct Life {
    state: StateWord,
    ident: AtomicU64,
    native: AtomicU64,
    name: OnceCell<Box<str>>,
    ended: Event,
    outcome: OnceCell<Outcome>,
    handed: Event,
    thread: RaceCell<Option<*mut dyn NativeThread>>,
    reaped: OnceFlag,
    adopted: bool,
}

// SAFETY: the thread behind the pointer is `Send`, and used by one at a time (THREAD-3); the rest is `Send`.
unsafe impl Send for Life {}
// SAFETY: as above; the rest is `Sync`.
unsafe impl Sync for Life {}

impl Life {
    /// A life before its start.
    pub(crate) fn fresh() -> Self {
        Self {
            state: StateWord::fresh(),
            ident: AtomicU64::new(0),
            native: AtomicU64::new(0),
            name: OnceCell::new(),
            ended: Event::new(),
            outcome: OnceCell::new(),
            handed: Event::new(),
            thread: RaceCell::new(None),
            reaped: OnceFlag::new(),
            adopted: false,
        }
    }

    /// The life of the calling thread, whoever started it.
    pub(crate) fn of_this_thread() -> Self {
        let mut life = Self::fresh();
        life.state = StateWord::started(fork::generation());
        life.set_ident(ident::current().get());
        life.native = AtomicU64::new(ident::native());
        life.adopted = true;
        life.handed.notify();
        life
    }

    /// Claims a fresh life for a start (THREAD-1).
    pub(crate) fn claim(&self, ident: &Reserved, name: Option<&str>) -> bool {
        if !self.state.claim(fork::generation()) {
            return false;
        }
        self.set_ident(ident.get().get());
        if let Some(name) = name {
            self.name.get_or_init(|| name.into());
        }
        true
    }

    fn set_ident(&self, ident: u64) {
        // ORD: Relaxed, published by `StateWord::begin` (STAGE-2); the thread itself was started after it.
        self.ident.store(ident, Ordering::Relaxed);
    }

    /// The thread is there; called on it.
    pub(crate) fn begin(&self, ident: Option<Reserved>) {
        if ident.is_none_or(|reserved| reserved.adopt().is_err()) {
            self.set_ident(ident::current().get());
        }
        // ORD: Relaxed, published by `StateWord::begin` (STAGE-2).
        self.native.store(ident::native(), Ordering::Relaxed);
        self.state.begin(fork::generation());
    }

    /// The system has the thread; called by the starter. Without a thread there is nothing to join.
    pub(crate) fn hand_over(&self, thread: Option<Box<dyn NativeThread>>) {
        if let Some(thread) = thread {
            // SAFETY: the starter alone writes, once, and nobody looks before `handed` is set (THREAD-3).
            unsafe { self.thread.set(Some(Box::into_raw(thread))) };
            self.state.begin(self.state.look().generation());
        }
        self.handed.notify();
    }

    /// The end; called once, by the thread or by who knows that there is none (THREAD-2).
    pub(crate) fn finish(&self, outcome: Outcome) {
        if seeded("thread-ended-early") {
            self.ended.notify();
        }
        self.outcome.get_or_init(|| outcome);
        self.ended.notify();
    }

    /// Ends the life of an adopted thread.
    pub(crate) fn set_done(&self) -> Result<(), NotAdopted> {
        if !self.adopted {
            return Err(NotAdopted);
        }
        self.finish(Outcome::Returned);
        Ok(())
    }

    /// Waits for the end.
    pub(crate) fn join(
        &self,
        timeout: Option<Duration>,
        flags: LockFlags,
    ) -> Result<Outcome, JoinError> {
        if self.is_own() {
            return Err(JoinError::OwnThread);
        }
        let seen = self.look_begun()?;
        if self.is_lost(seen) {
            return Ok(self.outcome());
        }
        match self.ended.wait_status(timeout, flags) {
            LockStatus::Acquired => {}
            LockStatus::Failure => return Err(JoinError::TimedOut),
            LockStatus::Intr => return Err(JoinError::Interrupted),
        }
        self.dispose(seen, |thread| hooks::detached(|| thread.join()));
        Ok(self.outcome())
    }

    /// Gives the system's thread up; the life goes on.
    pub(crate) fn detach(&self) -> Result<(), JoinError> {
        let seen = self.look_begun()?;
        self.dispose(seen, drop);
        Ok(())
    }

    /// The state of a life that there is something to join of.
    fn look_begun(&self) -> Result<Seen, JoinError> {
        // In this order: what has ended is seen to have been claimed, and by whom.
        let ended = self.ended.is_set();
        let seen = self.state.look();
        if ended || seen.is_started() || self.is_lost(seen) {
            return Ok(seen);
        }
        Err(JoinError::NotStarted)
    }

    /// Joins or detaches the system's thread, or waits for who does (THREAD-3).
    fn dispose(&self, seen: Seen, how: impl FnOnce(Box<dyn NativeThread>)) {
        if seen.generation() != fork::generation() {
            return;
        }
        let once = || {
            if !seeded("thread-not-handed") {
                self.handed.wait();
            }
            if let Some(thread) = self.take_thread() {
                how(thread);
            }
            Ok::<(), Infallible>(())
        };
        if seeded("thread-join-early") {
            let Ok(()) = once();
            return;
        }
        let Ok(()) = self.reaped.call_once(once);
    }

    /// The system's thread, for the first who asks. One at a time, after `handed`.
    fn take_thread(&self) -> Option<Box<dyn NativeThread>> {
        // SAFETY: after `handed` nobody but the one run of `reaped` uses the place (THREAD-3).
        let thread = unsafe { self.thread.get() }?;
        // SAFETY: as above.
        unsafe { self.thread.set(None) };
        // SAFETY: from a box in `hand_over`, and taken out of its place just now.
        Some(unsafe { Box::from_raw(thread) })
    }

    /// How it ended; lost if nobody said.
    fn outcome(&self) -> Outcome {
        self.outcome.get().cloned().unwrap_or(Outcome::Lost)
    }

    pub(crate) fn state(&self) -> State {
        let seen = self.state.look();
        if self.ended.is_set() || self.is_lost(seen) {
            State::Done
        } else if seen.is_started() {
            State::Running
        } else if seen.is_fresh() {
            State::NotStarted
        } else {
            State::Starting
        }
    }

    fn is_lost(&self, seen: Seen) -> bool {
        !seen.is_fresh() && fork::is_lost(seen.generation(), self.ident())
    }

    /// Whether the calling thread is the one (THREAD-4).
    fn is_own(&self) -> bool {
        self.ident() == ident::current().get()
    }

    /// The ident, 0 before the start.
    pub(crate) fn ident(&self) -> u64 {
        // ORD: Relaxed, a thread that can meet itself here wrote it or was started after; others come by way of the
        // state (STAGE-2).
        self.ident.load(Ordering::Relaxed)
    }

    /// The system's number, 0 before the thread has said it.
    pub(crate) fn native(&self) -> u64 {
        let seen = self.state.look();
        // ORD: Relaxed, behind the Acquire of `look`: where the thread has begun, it is there (STAGE-2).
        let native = self.native.load(Ordering::Relaxed);
        fork::native(seen.generation(), self.ident(), native)
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.get().map(|name| &**name)
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let seen = self.state.look();
        if seen.is_fresh() || seen.generation() == fork::generation() {
            // Nobody else has the life. What another process's thread was writing when it was forked is not looked at
            // (THREAD-6).
            drop(self.take_thread());
        }
    }
}
