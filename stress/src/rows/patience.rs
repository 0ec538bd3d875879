//! How long a timed lock call may take and what may end it, and whether its result was one that it
//! could have.

use crate::findings::Rule;
use crate::rng::Rng;
use crate::runtime;
use crate::worker::Worker;
use pysync::{LockFlags, LockStatus};
use std::time::Duration;

/// The arguments of a timed lock call.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long to wait.
    pub timeout: Option<Duration>,
    /// What ends the wait beside the lock and the clock.
    pub flags: LockFlags,
    pending_fails: bool,
}

impl Patience {
    /// Random ones: a zero timeout now and then, none sometimes, else up to 3 ms.
    pub fn draw(rng: &mut Rng) -> Self {
        let timeout = match rng.below(8) {
            0 => Some(Duration::ZERO),
            1 => None,
            _ => Some(rng.time_up_to(Duration::from_millis(3))),
        };
        let flags = LockFlags::from_bits_truncate(rng.below(8) as u8);
        Self { timeout, flags, pending_fails: rng.one_in(2) }
    }

    /// Makes the call and judges its result: whether the lock came; `None` if there is no such
    /// call.
    pub fn wait(
        self,
        worker: &Worker<'_>,
        call: impl FnOnce() -> Option<LockStatus>,
    ) -> Option<bool> {
        runtime::let_pending_calls_fail(self.pending_fails);
        let detaches = runtime::detaches();
        let (status, took) = worker.wait(&"lock_timed", call);
        let status = status?;
        if self.timeout == Some(Duration::ZERO) && runtime::detaches() != detaches {
            worker.violation(Rule::Hooks, "a zero timeout detached, so it went to sleep");
        }
        match status {
            LockStatus::Acquired => {}
            LockStatus::Failure => worker.timed_out(self.timeout, took),
            LockStatus::Intr => self.judge_interrupt(worker),
        }
        worker.inbox.maybe_received();
        Some(status == LockStatus::Acquired)
    }

    fn judge_interrupt(self, worker: &Worker<'_>) {
        let heeded = self.flags.contains(LockFlags::FAIL_IF_INTERRUPTED)
            || self.flags.contains(LockFlags::HANDLE_SIGNALS) && runtime::pending_calls_failed();
        worker.expect(heeded, Rule::Status, || format!("Intr, but the flags are {:?}", self.flags));
        worker.interrupted();
    }
}
