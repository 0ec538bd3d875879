//! Read-write locks: one thread alone, and crews that mostly read.

use std::hint::black_box;

use crossbeam_utils::CachePadded;

use super::{Roll, Row, name_in, threads_named};
use crate::arm::{Arm, Label, Role, Stop, Tally};
use crate::cell::{Cell, Contestants, Place};
use crate::context::Context;
use crate::crew::Lineup;
use crate::goal::{Goal, Rivals};
use crate::peers::ours;
use crate::peers::shared::{BareCounts, CPython, Crossbeam, ParkingLot, Shared, Spin, Std, Usync};
use crate::random::Random;
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row with one thread.
pub const UNCONTENDED: Row = Row {
    name: "read",
    about: "read and write lock + unlock by one thread, against two bare additions",
    cells: solo,
};

/// The row with several threads.
pub const MATRIX: Row = Row {
    name: "read-mostly",
    about: "1 to 16 threads on one read-write lock, 5 %, 1 % or only writes",
    cells: matrix,
};

const AHEAD: Goal =
    Goal::Ahead { of: Rivals::Named(&["parking_lot", "std"]), jain: None, cpu: false };

fn solo(context: &Context) -> Vec<Cell> {
    [("read lock", false), ("write lock", true)]
        .into_iter()
        .map(|(label, writing)| {
            let context = context.clone();
            Cell {
                row: UNCONTENDED.name,
                label: label.into(),
                place: None,
                operation: "lock + unlock",
                even: false,
                goal: if writing {
                    AHEAD
                } else {
                    Goal::AtMost { factor: 1.1, of: BareCounts::NAME.into() }
                },
                plan: context.solo_plan(),
                contestants: Box::new(move || {
                    Contestants::Solo(Solo { arms: solo_arms(&context, writing) })
                }),
            }
        })
        .collect()
}

fn solo_arms(context: &Context, writing: bool) -> Vec<SoloArm> {
    let mut arms = vec![
        solo_arm::<ours::RwMutex>(Role::Ours, writing),
        solo_arm::<ours::RwMutex>(Role::Control, writing),
        solo_arm::<BareCounts>(Role::Limit, writing),
        solo_arm::<ParkingLot>(Role::Peer, writing),
        solo_arm::<Std>(Role::Peer, writing),
        solo_arm::<Usync>(Role::Peer, writing),
        solo_arm::<Spin>(Role::Peer, writing),
        solo_arm::<Crossbeam>(Role::Peer, writing),
    ];
    if context.cpython {
        arms.push(solo_arm::<CPython>(Role::Peer, writing));
    }
    arms.retain(|arm| context.admits(arm.label()));
    arms
}

fn solo_arm<L: Shared>(role: Role, writing: bool) -> SoloArm {
    let lock = CachePadded::new(L::fresh());
    SoloArm::new(name_in(role, L::NAME), role, move |passes| {
        for _ in 0..passes {
            let lock = black_box(&*lock);
            if writing {
                straight_line!(lock.write(|_| {}));
            } else {
                straight_line!(lock.read(|_| {}));
            }
        }
    })
}

/// How many of a hundred operations write.
const SHARES: [u32; 3] = [5, 1, 100];

fn matrix(context: &Context) -> Vec<Cell> {
    let mut cells = Vec::new();
    for writes in SHARES {
        // Only writes is a mutex row again, so a quick run leaves it out.
        let quick: &[usize] = if writes == 100 { &[4] } else { &[2, 8] };
        for threads in context.threads_or(&[1, 2, 4, 8, 16], quick) {
            cells.push(cell(context, threads, writes));
        }
    }
    cells
}

fn cell(context: &Context, threads: usize, writes: u32) -> Cell {
    let plan = context.crew_plan_for(threads);
    let context = context.clone();
    Cell {
        row: MATRIX.name,
        label: format!("{}, {writes} % writes", threads_named(threads)),
        place: Some(Place { threads, section: writes, outside: 0 }),
        operation: "lock + unlock",
        even: true,
        goal: AHEAD,
        plan,
        contestants: Box::new(move || {
            Contestants::Crew(Lineup { arms: arms(&context, writes), threads, pins: Vec::new() })
        }),
    }
}

fn arms(context: &Context, writes: u32) -> Vec<Box<dyn Arm>> {
    let mut roll = Roll::new(context);
    roll.add(Mixed::<ours::RwMutex>::new(Role::Ours, writes))
        .add(Mixed::<ours::RwMutex>::new(Role::Control, writes))
        .add(Alone(Mixed::new(Role::Limit, writes)))
        .add(Mixed::<ParkingLot>::new(Role::Peer, writes))
        .add(Mixed::<Std>::new(Role::Peer, writes))
        .add(Mixed::<Usync>::new(Role::Peer, writes))
        .add(Mixed::<Spin>::new(Role::Peer, writes))
        .add(Mixed::<Crossbeam>::new(Role::Peer, writes));
    if context.cpython {
        roll.add(Mixed::<CPython>::new(Role::Peer, writes));
    }
    roll.arms
}

/// One kind of lock under a mixture of reads and writes.
struct Mixed<L> {
    lock: CachePadded<L>,
    role: Role,
    writes: u32,
}

impl<L: Shared> Mixed<L> {
    fn new(role: Role, writes: u32) -> Self {
        Self { lock: CachePadded::new(L::fresh()), role, writes }
    }
}

impl<L: Shared> Arm for Mixed<L> {
    fn label(&self) -> Label {
        Label::new(name_in(self.role, L::NAME), self.role)
    }

    fn work(&self, thread: usize, stop: &Stop) -> Tally {
        // Every arm draws the same sequence, so no arm gets the luckier mixture.
        let mut random = Random::from_seed(thread as u64);
        let mut sum = 0.0;
        let mut operations = 0;
        while !stop.is_set() {
            if random.below(100) < self.writes as usize {
                self.lock.write(|value| *value += 1.0);
            } else {
                sum += self.lock.read(|value| *value);
            }
            operations += 1;
        }
        black_box(sum);
        Tally::of(operations)
    }

    fn futex_calls(&self) -> Option<u64> {
        L::futex_calls()
    }
}

/// The limit: one thread works alone with bare additions, the others stay at home.
struct Alone(Mixed<BareCounts>);

impl Arm for Alone {
    fn label(&self) -> Label {
        Label::new("one thread alone", Role::Limit)
    }

    fn work(&self, thread: usize, stop: &Stop) -> Tally {
        if thread == 0 { self.0.work(thread, stop) } else { Tally::default() }
    }
}
