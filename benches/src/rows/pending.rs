//! Pending calls by one thread: a call is added, its bit set, and found by the poll that runs it.

use std::hint::black_box;

use crossbeam_utils::CachePadded;

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::Goal;
use crate::peers::pending::{BareRing, BoxedInDeque, CPython, Calls, Ours};
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row.
pub const ROW: Row =
    Row { name: "pending", about: "pending call add + drain by one thread", cells };

fn cells(context: &Context) -> Vec<Cell> {
    let context = context.clone();
    vec![Cell {
        row: ROW.name,
        label: "one call".into(),
        place: None,
        operation: "add + drain",
        even: false,
        goal: Goal::AtMost { factor: 1.2, of: BareRing::NAME.into() },
        plan: context.solo_plan(),
        contestants: Box::new(move || {
            let mut arms = vec![
                arm::<Ours>(Role::Ours),
                arm::<Ours>(Role::Control),
                arm::<BareRing>(Role::Limit),
                arm::<BoxedInDeque>(Role::Peer),
            ];
            if context.cpython {
                arms.push(arm::<CPython>(Role::Peer));
            }
            arms.retain(|arm| context.admits(arm.label()));
            Contestants::Solo(Solo { arms })
        }),
    }]
}

fn arm<C: Calls>(role: Role) -> SoloArm {
    let calls = CachePadded::new(C::fresh());
    SoloArm::new(name_in(role, C::NAME), role, move |passes| {
        calls.holding(|| {
            for _ in 0..passes {
                let calls = black_box(&*calls);
                straight_line!({
                    calls.add();
                    calls.drain();
                });
            }
        });
    })
}
