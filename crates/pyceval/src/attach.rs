//! Attach and detach: the two halves of "allow threads", and of every sleep in a lock.
//!
//! | attach | detach |
//! |---|---|
//! | 1. take the GIL, if there is one | 1. suspend all critical sections |
//! | 2. state word 0→odd; while it is 2 give the GIL back, wait, begin again; so too if there is a GIL by now that step 1 did not take | 2. forget the current thread |
//! | 3. refuse if the interpreter is ending (EXIT-1), or a fork has left the thread behind (FORK-2) | 3. state word odd→0, or odd→2 if a stop wants it |
//! | 4. remember the current thread, for this crate and for [`pyref`], copy the instrumentation version | 4. drop the GIL |
//! | 5. resume the top critical section, which may block and so detach and attach again | |
//!
//! * ATTACH-1: a thread that is attached under a GIL holds it, from before step 2 until after detach's step 3.
//! * ATTACH-2: a thread that waits for the GIL or for the world to start is in no queue but that one, holds no GIL,
//!   and has no active critical section: it can be waited for by nobody.
//! * ATTACH-3: `errno` (on Windows the last error) is the same after an attach as before it.
//!
//! Port of: `_PyThreadState_Attach` (Python/pystate.c)
//! Port of: `_PyThreadState_Detach` (Python/pystate.c)
//! PORT: CPython waits for the start of the world with the GIL in hand; here it is given back first, so that nobody
//! waits for the world with a GIL.

use crate::breaker::Events;
use crate::current;
use crate::errno;
use crate::exit::{self, Refused};
use crate::thread::Thread;
use crate::world;
use pycritsec::runtime::{self as sections, Mode};
use pyparking::fatal;
use pyparking::primitive::seeded;

impl Thread {
    /// Attaches the calling thread with this state.
    #[inline]
    pub(crate) fn attach(&self) -> Result<(), Refused> {
        errno::kept_from_thread_locals(|| {
            if !current::get().is_null() {
                return Err(Refused::Attached);
            }
            self.attach_detached()
        })
    }

    /// Steps 1 to 5 for a thread that is not attached.
    #[inline]
    fn attach_detached(&self) -> Result<(), Refused> {
        if self.attach_once()? { Ok(()) } else { self.attach_slow() }
    }

    /// Steps 1 to 5, or nothing if a pause is in the way, or one has come and gone and left a GIL that step 1 did not
    /// find. From step 2 on nobody switches it. Whether the thread is attached.
    #[inline]
    fn attach_once(&self) -> Result<bool, Refused> {
        let interpreter = self.interpreter();
        let held = self.take_gil()?;
        if !self.state.try_attach() {
            self.drop_gil();
            return Ok(false);
        }
        if !held && interpreter.gil.is_enabled() {
            self.leave_state();
            return Ok(false);
        }
        if interpreter.is_ended_for(self) {
            return self.refuse();
        }
        current::set(self);
        // SAFETY: the word was made odd above, by this thread.
        unsafe { self.member.place().enter() };
        let version = interpreter.version();
        if self.breaker().version() != version {
            self.breaker().set_version(version);
        }
        // SAFETY: taken by `detach` on this thread, in frames that are still there: the token, or the call that
        // detached, is further up the stack.
        unsafe { sections::attach(self.sections.take(), mode(held)) };
        Ok(true)
    }

    /// Step 1. Whether there is a GIL, which is then held.
    #[inline]
    fn take_gil(&self) -> Result<bool, Refused> {
        let gil = &self.interpreter().gil;
        if !gil.is_enabled() {
            return Ok(false);
        }
        // SAFETY: the state is kept by its handle, which is borrowed for as long as it is attached or attaching, and
        // the GIL is released before that ends (ATTACH-1).
        if unsafe { gil.take_fresh(&self.seat) } { Ok(true) } else { self.wait_for_gil() }
    }

    /// Step 1 when the GIL is not free.
    #[cold]
    fn wait_for_gil(&self) -> Result<bool, Refused> {
        if self.interpreter().is_ended_for(self) {
            // Not to wait for a GIL that the thread would not be allowed to use.
            return Err(Refused::Finalising);
        }
        // SAFETY: as in `take_gil`.
        Ok(errno::kept(|| unsafe { self.interpreter().gil.take(&self.seat) }))
    }

    /// Waits for the end of the pause, if there is one, and tries again.
    #[cold]
    fn attach_slow(&self) -> Result<(), Refused> {
        loop {
            errno::kept(|| self.state.wait());
            if self.state.is_gone() {
                return Err(Refused::LeftBehind);
            }
            if self.attach_once()? {
                return Ok(());
            }
        }
    }

    /// Undoes steps 1 and 2.
    #[cold]
    fn refuse(&self) -> Result<bool, Refused> {
        self.leave_state();
        self.drop_gil();
        Err(Refused::Finalising)
    }

    /// How critical sections behave on this thread, which is attached.
    pub(crate) fn mode(&self) -> Mode {
        mode(self.holds_gil())
    }

    /// Whether the thread holds its interpreter's GIL. For the thread itself.
    #[inline]
    pub(crate) fn holds_gil(&self) -> bool {
        self.interpreter().gil.is_held_by(&self.seat)
    }

    /// Attaches again a thread that was attached before, or ends it (EXIT-2).
    #[inline]
    pub(crate) fn attach_again(&self) {
        if !current::get().is_null() {
            self.left(
                "a detached stretch ends with another state attached",
                "its token to end first",
            );
        }
        if errno::kept_from_thread_locals(|| self.attach_detached()).is_err() {
            // SAFETY: as in `attach_detached`.
            unsafe { sections::abandon(self.sections.take()) };
            // Whoever stops the unwinding and polls is sent on.
            self.breaker().set(Events::PLEASE_STOP);
            exit::exit();
        }
    }

    /// Detaches the calling thread, which has this state attached.
    #[inline]
    pub(crate) fn detach(&self) {
        self.sections.set(sections::detach());
        self.leave();
    }

    /// Steps 2 to 4 of detach.
    #[inline]
    fn leave(&self) {
        current::set(core::ptr::null());
        if !seeded("place-not-left") {
            // SAFETY: this thread has the state attached; the word is made even next.
            unsafe { self.member.place().leave() };
        }
        self.leave_state();
        self.drop_gil();
    }

    /// Detaches at the end of a token. Its sections have ended before: their frames may be gone at the next attach.
    #[inline]
    pub(crate) fn detach_for_good(&self) {
        if self.pause.get().is_some() {
            self.left(
                "an attached thread that has stopped the world ends",
                "the pause to end first",
            );
        }
        let chain = sections::detach();
        if !chain.is_empty() {
            self.left(
                "an attached thread ends inside a critical section",
                "the section to end first",
            );
        }
        self.leave();
    }

    /// Leaves for good if the thread was refused before, and the unwinding was stopped (EXIT-2).
    #[inline]
    pub(crate) fn expect_attached(&self) {
        if !core::ptr::eq(current::get(), self) {
            exit::exit();
        }
    }

    #[cold]
    fn left(&self, found: &str, expected: &str) -> ! {
        fatal("Attached", self, found, expected)
    }

    /// Step 3 of detach.
    #[inline]
    fn leave_state(&self) {
        if self.breaker().is_tripped() && self.breaker().events().contains(Events::PLEASE_STOP) {
            world::detach_or_suspend(self);
        } else {
            self.state.detach();
        }
    }

    /// Step 4 of detach.
    #[inline]
    fn drop_gil(&self) {
        if self.holds_gil() {
            self.interpreter().gil.release(&self.seat);
        }
    }
}

/// How critical sections behave on a thread with or without a GIL.
#[inline]
fn mode(gil: bool) -> Mode {
    if gil { Mode::Bookkeeping } else { Mode::Locking }
}
