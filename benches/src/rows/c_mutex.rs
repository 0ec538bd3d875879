//! `PyMutex` through pycapi's header against CPython's own, uncontended and contended.

use super::contended::{self, Contended};
use super::{Roll, Row, threads_named, uncontended};
use crate::arm::Role;
use crate::cell::{Cell, Contestants, Place};
use crate::context::Context;
use crate::crew::Lineup;
use crate::goal::{Goal, Rivals};
use crate::peers::exclusive::{BareExchanges, Exclusive};
use crate::peers::{cpython, pycapi};
use crate::solo::Solo;

/// The row.
pub const ROW: Row = Row {
    name: "c-mutex",
    about: "PyMutex through pycapi.h, alone and by 2 to 16 threads, against CPython's own C code",
    cells,
};

fn cells(context: &Context) -> Vec<Cell> {
    let mut cells = vec![alone(context)];
    for section in context.sections_or(&[1, 20], &[1]) {
        for threads in context.threads_or(&[2, 4, 16], &[2, 16]) {
            cells.push(together(context, Place { threads, section, outside: 0 }));
        }
    }
    cells
}

/// The cell of one thread: as dear as CPython's, or if that is not there, as the bare operations.
fn alone(context: &Context) -> Cell {
    let of = if context.cpython { cpython::Guarded::NAME } else { BareExchanges::NAME };
    let context = context.clone();
    Cell {
        row: ROW.name,
        label: "lock + unlock".into(),
        place: None,
        operation: "lock + unlock",
        even: false,
        goal: Goal::AtMost { factor: 1.05, of: of.into() },
        plan: uncontended::plan(&context),
        contestants: Box::new(move || {
            let mut arms = vec![
                uncontended::arm::<pycapi::Guarded>(Role::Ours),
                uncontended::arm::<pycapi::Guarded>(Role::Control),
                uncontended::arm::<BareExchanges>(Role::Limit),
            ];
            if context.cpython {
                arms.push(uncontended::arm::<cpython::Guarded>(Role::Peer));
            }
            Contestants::Solo(Solo { arms })
        }),
    }
}

fn together(context: &Context, place: Place) -> Cell {
    let plan = context.crew_plan_for(place.threads);
    let context = context.clone();
    let goal = if context.cpython {
        Goal::Ahead { of: Rivals::Everyone, jain: Some(0.9), cpu: false }
    } else {
        Goal::Open("none without CPython's library (--libpython)")
    };
    Cell {
        row: ROW.name,
        label: format!("{}, {} inside", threads_named(place.threads), place.section),
        place: Some(place),
        operation: "lock + unlock",
        even: true,
        goal,
        plan,
        contestants: Box::new(move || {
            let mut roll = Roll::new(&context);
            roll.add(Contended::<pycapi::Guarded>::new(Role::Ours, place))
                .add(Contended::<pycapi::Guarded>::new(Role::Control, place))
                .add(contended::Alone(Contended::new(Role::Limit, place)));
            if context.cpython {
                roll.add(Contended::<cpython::Guarded>::new(Role::Peer, place));
            }
            let arms = roll.arms;
            Contestants::Crew(Lineup { arms, threads: place.threads, pins: Vec::new() })
        }),
    }
}
