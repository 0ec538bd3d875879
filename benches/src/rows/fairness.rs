//! Fairness by itself: longer blocks, so that the scheduler's turns average out, and a sample of the waits, so that
//! the longest one is known.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::contended::add_together;
use super::{Roll, Row, name_in, threads_named};
use crate::arm::{Arm, Label, Role, Stop, Tally};
use crate::cell::{Cell, Contestants, Place};
use crate::context::Context;
use crate::crew::Lineup;
use crate::goal::Goal;
#[cfg(unix)]
use crate::peers::exclusive::Pthread;
use crate::peers::exclusive::{Exclusive, ParkingLot, Spin, Std, Usync};
use crate::peers::{cpython, ours};

/// The row.
pub const ROW: Row = Row {
    name: "fairness",
    about: "how evenly threads share one lock, and the longest wait among one in sixteen",
    cells,
};

/// One wait in so many is timed: reading the clock twice costs more than the lock itself.
const SAMPLED: u64 = 16;

/// Additions inside: about as long as the lock's own work, so that a holder is often interrupted inside.
const SECTION: u32 = 20;

fn cells(context: &Context) -> Vec<Cell> {
    let counts = context.threads_or(&[2, 4, 16, 64], &[4]);
    counts.into_iter().map(|threads| cell(context, threads)).collect()
}

fn cell(context: &Context, threads: usize) -> Cell {
    let plan = context.slow_crew_plan(threads, 4);
    let context = context.clone();
    Cell {
        row: ROW.name,
        label: format!("{}, {SECTION} inside", threads_named(threads)),
        place: Some(Place { threads, section: SECTION, outside: 0 }),
        operation: "lock + unlock",
        even: true,
        goal: Goal::Fair(0.9),
        plan,
        contestants: Box::new(move || {
            Contestants::Crew(Lineup { arms: arms(&context), threads, pins: Vec::new() })
        }),
    }
}

fn arms(context: &Context) -> Vec<Box<dyn Arm>> {
    let mut roll = Roll::new(context);
    roll.add(Watched::<ours::Mutex>::new(Role::Ours))
        .add(Watched::<ours::Mutex>::new(Role::Control))
        .add(Watched::<ParkingLot>::new(Role::Peer))
        .add(Watched::<Std>::new(Role::Peer))
        .add(Watched::<Usync>::new(Role::Peer))
        .add(Watched::<Spin>::new(Role::Peer));
    #[cfg(unix)]
    roll.add(Watched::<Pthread>::new(Role::Peer));
    if context.cpython {
        roll.add(Watched::<cpython::Guarded>::new(Role::Peer));
    }
    roll.arms
}

/// One kind of lock whose waits are sampled.
struct Watched<L> {
    lock: CachePadded<L>,
    role: Role,
}

impl<L: Exclusive> Watched<L> {
    fn new(role: Role) -> Self {
        Self { lock: CachePadded::new(L::fresh()), role }
    }
}

impl<L: Exclusive> Arm for Watched<L> {
    fn label(&self) -> Label {
        Label::new(name_in(self.role, L::NAME), self.role)
    }

    fn work(&self, _thread: usize, stop: &Stop) -> Tally {
        let mut mine = 1.0;
        let mut operations = 0;
        let mut longest = Duration::ZERO;
        while !stop.is_set() {
            if operations % SAMPLED == 0 {
                let asked = Instant::now();
                let waited = self.lock.with(|value| {
                    let waited = asked.elapsed();
                    add_together(value, &mut mine, SECTION);
                    waited
                });
                longest = longest.max(waited);
            } else {
                self.lock.with(|value| add_together(value, &mut mine, SECTION));
            }
            operations += 1;
        }
        black_box(mine);
        Tally { operations, longest_wait: Some(longest), ..Tally::default() }
    }

    fn futex_calls(&self) -> Option<u64> {
        L::futex_calls()
    }
}
