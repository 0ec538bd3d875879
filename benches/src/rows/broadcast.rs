//! Telling 64 sleeping threads at once: from the call that tells to the moment the last of them runs again.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::{Roll, Row, name_in};
use crate::arm::{Arm, Label, Role, Stop, Tally};
use crate::asleep::SystemThread;
use crate::cell::{Cell, Contestants};
use crate::context::{Context, Mode};
use crate::crew::Lineup;
use crate::goal::Goal;
use crate::peers::broadcast::{Broadcast, CPython, Futex, ParkingLot, Std};
use crate::peers::futex;

/// The row.
pub const ROW: Row = Row {
    name: "broadcast",
    about: "an event that wakes 64 waiters, against one futex wake-all",
    cells,
};

const WAITERS: usize = 64;

/// Events made for a block; a block that has used them up ends early.
const EVENTS: usize = 512;

/// How often the notifier looks whether all waiters are asleep.
const LOOK: Duration = Duration::from_micros(500);

/// How often it looks before it tells them all the same: some kinds may never sleep.
const LOOKS: u32 = 100;

fn cells(context: &Context) -> Vec<Cell> {
    let waiters = if context.mode == Mode::Smoke { 8 } else { WAITERS };
    let plan = context.slow_crew_plan(1, 2);
    let context = context.clone();
    vec![Cell {
        row: ROW.name,
        label: format!("{waiters} waiters"),
        place: None,
        operation: "broadcast",
        even: false,
        goal: Goal::AtMost { factor: 1.3, of: Futex::NAME.into() },
        plan,
        contestants: Box::new(move || {
            Contestants::Crew(Lineup {
                arms: arms(&context, waiters),
                threads: waiters + 1,
                pins: Vec::new(),
            })
        }),
    }]
}

fn arms(context: &Context, waiters: usize) -> Vec<Box<dyn Arm>> {
    let mut roll = Roll::new(context);
    roll.add(Crowd::<pysync::Event>::new(Role::Ours, waiters))
        .add(Crowd::<pysync::Event>::new(Role::Control, waiters));
    if futex::PRESENT {
        roll.add(Crowd::<Futex>::new(Role::Limit, waiters));
    }
    roll.add(Crowd::<ParkingLot>::new(Role::Peer, waiters))
        .add(Crowd::<Std>::new(Role::Peer, waiters));
    if context.cpython {
        roll.add(Crowd::<CPython>::new(Role::Peer, waiters));
    }
    roll.arms
}

/// A notifier (thread 0) and its waiters. Every broadcast uses an event of its own, since they happen once.
struct Crowd<E> {
    events: RwLock<Vec<E>>,
    role: Role,
    waiters: u32,
    /// Waiters that are about to wait, over the whole block.
    arrived: AtomicU32,
    /// Waiters that have been woken, over the whole block.
    woken: AtomicU32,
    /// When the last waiter of a broadcast ran, in nanoseconds since `born`.
    last_ran: AtomicU64,
    /// The number of the broadcast after which everyone goes home; `u32::MAX` until that is known.
    last_event: AtomicU32,
    notifier: Mutex<Option<Thread>>,
    /// The waiters, to see whether they are asleep.
    beds: Mutex<Vec<SystemThread>>,
    born: Instant,
}

impl<E: Broadcast> Crowd<E> {
    fn new(role: Role, waiters: usize) -> Self {
        Self {
            events: RwLock::new(Vec::new()),
            role,
            waiters: u32::try_from(waiters).expect("a crowd of that size fits"),
            arrived: AtomicU32::new(0),
            woken: AtomicU32::new(0),
            last_ran: AtomicU64::new(0),
            last_event: AtomicU32::new(u32::MAX),
            notifier: Mutex::new(None),
            beds: Mutex::new(Vec::new()),
            born: Instant::now(),
        }
    }

    fn notify_all(&self, events: &[E], stop: &Stop) -> Tally {
        *self.notifier.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(std::thread::current());
        let mut tally = Tally { busy: Some(Duration::ZERO), ..Tally::default() };
        for (number, event) in (0..).zip(events) {
            self.until(&self.arrived, number);
            self.until_asleep();
            if stop.is_set() || number as usize == events.len() - 1 {
                // ORD: Release, the notification below publishes it to those it wakes.
                self.last_event.store(number, Ordering::Release);
            }
            let told = self.born.elapsed();
            event.notify();
            self.until(&self.woken, number);
            // ORD: Acquire, pairs with the Release of the last waiter; `until` has seen it.
            let ran = Duration::from_nanos(self.last_ran.load(Ordering::Acquire));
            tally.operations += 1;
            tally.busy = tally.busy.map(|busy| busy + ran.saturating_sub(told));
            // ORD: Relaxed, this thread wrote it.
            if self.last_event.load(Ordering::Relaxed) == number {
                break;
            }
        }
        tally
    }

    /// Sleeps until every waiter does: who is told on his way to bed costs nothing to wake.
    fn until_asleep(&self) {
        let beds = self.beds.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for _ in 0..LOOKS {
            std::thread::sleep(LOOK);
            if beds.iter().all(|waiter| waiter.is_asleep()) {
                return;
            }
        }
    }

    /// Sleeps until all waiters have been counted for broadcast `number`.
    fn until(&self, counter: &AtomicU32, number: u32) {
        // ORD: Acquire, pairs with the AcqRel additions of the waiters.
        while counter.load(Ordering::Acquire) < self.waiters * (number + 1) {
            std::thread::park();
        }
    }

    fn wait_for_each(&self, events: &[E]) {
        self.beds.lock().unwrap_or_else(PoisonError::into_inner).push(SystemThread::current());
        for (number, event) in (0..).zip(events) {
            self.count(&self.arrived, false);
            event.wait();
            self.count(&self.woken, true);
            // ORD: Acquire, pairs with the Release of the notifier before its notification.
            if self.last_event.load(Ordering::Acquire) == number {
                return;
            }
        }
    }

    /// Counts the caller; the one who completes a broadcast's number notes the time and calls the notifier.
    fn count(&self, counter: &AtomicU32, note_time: bool) {
        // ORD: AcqRel, so that the notifier, having seen the full number, sees what every waiter did before.
        let before = counter.fetch_add(1, Ordering::AcqRel);
        if note_time {
            let now = u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX);
            // ORD: Release, pairs with the notifier's Acquire. The greatest of all notes counts, whoever made it.
            self.last_ran.fetch_max(now, Ordering::Release);
        }
        if (before + 1).is_multiple_of(self.waiters)
            && let Some(notifier) = &*self.notifier.lock().unwrap_or_else(PoisonError::into_inner)
        {
            notifier.unpark();
        }
    }
}

impl<E: Broadcast> Arm for Crowd<E> {
    fn label(&self) -> Label {
        Label::new(name_in(self.role, E::NAME), self.role)
    }

    fn prepare(&self) {
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        *events = (0..EVENTS).map(|_| E::fresh()).collect();
        *self.notifier.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.beds.lock().unwrap_or_else(PoisonError::into_inner).clear();
        // ORD: Relaxed, no thread is at work; the order to work publishes these.
        self.arrived.store(0, Ordering::Relaxed);
        // ORD: Relaxed, see above.
        self.woken.store(0, Ordering::Relaxed);
        // ORD: Relaxed, see above.
        self.last_event.store(u32::MAX, Ordering::Relaxed);
    }

    fn work(&self, thread: usize, stop: &Stop) -> Tally {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        if thread == 0 {
            return self.notify_all(&events, stop);
        }
        self.wait_for_each(&events);
        Tally::default()
    }

    fn futex_calls(&self) -> Option<u64> {
        E::futex_calls()
    }
}
