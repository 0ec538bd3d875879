//! The GIL: alone, handed from thread to thread, and wanted back by a thread that sleeps among threads that compute.

use std::hint::black_box;
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::{Roll, Row, name_in, threads_named};
use crate::arm::{Arm, Label, Role, Stop, Tally};
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::crew::Lineup;
use crate::goal::{Goal, Rivals};
use crate::peers::cpython;
use crate::peers::exclusive::{BareExchanges, Exclusive};
use crate::peers::gil::{CPython, Classic, MutexAndCondvar, Responsive, Turnstile};
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// Release and take with nobody waiting.
pub const ALONE: Row =
    Row { name: "gil-alone", about: "GIL release + take by one thread", cells: alone };

/// Threads that take and release as fast as they can.
pub const HANDOVER: Row = Row {
    name: "gil-handover",
    about: "GIL take + release by 2 to 16 threads at once",
    cells: handover,
};

/// One thread that sleeps among threads that compute.
pub const CONVOY: Row = Row {
    name: "gil-convoy",
    about: "a thread that sleeps wants the GIL back from 1 to 15 that compute, both policies",
    cells: convoy,
};

fn alone(context: &Context) -> Vec<Cell> {
    let context = context.clone();
    vec![Cell {
        row: ALONE.name,
        label: "nobody waits".into(),
        place: None,
        operation: "release + take",
        even: false,
        goal: Goal::AtMost { factor: 1.3, of: BareExchanges::NAME.into() },
        plan: context.solo_plan(),
        contestants: Box::new(move || {
            let mut arms = vec![
                solo::<Classic>(Role::Ours),
                solo::<Classic>(Role::Control),
                solo::<MutexAndCondvar>(Role::Peer),
                limit(),
            ];
            if cpython::has_gil() {
                arms.push(solo::<CPython>(Role::Peer));
            }
            arms.retain(|arm| context.admits(arm.label()));
            Contestants::Solo(Solo { arms })
        }),
    }]
}

fn solo<G: Turnstile>(role: Role) -> SoloArm {
    let gil = Rc::new(CachePadded::new(G::fresh()));
    let seat = gil.sit();
    SoloArm::new(name_in(role, G::NAME), role, move |passes| {
        let (gil, seat) = (black_box(&**gil), black_box(&*seat));
        gil.take(seat);
        for _ in 0..passes {
            straight_line!({
                gil.release(seat);
                gil.take(seat);
            });
        }
        gil.release(seat);
    })
}

fn limit() -> SoloArm {
    let lock = CachePadded::new(BareExchanges::fresh());
    SoloArm::new(BareExchanges::NAME, Role::Limit, move |passes| {
        for _ in 0..passes {
            let lock = black_box(&*lock);
            straight_line!(lock.with(|_| {}));
        }
    })
}

fn handover(context: &Context) -> Vec<Cell> {
    let counts = context.threads_or(&[2, 4, 8, 16], &[2, 4]);
    counts.into_iter().map(|threads| handover_cell(context, threads)).collect()
}

fn handover_cell(context: &Context, threads: usize) -> Cell {
    let plan = context.crew_plan_for(threads);
    let context = context.clone();
    Cell {
        row: HANDOVER.name,
        label: threads_named(threads),
        place: None,
        operation: "take + release",
        even: true,
        goal: Goal::Ahead { of: Rivals::Named(&[CPython::NAME]), jain: None, cpu: false },
        plan,
        contestants: Box::new(move || {
            let mut roll = Roll::new(&context);
            roll.add(Hurry::<Classic>::new(Role::Ours))
                .add(Hurry::<Classic>::new(Role::Control))
                .add(Hurry::<MutexAndCondvar>::new(Role::Peer));
            if cpython::has_gil() {
                roll.add(Hurry::<CPython>::new(Role::Peer));
            }
            Contestants::Crew(Lineup { arms: roll.arms, threads, pins: Vec::new() })
        }),
    }
}

/// Threads that do nothing but take and release.
struct Hurry<G> {
    gil: CachePadded<G>,
    role: Role,
}

impl<G: Turnstile> Hurry<G> {
    fn new(role: Role) -> Self {
        Self { gil: CachePadded::new(G::fresh()), role }
    }
}

impl<G: Turnstile> Arm for Hurry<G> {
    fn label(&self) -> Label {
        Label::new(name_in(self.role, G::NAME), self.role)
    }

    fn work(&self, _thread: usize, stop: &Stop) -> Tally {
        let seat = self.gil.sit();
        let mut operations = 0;
        while !stop.is_set() {
            self.gil.take(&seat);
            self.gil.release(&seat);
            operations += 1;
        }
        self.gil.leave(seat);
        Tally::of(operations)
    }
}

/// How long the sleeper sleeps, as a short read would.
const NAP: Duration = Duration::from_millis(1);

/// The interval of all of them, CPython's default.
const INTERVAL: Duration = Duration::from_millis(5);

/// How many times longer than a crew's the blocks are: some hundred naps in the whole cell.
const LONGER: u32 = 15;

fn convoy(context: &Context) -> Vec<Cell> {
    let counts = context.threads_or(&[1, 3, 7, 15], &[3]);
    counts.into_iter().map(|busy| convoy_cell(context, busy)).collect()
}

fn convoy_cell(context: &Context, busy: usize) -> Cell {
    let threads = busy + 1;
    let plan = context.slow_crew_plan(threads, LONGER);
    let context = context.clone();
    Cell {
        row: CONVOY.name,
        label: format!("{} computing", threads_named(busy)),
        place: None,
        operation: "piece of work of the computing threads",
        even: false,
        goal: Goal::Prompt { within: INTERVAL, factor: 1.05, of: Classic::NAME.into() },
        plan,
        contestants: Box::new(move || {
            let mut roll = Roll::new(&context);
            roll.add(Convoy::<Responsive>::new(Role::Ours))
                .add(Convoy::<Responsive>::new(Role::Control))
                .add(Convoy::<Classic>::new(Role::Peer));
            if cpython::has_gil() {
                roll.add(Convoy::<CPython>::new(Role::Peer));
            }
            Contestants::Crew(Lineup { arms: roll.arms, threads, pins: Vec::new() })
        }),
    }
}

/// Thread 0 sleeps; the others compute, poll, and make way when they are asked.
struct Convoy<G>(Hurry<G>);

impl<G: Turnstile> Convoy<G> {
    fn new(role: Role) -> Self {
        Self(Hurry::new(role))
    }

    /// How long each return to the GIL took.
    fn nap(&self, stop: &Stop) -> Vec<Duration> {
        let gil = &*self.0.gil;
        let seat = gil.sit();
        let mut waits = Vec::new();
        gil.take(&seat);
        while !stop.is_set() {
            gil.release(&seat);
            sleep(NAP);
            let asked = Instant::now();
            gil.take(&seat);
            waits.push(asked.elapsed());
        }
        gil.release(&seat);
        gil.leave(seat);
        waits
    }

    fn compute(&self, stop: &Stop) -> u64 {
        let gil = &*self.0.gil;
        let seat = gil.sit();
        let mut pieces = 0_u64;
        gil.take(&seat);
        while !stop.is_set() {
            black_box((0..20_u64).fold(pieces, |sum, step| black_box(sum.wrapping_mul(step | 1))));
            pieces += 1;
            if gil.is_asked(&seat) {
                gil.release(&seat);
                gil.take(&seat);
            }
        }
        gil.release(&seat);
        gil.leave(seat);
        pieces
    }
}

impl<G: Turnstile> Arm for Convoy<G> {
    fn label(&self) -> Label {
        self.0.label()
    }

    fn work(&self, thread: usize, stop: &Stop) -> Tally {
        if thread > 0 {
            return Tally::of(self.compute(stop));
        }
        let waits = self.nap(stop);
        Tally { longest_wait: waits.iter().max().copied(), waits, ..Tally::default() }
    }
}
