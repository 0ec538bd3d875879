//! The check of a flag that was done long ago.

use std::hint::black_box;

use crossbeam_utils::CachePadded;

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::Goal;
use crate::peers::once::{BareLoad, CPython, Once, ParkingLot, Spin, Std, Usync};
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row.
pub const ROW: Row =
    Row { name: "once", about: "a one-time flag that is done, against one acquire load", cells };

fn cells(context: &Context) -> Vec<Cell> {
    let plan = context.solo_plan();
    let context = context.clone();
    vec![Cell {
        row: ROW.name,
        label: "done flag".into(),
        place: None,
        operation: "call",
        even: false,
        goal: Goal::AtMost { factor: 1.1, of: BareLoad::NAME.into() },
        plan,
        contestants: Box::new(move || Contestants::Solo(Solo { arms: arms(&context) })),
    }]
}

fn arms(context: &Context) -> Vec<SoloArm> {
    let mut arms = vec![
        arm::<pysync::OnceFlag>(Role::Ours),
        arm::<pysync::OnceFlag>(Role::Control),
        arm::<BareLoad>(Role::Limit),
        arm::<Std>(Role::Peer),
        arm::<ParkingLot>(Role::Peer),
        arm::<Usync>(Role::Peer),
        arm::<Spin>(Role::Peer),
    ];
    if context.cpython {
        arms.push(arm::<CPython>(Role::Peer));
    }
    arms.retain(|arm| context.admits(arm.label()));
    arms
}

fn arm<O: Once>(role: Role) -> SoloArm {
    let flag = CachePadded::new(O::fresh());
    flag.call();
    SoloArm::new(name_in(role, O::NAME), role, move |passes| {
        for _ in 0..passes {
            straight_line!(black_box(&*flag).call());
        }
    })
}
