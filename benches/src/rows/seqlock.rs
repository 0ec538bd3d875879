//! Sequence locks: consistent copies of 8 and 64 bytes, without a writer and beside one.

use std::hint::black_box;

use crossbeam_utils::CachePadded;

use super::{Roll, Row, name_in};
use crate::arm::{Arm, Label, Role, Stop, Tally};
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::crew::Lineup;
use crate::goal::{Goal, Rivals};
use crate::peers::seq::{BareLoads, CPython, ParkingLot, Seq, SeqlockCrate};
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row without a writer.
pub const READ: Row = Row {
    name: "seqlock",
    about: "read of 8 and 64 bytes, no writer, against two loads and the copy",
    cells: solo,
};

/// The row with a writer.
pub const WITH_WRITER: Row = Row {
    name: "seqlock-writer",
    about: "reads of 64 bytes while one thread writes them",
    cells: with_writer,
};

fn solo(context: &Context) -> Vec<Cell> {
    vec![solo_cell::<1>(context), solo_cell::<8>(context)]
}

fn solo_cell<const N: usize>(context: &Context) -> Cell {
    let plan = context.solo_plan();
    let context = context.clone();
    Cell {
        row: READ.name,
        label: format!("{} bytes, no writer", 8 * N),
        place: None,
        operation: "read",
        even: false,
        goal: Goal::AtMost { factor: 1.1, of: <BareLoads<N> as Seq<N>>::NAME.into() },
        plan,
        contestants: Box::new(move || Contestants::Solo(Solo { arms: solo_arms::<N>(&context) })),
    }
}

fn solo_arms<const N: usize>(context: &Context) -> Vec<SoloArm> {
    let mut arms = vec![
        solo_arm::<N, pysync::SeqCell<[u64; N]>>(Role::Ours),
        solo_arm::<N, pysync::SeqCell<[u64; N]>>(Role::Control),
        solo_arm::<N, BareLoads<N>>(Role::Limit),
        solo_arm::<N, SeqlockCrate<N>>(Role::Peer),
        solo_arm::<N, ParkingLot<N>>(Role::Peer),
    ];
    if context.cpython {
        arms.push(solo_arm::<N, CPython<N>>(Role::Peer));
    }
    arms.retain(|arm| context.admits(arm.label()));
    arms
}

fn solo_arm<const N: usize, S: Seq<N>>(role: Role) -> SoloArm {
    let cell = CachePadded::new(S::fresh());
    SoloArm::new(name_in(role, S::NAME), role, move |passes| {
        for _ in 0..passes {
            let cell = black_box(&*cell);
            straight_line!(black_box(cell.read()));
        }
    })
}

fn with_writer(context: &Context) -> Vec<Cell> {
    context
        .threads_or(&[2, 4, 8], &[2])
        .into_iter()
        .filter(|threads| *threads > 1)
        .map(|threads| writer_cell(context, threads))
        .collect()
}

fn writer_cell(context: &Context, threads: usize) -> Cell {
    let plan = context.crew_plan();
    let context = context.clone();
    Cell {
        row: WITH_WRITER.name,
        label: match threads {
            2 => "64 bytes, 1 writer, 1 reader".to_owned(),
            more => format!("64 bytes, 1 writer, {} readers", more - 1),
        },
        place: None,
        operation: "read",
        even: false,
        goal: Goal::Ahead { of: Rivals::Named(&["seqlock", "CPython"]), jain: None, cpu: false },
        plan,
        contestants: Box::new(move || {
            Contestants::Crew(Lineup { arms: crew_arms(&context), threads, pins: Vec::new() })
        }),
    }
}

fn crew_arms(context: &Context) -> Vec<Box<dyn Arm>> {
    let mut roll = Roll::new(context);
    roll.add(Beside::<pysync::SeqCell<[u64; WORDS]>>::new(Role::Ours))
        .add(Beside::<pysync::SeqCell<[u64; WORDS]>>::new(Role::Control))
        .add(Beside::<SeqlockCrate<WORDS>>::new(Role::Peer))
        .add(Beside::<ParkingLot<WORDS>>::new(Role::Peer));
    if context.cpython {
        roll.add(Beside::<CPython<WORDS>>::new(Role::Peer));
    }
    roll.arms
}

const WORDS: usize = 8;

/// Additions between two writes: a writer that never pauses would starve every reader of every seqlock.
const PAUSE: u32 = 500;

/// Thread 0 writes, the others read and count.
struct Beside<S> {
    cell: CachePadded<S>,
    role: Role,
}

impl<S: Seq<WORDS>> Beside<S> {
    fn new(role: Role) -> Self {
        Self { cell: CachePadded::new(S::fresh()), role }
    }

    fn write(&self, stop: &Stop) {
        let (mut turn, mut away) = (0, 0.0);
        let step = black_box(1.0);
        while !stop.is_set() {
            turn += 1;
            self.cell.write([turn; WORDS]);
            for _ in 0..PAUSE {
                away += step;
            }
        }
        black_box(away);
    }

    fn read(&self, stop: &Stop) -> u64 {
        let mut reads = 0;
        while !stop.is_set() {
            let words = black_box(self.cell.read());
            assert_eq!(words[0], words[WORDS - 1], "a torn read is no read");
            reads += 1;
        }
        reads
    }
}

impl<S: Seq<WORDS>> Arm for Beside<S> {
    fn label(&self) -> Label {
        Label::new(name_in(self.role, S::NAME), self.role)
    }

    fn work(&self, thread: usize, stop: &Stop) -> Tally {
        if thread == 0 {
            self.write(stop);
            return Tally::default();
        }
        Tally::of(self.read(stop))
    }
}
