//! Row `arena`: bump arenas that go from worker to worker and are filled at random, checked, reset and dropped.
//!
//! An arena is used by one thread at a time, so what can go wrong is not a race but a byte lent twice, an object that
//! is dropped twice or never, or something left behind by the thread that had the arena before. Workers take an arena
//! out of the pool, use it alone, and put it back; its owned objects are often dropped by another thread than the one
//! that made them.
//!
//! The checkers cannot accuse wrongly: patterns and addresses are compared by the thread that holds the arena, within
//! one visit, and objects are counted by the arena's own counter, read when nobody else has the arena.

use crate::findings::Rule;
use crate::gauge::Counter;
use crate::rng::Rng;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::Worker;
use std::alloc::Layout;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The row.
#[derive(Debug)]
pub struct ArenaRow;

impl Row for ArenaRow {
    fn name(&self) -> &'static str {
        "arena"
    }

    fn about(&self) -> &'static str {
        "pyarena: values, slices, strings and owned objects of random sizes and alignments; patterns, \
         alignment, drop counts and order, resets"
    }

    fn notes(&self) -> &'static [&'static str] {
        &["requests", "objects released", "resets"]
    }

    fn open(&self, setup: Setup) -> Box<dyn Arena> {
        Box::new(Pool::<pyarena::Arena>::open(setup))
    }
}

/// Indices of the notes.
const REQUESTS: usize = 0;
const RELEASED: usize = 1;
const RESETS: usize = 2;

/// A bump arena, as the pool sees it.
pub trait Bump: Send + 'static {
    /// One that holds nothing.
    fn fresh() -> Self;
    /// Bytes of `layout`.
    fn bytes(&self, layout: Layout) -> Option<NonNull<u8>>;
    /// Owns `object`.
    fn own(&self, object: Mourned);
    /// Releases what is owned and takes all bytes back.
    fn reset(&mut self);
}

/// What became of an arena's objects, seen by all who hold the arena one after the other.
#[derive(Debug, Default)]
pub struct Deaths {
    released: Counter,
    out_of_order: Counter,
}

/// An object that tells of its end. Every seventh panics then.
#[derive(Debug)]
pub struct Mourned {
    number: u64,
    deaths: Arc<Deaths>,
}

impl Drop for Mourned {
    fn drop(&mut self) {
        let before = self.deaths.released.next();
        if before != self.number {
            self.deaths.out_of_order.add(1);
        }
        if self.number % 7 == 6 {
            resume_unwind(Box::new(()));
        }
    }
}

/// An arena and its books.
#[derive(Debug)]
struct Place<B> {
    arena: B,
    owned: u64,
    deaths: Arc<Deaths>,
}

/// Bytes that are lent.
struct Loan {
    bytes: NonNull<u8>,
    size: usize,
    pattern: u8,
}

/// One round's arenas.
#[derive(Debug)]
pub struct Pool<B> {
    free: Mutex<Vec<Place<B>>>,
}

impl<B: Bump> Place<B> {
    fn fresh() -> Self {
        Self { arena: B::fresh(), owned: 0, deaths: Arc::default() }
    }

    /// One object or one loan.
    fn request(&mut self, rng: &mut Rng) -> Result<Option<Loan>, String> {
        if rng.one_in(6) {
            self.arena.own(Mourned { number: self.owned, deaths: Arc::clone(&self.deaths) });
            self.owned += 1;
            return Ok(None);
        }
        let layout = draw(rng);
        let bytes = self.arena.bytes(layout).ok_or("a request was refused")?;
        if bytes.addr().get() % layout.align() != 0 {
            return Err(format!("{bytes:?} is not aligned for {layout:?}"));
        }
        let loan = Loan { bytes, size: layout.size(), pattern: rng.bits() as u8 };
        // SAFETY: the arena lends so many bytes until it is reset, which is what is being checked.
        unsafe { bytes.write_bytes(loan.pattern, loan.size) };
        Ok(Some(loan))
    }

    /// Resets the arena; its objects must all have been released by then, in order, whatever panicked.
    fn reset(&mut self) -> Result<(), String> {
        let unwound = catch_unwind(AssertUnwindSafe(|| self.arena.reset())).is_err();
        let (released, owned) = (self.deaths.released.get(), self.owned);
        let out_of_order = self.deaths.out_of_order.get();
        (self.owned, self.deaths) = (0, Arc::default());
        if released != owned || out_of_order > 0 {
            return Err(format!("{released} of {owned} released, {out_of_order} out of order"));
        }
        if unwound != (owned >= 7) {
            return Err(format!("{owned} objects, and the panic of the seventh: {unwound}"));
        }
        Ok(())
    }
}

/// A layout: small mostly, now and then large or over-aligned.
fn draw(rng: &mut Rng) -> Layout {
    let most = if rng.one_in(40) { 20_000 } else { 200 };
    let size = rng.below(most);
    let powers = if rng.one_in(20) { 12 } else { 5 };
    let align = 1 << rng.below(powers);
    Layout::from_size_align(size, align).expect("small and a power of two")
}

/// Whether a loan still holds what was written into it.
fn is_unharmed(loan: &Loan) -> bool {
    // SAFETY: lent and written in this visit, and the arena has not been reset since.
    let seen = unsafe { std::slice::from_raw_parts(loan.bytes.as_ptr(), loan.size) };
    seen.iter().all(|byte| *byte == loan.pattern)
}

impl<B: Bump> Pool<B> {
    /// No arena yet: workers bring them.
    pub fn open(_setup: Setup) -> Self {
        Self { free: Mutex::default() }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Place<B>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills an arena for a while and looks whether all is as it was left.
    fn fill(place: &mut Place<B>, worker: &mut Worker<'_>) {
        let mut loans = Vec::new();
        for _ in 0..worker.rng.below(200) {
            match place.request(&mut worker.rng) {
                Ok(loan) => loans.extend(loan),
                Err(wrong) => worker.violation(Rule::Memory, wrong),
            }
            worker.note(REQUESTS).add(1);
        }
        let harmed = loans.iter().filter(|loan| !is_unharmed(loan)).count();
        worker.expect(harmed == 0, Rule::Memory, || {
            format!("{harmed} of {} loans have changed", loans.len())
        });
    }

    fn one(&self, worker: &mut Worker<'_>) {
        let mut place = self.free().pop().unwrap_or_else(Place::fresh);
        Self::fill(&mut place, worker);
        if worker.rng.one_in(2) {
            worker.note(RELEASED).add(place.owned);
            worker.note(RESETS).add(1);
            if let Err(wrong) = place.reset() {
                worker.violation(Rule::ExactlyOnce, wrong);
            }
        }
        if worker.rng.one_in(16) {
            // Whatever it owns goes with it; what panics then is caught.
            let (owned, deaths) = (place.owned, Arc::clone(&place.deaths));
            drop(catch_unwind(AssertUnwindSafe(move || drop(place))));
            let released = deaths.released.get();
            worker.expect(released == owned, Rule::ExactlyOnce, || {
                format!("an arena was dropped with {owned} objects, {released} were released")
            });
        } else {
            self.free().push(place);
        }
    }
}

impl<B: Bump> Arena for Pool<B> {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            self.one(worker);
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        for mut place in self.free().drain(..) {
            let reset = place.reset();
            quiet.expect(reset.is_ok(), Rule::LeftBehind, || format!("{reset:?}"));
        }
    }
}

impl Bump for pyarena::Arena {
    fn fresh() -> Self {
        Self::new()
    }

    fn bytes(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.try_alloc_layout(layout).ok()
    }

    fn own(&self, object: Mourned) {
        Self::own(self, object);
    }

    fn reset(&mut self) {
        Self::reset(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;
    use std::cell::{Cell, RefCell};

    const NOTES: &[&str] = &["requests", "objects released", "resets"];

    /// Keeps its promises but one.
    struct Broken<const FLAW: u8> {
        room: Box<[u128]>,
        used: Cell<usize>,
        rest: pyarena::Arena,
        objects: RefCell<Vec<Mourned>>,
    }

    const LENDS_TWICE: u8 = 0;
    const FORGETS: u8 = 1;
    const TURNS_ROUND: u8 = 2;
    const MISALIGNS: u8 = 3;

    // SAFETY: the arena inside may be sent, and so may all else.
    unsafe impl<const FLAW: u8> Send for Broken<FLAW> {}

    impl<const FLAW: u8> Drop for Broken<FLAW> {
        /// Several of the objects panic, which only the real one survives.
        fn drop(&mut self) {
            self.objects.take().into_iter().for_each(|object| Bump::own(&self.rest, object));
        }
    }

    impl<const FLAW: u8> Bump for Broken<FLAW> {
        fn fresh() -> Self {
            Self {
                room: vec![0; 1 << 12].into(),
                used: Cell::new(0),
                rest: pyarena::Arena::new(),
                objects: RefCell::default(),
            }
        }

        fn bytes(&self, layout: Layout) -> Option<NonNull<u8>> {
            if FLAW == MISALIGNS && layout.align() == 16 && layout.size() < 100 {
                let bytes = self.rest.try_alloc_layout(layout.extend(layout).ok()?.0).ok()?;
                // SAFETY: one byte on is inside the twice as large layout.
                return Some(unsafe { bytes.add(1) });
            }
            if FLAW != LENDS_TWICE || layout.size() > 100 || layout.align() > 16 {
                return self.rest.try_alloc_layout(layout).ok();
            }
            self.used.set((self.used.get() + 1) % 8);
            let start = NonNull::from(&*self.room).cast::<u128>();
            // SAFETY: the room is much longer.
            Some(unsafe { start.add(self.used.get()) }.cast())
        }

        fn own(&self, object: Mourned) {
            self.objects.borrow_mut().push(object);
        }

        fn reset(&mut self) {
            let mut objects = self.objects.take();
            match FLAW {
                FORGETS if !objects.is_empty() => std::mem::forget(objects.pop()),
                TURNS_ROUND => objects.reverse(),
                _ => {}
            }
            objects.into_iter().for_each(|object| Bump::own(&self.rest, object));
            self.rest.reset();
        }
    }

    #[test]
    fn bytes_that_are_lent_twice_are_caught() {
        assert!(
            trial::until(Rule::Memory, NOTES, Pool::<Broken<LENDS_TWICE>>::open)
                .broke(Rule::Memory)
        );
    }

    #[test]
    fn a_wrong_alignment_is_caught() {
        assert!(
            trial::until(Rule::Memory, NOTES, Pool::<Broken<MISALIGNS>>::open).broke(Rule::Memory)
        );
    }

    #[test]
    fn forgotten_and_disordered_objects_are_caught() {
        let once = Rule::ExactlyOnce;
        assert!(trial::until(once, NOTES, Pool::<Broken<FORGETS>>::open).broke(once));
        assert!(trial::until(once, NOTES, Pool::<Broken<TURNS_ROUND>>::open).broke(once));
    }

    #[test]
    fn the_real_one_is_not() {
        trial::clean(NOTES, Pool::<pyarena::Arena>::open);
    }
}
