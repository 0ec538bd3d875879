//! Row `slot`: counted values in slots, stored, loaded, borrowed and handed between threads that come and go.

use crate::findings::Rule;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::Worker;
use pyref::{Guard, Member, Ref, Slot};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The row.
#[derive(Debug)]
pub struct SlotRow;

impl Row for SlotRow {
    fn name(&self) -> &'static str {
        "slot"
    }

    fn about(&self) -> &'static str {
        "pyref: counted values stored, loaded, borrowed and passed on through the slots of one \
         object, by members that come and go; each is dropped once, and not used after it"
    }

    fn open(&self, _setup: Setup) -> Box<dyn Arena> {
        Box::new(Object::<Slot<Value>>::open())
    }
}

/// How many values there were, and what was wrong with them.
#[derive(Debug, Default)]
struct Books {
    born: AtomicU64,
    gone: AtomicU64,
    wrong: AtomicU64,
}

/// A value that is counted, and knows whether it is whole.
#[derive(Debug)]
pub struct Value {
    number: u64,
    check: u64,
    books: Arc<Books>,
}

impl Value {
    fn new(books: &Arc<Books>) -> Self {
        // ORD: Relaxed, counters that are read when every worker has left.
        let number = books.born.fetch_add(1, Ordering::Relaxed);
        Self { number, check: !number, books: Arc::clone(books) }
    }

    fn is_whole(&self) -> bool {
        self.number == !self.check
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        if !self.is_whole() {
            // ORD: Relaxed, as above.
            self.books.wrong.fetch_add(1, Ordering::Relaxed);
        }
        self.check = self.number;
        // ORD: Relaxed, as above.
        self.books.gone.fetch_add(1, Ordering::Relaxed);
    }
}

/// A slot of some kind.
pub trait Kind: Send + Sync + 'static {
    /// An empty one.
    fn empty() -> Self;
    /// What is in it.
    fn load(&self) -> Option<Ref<Value>>;
    /// Replaces what is in it.
    fn swap(&self, value: Option<Ref<Value>>) -> Option<Ref<Value>>;
    /// The slot that borrows are made of, if it is one.
    fn slot(&self) -> Option<&Slot<Value>>;
}

impl Kind for Slot<Value> {
    fn empty() -> Self {
        Self::empty()
    }
    fn load(&self) -> Option<Ref<Value>> {
        self.load()
    }
    fn swap(&self, value: Option<Ref<Value>>) -> Option<Ref<Value>> {
        self.swap(value)
    }
    fn slot(&self) -> Option<&Slot<Value>> {
        Some(self)
    }
}

/// Slots of the object.
const SLOTS: usize = 4;

/// How long the last values may take to go: other arenas of the process may have readers.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 5 } else { 20 });

/// One object, and the books of its values.
#[derive(Debug)]
pub struct Object<K> {
    slots: [K; SLOTS],
    books: Arc<Books>,
}

impl<K: Kind> Object<K> {
    /// An object with nothing in its slots.
    pub fn open() -> Self {
        Self { slots: [(); SLOTS].map(|()| K::empty()), books: Arc::default() }
    }

    fn look(worker: &Worker<'_>, value: &Value) {
        worker.expect(value.is_whole(), Rule::Dropped, || {
            format!("value {} is used after its drop", value.number)
        });
    }

    /// One operation on one or two slots. `guard` opens a guard of the calling thread.
    pub fn step<'g>(&self, worker: &mut Worker<'_>, guard: &dyn Fn() -> Guard<'g>) {
        let (slot, other) =
            (&self.slots[worker.rng.below(SLOTS)], &self.slots[worker.rng.below(SLOTS)]);
        match worker.rng.below(8) {
            0..=2 => drop(slot.swap(Some(Ref::new(Value::new(&self.books))))),
            3 | 4 => slot.load().iter().for_each(|value| Self::look(worker, value)),
            5 => drop(other.swap(slot.load())),
            6 => drop(slot.swap(other.swap(None))),
            _ => self.borrow(worker, slot, &guard()),
        }
    }

    /// Looks at a borrowed value while it may be replaced, perhaps by this thread.
    fn borrow(&self, worker: &mut Worker<'_>, slot: &K, guard: &Guard<'_>) {
        let Some(seen) = slot.slot().and_then(|slot| slot.borrow(guard)) else { return };
        if worker.rng.below(2) == 0 {
            drop(slot.swap(Some(Ref::new(Value::new(&self.books)))));
        }
        Self::look(worker, &seen);
        seen.upgrade().iter().for_each(|value| Self::look(worker, value));
    }
}

impl<K: Kind> Arena for Object<K> {
    fn visit(&self, worker: &mut Worker<'_>) {
        let mut member = Member::new();
        // Some visits are made by threads that are not online, which count and look the long way.
        let online = (worker.rng.below(4) != 0).then(|| member.online());
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            self.step(worker, &|| match &online {
                Some(online) => online.guard(),
                None => Guard::visit(),
            });
            if let Some(online) = &online {
                if worker.rng.below(8) == 0 { online.serve() } else { online.quiescent() }
            }
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        for slot in &self.slots {
            drop(slot.swap(None));
        }
        let begun = Instant::now();
        // ORD: Relaxed, counters; every worker has left.
        let totals = || {
            [&self.books.born, &self.books.gone, &self.books.wrong]
                .map(|counter| counter.load(Ordering::Relaxed))
        };
        while totals()[0] > totals()[1] && begun.elapsed() < PATIENCE {
            drop(Guard::visit());
            thread::yield_now();
        }
        let [born, gone, wrong] = totals();
        quiet.expect(born == gone, Rule::Dropped, || {
            format!("{born} values were made, and {gone} drops were counted")
        });
        quiet.expect(wrong == 0, Rule::Dropped, || format!("{wrong} values were dropped twice"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;
    use std::mem::ManuallyDrop;

    /// Forgets what it replaces, now and then.
    struct Forgetful(Slot<Value>);

    impl Kind for Forgetful {
        fn empty() -> Self {
            Self(Slot::empty())
        }
        fn load(&self) -> Option<Ref<Value>> {
            self.0.load()
        }
        fn swap(&self, value: Option<Ref<Value>>) -> Option<Ref<Value>> {
            let old = ManuallyDrop::new(self.0.swap(value));
            if old.as_ref().is_some_and(|old| old.number % 2 == 0) {
                return None;
            }
            ManuallyDrop::into_inner(old)
        }
        fn slot(&self) -> Option<&Slot<Value>> {
            Some(&self.0)
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "waits for what never comes")]
    fn a_lost_reference_is_caught() {
        let found = trial::until(Rule::Dropped, &[], |_| Object::<Forgetful>::open());
        assert!(found.broke(Rule::Dropped));
    }

    #[test]
    fn the_real_one_is_not() {
        trial::clean(&[], |_| Object::<Slot<Value>>::open());
    }
}
