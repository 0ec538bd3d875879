//! A make-believe runtime: half of the workers are "attached", and the hooks check how they are
//! called.
//!
//! * `detach` comes only from an attached thread, `attach` only from the thread that was detached,
//!   with its token.
//! * When `attach` comes the thread stands in no queue (the parking row says when it does).
//! * A call with a zero timeout never detaches, because it never sleeps.
//! * A member's critical sections lock, and are suspended while it is detached; others' suspend each other.
//! * A guest of a real runtime (rows that have one of their own) is left to that runtime's hooks.
//! * Pending calls fail when the worker asked for it, so that `HANDLE_SIGNALS` can be judged.

use pycritsec::runtime::{self as sections, Chain, Mode};
use pyparking::hooks::{self, Hooks, PendingFailed};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

static HOOKS: Hooks = Hooks { detach, attach, run_pending, fatal };

/// What this file knows about the calling thread.
#[derive(Default)]
struct Seat {
    member: Cell<bool>,
    guest: Cell<bool>,
    detached: Cell<bool>,
    detaches: Cell<u64>,
    queued: Cell<Option<NonNull<AtomicBool>>>,
    pending_fails: Cell<bool>,
    pending_failed: Cell<bool>,
    complaint: RefCell<Option<String>>,
    chain: Cell<Chain>,
}

impl Seat {
    fn is_queued(&self) -> bool {
        // SAFETY: the flag lives until `not_queued`, as promised to `queued_until`.
        let flag = self.queued.get().map(|flag| unsafe { flag.as_ref() });
        // ORD: Relaxed, set under the bucket lock before the wake that let this thread go on.
        flag.is_some_and(|dequeued| !dequeued.load(Ordering::Relaxed))
    }

    fn complain(&self, text: impl Into<String>) {
        self.complaint.borrow_mut().get_or_insert_with(|| text.into());
    }

    fn token(&self) -> *mut () {
        std::ptr::from_ref(self).cast_mut().cast()
    }
}

thread_local! {
    static SEAT: Seat = Seat::default();
}

/// Installs the hooks for the rest of the process. Doing so again is fine.
pub fn install() {
    // Another test of this process may have installed the same table before.
    let _already = hooks::install(&HOOKS);
}

/// The calling thread joins the runtime, or leaves it.
pub fn set_member(member: bool) {
    let mode = if member { Mode::Locking } else { Mode::Standalone };
    SEAT.with(|seat| seat.member.set(member));
    // SAFETY: detached just now, by this thread.
    unsafe { sections::attach(sections::detach(), mode) };
}

/// How often the calling thread has been detached.
pub fn detaches() -> u64 {
    SEAT.with(|seat| seat.detaches.get())
}

/// The calling thread stands in a queue until it says otherwise or the flag is set; called under
/// the bucket lock. The flag must live until [`not_queued`] is called.
pub fn queued_until(dequeued: &AtomicBool) {
    SEAT.with(|seat| seat.queued.set(Some(NonNull::from(dequeued))));
}

/// The calling thread stands in no queue.
pub fn not_queued() {
    SEAT.with(|seat| seat.queued.set(None));
}

/// Whether the next pending calls of this thread fail; forgets whether earlier ones did.
pub fn let_pending_calls_fail(fail: bool) {
    SEAT.with(|seat| {
        seat.pending_fails.set(fail);
        seat.pending_failed.set(false);
    });
}

/// Whether pending calls of this thread failed since [`let_pending_calls_fail`].
pub fn pending_calls_failed() -> bool {
    SEAT.with(|seat| seat.pending_failed.get())
}

/// What the hooks found wrong on this thread since the last look, and whether it is attached as it
/// should be.
pub fn complaint() -> Option<String> {
    SEAT.with(|seat| {
        if seat.detached.get() {
            seat.complain("a call returned and left the thread detached");
        }
        seat.complaint.borrow_mut().take()
    })
}

/// Runs `f` with the calling thread as a guest of a real runtime, which attaches and detaches it.
pub fn as_guest<R>(f: impl FnOnce() -> R) -> R {
    let member = is_member();
    set_member(false);
    SEAT.with(|seat| seat.guest.set(true));
    let result = f();
    SEAT.with(|seat| seat.guest.set(false));
    set_member(member);
    result
}

fn is_member() -> bool {
    SEAT.with(|seat| seat.member.get())
}

fn is_guest() -> bool {
    SEAT.with(|seat| seat.guest.get())
}

fn detach() -> *mut () {
    if is_guest() {
        return (pyceval::HOOKS.detach)();
    }
    SEAT.with(|seat| {
        if !seat.member.get() {
            return std::ptr::null_mut();
        }
        if seat.detached.replace(true) {
            seat.complain("detach of a thread that is detached");
        }
        seat.detaches.set(seat.detaches.get() + 1);
        seat.chain.set(sections::detach());
        seat.token()
    })
}

fn attach(token: *mut ()) {
    if is_guest() {
        return (pyceval::HOOKS.attach)(token);
    }
    SEAT.with(|seat| {
        if token != seat.token() {
            seat.complain("attach with the token of another thread");
        }
        if !seat.detached.replace(false) {
            seat.complain("attach of a thread that is attached");
        }
        if seat.is_queued() {
            seat.complain("attach of a thread that still stands in a queue");
        }
        // SAFETY: detached by this thread's hook, in a frame above.
        unsafe { sections::attach(seat.chain.take(), Mode::Locking) };
    });
}

fn run_pending() -> Result<(), PendingFailed> {
    if is_guest() {
        return (pyceval::HOOKS.run_pending)();
    }
    SEAT.with(|seat| {
        if seat.pending_fails.get() {
            seat.pending_failed.set(true);
            return Err(PendingFailed);
        }
        Ok(())
    })
}

/// A fatal error ends the run at once, with the way to repeat it: the state of the locks is
/// unknown.
fn fatal(report: &dyn fmt::Display) {
    eprintln!("\nfatal error: {report}");
    crate::repeat::print();
    std::process::exit(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proper_use_is_no_complaint() {
        set_member(true);
        let token = detach();
        attach(token);
        assert_eq!((detaches(), complaint()), (1, None));
    }

    #[test]
    fn strangers_are_not_detached() {
        assert!(detach().is_null());
        assert_eq!((detaches(), complaint()), (0, None));
    }

    #[test]
    fn each_kind_of_misuse_is_noticed() {
        set_member(true);
        attach(SEAT.with(Seat::token));
        assert!(complaint().unwrap().contains("is attached"));
        let token = detach();
        assert!(complaint().unwrap().contains("left the thread detached"));
        detach();
        assert!(complaint().unwrap().contains("is detached"));
        attach(std::ptr::without_provenance_mut(8));
        assert!(complaint().unwrap().contains("another thread"));
        let dequeued = AtomicBool::new(false);
        queued_until(&dequeued);
        detach();
        attach(token);
        assert!(complaint().unwrap().contains("in a queue"));
        // ORD: Relaxed, one thread.
        dequeued.store(true, Ordering::Relaxed);
        detach();
        attach(token);
        assert_eq!(complaint(), None);
        not_queued();
    }

    #[test]
    fn pending_calls_fail_when_asked_to() {
        assert!(run_pending().is_ok());
        let_pending_calls_fail(true);
        assert!(run_pending().is_err() && pending_calls_failed());
        let_pending_calls_fail(false);
        assert!(!pending_calls_failed());
    }
}
