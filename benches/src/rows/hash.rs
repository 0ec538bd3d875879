//! SipHash-1-3 of 8 bytes to 4 KiB: in one shot as strings are hashed, and through a std hasher as maps do it.

use std::hash::Hasher;
use std::hint::black_box;

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::{Goal, Rivals};
use crate::peers::hash::{CPython, ConstSiphasher, Keyed, OneShot, Siphasher, Std};
use crate::peers::ours;
use crate::solo::{Solo, SoloArm};
use crate::straight_line;

/// The row of one shot.
pub const ONE_SHOT: Row = Row {
    name: "hash",
    about: "SipHash-1-3 of 8 to 4096 bytes in one shot, as CPython's hash of str and bytes",
    cells: one_shot,
};

/// The row of std hashers.
pub const HASHER: Row = Row {
    name: "hasher",
    about: "the same through std's Hasher: a number, and strings with their end mark",
    cells: hasher,
};

const SIZES: &[usize] = &[8, 16, 64, 256, 1024, 4096];

// Each arm hashes in a function of its own that is called, as an interpreter calls its hash: sixteen of them inlined in
// a row would overflow the processor's cache of decoded operations, and measure that.

/// As fast as the best of them: nobody may be ahead of ours beyond doubt.
const GOAL: Goal = Goal::NotBehind(Rivals::Everyone);

fn one_shot(context: &Context) -> Vec<Cell> {
    SIZES
        .iter()
        .map(|size| cell(&ONE_SHOT, format!("{size} bytes"), *size, one_shot_arms, context))
        .collect()
}

fn hasher(context: &Context) -> Vec<Cell> {
    let strings = SIZES
        .iter()
        .map(|size| cell(&HASHER, format!("string of {size} bytes"), *size, string_arms, context));
    let number = cell(&HASHER, "u64".into(), 8, number_arms, context);
    std::iter::once(number).chain(strings).collect()
}

/// The arms of a cell, for inputs of some size.
type Arms = fn(usize, &Context) -> Vec<SoloArm>;

fn cell(row: &Row, label: String, size: usize, arms: Arms, context: &Context) -> Cell {
    let plan = context.solo_plan();
    let context = context.clone();
    Cell {
        row: row.name,
        label,
        place: None,
        operation: "hash",
        even: false,
        goal: GOAL,
        plan,
        contestants: Box::new(move || {
            let mut arms = arms(size, &context);
            arms.retain(|arm| context.admits(arm.label()));
            Contestants::Solo(Solo { arms })
        }),
    }
}

/// Bytes that are not aligned to anything, as the characters behind an object's header.
fn input(size: usize) -> Vec<u8> {
    (0..=size).map(|index| index as u8).collect()
}

fn one_shot_arms(size: usize, context: &Context) -> Vec<SoloArm> {
    let mut arms = vec![
        one_shot_arm::<ours::Hash>(size, Role::Ours),
        one_shot_arm::<ours::Hash>(size, Role::Control),
        one_shot_arm::<Siphasher>(size, Role::Peer),
        one_shot_arm::<ConstSiphasher>(size, Role::Peer),
        one_shot_arm::<Std>(size, Role::Peer),
    ];
    if context.cpython {
        arms.push(one_shot_arm::<CPython>(size, Role::Peer));
    }
    arms
}

fn one_shot_arm<H: OneShot>(size: usize, role: Role) -> SoloArm {
    #[inline(never)]
    fn one<H: OneShot>(hash: &H, bytes: &[u8]) -> u64 {
        hash.hash(bytes)
    }
    let (hash, input) = (H::fresh(), input(size));
    SoloArm::new(name_in(role, H::NAME), role, move |passes| {
        for _ in 0..passes {
            straight_line!(black_box(one(&hash, black_box(&input[1..]))));
        }
    })
}

fn string_arms(size: usize, _context: &Context) -> Vec<SoloArm> {
    fn arm<K: Keyed>(size: usize, role: Role) -> SoloArm {
        #[inline(never)]
        fn one<K: Keyed>(keyed: &K, bytes: &[u8]) -> u64 {
            let mut hasher = keyed.hasher();
            hasher.write(bytes);
            hasher.write_u8(0xff);
            hasher.finish()
        }
        let (keyed, input) = (K::fresh(), input(size));
        SoloArm::new(name_in(role, K::NAME), role, move |passes| {
            for _ in 0..passes {
                straight_line!(black_box(one(&keyed, black_box(&input[1..]))));
            }
        })
    }
    vec![
        arm::<ours::Hash>(size, Role::Ours),
        arm::<ours::Hash>(size, Role::Control),
        arm::<Siphasher>(size, Role::Peer),
        arm::<ConstSiphasher>(size, Role::Peer),
        arm::<Std>(size, Role::Peer),
    ]
}

fn number_arms(_size: usize, _context: &Context) -> Vec<SoloArm> {
    fn arm<K: Keyed>(role: Role) -> SoloArm {
        #[inline(never)]
        fn one<K: Keyed>(keyed: &K, number: u64) -> u64 {
            let mut hasher = keyed.hasher();
            hasher.write_u64(number);
            hasher.finish()
        }
        let keyed = K::fresh();
        SoloArm::new(name_in(role, K::NAME), role, move |passes| {
            for _ in 0..passes {
                straight_line!(black_box(one(&keyed, black_box(7))));
            }
        })
    }
    vec![
        arm::<ours::Hash>(Role::Ours),
        arm::<ours::Hash>(Role::Control),
        arm::<Siphasher>(Role::Peer),
        arm::<ConstSiphasher>(Role::Peer),
        arm::<Std>(Role::Peer),
    ]
}
