//! How slots grow dearer with threads: all on one slot, and each on its own slot of one object.

use std::hint::black_box;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwapOption;
use crossbeam_epoch::Atomic;
use crossbeam_utils::CachePadded;
use pyref::{LockedSlot, Slot};

use super::{Roll, Row, name_in, threads_named};
use crate::arm::{Arm, Label, Role, Stop, Tally};
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::crew::Lineup;
use crate::goal::Goal;
use crate::peers::slot::Place;

/// The row.
pub const ROW: Row = Row {
    name: "slot-growth",
    about: "1 to 8 threads that store and load, on one slot and on slots of one object",
    cells,
};

/// Slots of the object.
const SLOTS: usize = 8;
/// Operations between two looks at the stop flag: a store and three loads.
const ROUND: u64 = 4;

fn cells(context: &Context) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (label, apart) in [("one slot", false), ("slots of one object", true)] {
        for threads in context.threads_or(&[1, 2, 4, 8], &[1, 2, 4]) {
            cells.push(cell(context, label, apart, threads));
        }
    }
    cells
}

fn cell(context: &Context, label: &str, apart: bool, threads: usize) -> Cell {
    let plan = context.crew_plan_for(threads);
    let context = context.clone();
    Cell {
        row: ROW.name,
        label: format!("{label}, {}", threads_named(threads)),
        place: None,
        operation: "a store, or a load + drop",
        even: true,
        goal: Goal::Open("how the cost grows, beside what others' does"),
        plan,
        contestants: Box::new(move || {
            Contestants::Crew(Lineup { arms: arms(&context, apart), threads, pins: Vec::new() })
        }),
    }
}

fn arms(context: &Context, apart: bool) -> Vec<Box<dyn Arm>> {
    let mut roll = Roll::new(context);
    roll.add(Object::<Slot<u64>>::new(Role::Ours, apart))
        .add(Object::<Slot<u64>>::new(Role::Control, apart))
        .add(Object::<LockedSlot<u64>>::new(Role::Peer, apart))
        .add(Object::<ArcSwapOption<u64>>::new(Role::Peer, apart))
        .add(Object::<Atomic<Arc<u64>>>::new(Role::Peer, apart))
        .add(Object::<Mutex<Option<Arc<u64>>>>::new(Role::Peer, apart));
    roll.arms
}

/// An object with slots.
struct Object<P> {
    slots: CachePadded<[P; SLOTS]>,
    role: Role,
    apart: bool,
}

impl<P: Place> Object<P> {
    fn new(role: Role, apart: bool) -> Self {
        Self { slots: CachePadded::new([(); SLOTS].map(|()| P::fresh())), role, apart }
    }
}

impl<P: Place> Arm for Object<P> {
    fn label(&self) -> Label {
        Label::new(name_in(self.role, P::NAME), self.role)
    }

    fn work(&self, thread: usize, stop: &Stop) -> Tally {
        let slot = &self.slots[if self.apart { thread % SLOTS } else { 0 }];
        let place = P::thread();
        let values = [P::value(1), P::value(2)];
        let mut rounds = 0;
        while !stop.is_set() {
            slot.store(values[(rounds % 2) as usize].clone());
            for _ in 1..ROUND {
                black_box(slot.load());
            }
            P::between(&place);
            rounds += 1;
        }
        Tally::of(rounds * ROUND)
    }
}
