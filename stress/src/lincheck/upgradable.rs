//! An upgradable read-write mutex as a sequential object: readers, one of them upgradable, or a writer. A reader
//! that is not a recursive one may be refused because a writer or an upgrade waits; the subject counts their calls, as
//! for the plain read-write mutex.

use super::crew::Subject;
use super::history::Scribe;
use super::search::Spec;
use crate::pause::Pause;
use crate::rng::Rng;
use pysync::{LockFlags, LockStatus, UpgradableRwMutex};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The specification.
#[derive(Debug)]
pub struct UpgradableSpec;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// To read.
    Read,
    /// To read, past a writer that waits.
    ReadAgain,
    /// To be the upgradable reader.
    Upgradable,
    /// To write.
    Write,
    /// To write instead of the upgradable read.
    Upgrade,
}

/// A call with its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A lock or an upgrade that came.
    Came(Wish),
    /// One that was refused; whether the call of a writer or of an upgrade overlapped with it.
    Refused(Wish, bool),
    /// What was held is let go, and this is held instead.
    Changed(Held, Held),
}

/// Who holds it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Held {
    readers: u8,
    upgradable: u8,
    writer: u8,
}

const NOTHING: Held = Held { readers: 0, upgradable: 0, writer: 0 };
const READER: Held = Held { readers: 1, ..NOTHING };
const UPGRADABLE: Held = Held { upgradable: 1, ..NOTHING };
const WRITER: Held = Held { writer: 1, ..NOTHING };

impl Held {
    fn plus(self, more: Self) -> Self {
        Self {
            readers: self.readers + more.readers,
            upgradable: self.upgradable + more.upgradable,
            writer: self.writer + more.writer,
        }
    }

    fn minus(self, less: Self) -> Option<Self> {
        Some(Self {
            readers: self.readers.checked_sub(less.readers)?,
            upgradable: self.upgradable.checked_sub(less.upgradable)?,
            writer: self.writer.checked_sub(less.writer)?,
        })
    }

    fn is_legal(self) -> bool {
        self.writer + self.upgradable <= 1 && (self.writer == 0 || self.readers == 0)
    }
}

impl Wish {
    /// What the caller gives for it, and what it gets.
    fn trade(self) -> (Held, Held) {
        match self {
            Self::Read | Self::ReadAgain => (NOTHING, READER),
            Self::Upgradable => (NOTHING, UPGRADABLE),
            Self::Write => (NOTHING, WRITER),
            Self::Upgrade => (UPGRADABLE, WRITER),
        }
    }

    /// Whether somebody who only waits is a reason to refuse it.
    fn gives_way(self) -> bool {
        matches!(self, Self::Read | Self::Upgradable)
    }
}

impl Spec for UpgradableSpec {
    type State = Held;
    type Call = Call;

    fn start() -> Held {
        NOTHING
    }

    fn step(&held: &Held, call: &Call) -> Option<Held> {
        let after =
            |(given, got)| Some(held.minus(given)?.plus(got)).filter(|held| held.is_legal());
        match *call {
            Call::Came(wish) => after(wish.trade()),
            Call::Changed(given, got) => after((given, got)),
            Call::Refused(wish, beside) => {
                let may = after(wish.trade()).is_none() || beside && wish.gives_way();
                may.then_some(held)
            }
        }
    }
}

/// The lock, and how many calls of writers and upgrades have begun and ended.
#[derive(Debug)]
pub struct Watched {
    lock: UpgradableRwMutex,
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Watched {
    /// Asks in one of the ways; whether it came, and whether a writer's call overlapped.
    fn ask(&self, wish: Wish, way: usize, timeout: Option<Duration>) -> (bool, bool) {
        let (lock, flags) = (&self.lock, LockFlags::EMPTY);
        let writes = matches!(wish, Wish::Write | Wish::Upgrade);
        if writes {
            // ORD: SeqCst, one order with the readers' looks at both counts.
            self.begun.fetch_add(1, Ordering::SeqCst);
        }
        // ORD: SeqCst, as above. Ended is read first: a writer who is not in it may be inside now.
        let ended = self.ended.load(Ordering::SeqCst);
        let timed = |status| status == LockStatus::Acquired;
        let came = match (wish, way) {
            (Wish::Read, 0) => lock.try_read_lock(),
            (Wish::Read, _) => timed(lock.read_lock_timed(timeout, flags)),
            (Wish::ReadAgain, 0) => lock.try_read_lock_recursive(),
            (Wish::ReadAgain, _) => timed(lock.read_lock_recursive_timed(timeout, flags)),
            (Wish::Upgradable, 0) => lock.try_upgradable_lock(),
            (Wish::Upgradable, _) => timed(lock.upgradable_lock_timed(timeout, flags)),
            (Wish::Write, 0) => lock.try_write_lock(),
            (Wish::Write, _) => timed(lock.write_lock_timed(timeout, flags)),
            (Wish::Upgrade, 0) => lock.try_upgrade(),
            (Wish::Upgrade, _) => timed(lock.upgrade_timed(timeout, flags)),
        };
        if writes {
            // ORD: SeqCst, as above.
            self.ended.fetch_add(1, Ordering::SeqCst);
        }
        // ORD: SeqCst, as above. Whoever begun and had not ended was inside during this call.
        (came, self.begun.load(Ordering::SeqCst) > ended)
    }

    fn get(&self, wish: Wish, rng: &mut Rng, scribe: &mut Scribe<'_, Call>) -> bool {
        let way = rng.below(3);
        // Of the two ways with a time one waits for ever.
        let timeout = (way == 1).then(|| rng.time_up_to(Duration::from_micros(40)));
        let record = |&(came, beside): &(bool, bool)| {
            if came { Call::Came(wish) } else { Call::Refused(wish, beside) }
        };
        let (came, _) = scribe.record(|| self.ask(wish, way, timeout), record);
        if came {
            Pause::draw(rng, usize::MAX).spend();
        }
        came
    }

    /// Lets go of what a call got, in one or two steps.
    fn let_go(&self, mut held: Held, rng: &mut Rng, scribe: &mut Scribe<'_, Call>) {
        while held != NOTHING {
            let down = rng.below(3);
            let lock = &self.lock;
            let next = match (held, down) {
                (WRITER, 0) => READER,
                (WRITER, 1) => UPGRADABLE,
                (UPGRADABLE, 0) => READER,
                _ => NOTHING,
            };
            let change = || match (held, next) {
                (WRITER, READER) => lock.downgrade(),
                (WRITER, UPGRADABLE) => lock.downgrade_to_upgradable(),
                (WRITER, _) => lock.write_unlock(),
                (UPGRADABLE, READER) => lock.downgrade_upgradable(),
                (UPGRADABLE, _) => lock.upgradable_unlock(),
                _ => lock.read_unlock(),
            };
            scribe.record(change, |()| Call::Changed(held, next));
            held = next;
        }
    }
}

impl Subject for Watched {
    type Spec = UpgradableSpec;

    fn fresh(_threads: usize) -> Self {
        Self { lock: UpgradableRwMutex::new(), begun: AtomicU64::new(0), ended: AtomicU64::new(0) }
    }

    fn act(&self, rng: &mut Rng, scribe: &mut Scribe<'_, Call>) {
        let wish = rng.pick(&[Wish::Read, Wish::ReadAgain, Wish::Upgradable, Wish::Write]);
        if !self.get(wish, rng, scribe) {
            return;
        }
        let (_, mut held) = wish.trade();
        if wish == Wish::Upgradable && rng.one_in(2) && self.get(Wish::Upgrade, rng, scribe) {
            held = WRITER;
        }
        self.let_go(held, rng, scribe);
    }
}

#[cfg(test)]
mod tests {
    use super::Call::{Came, Changed, Refused};
    use super::*;
    use crate::lincheck::crew::{accepted, accepts};

    #[test]
    fn two_upgradable_readers_are_rejected() {
        let both = |second| [(0, Came(Wish::Upgradable), 0, 1), (1, Came(second), 2, 3)];
        assert!(!accepted::<UpgradableSpec>(&both(Wish::Upgradable)));
        assert!(!accepted::<UpgradableSpec>(&both(Wish::Write)));
        assert!(accepted::<UpgradableSpec>(&both(Wish::Read)));
    }

    #[test]
    fn a_writer_between_a_read_and_its_upgrade_is_rejected() {
        let between = |call| {
            [(0, Came(Wish::Upgradable), 0, 1), (1, call, 2, 3), (0, Came(Wish::Upgrade), 4, 5)]
        };
        assert!(!accepted::<UpgradableSpec>(&between(Came(Wish::Read))));
        assert!(!accepted::<UpgradableSpec>(&between(Came(Wish::Write))));
        assert!(accepted::<UpgradableSpec>(&between(Refused(Wish::Write, false))));
        let down = [(0, Came(Wish::Write), 0, 1), (0, Changed(WRITER, UPGRADABLE), 2, 3)];
        assert!(accepted::<UpgradableSpec>(&down));
    }

    #[test]
    fn a_recursive_read_is_refused_by_a_writer_only() {
        let beside = |wish| [(0, Came(Wish::Read), 0, 1), (1, Refused(wish, true), 2, 3)];
        assert!(accepted::<UpgradableSpec>(&beside(Wish::Read)));
        assert!(!accepted::<UpgradableSpec>(&beside(Wish::ReadAgain)));
    }

    #[test]
    fn the_real_one_is_accepted() {
        accepts::<Watched>(4);
    }
}
