//! Random schedules of signals with eight threads. Empty but for builds with `--cfg shuttle`.
//!
//! `SHUTTLE_ITERATIONS` schedules each (500 unless told). A deadlock fails the run.
#![cfg(shuttle)]

use pyceval::{Breaker, Signals, Target};
use pyparking::ThreadHandle;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicUsize;
use pysync::Event;
use shuttle::thread::{self, JoinHandle};
use std::sync::Arc;
use trial::crew::explore;

/// Starts `count` threads of `work`.
fn crew(count: usize, work: impl Fn(usize) + Send + Sync + 'static) -> Vec<JoinHandle<()>> {
    let work = Arc::new(work);
    let start = |member| {
        let work = Arc::clone(&work);
        thread::spawn(move || work(member))
    };
    (0..count).map(start).collect()
}

fn join(crew: Vec<JoinHandle<()>>) {
    crew.into_iter().for_each(|member| member.join().expect("a member failed"));
}

/// The keyboard's interrupt, which needs no registration.
const INTERRUPT: i32 = 2;

/// Signals, what was sent of them, and what the last callback knew of that.
struct Shared {
    signals: Signals,
    breaker: Arc<Breaker>,
    sent: AtomicUsize,
    heard: AtomicUsize,
}

impl Shared {
    fn new() -> Arc<Self> {
        let (sent, heard) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let breaker = Arc::new(Breaker::new());
        Arc::new(Self { signals: Signals::new(), breaker, sent, heard })
    }

    /// The calling thread has the main thread's state from now on.
    fn bind(&self) {
        let handle = ThreadHandle::current();
        self.signals.bind_main(Target::new(Arc::clone(&self.breaker), |breaker| breaker, handle));
    }

    fn send(&self) {
        self.sent.fetch_add(1, Ordering::SeqCst);
        self.signals.trip(INTERRUPT).unwrap();
    }

    fn poll(&self) {
        if self.breaker.is_tripped() {
            let heard = self.signals.deliver_with(|_| {
                self.heard.store(self.sent.load(Ordering::SeqCst), Ordering::SeqCst);
                Ok::<(), ()>(())
            });
            assert_eq!(heard, Ok(()));
        }
    }
}

/// SIGNAL-1: seven handlers, one main thread; the last signal is heard.
#[test]
fn signals_of_eight() {
    explore(|| {
        let shared = Shared::new();
        shared.bind();
        let sender = Arc::clone(&shared);
        let senders = crew(7, move |_| {
            sender.send();
            thread::yield_now();
            sender.send();
        });
        for _ in 0..3 {
            shared.poll();
            thread::yield_now();
        }
        join(senders);
        shared.poll();
        assert_eq!(shared.heard.load(Ordering::SeqCst), 14);
        assert!(!shared.breaker.is_tripped());
    });
}

/// SIGNAL-1, SIGNAL-5, HELD-1: six handlers, while two threads have the main thread's state in turn, and sleep in it until
/// a signal comes.
#[test]
fn signals_follow_the_main_state() {
    explore(|| {
        let shared = Shared::new();
        shared.bind();
        let sender = Arc::clone(&shared);
        let senders = crew(6, move |_| sender.send());
        let second = {
            let shared = Arc::clone(&shared);
            move || {
                shared.bind();
                if shared.heard.load(Ordering::SeqCst) == 0 {
                    assert!(!Event::new().wait_timed(None), "nobody notifies it");
                }
                shared.poll();
            }
        };
        // One after the other, as a state is attached.
        thread::spawn(second.clone()).join().expect("the second thread");
        second();
        thread::spawn(second).join().expect("the third thread");
        join(senders);
        shared.poll();
        assert_eq!(shared.heard.load(Ordering::SeqCst), 6);
        assert!(!shared.breaker.is_tripped());
    });
}
