//! Arenas as a compiler uses them: many small nodes, some strings, all freed at once.
//!
//! A unit is compiled from the same script by every arm: leaves, nodes that point to earlier ones, a name for every
//! eighth. The script is drawn before the measurement, so that an arm does nothing but allocate and write.

use std::cell::RefCell;
use std::hint::black_box;

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::{Goal, Rivals};
use crate::heap::requested_by;
use crate::peers::arena::{Compiling, Leaf, Node, Reusable, Typed};
use crate::random::Random;
use crate::solo::{PER_PASS, Solo, SoloArm};
use crate::straight_line;

/// The row in which every unit has an arena of its own.
pub const UNIT: Row = Row {
    name: "arena",
    about: "compile a unit into a fresh arena and free it, against bumpalo and typed-arena",
    cells: units,
};

/// The row in which an arena is used again.
pub const RESET: Row = Row {
    name: "arena-reset",
    about: "compile a unit into an arena that is reset for the next one",
    cells: resets,
};

/// The row of a single allocation.
pub const NODE: Row = Row {
    name: "arena-node",
    about: "one node of 24 bytes, a reset every 16, against a bump without a check",
    cells: nodes,
};

/// Statements of a unit: a function, a large module.
const SIZES: [usize; 2] = [100, 5_000];

fn units(context: &Context) -> Vec<Cell> {
    SIZES.iter().map(|size| cell(context, UNIT.name, *size, unit_arms)).collect()
}

fn resets(context: &Context) -> Vec<Cell> {
    SIZES.iter().map(|size| cell(context, RESET.name, *size, reset_arms)).collect()
}

fn cell(
    context: &Context,
    row: &'static str,
    size: usize,
    arms: fn(&Script) -> Vec<SoloArm>,
) -> Cell {
    let context = context.clone();
    let script = Script::draw(size);
    let (allocations, asked) = (script.allocations(), script.asked());
    Cell {
        row,
        label: format!("{size} statements: {allocations} allocations, {asked} bytes"),
        place: None,
        operation: "unit",
        even: false,
        goal: Goal::NotBehind(Rivals::Everyone),
        plan: context.solo_plan(),
        contestants: Box::new(move || {
            let mut arms = arms(&script);
            arms.retain(|arm| context.admits(arm.label()));
            Contestants::Solo(Solo { arms })
        }),
    }
}

/// What a unit is made of.
#[derive(Clone)]
struct Script {
    statements: Vec<Statement>,
}

/// One statement: a leaf, a node that points back by so many, and perhaps a name.
#[derive(Clone, Copy)]
struct Statement {
    back: [usize; 2],
    name: Option<&'static str>,
}

/// Names as programs have them.
const NAMES: [&str; 8] = [
    "i",
    "self",
    "index",
    "value",
    "result",
    "__init__",
    "get_attribute",
    "a_longer_name_than_most",
];

impl Script {
    fn draw(size: usize) -> Self {
        let mut random = Random::from_seed(size as u64);
        let mut statements = Vec::with_capacity(size);
        for _ in 0..size {
            let back = [1 + random.below(4), 1 + random.below(8)];
            let name = (random.below(4) == 0).then(|| NAMES[random.below(NAMES.len())]);
            statements.push(Statement { back, name });
        }
        Self { statements }
    }

    fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.statements.iter().filter_map(|statement| statement.name)
    }

    fn allocations(&self) -> usize {
        2 * self.statements.len() + self.names().count()
    }

    /// Bytes that a unit asks for, paddings not counted.
    fn asked(&self) -> usize {
        let names: usize = self.names().map(str::len).sum();
        self.statements.len() * (size_of::<Node<'_>>() + size_of::<Leaf>()) + names
    }

    /// Compiles a unit.
    #[inline(always)]
    fn compile<A: Compiling>(&self, arena: &A) {
        const SEEN: usize = 8;
        let mut seen: [Option<&Node<'_>>; SEEN] = [None; SEEN];
        for (number, statement) in self.statements.iter().enumerate() {
            let leaf = arena.leaf(Leaf { kind: [number as u32; 4] });
            let name = statement.name.and_then(|name| arena.name(name).as_bytes().first());
            let [left, right] = statement.back.map(|back| seen[number.wrapping_sub(back) % SEEN]);
            seen[number % SEEN] = Some(arena.node(Node { kind: leaf.kind, left, right, name }));
        }
        black_box(seen);
    }

    fn memory<A: Compiling>(&self) -> Option<f64> {
        let requested = requested_by(|| self.compile(&A::fresh()));
        Some(requested as f64 / self.asked() as f64)
    }
}

fn unit_arms(script: &Script) -> Vec<SoloArm> {
    vec![
        unit_arm::<pyarena::Arena>(script, Role::Ours),
        unit_arm::<pyarena::Arena>(script, Role::Control),
        unit_arm::<bumpalo::Bump>(script, Role::Peer),
        unit_arm::<Typed>(script, Role::Peer),
    ]
}

fn unit_arm<A: Compiling>(script: &Script, role: Role) -> SoloArm {
    let memory = script.memory::<A>();
    let script = script.clone();
    let passes = move |passes| {
        for _ in 0..passes * PER_PASS {
            black_box(&script).compile(&A::fresh());
        }
    };
    SoloArm::new(name_in(role, A::NAME), role, passes).with_memory(memory)
}

fn reset_arms(script: &Script) -> Vec<SoloArm> {
    vec![
        reset_arm::<pyarena::Arena>(script, Role::Ours),
        reset_arm::<pyarena::Arena>(script, Role::Control),
        reset_arm::<bumpalo::Bump>(script, Role::Peer),
    ]
}

fn reset_arm<A: Reusable>(script: &Script, role: Role) -> SoloArm {
    let memory = script.memory::<A>();
    let script = script.clone();
    let arena = RefCell::new(A::fresh());
    let passes = move |passes| {
        let mut arena = arena.borrow_mut();
        for _ in 0..passes * PER_PASS {
            black_box(&script).compile(&*arena);
            arena.reset();
        }
    };
    SoloArm::new(name_in(role, A::NAME), role, passes).with_memory(memory)
}

/// A node of the third row.
type Small = [u64; 3];

fn nodes(context: &Context) -> Vec<Cell> {
    let mut plan = context.solo_plan();
    plan.rounds *= 2;
    let context = context.clone();
    vec![Cell {
        row: NODE.name,
        label: "24 bytes".into(),
        place: None,
        operation: "node",
        even: false,
        goal: Goal::NotBehind(Rivals::Everyone),
        plan,
        contestants: Box::new(move || {
            let mut arms = vec![
                ours(Role::Ours),
                ours(Role::Control),
                SoloArm::new("a bump without a check", Role::Limit, unchecked()),
                SoloArm::new("bumpalo", Role::Peer, bumpalo()),
            ];
            arms.retain(|arm| context.admits(arm.label()));
            Contestants::Solo(Solo { arms })
        }),
    }]
}

fn ours(role: Role) -> SoloArm {
    let arena = RefCell::new(pyarena::Arena::new());
    SoloArm::new(name_in(role, "pyarena"), role, move |passes| {
        let mut arena = arena.borrow_mut();
        for number in 0..passes {
            let lent = black_box(&*arena);
            straight_line!(black_box(lent.alloc([number; 3])));
            arena.reset();
        }
    })
}

fn bumpalo() -> impl Fn(u64) {
    let arena = RefCell::new(bumpalo::Bump::new());
    move |passes| {
        let mut arena = arena.borrow_mut();
        for number in 0..passes {
            let lent = black_box(&*arena);
            straight_line!(black_box(lent.alloc([number; 3])));
            arena.reset();
        }
    }
}

/// The limit: a place in memory for the next node, moved on and never looked at.
fn unchecked() -> impl Fn(u64) {
    let room = RefCell::new([Small::default(); PER_PASS as usize]);
    move |passes| {
        let mut room = room.borrow_mut();
        for number in 0..passes {
            let next = std::cell::Cell::new(room.as_mut_ptr());
            let next = black_box(&next);
            straight_line!({
                let slot = next.get();
                // SAFETY: a pass has as many steps as the room has slots.
                unsafe {
                    next.set(slot.add(1));
                    slot.write([number; 3]);
                }
                black_box(slot)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SIZES, Script};

    #[test]
    fn a_script_is_drawn_alike_and_asks_for_what_it_says() {
        let script = Script::draw(SIZES[1]);
        assert_eq!(script.asked(), Script::draw(SIZES[1]).asked());
        let names = script.allocations() - 2 * SIZES[1];
        assert!((1_000..1_500).contains(&names), "{names} names");
    }

    #[test]
    fn no_arena_asks_for_less_than_the_script() {
        let script = Script::draw(SIZES[1]);
        let ours = script.memory::<pyarena::Arena>();
        assert!(ours >= Some(1.0) && ours < Some(1.2), "{ours:?}");
        assert!(script.memory::<bumpalo::Bump>() >= Some(1.0));
    }
}
