//! A slot by one thread: stores of values that the thread made, loads of what it made and of what others did.

use std::hint::black_box;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwapOption;
use crossbeam_epoch::Atomic;
use crossbeam_utils::CachePadded;
use pyref::{LockedSlot, Slot};

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::Goal;
use crate::peers::slot::{Bare, Place};
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row.
pub const ROW: Row = Row {
    name: "slot",
    about: "a slot with a counted value: store, and load + drop, by one thread",
    cells,
};

/// Values that take turns, as in a program that stores what it has just computed. With one or two, each count would be
/// read right behind the drop that wrote it, through a pointer that comes out of the exchange.
const VALUES: usize = 16;

/// What a pass does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Store,
    /// Of a value that no thread owns, so that counting takes read-modify-writes.
    Load,
    /// Of a value that another thread owns, which has left.
    LoadOthers,
    /// Of a value that the loading thread owns.
    LoadOwn,
}

fn cells(context: &Context) -> Vec<Cell> {
    let at_most = |factor, of: &str| Goal::AtMost { factor, of: of.into() };
    [
        ("store, against the limit", "store", Kind::Store, at_most(1.1, Bare::NAME)),
        ("store, against the lock", "store", Kind::Store, at_most(0.55, LockedSlot::<u64>::NAME)),
        ("load of what nobody owns", "load + drop", Kind::Load, at_most(1.1, Bare::NAME)),
        ("load of what others own", "load + drop", Kind::LoadOthers, at_most(1.1, Bare::NAME)),
        ("load of its own", "load + drop", Kind::LoadOwn, at_most(1.1, Bare::NAME)),
    ]
    .into_iter()
    .map(|(label, operation, kind, goal)| {
        let context = context.clone();
        Cell {
            row: ROW.name,
            label: label.into(),
            place: None,
            operation,
            even: false,
            goal,
            plan: context.solo_plan(),
            contestants: Box::new(move || Contestants::Solo(Solo { arms: arms(&context, kind) })),
        }
    })
    .collect()
}

fn arms(context: &Context, kind: Kind) -> Vec<SoloArm> {
    let mut arms = vec![
        arm::<Slot<u64>>(Role::Ours, kind),
        arm::<Slot<u64>>(Role::Control, kind),
        arm::<Bare>(Role::Limit, kind),
        arm::<LockedSlot<u64>>(Role::Peer, kind),
        arm::<ArcSwapOption<u64>>(Role::Peer, kind),
        arm::<Atomic<Arc<u64>>>(Role::Peer, kind),
        arm::<Mutex<Option<Arc<u64>>>>(Role::Peer, kind),
    ];
    arms.retain(|arm| context.admits(arm.label()));
    arms
}

fn arm<P: Place>(role: Role, kind: Kind) -> SoloArm {
    let place = CachePadded::new(P::fresh());
    // Of a thread that owns nothing.
    place.store(P::value(1));
    // Made here: to start a thread takes as long as thousands of loads.
    let theirs = (kind == Kind::LoadOthers).then(of_another::<P>);
    SoloArm::new(name_in(role, P::NAME), role, move |passes| {
        let thread = P::thread();
        let values = [(); VALUES].map(|()| P::value(2));
        match (kind, &theirs) {
            (Kind::LoadOwn, _) => place.store(values[0].clone()),
            (_, Some(theirs)) => place.store(theirs.clone()),
            _ => {}
        }
        for _ in 0..passes {
            let place = black_box(&*place);
            if kind == Kind::Store {
                let mut next = black_box(&values).iter().cycle();
                straight_line!(place.store(next.next().expect("endless").clone()));
            } else {
                straight_line!(black_box(place.load()));
            }
            P::between(&thread);
        }
        // What comes next finds what no thread owns.
        place.store(P::value(1));
        drop(thread);
        place.store(P::value(1));
    })
}

/// A value of a thread that has been and gone. The calling thread works meanwhile, so that it will take its own part again
/// when it works next, and not the other's with what that one owned.
fn of_another<P: Place>() -> P::Value {
    let _thread = P::thread();
    std::thread::scope(|scope| {
        let made = scope.spawn(|| {
            let _thread = P::thread();
            P::value(2)
        });
        made.join().expect("it makes a number")
    })
}
