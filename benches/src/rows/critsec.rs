//! Critical sections by one thread: of one mutex, of two, and inside a section of the same mutex.

use std::hint::black_box;

use crossbeam_utils::CachePadded;

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::Goal;
use crate::peers::critsec::{Inlined, Ours, Sections};
use crate::peers::exclusive::{BareExchanges, Exclusive};
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row.
pub const ROW: Row = Row {
    name: "critsec",
    about: "critical section begin + end: of one, of two, and of what is held already",
    cells,
};

/// Which section is begun and ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    One,
    Pair,
    Same,
}

/// The arm that a nested section is held against: as many compare-exchanges as a section of its own would need.
const TWO: &str = BareExchanges::NAME;
const FOUR: &str = "four compare-exchanges";

fn cells(context: &Context) -> Vec<Cell> {
    let at_most = |factor, of: &str| Goal::AtMost { factor, of: of.into() };
    [
        ("one mutex", Kind::One, at_most(1.1, TWO)),
        ("two mutexes", Kind::Pair, at_most(1.1, FOUR)),
        // No read-modify-write: well below half of what two of them take.
        ("same mutex, nested", Kind::Same, at_most(0.4, TWO)),
    ]
    .into_iter()
    .map(|(label, kind, goal)| {
        let context = context.clone();
        Cell {
            row: ROW.name,
            label: label.into(),
            place: None,
            operation: "begin + end",
            even: false,
            goal,
            plan: context.solo_plan(),
            contestants: Box::new(move || Contestants::Solo(Solo { arms: arms(&context, kind) })),
        }
    })
    .collect()
}

fn arms(context: &Context, kind: Kind) -> Vec<SoloArm> {
    let mut arms = vec![arm::<Ours>(Role::Ours, kind), arm::<Ours>(Role::Control, kind)];
    arms.push(if kind == Kind::Pair { four() } else { two() });
    if kind != Kind::Same {
        arms.push(arm::<Inlined>(Role::Peer, kind));
    }
    arms.retain(|arm| context.admits(arm.label()));
    arms
}

fn arm<S: Sections>(role: Role, kind: Kind) -> SoloArm {
    let (a, b) = (CachePadded::new(S::fresh()), CachePadded::new(S::fresh()));
    SoloArm::new(name_in(role, S::NAME), role, move |passes| {
        let pass = || {
            for _ in 0..passes {
                let (a, b) = (black_box(&*a), black_box(&*b));
                if kind == Kind::Pair {
                    straight_line!(S::two(a, b, || {}));
                } else {
                    straight_line!(S::one(a, || {}));
                }
            }
        };
        if kind == Kind::Same { S::one(&a, pass) } else { pass() }
    })
}

fn two() -> SoloArm {
    let lock = CachePadded::new(BareExchanges::fresh());
    SoloArm::new(TWO, Role::Limit, move |passes| {
        for _ in 0..passes {
            let lock = black_box(&*lock);
            straight_line!(lock.with(|_| {}));
        }
    })
}

fn four() -> SoloArm {
    let locks = [(); 2].map(|()| CachePadded::new(BareExchanges::fresh()));
    SoloArm::new(FOUR, Role::Limit, move |passes| {
        for _ in 0..passes {
            let [a, b] = black_box(&locks);
            straight_line!(a.with(|_| b.with(|_| {})));
        }
    })
}
