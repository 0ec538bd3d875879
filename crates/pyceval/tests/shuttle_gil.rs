//! Random schedules of more threads than loom can take, for the GIL. Empty but for builds with `--cfg shuttle`.
//!
//! `SHUTTLE_ITERATIONS` schedules each (500 unless told). A deadlock fails the run: nobody may be stranded.
#![cfg(shuttle)]

use pyceval::{Events, Gil, Seat, SwitchPolicy, Taken};
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicUsize;
use pyparking::{Deadline, clock};
use shuttle::sync::Arc;
use shuttle::thread;
use std::time::Duration;
use trial::crew::explore;

/// Past every interval and every position in the rows.
const LONG: u64 = 100_000_000;

/// A GIL with eight threads at it.
struct Crew {
    gil: Gil,
    inside: AtomicUsize,
    turns: AtomicUsize,
}

impl Crew {
    fn new(policy: SwitchPolicy) -> Arc<Self> {
        let (inside, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { gil: Gil::new(policy), inside, turns })
    }

    fn run(self: &Arc<Self>, work: impl Fn(&Self, usize) + Send + Sync + 'static) {
        let work = Arc::new(work);
        let members: Vec<_> = (0..8)
            .map(|member| {
                let (crew, work) = (Arc::clone(self), Arc::clone(&work));
                thread::spawn(move || work(&crew, member))
            })
            .collect();
        members.into_iter().for_each(|member| member.join().expect("a member failed"));
        assert_eq!(self.gil.waiting(), 0);
    }

    /// Alone inside, with the GIL.
    fn enter(&self) {
        assert_eq!(self.inside.fetch_add(1, Ordering::SeqCst), 0, "two hold the GIL");
        thread::yield_now();
        self.inside.fetch_add(usize::MAX, Ordering::SeqCst);
        self.turns.fetch_add(1, Ordering::SeqCst);
    }
}

/// GIL-1, GIL-7: two turns for each of eight threads, under both policies.
#[test]
fn gil_of_eight() {
    explore(|| {
        for policy in [SwitchPolicy::Classic, SwitchPolicy::Responsive] {
            let crew = Crew::new(policy);
            crew.run(|crew, _| {
                let seat = Seat::new();
                for _ in 0..2 {
                    crew.gil.with(&seat, || crew.enter());
                }
            });
            assert_eq!(crew.turns.load(Ordering::SeqCst), 16);
        }
    });
}

/// GIL-5, GIL-6: each polls and makes way when asked; somebody else has had the GIL when it is back.
#[test]
fn gil_requests_among_eight() {
    explore(|| {
        let crew = Crew::new(SwitchPolicy::Responsive);
        crew.run(|crew, _| {
            let seat = Seat::new();
            // SAFETY: released below, before the seat goes.
            assert!(unsafe { crew.gil.take(&seat) });
            crew.enter();
            clock::advance(LONG);
            thread::yield_now();
            if seat.breaker().events().contains(Events::GIL_DROP_REQUEST) {
                let before = crew.gil.switch_number();
                crew.gil.release(&seat);
                // SAFETY: as above.
                assert!(unsafe { crew.gil.take(&seat) });
                assert!(crew.gil.switch_number() >= before + 2, "back before anybody else");
                crew.enter();
            }
            crew.gil.release(&seat);
        });
    });
}

/// GIL-3, GIL-6, GIL-8: half of them give up when the clock moves.
#[test]
fn gil_with_deadlines() {
    explore(|| {
        let crew = Crew::new(SwitchPolicy::Classic);
        crew.run(|crew, member| {
            let seat = Seat::new();
            let wait = (member % 2 == 0).then_some(Duration::from_millis(1));
            // SAFETY: released below, before the seat goes.
            let taken = unsafe { crew.gil.take_until(&seat, Deadline::from_timeout(wait)) };
            if taken == Taken::Held {
                crew.enter();
                if member == 7 {
                    clock::advance(LONG);
                }
                crew.gil.release(&seat);
            }
        });
        assert!(crew.turns.load(Ordering::SeqCst) >= 4, "who has no deadline gets the GIL");
    });
}

/// GIL-9: the GIL is disabled by whoever has it first, and enabled again, while the others come.
#[test]
fn gil_that_comes_and_goes() {
    explore(|| {
        let crew = Crew::new(SwitchPolicy::Classic);
        crew.run(|crew, member| {
            let seat = Seat::new();
            // SAFETY: released below, before the seat goes.
            if unsafe { crew.gil.take(&seat) } {
                crew.enter();
                if member % 3 == 0 {
                    assert!(crew.gil.disable(&seat));
                    thread::yield_now();
                    // SAFETY: as above.
                    assert!(unsafe { crew.gil.enable(&seat) });
                    crew.enter();
                }
                crew.gil.release(&seat);
            }
        });
        assert!(crew.gil.is_enabled());
    });
}
