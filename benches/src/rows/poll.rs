//! The eval breaker's poll: a loop with it against the same loop without.

use std::cell::RefCell;
use std::hint::black_box;

use pyceval::Runtime;

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::Goal;
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row.
pub const ROW: Row =
    Row { name: "poll", about: "eval-breaker poll: a loop with it and without", cells };

const BARE: &str = "the same loop without";

/// Multiplications in a turn, each waiting for the one before: three cycles each on the processors of today.
const CHAIN: usize = 10;

fn cells(context: &Context) -> Vec<Cell> {
    let context = context.clone();
    vec![Cell {
        row: ROW.name,
        label: "ten multiplications".into(),
        place: None,
        operation: "turn",
        even: false,
        // One cycle in thirty.
        goal: Goal::AtMost { factor: 1.034, of: BARE.into() },
        plan: context.solo_plan(),
        contestants: Box::new(move || {
            let mut arms = vec![polling(Role::Ours), polling(Role::Control), bare()];
            arms.retain(|arm| context.admits(arm.label()));
            Contestants::Solo(Solo { arms })
        }),
    }]
}

/// What stands for the interpreted code.
#[inline(always)]
fn turn(mut value: u64) -> u64 {
    for _ in 0..CHAIN {
        value = black_box(value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    value
}

fn polling(role: Role) -> SoloArm {
    let started = Runtime::builder().start_with_hooks_installed();
    let (_runtime, main) = started.expect("the default interval is long enough");
    let main = RefCell::new(main);
    SoloArm::new(name_in(role, "pyceval"), role, move |passes| {
        let mut main = main.borrow_mut();
        let attached = main.attach().expect("a bench thread is not attached");
        let mut value = 1;
        for _ in 0..passes {
            straight_line!({
                value = turn(value);
                attached.poll().expect("nothing was sent");
            });
        }
        black_box(value);
    })
}

fn bare() -> SoloArm {
    SoloArm::new(BARE, Role::Limit, |passes| {
        let mut value = 1;
        for _ in 0..passes {
            straight_line!(value = turn(value));
        }
        black_box(value);
    })
}
