//! Critical sections by one thread: of one mutex, of two, and inside a section of the same mutex.
//!
//! Those that lock run back to back, and apart: see [`pace`](crate::pace).

use std::hint::black_box;

use crossbeam_utils::CachePadded;

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::Goal;
use crate::pace::{Pace, gap};
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
    One(Pace),
    Pair(Pace),
    /// There is no read-modify-write in it, but in what it is held against.
    Same,
}

/// The arm that a nested section is held against: as many compare-exchanges as a section of its own would need.
const TWO: &str = BareExchanges::NAME;
const FOUR: &str = "four compare-exchanges";

fn cells(context: &Context) -> Vec<Cell> {
    let at_most = |factor, of: &str| Goal::AtMost { factor, of: of.into() };
    let locking = Pace::ALL.into_iter().flat_map(|pace| {
        [
            (format!("one mutex, {pace}"), Kind::One(pace), at_most(1.1, TWO)),
            (format!("two mutexes, {pace}"), Kind::Pair(pace), at_most(1.1, FOUR)),
        ]
    });
    // No read-modify-write: well below half of what two of them take.
    let same = ("same mutex, nested".into(), Kind::Same, at_most(0.4, TWO));
    let all = locking.chain([same]);
    all.map(|(label, kind, goal)| {
        let context = context.clone();
        Cell {
            row: ROW.name,
            label,
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
    arms.push(match kind {
        Kind::One(Pace::Apart) => two::<true>(),
        Kind::One(Pace::BackToBack) | Kind::Same => two::<false>(),
        Kind::Pair(Pace::Apart) => four::<true>(),
        Kind::Pair(Pace::BackToBack) => four::<false>(),
    });
    if kind != Kind::Same {
        arms.push(arm::<Inlined>(Role::Peer, kind));
    }
    arms.retain(|arm| context.admits(arm.label()));
    arms
}

fn arm<S: Sections>(role: Role, kind: Kind) -> SoloArm {
    let (a, b) = (CachePadded::new(S::fresh()), CachePadded::new(S::fresh()));
    SoloArm::new(name_in(role, S::NAME), role, move |passes| {
        let locks = (&*a, &*b);
        match kind {
            Kind::One(Pace::BackToBack) => one_each::<S, false>(locks, passes),
            Kind::One(Pace::Apart) => one_each::<S, true>(locks, passes),
            Kind::Pair(Pace::BackToBack) => two_each::<S, false>(locks, passes),
            Kind::Pair(Pace::Apart) => two_each::<S, true>(locks, passes),
            Kind::Same => S::one(&a, || one_each::<S, false>(locks, passes)),
        }
    })
}

// Closures of their own for each section, as a program has: of one type they would be one function, and called.
fn one_each<S: Sections, const APART: bool>((a, _): (&S::Mutex, &S::Mutex), passes: u64) {
    for _ in 0..passes {
        let a = black_box(a);
        straight_line!({
            gap::<APART>();
            S::one(a, || {
                gap::<APART>();
            });
        });
    }
}

fn two_each<S: Sections, const APART: bool>((a, b): (&S::Mutex, &S::Mutex), passes: u64) {
    for _ in 0..passes {
        let (a, b) = (black_box(a), black_box(b));
        straight_line!({
            gap::<APART>();
            S::two(a, b, || {
                gap::<APART>();
            });
        });
    }
}

fn two<const APART: bool>() -> SoloArm {
    let lock = CachePadded::new(BareExchanges::fresh());
    SoloArm::new(TWO, Role::Limit, move |passes| {
        for _ in 0..passes {
            let lock = black_box(&*lock);
            straight_line!({
                gap::<APART>();
                lock.with(|_| gap::<APART>());
            });
        }
    })
}

/// As many gaps as a section of two has, which locks one mutex right behind the other.
fn four<const APART: bool>() -> SoloArm {
    let locks = [(); 2].map(|()| CachePadded::new(BareExchanges::fresh()));
    SoloArm::new(FOUR, Role::Limit, move |passes| {
        for _ in 0..passes {
            let [a, b] = black_box(&locks);
            straight_line!({
                gap::<APART>();
                a.with(|_| b.with(|_| gap::<APART>()));
            });
        }
    })
}
