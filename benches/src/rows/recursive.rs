//! Recursive locks by one thread: the first level, and one more level inside it.

use std::hint::black_box;

use crossbeam_utils::CachePadded;

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::{Goal, Rivals};
use crate::peers::exclusive::{BareExchanges, Exclusive};
use crate::peers::recursive::{CPython, ParkingLot, Recursive, Usync};
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row.
pub const ROW: Row =
    Row { name: "recursive", about: "recursive lock + unlock, first level and deeper", cells };

fn cells(context: &Context) -> Vec<Cell> {
    [("first level", false), ("one level deeper", true)]
        .into_iter()
        .map(|(label, deeper)| {
            let context = context.clone();
            Cell {
                row: ROW.name,
                label: label.into(),
                place: None,
                operation: "lock + unlock",
                even: false,
                goal: Goal::Ahead {
                    of: Rivals::Named(&["parking_lot", "CPython"]),
                    jain: None,
                    cpu: false,
                },
                plan: context.solo_plan(),
                contestants: Box::new(move || {
                    Contestants::Solo(Solo { arms: arms(&context, deeper) })
                }),
            }
        })
        .collect()
}

fn arms(context: &Context, deeper: bool) -> Vec<SoloArm> {
    let mut arms = vec![
        arm::<pysync::RecursiveMutex>(Role::Ours, deeper),
        arm::<pysync::RecursiveMutex>(Role::Control, deeper),
        arm::<ParkingLot>(Role::Peer, deeper),
        arm::<Usync>(Role::Peer, deeper),
    ];
    if !deeper {
        arms.push(limit());
    }
    if context.cpython {
        arms.push(arm::<CPython>(Role::Peer, deeper));
    }
    arms.retain(|arm| context.admits(arm.label()));
    arms
}

fn arm<L: Recursive>(role: Role, deeper: bool) -> SoloArm {
    let lock = CachePadded::new(L::fresh());
    SoloArm::new(name_in(role, L::NAME), role, move |passes| {
        let pairs = || {
            for _ in 0..passes {
                let lock = black_box(&*lock);
                straight_line!(lock.with(|| {}));
            }
        };
        if deeper { lock.with(pairs) } else { pairs() }
    })
}

/// Two compare-exchanges: what taking and giving back costs before anything is known about owners.
fn limit() -> SoloArm {
    let lock = CachePadded::new(BareExchanges::fresh());
    SoloArm::new(BareExchanges::NAME, Role::Limit, move |passes| {
        for _ in 0..passes {
            let lock = black_box(&*lock);
            straight_line!(lock.with(|_| {}));
        }
    })
}
