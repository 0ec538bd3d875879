//! A signal that a thread sends itself, from the call that sends it to the callback at the next poll.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pyceval::{Registration, Runtime, ThreadState};

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::Goal;
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row.
pub const ROW: Row =
    Row { name: "signal", about: "raise() to callback at the poll of the same thread", cells };

/// The name of the limit.
const BARE: &str = "bare handler and flag";

/// Signals that do nothing by default: ours, and the bare handler's.
const OURS: i32 = libc::SIGURG;
const THEIRS: i32 = libc::SIGWINCH;

fn cells(context: &Context) -> Vec<Cell> {
    let context = context.clone();
    vec![Cell {
        row: ROW.name,
        label: "same thread".into(),
        place: None,
        operation: "signal",
        even: false,
        goal: Goal::AtMost { factor: 1.1, of: BARE.into() },
        plan: context.solo_plan(),
        contestants: Box::new(move || {
            let listener = Rc::new(RefCell::new(Listener::new()));
            let mut arms =
                vec![ours(Role::Ours, &listener), ours(Role::Control, &listener), bare()];
            arms.retain(|arm| context.admits(arm.label()));
            Contestants::Solo(Solo { arms })
        }),
    }]
}

/// A runtime whose main thread this one is, and that counts its signals.
struct Listener {
    main: ThreadState,
    heard: Arc<AtomicU64>,
    _registration: Registration,
    _runtime: Runtime,
}

impl Listener {
    fn new() -> Self {
        // The other rows measure locks without a runtime: it is not told of this one.
        let started = Runtime::builder().gil(false).start_with_hooks_installed();
        let (runtime, main) = started.expect("the default interval is long enough");
        let heard = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&heard);
        let registration = runtime.signals().on(OURS, move |_attached, _signal| {
            // ORD: Relaxed, one thread.
            count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            Ok(())
        });
        let registration = registration.expect("nobody else has handlers");
        Self { main, heard, _registration: registration, _runtime: runtime }
    }
}

fn ours(role: Role, listener: &Rc<RefCell<Listener>>) -> SoloArm {
    let listener = Rc::clone(listener);
    SoloArm::new(name_in(role, "pyceval"), role, move |passes| {
        let listener = &mut *listener.borrow_mut();
        // ORD: Relaxed, one thread.
        let before = listener.heard.load(Ordering::Relaxed);
        let attached = listener.main.attach().expect("the runtime has not ended");
        for _ in 0..passes {
            straight_line!({
                raise(OURS);
                attached.poll().expect("the callback does not fail");
            });
        }
        drop(attached);
        // ORD: Relaxed, one thread.
        let heard = listener.heard.load(Ordering::Relaxed) - before;
        assert_eq!(heard, passes * crate::solo::PER_PASS, "signals that were delivered");
    })
}

static FLAG: AtomicBool = AtomicBool::new(false);

extern "C" fn set_flag(_signal: libc::c_int) {
    // ORD: Relaxed, one thread.
    FLAG.store(true, Ordering::Relaxed);
}

fn bare() -> SoloArm {
    let handler: extern "C" fn(libc::c_int) = set_flag;
    // SAFETY: the handler does nothing but an atomic store, and all-zero is a valid action but for it.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(THEIRS, &raw const action, std::ptr::null_mut());
    }
    SoloArm::new(BARE, Role::Limit, |passes| {
        let mut heard = 0;
        for _ in 0..passes {
            straight_line!({
                raise(THEIRS);
                // ORD: Relaxed, one thread.
                if FLAG.load(Ordering::Relaxed) {
                    // ORD: Relaxed, one thread.
                    FLAG.store(false, Ordering::Relaxed);
                    heard += 1;
                }
            });
        }
        assert_eq!(heard, passes * crate::solo::PER_PASS, "signals that were seen");
    })
}

#[inline]
fn raise(signal: i32) {
    // SAFETY: both signals have handlers while the row runs, and do nothing without.
    unsafe { libc::raise(signal) };
}
