//! Lock and unlock with nobody else around: the path that nearly every lock takes nearly every time.

use std::hint::black_box;
use std::time::Duration;

use crossbeam_utils::CachePadded;

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::contest::Plan;
use crate::context::Context;
use crate::goal::Goal;
#[cfg(unix)]
use crate::peers::exclusive::Pthread;
use crate::peers::exclusive::{
    BareExchanges, Exclusive, ParkingLot, ParkingLotRaw, Spin, Std, Usync,
};
use crate::peers::{cpython, ours};
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row.
pub const ROW: Row = Row {
    name: "uncontended",
    about: "lock + unlock by one thread, against two bare compare-exchanges",
    cells,
};

fn cells(context: &Context) -> Vec<Cell> {
    let plan = plan(context);
    let context = context.clone();
    vec![Cell {
        row: ROW.name,
        label: "lock + unlock".into(),
        place: None,
        operation: "lock + unlock",
        even: false,
        goal: Goal::AtMost { factor: 1.05, of: BareExchanges::NAME.into() },
        plan,
        contestants: Box::new(move || Contestants::Solo(Solo { arms: arms(&context) })),
    }]
}

/// A tenth of a nanosecond decides here, so these cells take twice the rounds of other solo rows.
pub(super) fn plan(context: &Context) -> Plan {
    let mut plan = context.solo_plan();
    plan.rounds *= 2;
    plan.span = plan.span.min(Duration::from_micros(500));
    plan
}

/// The arms of the row; criterion measures the same ones.
#[must_use]
pub fn arms(context: &Context) -> Vec<SoloArm> {
    let mut arms = vec![
        arm::<ours::Mutex>(Role::Ours),
        arm::<ours::Mutex>(Role::Control),
        arm::<BareExchanges>(Role::Limit),
        arm::<ParkingLot>(Role::Peer),
        arm::<ParkingLotRaw>(Role::Peer),
        arm::<Std>(Role::Peer),
        arm::<Usync>(Role::Peer),
        arm::<Spin>(Role::Peer),
    ];
    #[cfg(unix)]
    arms.push(arm::<Pthread>(Role::Peer));
    if context.cpython {
        arms.push(arm::<cpython::Guarded>(Role::Peer));
    }
    arms.retain(|arm| context.admits(arm.label()));
    arms
}

pub(super) fn arm<L: Exclusive>(role: Role) -> SoloArm {
    let lock = CachePadded::new(L::fresh());
    SoloArm::new(name_in(role, L::NAME), role, move |passes| {
        for _ in 0..passes {
            let lock = black_box(&*lock);
            straight_line!(lock.with(|_| {}));
        }
    })
}
