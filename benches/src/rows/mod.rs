//! The rows of the bench, one file each: which cells a row has, who competes in them, and what is wanted.

pub mod arena;
pub mod attach;
pub mod broadcast;
pub mod bucket;
pub mod c_mutex;
pub mod contended;
pub mod critsec;
pub mod fairness;
pub mod gil;
pub mod hash;
pub mod lock_api;
pub mod once;
pub mod pending;
pub mod ping_pong;
pub mod poll;
pub mod read_write;
pub mod recursive;
pub mod seqlock;
#[cfg(unix)]
pub mod signal;
pub mod slot;
pub mod slot_growth;
pub mod stop;
pub mod threads;
pub mod uncontended;

use crate::arm::{Arm, Role};
use crate::cell::Cell;
use crate::context::Context;

/// A group of cells that can be asked for by name.
pub struct Row {
    /// The name for `--only`.
    pub name: &'static str,
    /// What it measures, in one line.
    pub about: &'static str,
    /// Its cells under the user's choices.
    pub cells: fn(&Context) -> Vec<Cell>,
}

/// Every row, in the order in which they run.
pub const ALL: &[Row] = &[
    uncontended::ROW,
    contended::ROW,
    c_mutex::ROW,
    fairness::ROW,
    bucket::ROW,
    ping_pong::ROW,
    broadcast::ROW,
    once::ROW,
    recursive::ROW,
    critsec::ROW,
    read_write::UNCONTENDED,
    read_write::MATRIX,
    lock_api::SOLO,
    lock_api::CROWD,
    lock_api::CONDVAR,
    seqlock::READ,
    seqlock::WITH_WRITER,
    arena::UNIT,
    arena::RESET,
    arena::NODE,
    hash::ONE_SHOT,
    hash::HASHER,
    slot::ROW,
    slot_growth::ROW,
    gil::ALONE,
    gil::HANDOVER,
    gil::CONVOY,
    pending::ROW,
    #[cfg(unix)]
    signal::ROW,
    attach::ROW,
    poll::ROW,
    stop::ROW,
    threads::START,
    threads::KEYS,
    threads::RETRIES,
];

/// Arms in the making: each is added with the part it plays, and dropped if the user's filter does not admit it.
struct Roll<'a> {
    context: &'a Context,
    arms: Vec<Box<dyn Arm>>,
}

impl<'a> Roll<'a> {
    fn new(context: &'a Context) -> Self {
        Self { context, arms: Vec::new() }
    }

    fn add(&mut self, arm: impl Arm + 'static) -> &mut Self {
        if self.context.admits(&arm.label()) {
            self.arms.push(Box::new(arm));
        }
        self
    }
}

/// The name an arm has in a part: a control says that it is the same once more.
fn name_in(role: Role, name: &str) -> String {
    if role == Role::Control { format!("{name} again") } else { name.to_owned() }
}

/// So many threads, in words.
fn threads_named(count: usize) -> String {
    if count == 1 { "1 thread".to_owned() } else { format!("{count} threads") }
}
