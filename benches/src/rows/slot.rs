//! A slot by one thread: stores of values that the thread made, loads of what it made and of what others did.
//!
//! Loads run back to back, and apart: see [`pace`](crate::pace).

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use crossbeam_epoch::Atomic;
use crossbeam_utils::CachePadded;
use pyref::{LockedSlot, Slot};

use super::{Row, name_in};
use crate::arm::Role;
use crate::cell::{Cell, Contestants};
use crate::context::Context;
use crate::goal::Goal;
use crate::pace::{Pace, gap};
use crate::peers::slot::{Bare, Place};
use crate::solo::{PER_PASS, Solo, SoloArm};
use crate::straight_line;

/// The row.
pub const ROW: Row = Row {
    name: "slot",
    about: "a slot with a counted value: store, load + drop, and load alone, by one thread",
    cells,
};

/// Values that take turns, as in a program that stores what it has just computed. With one or two, each count would be
/// read right behind the drop that wrote it, through a pointer that comes out of the exchange.
const VALUES: usize = 16;

/// What a batch of loads takes before it is given back, while the clock stands: few enough for the nearest cache, so many
/// that reading the clock is less than a hundredth of it.
const TAKEN: usize = 1024;

/// What a pass does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Store,
    Load(Whose, Then, Pace),
}

/// What becomes of what was loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Drop,
    /// All is dropped while the clock stands.
    Keep,
}

/// Who owns what is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// No thread, so that counting takes read-modify-writes.
    Nobodys,
    /// Another thread, which has left.
    Others,
    /// The loading thread.
    Own,
}

impl Kind {
    fn whose(self) -> Whose {
        match self {
            Self::Store => Whose::Nobodys,
            Self::Load(whose, ..) => whose,
        }
    }
}

fn at_most(factor: f64, of: &str) -> Goal {
    Goal::AtMost { factor, of: of.into() }
}

fn cells(context: &Context) -> Vec<Cell> {
    let stores = [
        ("store, against the limit".into(), "store", Kind::Store, at_most(1.1, Bare::NAME)),
        (
            "store, against the lock".into(),
            "store",
            Kind::Store,
            at_most(0.55, LockedSlot::<u64>::NAME),
        ),
    ];
    let loads = Pace::ALL.into_iter().flat_map(|pace| {
        [Then::Drop, Then::Keep].into_iter().flat_map(move |then| {
            [Whose::Nobodys, Whose::Others, Whose::Own].map(|whose| load(whose, then, pace))
        })
    });
    stores
        .into_iter()
        .chain(loads)
        .map(|(label, operation, kind, goal)| {
            let context = context.clone();
            Cell {
                row: ROW.name,
                label,
                place: None,
                operation,
                even: false,
                goal,
                plan: context.solo_plan(),
                contestants: Box::new(move || {
                    Contestants::Solo(Solo { arms: arms(&context, kind) })
                }),
            }
        })
        .collect()
}

/// A cell's label, what it does, and what is wanted of it.
type Wanted = (String, &'static str, Kind, Goal);

fn load(whose: Whose, then: Then, pace: Pace) -> Wanted {
    let (what, operation) = match then {
        Then::Drop => ("load + drop", "load + drop"),
        Then::Keep => ("load alone", "load"),
    };
    let of = match whose {
        Whose::Nobodys => "of what nobody owns",
        Whose::Others => "of what others own",
        Whose::Own => "of its own",
    };
    let label = format!("{what} {of}, {pace}");
    (label, operation, Kind::Load(whose, then, pace), at_most(1.1, Bare::NAME))
}

fn arms(context: &Context, kind: Kind) -> Vec<SoloArm> {
    let mut arms = vec![
        arm::<Slot<u64>>(Role::Ours, kind),
        arm::<Slot<u64>>(Role::Control, kind),
        arm::<Bare>(Role::Limit, kind),
        arm::<LockedSlot<u64>>(Role::Peer, kind),
        arm::<ArcSwapOption<u64>>(Role::Peer, kind),
        arm::<Atomic<Arc<u64>>>(Role::Peer, kind),
        arm::<Mutex<Option<Arc<u64>>>>(Role::Peer, kind),
    ];
    arms.retain(|arm| context.admits(arm.label()));
    arms
}

fn arm<P: Place>(role: Role, kind: Kind) -> SoloArm {
    let place = CachePadded::new(P::fresh());
    // Of a thread that owns nothing.
    place.store(P::value(1));
    // Made here: to start a thread takes as long as thousands of loads.
    let theirs = (kind.whose() == Whose::Others).then(of_another::<P>);
    let name = name_in(role, P::NAME);
    let whose = kind.whose();
    if let Kind::Load(_, Then::Keep, pace) = kind {
        return SoloArm::of_part(name, role, move |passes| {
            with_value(&*place, whose, theirs.as_ref(), |thread, _| match pace {
                Pace::BackToBack => keep_loads::<P, false>(&place, thread, passes),
                Pace::Apart => keep_loads::<P, true>(&place, thread, passes),
            })
        });
    }
    SoloArm::new(name, role, move |passes| {
        with_value(&*place, whose, theirs.as_ref(), |thread, values| {
            for _ in 0..passes {
                match kind {
                    Kind::Store => store_all(&*place, values),
                    Kind::Load(_, _, Pace::BackToBack) => load_and_drop::<P, false>(&place),
                    Kind::Load(_, _, Pace::Apart) => load_and_drop::<P, true>(&place),
                }
                P::between(thread);
            }
        });
    })
}

fn store_all<P: Place>(place: &P, values: &[P::Value; VALUES]) {
    let (place, mut next) = (black_box(place), black_box(values).iter().cycle());
    straight_line!(place.store(next.next().expect("endless").clone()));
}

fn load_and_drop<P: Place, const APART: bool>(place: &P) {
    let place = black_box(place);
    straight_line!({
        gap::<APART>();
        let held = place.hold();
        let number = held.as_deref().map_or(0, |number| *number);
        gap::<APART>();
        drop(held);
        black_box(number);
    });
}

/// Does `work` on a thread with values of its own, while `place` has what it is to have.
fn with_value<P: Place, R>(
    place: &P,
    whose: Whose,
    theirs: Option<&P::Value>,
    work: impl FnOnce(&P::Thread, &[P::Value; VALUES]) -> R,
) -> R {
    let thread = P::thread();
    let values = [(); VALUES].map(|()| P::value(2));
    match (whose, theirs) {
        (Whose::Own, _) => place.store(values[0].clone()),
        (_, Some(theirs)) => place.store(theirs.clone()),
        _ => {}
    }
    let result = work(&thread, &values);
    // What comes next finds what no thread owns.
    place.store(P::value(1));
    drop((thread, values));
    place.store(P::value(1));
    result
}

/// Loads in batches, each of which is kept until the clock stands. How long the loads took.
fn keep_loads<P: Place, const APART: bool>(place: &P, thread: &P::Thread, passes: u64) -> Duration {
    const PASS: usize = PER_PASS as usize;
    let mut taken = [const { MaybeUninit::uninit() }; TAKEN];
    let mut left = usize::try_from(passes).expect("as many as fit a block");
    let mut spent = Duration::ZERO;
    while left > 0 {
        let batch = &mut taken[..left.min(TAKEN / PASS) * PASS];
        left -= batch.len() / PASS;
        let start = Instant::now();
        for pass in batch.chunks_exact_mut(PASS) {
            let place = black_box(place);
            let mut spots = pass.iter_mut();
            straight_line!({
                gap::<APART>();
                spots.next().expect("one for each load").write(place.hold())
            });
        }
        spent += start.elapsed();
        for spot in batch {
            // SAFETY: every spot of the batch has been written to since it was last dropped.
            unsafe { spot.assume_init_drop() };
        }
        P::between(thread);
    }
    spent
}

/// A value of a thread that has been and gone. The calling thread works meanwhile, so that it will take its own part again
/// when it works next, and not the other's with what that one owned.
fn of_another<P: Place>() -> P::Value {
    let _thread = P::thread();
    std::thread::scope(|scope| {
        let made = scope.spawn(|| {
            let _thread = P::thread();
            P::value(2)
        });
        made.join().expect("it makes a number")
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pyref::{Ref, Slot};

    use super::{TAKEN, keep_loads};
    use crate::peers::slot::Place;
    use crate::solo::PER_PASS;

    #[test]
    fn what_is_kept_while_the_clock_runs_is_given_back() {
        let thread = <Slot<u64> as Place>::thread();
        let value = Ref::new(7);
        let slot = Slot::new(value.clone());
        // More than a batch, and not a whole number of them.
        let passes = TAKEN as u64 / PER_PASS + 3;
        assert!(keep_loads::<_, false>(&slot, &thread, passes) > Duration::ZERO);
        assert!(keep_loads::<_, true>(&slot, &thread, passes) > Duration::ZERO);
        assert_eq!(Ref::count(&value), 2);
    }
}
