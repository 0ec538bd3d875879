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
        if runtime::detaches() != detaches {
            self.judge_detach(worker);
        }
        match status {
            LockStatus::Acquired => {}
            LockStatus::Failure => worker.timed_out(self.timeout, took),
            LockStatus::Intr => self.judge_interrupt(worker),
        }
        let ended = !runtime::pending_calls_failed() || status == LockStatus::Intr;
        worker.expect(ended, Rule::Status, || format!("pending calls failed, then {status:?}"));
        worker.inbox.maybe_received();
        Some(status == LockStatus::Acquired)
    }

    fn judge_detach(self, worker: &Worker<'_>) {
        let asked = self.flags.contains(LockFlags::DETACH);
        worker.expect(asked, Rule::Hooks, || "detached without being asked to".into());
        let zero = self.timeout == Some(Duration::ZERO);
        worker.expect(!zero, Rule::Hooks, || "a zero timeout detached, so it slept".into());
    }

    fn judge_interrupt(self, worker: &Worker<'_>) {
        let heeded = self.flags.contains(LockFlags::FAIL_IF_INTERRUPTED)
            || self.flags.contains(LockFlags::HANDLE_SIGNALS) && runtime::pending_calls_failed();
        worker.expect(heeded, Rule::Status, || format!("Intr, but the flags are {:?}", self.flags));
        worker.interrupted();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::Findings;
    use crate::worker::tests::with_worker;

    /// What is found when a call with `flags` returns `status` at once; `pending` runs inside it.
    fn judged(flags: LockFlags, status: LockStatus, pending: impl FnOnce()) -> Findings {
        let patience = Patience { timeout: Some(Duration::ZERO), flags, pending_fails: true };
        with_worker(|worker| {
            worker.inbox.life().interrupt();
            let call = || {
                pyparking::take_interrupt();
                pending();
                Some(status)
            };
            let came = patience.wait(worker, call);
            assert_eq!(came, Some(status == LockStatus::Acquired));
        })
    }

    fn run_pending() {
        runtime::install();
        assert!(pyparking::hooks::run_pending().is_err());
    }

    #[test]
    fn an_interrupt_that_the_flags_do_not_heed_is_noticed() {
        let clean = judged(LockFlags::FAIL_IF_INTERRUPTED, LockStatus::Intr, || {});
        assert!(!clean.any(), "{:?}", clean.kept());
        assert!(judged(LockFlags::DETACH, LockStatus::Intr, || {}).broke(Rule::Status));
        assert!(judged(LockFlags::HANDLE_SIGNALS, LockStatus::Intr, || {}).broke(Rule::Status));
    }

    #[test]
    fn pending_calls_that_fail_end_the_wait() {
        assert!(!judged(LockFlags::HANDLE_SIGNALS, LockStatus::Intr, run_pending).any());
        let ignored = judged(LockFlags::HANDLE_SIGNALS, LockStatus::Acquired, run_pending);
        assert!(ignored.broke(Rule::Status));
    }

    #[test]
    fn a_detach_that_was_not_asked_for_is_noticed() {
        let detach = || {
            runtime::install();
            runtime::set_member(true);
            let hooks = pyparking::hooks::installed().expect("installed above");
            (hooks.attach)((hooks.detach)());
        };
        assert!(judged(LockFlags::EMPTY, LockStatus::Acquired, detach).broke(Rule::Hooks));
        let slept = judged(LockFlags::DETACH, LockStatus::Acquired, detach);
        assert!(slept.kept()[0].detail.contains("zero timeout"));
    }

    #[test]
    fn no_call_is_no_result() {
        let patience = Patience::draw(&mut Rng::new(1));
        with_worker(|worker| assert_eq!(patience.wait(worker, || None), None));
    }
}
