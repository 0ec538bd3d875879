//! Row `signals`: signals of three kinds that the workers raise, for a main thread that computes, sleeps in an event,
//! sleeps for a lock and lets others run.
//!
//! Each kind is delivered at least once after it was last sent, and on the main thread only. The kinds are ones that
//! this program uses for nothing else, and that do nothing by default.

use crate::findings::Rule;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::runtime;
use crate::worker::Worker;
use pyceval::{Attached, Raised, Registration, Runtime};
use pysync::{Event, LockStatus, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

/// The row.
#[derive(Debug)]
pub struct SignalsRow;

const NOTES: &[&str] = &["signals", "deliveries", "errors raised"];
const SENT: usize = 0;
const DELIVERED: usize = 1;
const RAISED: usize = 2;

/// The kinds; callbacks of the last raise.
const KINDS: [i32; 3] = [libc::SIGURG, libc::SIGCONT, libc::SIGWINCH];

impl Row for SignalsRow {
    fn name(&self) -> &'static str {
        "signals"
    }

    fn about(&self) -> &'static str {
        "signals of three kinds while the main thread computes and sleeps: each delivered after it was last \
         sent, none off the main thread"
    }

    fn notes(&self) -> &'static [&'static str] {
        NOTES
    }

    fn open(&self, _setup: Setup) -> Box<dyn Arena> {
        Box::new(Storm::open())
    }
}

/// One kind of signal.
#[derive(Debug, Default)]
struct Kind {
    /// Counted before each is sent.
    sent: AtomicU64,
    /// How many had been sent when the last callback began.
    heard: AtomicU64,
}

/// What the main thread and the workers share.
#[derive(Debug, Default)]
struct Sky {
    kinds: [Kind; 3],
    delivered: AtomicU64,
    raised: AtomicU64,
    /// Callbacks that ran on another thread than the main one.
    astray: AtomicU64,
    /// Set when the round is over.
    over: AtomicBool,
    /// Notified then.
    end: Event,
    /// Taken by workers and by the main thread.
    lock: Mutex,
}

/// One round, with a main thread of its own.
#[derive(Debug)]
pub struct Storm {
    sky: Arc<Sky>,
    main: Option<JoinHandle<bool>>,
}

impl Storm {
    /// Starts the main thread, and waits until it listens. The handlers are the process's: an arena in another test
    /// waits until this one has gone.
    pub fn open() -> Self {
        let sky = Arc::new(Sky::default());
        let ready = Arc::new(Event::new());
        let main = {
            let (sky, ready) = (Arc::clone(&sky), Arc::clone(&ready));
            thread::spawn(move || runtime::as_guest(|| live(&sky, &ready)))
        };
        ready.wait();
        Self { sky, main: Some(main) }
    }
}

/// The main thread's life. Whether it ended as it should.
fn live(sky: &Arc<Sky>, ready: &Event) -> bool {
    let started = Runtime::builder().gil(false).start_with_hooks_installed();
    let (runtime, mut main) = started.expect("the default interval is long enough");
    let registrations = listen(&runtime, sky);
    ready.notify();
    let Ok(attached) = main.attach() else { return false };
    // ORD: Acquire, pairs with the Release of `settle`: what was sent is seen by the last polls.
    while !sky.over.load(Ordering::Acquire) {
        compute(sky, &attached);
        sleep(sky, &attached);
        attached.detached(thread::yield_now);
    }
    while attached.breaker().is_tripped() {
        note(sky, attached.poll());
    }
    drop(registrations);
    runtime.finalise(&attached).is_ok()
}

fn listen(runtime: &Runtime, sky: &Arc<Sky>) -> Vec<Registration> {
    let main = thread::current().id();
    let listen_to = |index: usize| {
        loop {
            let sky = Arc::clone(sky);
            let callback = move |_: &Attached<'_>, _: i32| sky.hear(index, main);
            match runtime.signals().on(KINDS[index], callback) {
                Ok(registration) => return registration,
                Err(pyceval::SignalError::OtherOwner) => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    };
    (0..KINDS.len()).map(listen_to).collect()
}

impl Sky {
    fn hear(&self, index: usize, main: ThreadId) -> Result<(), Raised> {
        let kind = &self.kinds[index];
        // ORD: Relaxed, the delivery is to have carried it.
        let sent = kind.sent.load(Ordering::Relaxed);
        // ORD: Relaxed, written by one thread, and looked at when it has ended.
        kind.heard.store(sent, Ordering::Relaxed);
        // ORD: Relaxed, as above.
        self.delivered.fetch_add(1, Ordering::Relaxed);
        if thread::current().id() != main {
            // ORD: Relaxed, as above.
            self.astray.fetch_add(1, Ordering::Relaxed);
        }
        if index + 1 == KINDS.len() { Err(Raised::new("a signal")) } else { Ok(()) }
    }
}

fn note(sky: &Sky, polled: Result<(), Raised>) {
    if polled.is_err() {
        // ORD: Relaxed, a count.
        sky.raised.fetch_add(1, Ordering::Relaxed);
    }
}

fn compute(sky: &Sky, attached: &Attached<'_>) {
    for _ in 0..64 {
        note(sky, attached.poll());
    }
}

/// Sleeps until a signal raises, and delivers the others meanwhile.
fn sleep(sky: &Sky, attached: &Attached<'_>) {
    let locked = attached.wait(|flags| sky.lock.lock_timed(None, flags));
    if locked.is_ok() {
        sky.lock.unlock();
    }
    note(sky, locked.map(drop));
    let waited = attached.wait(|flags| {
        let set = sky.end.wait_with(Some(Duration::from_millis(20)), flags);
        if set { LockStatus::Acquired } else { LockStatus::Intr }
    });
    note(sky, waited.map(drop));
}

impl Arena for Storm {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            if worker.rng.one_in(8) {
                worker.wait(&"lock", || self.sky.lock.lock());
                thread::yield_now();
                self.send(worker);
                self.sky.lock.unlock();
            }
            self.send(worker);
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        // ORD: Release, pairs with the Acquire of the main thread's last look.
        self.sky.over.store(true, Ordering::Release);
        self.sky.end.notify();
        let ended = self.main.take().map(JoinHandle::join);
        quiet.expect(matches!(ended, Some(Ok(true))), Rule::LeftBehind, || {
            format!("the main thread ended otherwise: {ended:?}")
        });
        // ORD: Relaxed, all have ended.
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for (kind, signal) in self.sky.kinds.iter().zip(KINDS) {
            let (sent, heard) = (read(&kind.sent), read(&kind.heard));
            let lost =
                || format!("signal {signal} was sent {sent} times, the last callback saw {heard}");
            quiet.expect(sent == heard, Rule::InterruptLost, lost);
        }
        let astray = read(&self.sky.astray);
        let off = || format!("{astray} callbacks ran off the main thread");
        quiet.expect(astray == 0, Rule::InterruptInvented, off);
        quiet.tally.note(DELIVERED).add(read(&self.sky.delivered));
        quiet.tally.note(RAISED).add(read(&self.sky.raised));
    }
}

impl Storm {
    fn send(&self, worker: &mut Worker<'_>) {
        let index = worker.rng.below(KINDS.len());
        // ORD: Relaxed, the signal is to carry it.
        self.sky.kinds[index].sent.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the signal has a handler until all workers have left, and does nothing without.
        unsafe { libc::raise(KINDS[index]) };
        worker.note(SENT).add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;

    #[test]
    fn signals_are_not_lost() {
        trial::clean(NOTES, |_| Storm::open());
    }
}
