//! Detach and attach by one thread, which is what "allow threads" costs when nobody wants anything.

use std::cell::RefCell;
use std::hint::black_box;

use crossbeam_utils::CachePadded;
use pyceval::Runtime;

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::Goal;
use crate::peers::cpython;
use crate::peers::exclusive::{BareExchanges, Exclusive};
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row.
pub const ROW: Row = Row {
    name: "attach",
    about: "detach + attach of a thread state, free-threaded and with a GIL",
    cells,
};

const CPYTHON: &str = "CPython";

fn cells(context: &Context) -> Vec<Cell> {
    [("free-threaded", false), ("with a GIL", true)]
        .into_iter()
        .map(|(label, gil)| {
            let rival = cpython::api().is_some() && cpython::has_gil() == gil;
            let context = context.clone();
            Cell {
                row: ROW.name,
                label: label.into(),
                place: None,
                operation: "detach + attach",
                even: false,
                goal: if rival {
                    Goal::AtMost { factor: 0.8, of: CPYTHON.into() }
                } else {
                    Goal::Open("held against CPython's, built the same way: --libpython")
                },
                plan: context.solo_plan(),
                contestants: Box::new(move || {
                    let mut arms = vec![ours(Role::Ours, gil), ours(Role::Control, gil), limit()];
                    if rival {
                        arms.push(theirs());
                    }
                    arms.retain(|arm| context.admits(arm.label()));
                    Contestants::Solo(Solo { arms })
                }),
            }
        })
        .collect()
}

fn ours(role: Role, gil: bool) -> SoloArm {
    let started = Runtime::builder().gil(gil).start_with_hooks_installed();
    let (_runtime, main) = started.expect("the default interval is long enough");
    let main = RefCell::new(main);
    SoloArm::new(name_in(role, "pyceval"), role, move |passes| {
        let mut main = main.borrow_mut();
        let attached = main.attach().expect("a bench thread is not attached");
        for _ in 0..passes {
            let attached = black_box(&attached);
            straight_line!(attached.detached(|| {}));
        }
    })
}

fn theirs() -> SoloArm {
    let interpreter = cpython::Interpreter::main();
    let thread = interpreter.new_thread();
    SoloArm::new(CPYTHON, Role::Peer, move |passes| {
        // SAFETY: the state is this arm's own, made for this thread, and detached between the passes; each save gives
        // the state back that the next restore takes.
        unsafe {
            interpreter.restore(thread);
            for _ in 0..passes {
                straight_line!({
                    let saved = interpreter.save();
                    interpreter.restore(saved);
                });
            }
            interpreter.save();
        }
    })
}

/// Two compare-exchanges.
fn limit() -> SoloArm {
    let lock = CachePadded::new(BareExchanges::fresh());
    SoloArm::new(BareExchanges::NAME, Role::Limit, move |passes| {
        for _ in 0..passes {
            let lock = black_box(&*lock);
            straight_line!(lock.with(|_| {}));
        }
    })
}
