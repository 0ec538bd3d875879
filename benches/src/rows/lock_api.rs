//! Our locks against `parking_lot`'s behind the same wrappers of `lock_api`, 0.4 and 0.5.

use std::hint::black_box;

use crossbeam_utils::CachePadded;

use super::contended::add_together;
use super::{Roll, Row, name_in, threads_named};
use crate::affinity;
use crate::arm::{Arm, Label, Role, Stop, Tally};
use crate::cell::{Cell, Contestants, Place};
use crate::context::Context;
use crate::crew::Lineup;
use crate::goal::{Goal, Rivals};
use crate::peers::wrapped::{Ours04, Ours05, Theirs04, Theirs05, Wrapped};
use crate::random::Random;
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row with one thread.
pub const SOLO: Row = Row {
    name: "lock_api",
    about: "each kind of lock_api lock by one thread, against parking_lot behind the same wrapper",
    cells: solo,
};

/// The row with several threads.
pub const CROWD: Row = Row {
    name: "lock_api-crowd",
    about: "2 to 16 threads on one lock_api lock: mutex, reads with writes or upgrades",
    cells: crowd,
};

/// The row of the condition variable.
pub const CONDVAR: Row = Row {
    name: "condvar",
    about: "two threads that pass a number to and fro through a mutex and a condition variable",
    cells: condvar,
};

const NOT_BEHIND: Goal = Goal::NotBehind(Rivals::Named(&["parking_lot"]));

/// A version of `lock_api`.
#[derive(Clone, Copy)]
enum Version {
    V04,
    V05,
}

impl Version {
    const BOTH: [Self; 2] = [Self::V04, Self::V05];

    fn name(self) -> &'static str {
        match self {
            Self::V04 => "0.4",
            Self::V05 => "0.5",
        }
    }
}

/// What one thread does.
#[derive(Clone, Copy)]
enum Deed {
    Lock,
    Reentrant,
    Deeper,
    Read,
    ReadRecursive,
    Write,
    Upgradable,
    Upgrade,
    Downgrade,
}

const DEEDS: [(&str, Deed); 9] = [
    ("mutex", Deed::Lock),
    ("reentrant", Deed::Reentrant),
    ("reentrant, one level deeper", Deed::Deeper),
    ("read", Deed::Read),
    ("recursive read", Deed::ReadRecursive),
    ("write", Deed::Write),
    ("upgradable read", Deed::Upgradable),
    ("upgrade", Deed::Upgrade),
    ("downgrade", Deed::Downgrade),
];

fn solo(context: &Context) -> Vec<Cell> {
    let all = Version::BOTH
        .into_iter()
        .flat_map(|version| DEEDS.map(|(name, deed)| (version, name, deed)));
    all.map(|(version, name, deed)| {
        let context = context.clone();
        Cell {
            row: SOLO.name,
            label: format!("{}, {name}", version.name()),
            place: None,
            operation: "lock + unlock",
            even: false,
            goal: NOT_BEHIND,
            plan: context.solo_plan(),
            contestants: Box::new(move || {
                let mut arms = match version {
                    Version::V04 => solo_arms::<Ours04, Theirs04>(deed),
                    Version::V05 => solo_arms::<Ours05, Theirs05>(deed),
                };
                arms.retain(|arm| context.admits(arm.label()));
                Contestants::Solo(Solo { arms })
            }),
        }
    })
    .collect()
}

fn solo_arms<O: Wrapped, T: Wrapped>(deed: Deed) -> Vec<SoloArm> {
    vec![
        solo_arm::<O>(Role::Ours, deed),
        solo_arm::<O>(Role::Control, deed),
        solo_arm::<T>(Role::Peer, deed),
    ]
}

fn solo_arm<W: Wrapped>(role: Role, deed: Deed) -> SoloArm {
    let locks = CachePadded::new(W::fresh());
    SoloArm::new(name_in(role, W::NAME), role, move |passes| {
        let locks = &*locks;
        match deed {
            Deed::Lock => repeat(passes, locks, |locks| locks.lock(|_| {})),
            Deed::Reentrant => repeat(passes, locks, |locks| locks.reentrant(|| {})),
            Deed::Deeper => {
                locks.reentrant(|| repeat(passes, locks, |locks| locks.reentrant(|| {})));
            }
            Deed::Read => repeat(passes, locks, |locks| locks.read(|_| {})),
            Deed::ReadRecursive => repeat(passes, locks, |locks| locks.read_recursive(|_| {})),
            Deed::Write => repeat(passes, locks, |locks| locks.write(|_| {})),
            Deed::Upgradable => repeat(passes, locks, |locks| locks.upgradable(|_| {})),
            Deed::Upgrade => repeat(passes, locks, |locks| locks.upgraded(|_| {})),
            Deed::Downgrade => repeat(passes, locks, |locks| locks.downgraded(|_| {})),
        }
    })
}

#[inline(always)]
fn repeat<W>(passes: u64, locks: &W, deed: impl Fn(&W)) {
    for _ in 0..passes {
        let locks = black_box(locks);
        straight_line!(deed(locks));
    }
}

/// What a crowd does: of a hundred operations so many write; the others read.
#[derive(Clone, Copy)]
enum Load {
    Mutex,
    Writes(usize),
    Upgrades(usize),
}

const LOADS: [(&str, Load); 4] = [
    ("mutex, 1 addition", Load::Mutex),
    ("5 % writes", Load::Writes(5)),
    ("only writes", Load::Writes(100)),
    ("10 % upgrades", Load::Upgrades(10)),
];

fn crowd(context: &Context) -> Vec<Cell> {
    let mut cells = Vec::new();
    for version in Version::BOTH {
        for (name, load) in LOADS {
            for threads in context.threads_or(&[2, 4, 8, 16], &[2, 8]) {
                cells.push(crowd_cell(context, version, name, load, threads));
            }
        }
    }
    cells
}

fn crowd_cell(context: &Context, version: Version, name: &str, load: Load, threads: usize) -> Cell {
    let plan = context.crew_plan_for(threads);
    let context = context.clone();
    Cell {
        row: CROWD.name,
        label: format!("{}, {name}, {}", version.name(), threads_named(threads)),
        place: Some(Place { threads, section: 0, outside: 0 }),
        operation: "lock + unlock",
        even: true,
        goal: NOT_BEHIND,
        plan,
        contestants: Box::new(move || {
            let arms = match version {
                Version::V04 => crowd_arms::<Ours04, Theirs04>(&context, load),
                Version::V05 => crowd_arms::<Ours05, Theirs05>(&context, load),
            };
            Contestants::Crew(Lineup { arms, threads, pins: Vec::new() })
        }),
    }
}

fn crowd_arms<O: Wrapped, T: Wrapped>(context: &Context, load: Load) -> Vec<Box<dyn Arm>> {
    let mut roll = Roll::new(context);
    roll.add(Crowd::<O>::new(Role::Ours, load))
        .add(Crowd::<O>::new(Role::Control, load))
        .add(Crowd::<T>::new(Role::Peer, load));
    roll.arms
}

/// Locks of one maker under a load.
struct Crowd<W> {
    locks: CachePadded<W>,
    role: Role,
    load: Load,
}

impl<W: Wrapped> Crowd<W> {
    fn new(role: Role, load: Load) -> Self {
        Self { locks: CachePadded::new(W::fresh()), role, load }
    }
}

impl<W: Wrapped> Arm for Crowd<W> {
    fn label(&self) -> Label {
        Label::new(name_in(self.role, W::NAME), self.role)
    }

    fn work(&self, thread: usize, stop: &Stop) -> Tally {
        let locks = &*self.locks;
        let mut random = Random::from_seed(thread as u64);
        let (mut mine, mut operations) = (1.0, 0);
        while !stop.is_set() {
            let drawn = random.below(100);
            match self.load {
                Load::Mutex => locks.lock(|value| add_together(value, &mut mine, 1)),
                Load::Writes(share) if drawn < share => locks.write(|value| *value += 1.0),
                Load::Upgrades(share) if drawn < share => locks.upgraded(|value| *value += 1.0),
                Load::Writes(_) | Load::Upgrades(_) => mine += locks.read(|value| *value),
            }
            operations += 1;
        }
        black_box(mine);
        Tally::of(operations)
    }

    fn futex_calls(&self) -> Option<u64> {
        W::futex_calls()
    }
}

fn condvar(context: &Context) -> Vec<Cell> {
    let processors = affinity::allowed();
    let one = processors.first().map(|first| vec![*first; 2]);
    let two = (processors.len() > 1).then(|| processors[..2].to_vec());
    let places = [("both on one processor", one), ("on two processors", two)];
    let all = Version::BOTH.into_iter().flat_map(|version| {
        places.clone().map(|(label, pins)| condvar_cell(context, version, label, pins))
    });
    all.collect()
}

fn condvar_cell(
    context: &Context,
    version: Version,
    label: &str,
    pins: Option<Vec<usize>>,
) -> Cell {
    let plan = context.crew_plan();
    let context = context.clone();
    Cell {
        row: CONDVAR.name,
        label: format!("{}, {label}", version.name()),
        place: None,
        operation: "round trip",
        even: false,
        goal: NOT_BEHIND,
        plan,
        contestants: Box::new(move || {
            let Some(pins) = pins.clone() else {
                let why = "needs that many processors, and a system that keeps threads on them";
                return Contestants::Absent(why.into());
            };
            let arms = match version {
                Version::V04 => games::<Ours04, Theirs04>(&context),
                Version::V05 => games::<Ours05, Theirs05>(&context),
            };
            Contestants::Crew(Lineup { arms, threads: 2, pins })
        }),
    }
}

fn games<O: Wrapped, T: Wrapped>(context: &Context) -> Vec<Box<dyn Arm>> {
    let mut roll = Roll::new(context);
    roll.add(Game::<O>::new(Role::Ours))
        .add(Game::<O>::new(Role::Control))
        .add(Game::<T>::new(Role::Peer));
    roll.arms
}

/// Two threads that pass a number to and fro: thread 0 serves and counts, thread 1 only returns.
struct Game<W> {
    role: Role,
    locks: W,
}

impl<W: Wrapped> Game<W> {
    fn new(role: Role) -> Self {
        Self { role, locks: W::fresh() }
    }
}

const HOME: f64 = 0.0;
const AWAY: f64 = 1.0;
const LAST: f64 = 2.0;
const OVER: f64 = 3.0;

impl<W: Wrapped> Arm for Game<W> {
    fn label(&self) -> Label {
        Label::new(name_in(self.role, W::NAME), self.role)
    }

    fn work(&self, thread: usize, stop: &Stop) -> Tally {
        let mut trips = 0;
        if thread == 0 {
            while !stop.is_set() {
                self.locks.pass(&[HOME], |_| AWAY);
                trips += 1;
            }
            self.locks.pass(&[HOME], |_| LAST);
            self.locks.pass(&[OVER], |_| HOME);
            return Tally::of(trips);
        }
        let mut seen = HOME;
        while seen != LAST {
            let back = |number| if number == LAST { OVER } else { HOME };
            seen = self.locks.pass(&[AWAY, LAST], back);
        }
        Tally::default()
    }

    fn futex_calls(&self) -> Option<u64> {
        W::futex_calls()
    }
}
