//! Weakens one ordering of one line, to show that a model would notice.
//!
//! `PYLOCK_WEAKEN=src/mutex.rs:120` turns the ordering written at that line one step down; `:a` after the
//! line keeps the acquire half of an `AcqRel`, `:r` its release half. Everything else keeps its strength.

use core::panic::Location;
use core::sync::atomic::Ordering;
use std::sync::OnceLock;

/// Which half of an `AcqRel` is left.
#[derive(Clone, Copy)]
enum Half {
    Acquire,
    Release,
}

struct Target {
    file: String,
    line: u32,
    kept: Half,
}

fn target() -> Option<&'static Target> {
    static TARGET: OnceLock<Option<Target>> = OnceLock::new();
    TARGET.get_or_init(|| parse(&std::env::var("PYLOCK_WEAKEN").ok()?)).as_ref()
}

fn parse(text: &str) -> Option<Target> {
    let (text, kept) = match text.strip_suffix(":a") {
        Some(rest) => (rest, Half::Acquire),
        None => (text.strip_suffix(":r").unwrap_or(text), Half::Release),
    };
    let (file, line) = text.rsplit_once(':')?;
    Some(Target { file: file.to_owned(), line: line.parse().ok()?, kept })
}

fn hit(place: &Location<'_>) -> Option<Half> {
    let target = target()?;
    (place.line() == target.line && place.file().ends_with(&target.file)).then_some(target.kept)
}

/// The ordering to use for `order` at `place`.
pub(super) fn step_down(order: Ordering, place: &Location<'_>) -> Ordering {
    match (hit(place), order) {
        (None, kept) => kept,
        (Some(_), Ordering::Acquire | Ordering::Release | Ordering::Relaxed) => Ordering::Relaxed,
        (Some(Half::Acquire), _) => Ordering::Acquire,
        (Some(Half::Release), _) => Ordering::Release,
    }
}

/// The failure ordering of a compare-exchange at `place`: relaxed where the operation is weakened.
pub(super) fn failure_down(order: Ordering, place: &Location<'_>) -> Ordering {
    if hit(place).is_some() { Ordering::Relaxed } else { order }
}
