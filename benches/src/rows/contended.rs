//! The contended matrix: threads that take one lock again and again, with more or less to do inside and outside.
//!
//! The work is that of CPython's lockbench: `value += mine; mine = value` on a floating-point number that shares the
//! lock's cache line. The number soon reaches infinity, where additions cost what they always cost.

use std::hint::black_box;

use crossbeam_utils::CachePadded;

use super::{Roll, Row, name_in, threads_named};
use crate::arm::{Arm, Label, Role, Stop, Tally};
use crate::cell::{Cell, Contestants, Place};
use crate::context::Context;
use crate::crew::Lineup;
use crate::goal::{Goal, Rivals};
#[cfg(unix)]
use crate::peers::exclusive::Pthread;
use crate::peers::exclusive::{BareExchanges, Exclusive, ParkingLot, Spin, Std, Usync};
use crate::peers::{cpython, ours};

/// The row.
pub const ROW: Row = Row {
    name: "contended",
    about: "1 to 64 threads on one lock, 1 to 200 additions inside, 0 or 50 outside",
    cells,
};

fn cells(context: &Context) -> Vec<Cell> {
    let mut cells = Vec::new();
    for outside in context.outside_or(&[0, 50], &[0]) {
        for section in context.sections_or(&[1, 20, 200], &[1, 20]) {
            for threads in context.threads_or(&[1, 2, 4, 8, 16, 64], &[1, 2, 4, 16]) {
                cells.push(cell(context, Place { threads, section, outside }));
            }
        }
    }
    cells
}

fn cell(context: &Context, place: Place) -> Cell {
    let Place { threads, section, outside } = place;
    let plan = context.crew_plan_for(threads);
    let context = context.clone();
    let goal = if threads == 1 {
        Goal::Open("none: a single thread is judged by the row 'uncontended'")
    } else {
        Goal::Ahead { of: Rivals::Everyone, jain: Some(0.9), cpu: true }
    };
    Cell {
        row: ROW.name,
        label: format!("{}, {section} inside, {outside} outside", threads_named(threads)),
        place: Some(place),
        operation: "lock + unlock",
        even: true,
        goal,
        plan,
        contestants: Box::new(move || {
            Contestants::Crew(Lineup { arms: arms(&context, place), threads, pins: Vec::new() })
        }),
    }
}

fn arms(context: &Context, place: Place) -> Vec<Box<dyn Arm>> {
    let mut roll = Roll::new(context);
    roll.add(Contended::<ours::Mutex>::new(Role::Ours, place))
        .add(Contended::<ours::Mutex>::new(Role::Control, place))
        .add(Alone(Contended::new(Role::Limit, place)))
        .add(Contended::<ParkingLot>::new(Role::Peer, place))
        .add(Contended::<Std>::new(Role::Peer, place))
        .add(Contended::<Usync>::new(Role::Peer, place))
        .add(Contended::<Spin>::new(Role::Peer, place));
    #[cfg(unix)]
    roll.add(Contended::<Pthread>::new(Role::Peer, place));
    if context.cpython {
        roll.add(Contended::<cpython::Guarded>::new(Role::Peer, place));
    }
    roll.arms
}

/// One kind of lock under the cell's load.
pub(super) struct Contended<L> {
    lock: CachePadded<L>,
    role: Role,
    place: Place,
}

impl<L: Exclusive> Contended<L> {
    pub(super) fn new(role: Role, place: Place) -> Self {
        Self { lock: CachePadded::new(L::fresh()), role, place }
    }
}

impl<L: Exclusive> Arm for Contended<L> {
    fn label(&self) -> Label {
        Label::new(name_in(self.role, L::NAME), self.role)
    }

    fn work(&self, _thread: usize, stop: &Stop) -> Tally {
        let Place { section, outside, .. } = self.place;
        let (mut mine, mut away) = (1.0, 1.0);
        let step = black_box(1.0);
        let mut operations = 0;
        while !stop.is_set() {
            self.lock.with(|value| add_together(value, &mut mine, section));
            for _ in 0..outside {
                away += step;
            }
            operations += 1;
        }
        black_box((mine, away));
        Tally::of(operations)
    }

    fn futex_calls(&self) -> Option<u64> {
        L::futex_calls()
    }
}

/// The section of lockbench, `length` times.
///
/// Never inlined: what the compiler keeps in registers around a lock's slow path differs from arm to arm by more
/// than the locks do.
#[inline(never)]
pub(super) fn add_together(value: &mut f64, mine: &mut f64, length: u32) {
    for _ in 0..length {
        *value += *mine;
        *mine = *value;
    }
}

/// The limit: one thread works alone with bare exchanges, the others stay at home. Nothing is ever waited for, and
/// the line with the lock never moves. With work outside several processors can beat it, by sharing that work.
pub(super) struct Alone(pub(super) Contended<BareExchanges>);

impl Arm for Alone {
    fn label(&self) -> Label {
        Label::new("one thread alone", Role::Limit)
    }

    fn work(&self, thread: usize, stop: &Stop) -> Tally {
        if thread == 0 { self.0.work(thread, stop) } else { Tally::default() }
    }
}
