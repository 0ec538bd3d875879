//! Two hot locks in one bucket of the parking lot, a hundred sleepers beside them: what does it cost that strangers
//! share a queue head?
//!
//! The lot finds a bucket by the address modulo 257, so locks whose addresses agree modulo 257 share one. The same
//! locks in two other buckets are what it should cost.

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::contended::add_together;
use super::{Roll, Row, name_in};
use crate::arm::{Arm, Label, Role, Stop, Tally};
use crate::cell::{Cell, Contestants};
use crate::context::{Context, Mode};
use crate::crew::Lineup;
use crate::goal::Goal;
use crate::peers::exclusive::ByteLock;
use crate::peers::{cpython, ours};

/// The row.
pub const ROW: Row = Row {
    name: "bucket",
    about: "two hot locks in one bucket with 100 sleepers, against other buckets",
    cells,
};

const BUCKETS: usize = 257;
const SLEEPERS: usize = 100;
const THREADS: usize = 4;
const SECTION: u32 = 20;
const APART: &str = "pysync, other buckets";

fn cells(context: &Context) -> Vec<Cell> {
    let mut spins = vec![None];
    if context.mode != Mode::Quick {
        // Without spinning every wait goes through the bucket, so this is the cell in which sharing hurts most.
        spins.push(Some(0));
    }
    spins.into_iter().map(|turns| cell(context, turns)).collect()
}

fn cell(context: &Context, turns: Option<u32>) -> Cell {
    let spinning = if turns.is_some() { ", no spinning" } else { "" };
    let plan = context.crew_plan();
    let context = context.clone();
    Cell {
        row: ROW.name,
        label: format!("{THREADS} threads on 2 locks, {SLEEPERS} sleepers{spinning}"),
        place: None,
        operation: "lock + unlock",
        even: true,
        goal: Goal::AtMost { factor: 1.2, of: APART.into() },
        plan,
        contestants: Box::new(move || {
            Contestants::Crew(Lineup {
                arms: arms(&context, turns),
                threads: THREADS,
                pins: Vec::new(),
            })
        }),
    }
}

fn arms(context: &Context, turns: Option<u32>) -> Vec<Box<dyn Arm>> {
    let mut roll = Roll::new(context);
    let quiet = turns.map(|turns| Arc::new(SpinTurns::set(turns)));
    let street = Arc::new(Sleepers::<pysync::Mutex>::put_to_bed());
    let two = |role, pair, where_| TwoHot {
        street: Arc::clone(&street),
        pair,
        role,
        where_,
        _turns: quiet.clone(),
    };
    roll.add(two(Role::Ours, ONE_BUCKET, "one bucket"))
        .add(two(Role::Control, ONE_BUCKET, "one bucket"))
        // Our own reference plays the limit's part, so that no filter of peers removes it.
        .add(two(Role::Limit, OTHER_BUCKETS, "other buckets"));
    if context.cpython && turns.is_none() {
        let street = Arc::new(Sleepers::<cpython::Mutex>::put_to_bed());
        let two = |pair, where_| TwoHot {
            street: Arc::clone(&street),
            pair,
            role: Role::Peer,
            where_,
            _turns: None,
        };
        roll.add(two(ONE_BUCKET, "one bucket")).add(two(OTHER_BUCKETS, "other buckets"));
    }
    roll.arms
}

/// The spin policy for the life of a cell; the old one comes back at its end.
struct SpinTurns(u32);

impl SpinTurns {
    fn set(turns: u32) -> Self {
        let old = ours::spin_turns();
        ours::set_spin_turns(turns);
        Self(old)
    }
}

impl Drop for SpinTurns {
    fn drop(&mut self) {
        ours::set_spin_turns(self.0);
    }
}

/// A lock and its number on a line of their own.
#[repr(C, align(128))]
struct House<L> {
    lock: L,
    value: UnsafeCell<f64>,
}

// SAFETY: `value` is only reached while `lock` is held.
unsafe impl<L: ByteLock> Sync for House<L> {}

/// Houses on consecutive lines. 128 and 257 have no common divisor, so any 257 in a row lie in 257 buckets, and
/// house `n` shares its bucket with house `n + 257`.
struct Street<L>(Vec<House<L>>);

impl<L: ByteLock> Street<L> {
    fn build() -> Self {
        let houses = BUCKETS * (SLEEPERS + 2);
        let house = |_| House { lock: L::fresh(), value: UnsafeCell::new(0.0) };
        let street = Self((0..houses).map(house).collect());
        let bucket = |house: usize| (&raw const street.0[house].lock) as usize % BUCKETS;
        let [one, two] = ONE_BUCKET;
        assert_eq!(bucket(one), bucket(two), "the two hot locks share a bucket");
        assert!(
            OTHER_BUCKETS.iter().all(|house| bucket(*house) != bucket(one)),
            "the others do not"
        );
        street
    }
}

/// Both hot locks and all sleepers in one bucket.
const ONE_BUCKET: [usize; 2] = [0, BUCKETS];
/// Two buckets with nobody else in them.
const OTHER_BUCKETS: [usize; 2] = [100, 150];

/// The house of one sleeper, in the bucket of [`ONE_BUCKET`].
const fn bed(sleeper: usize) -> usize {
    BUCKETS * (sleeper + 2)
}

/// A street in which a hundred threads sleep until it is torn down.
struct Sleepers<L: ByteLock> {
    street: Arc<Street<L>>,
    threads: Vec<JoinHandle<()>>,
}

impl<L: ByteLock> Sleepers<L> {
    fn put_to_bed() -> Self {
        let street = Arc::new(Street::<L>::build());
        let sleep = |sleeper: usize| {
            let street = Arc::clone(&street);
            street.0[bed(sleeper)].lock.lock();
            std::thread::Builder::new()
                .stack_size(64 * 1024)
                .spawn(move || {
                    street.0[bed(sleeper)].lock.lock();
                    street.0[bed(sleeper)].lock.unlock();
                })
                .expect("the system has room for a hundred small threads")
        };
        let threads = (0..SLEEPERS).map(sleep).collect();
        std::thread::sleep(Duration::from_millis(30));
        Self { street, threads }
    }
}

impl<L: ByteLock> Drop for Sleepers<L> {
    fn drop(&mut self) {
        for sleeper in 0..SLEEPERS {
            self.street.0[bed(sleeper)].lock.unlock();
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                eprintln!("a sleeper of the row 'bucket' panicked");
            }
        }
    }
}

/// Half of the threads on each of two locks.
struct TwoHot<L: ByteLock> {
    street: Arc<Sleepers<L>>,
    pair: [usize; 2],
    role: Role,
    where_: &'static str,
    _turns: Option<Arc<SpinTurns>>,
}

impl<L: ByteLock> Arm for TwoHot<L> {
    fn label(&self) -> Label {
        Label::new(name_in(self.role, &format!("{}, {}", L::NAME, self.where_)), self.role)
    }

    fn work(&self, thread: usize, stop: &Stop) -> Tally {
        let house = &self.street.street.0[self.pair[thread % 2]];
        let mut mine = 1.0;
        let mut operations = 0;
        while !stop.is_set() {
            house.lock.lock();
            // SAFETY: the lock of this house is held.
            add_together(unsafe { &mut *house.value.get() }, &mut mine, SECTION);
            house.lock.unlock();
            operations += 1;
        }
        black_box(mine);
        Tally::of(operations)
    }
}
