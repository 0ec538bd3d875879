//! What a poll does when an event is set.
//!
//! Port of: `_Py_HandlePending` (Python/ceval_gil.c)
//! PORT: every step but the GIL's and the world's is a handler that the embedder supplies, or a queue that it fills.

use crate::attached::Attached;
use crate::breaker::Events;
use crate::raised::Raised;
use pyparking::primitive::seeded;

/// Calls of an interpreter that one pass runs. Port of: `MAXPENDINGCALLSLOOP` (Include/internal/pycore_interp.h)
pub(crate) const CALLS_PER_PASS: usize = 100;
/// Calls of the main thread's queue that one pass runs: all. Port of: `MAXPENDINGCALLSLOOP_MAIN` (Include/internal/pycore_interp.h)
pub(crate) const MAIN_CALLS_PER_PASS: usize = MAIN_CALLS;
/// Places of an interpreter's queue. Port of: `MAXPENDINGCALLS` (Include/internal/pycore_interp.h)
pub(crate) const CALLS: usize = 300;
/// Places of the main thread's queue. Port of: `MAXPENDINGCALLS_MAIN` (Include/internal/pycore_interp.h)
pub(crate) const MAIN_CALLS: usize = 32;

impl Attached<'_> {
    /// Serves what is set, in CPython's order.
    #[cold]
    pub(crate) fn handle_pending(&self) -> Result<(), Raised> {
        self.thread().expect_attached();
        if self.thread().pause.get().is_some() {
            // WORLD-3: whatever is wanted waits until the world starts.
            return Ok(());
        }
        let events = self.breaker().events();
        let place = self.thread().member.place();
        // SAFETY: attached, so online; whoever borrows across a poll has a guard.
        unsafe { place.quiescent() };
        if events.contains(Events::PLEASE_STOP) {
            self.step_aside();
        }
        self.run_signals_and_calls(events)?;
        let handlers = &*self.thread().runtime().handlers;
        if events.contains(Events::EXPLICIT_MERGE) && self.breaker().take(Events::EXPLICIT_MERGE) {
            if !seeded("merge-unserved") {
                // SAFETY: as above.
                unsafe { place.serve() };
            }
            handlers.merge_refcounts(self);
        }
        if events.contains(Events::GC_SCHEDULED) && self.breaker().take(Events::GC_SCHEDULED) {
            handlers.collect(self)?;
        }
        if events.contains(Events::JIT_INVALIDATE_COLD)
            && self.breaker().take(Events::JIT_INVALIDATE_COLD)
        {
            handlers.invalidate_cold_code(self);
        }
        if self.breaker().events().contains(Events::GIL_DROP_REQUEST) {
            self.step_aside();
        }
        self.raise_what_was_sent(events)
    }

    /// Signals, then pending calls: what an interrupted wait runs too.
    ///
    /// Port of: `_PyRunPendingCalls`, `make_pending_calls` (Python/ceval_gil.c)
    pub(crate) fn run_signals_and_calls(&self, events: Events) -> Result<(), Raised> {
        let runtime = self.thread().runtime();
        let main = runtime.is_main(self.thread());
        if main && events.contains(Events::SIGNALS_PENDING) {
            runtime.signals.deliver(self)?;
        }
        if events.contains(Events::CALLS_TO_DO) && self.breaker().take(Events::CALLS_TO_DO) {
            self.run_calls(main)?;
        }
        Ok(())
    }

    /// One pass over each queue behind the bit, which has been taken: each sets it again for what it leaves.
    fn run_calls(&self, main: bool) -> Result<(), Raised> {
        self.shared().calls.run_after_take(CALLS_PER_PASS, self.breaker(), self)?;
        if main {
            let calls = &self.thread().runtime().main_calls;
            calls.run_after_take(MAIN_CALLS_PER_PASS, self.breaker(), self)?;
        }
        Ok(())
    }

    /// Detaches, so that a stop or a waiter for the GIL gets what it wants, and attaches again.
    fn step_aside(&self) {
        self.thread().detach();
        self.thread().attach_again();
    }

    fn raise_what_was_sent(&self, events: Events) -> Result<(), Raised> {
        let there = events.contains(Events::ASYNC_EXCEPTION);
        if there && self.breaker().take(Events::ASYNC_EXCEPTION) {
            return self.thread().sent().map_or(Ok(()), Err);
        }
        Ok(())
    }
}
