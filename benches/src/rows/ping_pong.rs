//! Park and unpark: two threads that wake each other by turns, against the bare system call doing the same.

use crossbeam_utils::CachePadded;

use super::{Roll, Row, name_in};
use crate::affinity;
use crate::arm::{Arm, Label, Role, Stop, Tally};
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::crew::Lineup;
use crate::goal::Goal;
use crate::peers::volley::{CPython, Futex, Letterbox, ParkingLot, Sleep, Std};
use crate::peers::{futex, ours};

/// The row.
pub const ROW: Row = Row {
    name: "park",
    about: "park/unpark round trip on one processor and across two, against a futex ping-pong",
    cells,
};

const BALL: u32 = 1;
const LAST_BALL: u32 = 2;

fn cells(context: &Context) -> Vec<Cell> {
    let processors = affinity::allowed();
    let one = processors.first().map(|first| vec![*first; 2]);
    let two = (processors.len() > 1).then(|| processors[..2].to_vec());
    vec![cell(context, "both on one processor", one), cell(context, "on two processors", two)]
}

fn cell(context: &Context, label: &str, pins: Option<Vec<usize>>) -> Cell {
    let plan = context.crew_plan();
    let context = context.clone();
    Cell {
        row: ROW.name,
        label: label.to_owned(),
        place: None,
        operation: "round trip",
        even: false,
        goal: Goal::AtMost { factor: 1.10, of: Futex::NAME.into() },
        plan,
        contestants: Box::new(move || match &pins {
            None => Contestants::Absent(
                "needs that many processors, and a system that keeps threads on them".into(),
            ),
            Some(pins) => {
                Contestants::Crew(Lineup { arms: arms(&context), threads: 2, pins: pins.clone() })
            }
        }),
    }
}

fn arms(context: &Context) -> Vec<Box<dyn Arm>> {
    let mut roll = Roll::new(context);
    roll.add(Game::<ours::Lot>::new(Role::Ours)).add(Game::<ours::Lot>::new(Role::Control));
    if futex::PRESENT {
        roll.add(Game::<Futex>::new(Role::Limit));
    }
    roll.add(Game::<ParkingLot>::new(Role::Peer)).add(Game::<Std>::new(Role::Peer));
    if context.cpython {
        roll.add(Game::<CPython>::new(Role::Peer));
    }
    roll.arms
}

/// A game between two threads. Thread 0 serves and counts; thread 1 only returns.
struct Game<S> {
    sleep: S,
    boxes: [CachePadded<Letterbox>; 2],
    role: Role,
}

impl<S: Sleep> Game<S> {
    fn new(role: Role) -> Self {
        Self { sleep: S::fresh(), boxes: Default::default(), role }
    }

    fn serve(&self, stop: &Stop) -> u64 {
        let mut trips = 0;
        loop {
            let ball = if stop.is_set() { LAST_BALL } else { BALL };
            self.boxes[1].send(&self.sleep, 1, ball);
            self.boxes[0].receive(&self.sleep, 0);
            trips += 1;
            if ball == LAST_BALL {
                return trips;
            }
        }
    }

    fn play_back(&self) {
        loop {
            let ball = self.boxes[1].receive(&self.sleep, 1);
            self.boxes[0].send(&self.sleep, 0, BALL);
            if ball == LAST_BALL {
                return;
            }
        }
    }
}

impl<S: Sleep> Arm for Game<S> {
    fn label(&self) -> Label {
        Label::new(name_in(self.role, S::NAME), self.role)
    }

    fn work(&self, thread: usize, stop: &Stop) -> Tally {
        self.sleep.enter(thread);
        if thread == 0 {
            return Tally::of(self.serve(stop));
        }
        self.play_back();
        Tally::default()
    }

    fn futex_calls(&self) -> Option<u64> {
        S::futex_calls()
    }
}
