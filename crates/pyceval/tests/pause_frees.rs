//! One pause frees all that the threads of the process have put aside.
//!
//! One test, alone in its process: a thread of another test that is attached keeps what it may be reading.

use pyceval::Runtime;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::{AtomicBool, AtomicU32};
use pyref::Ref;
use pysync::Event;
use std::thread;

/// Values that are gone, all of them and those of a pause.
static ENDS: AtomicU32 = AtomicU32::new(0);
static STOPPED: AtomicBool = AtomicBool::new(false);
static IN_A_PAUSE: AtomicU32 = AtomicU32::new(0);

/// Counts its drop.
struct Ending;

impl Drop for Ending {
    fn drop(&mut self) {
        // ORD: Relaxed, counters.
        ENDS.fetch_add(1, Ordering::Relaxed);
        // ORD: SeqCst, a flag between the parts of the test.
        if STOPPED.load(Ordering::SeqCst) {
            // ORD: Relaxed, as above.
            IN_A_PAUSE.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn ends() -> u32 {
    // ORD: Relaxed, a counter.
    ENDS.load(Ordering::Relaxed)
}

/// Lets the other threads end, also when the test fails.
struct Sets<'d>(&'d AtomicBool);

impl Drop for Sets<'_> {
    fn drop(&mut self) {
        // ORD: Relaxed, the end of the test.
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn one_pause_frees_what_all_have_put_aside_and_destructors_wait_for_its_end() {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let (done, put) = (AtomicBool::new(false), [(); 3].map(|()| Event::new()));
    thread::scope(|scope| {
        for put in &put {
            let mut state = runtime.main_interpreter().new_thread();
            let done = &done;
            scope.spawn(move || {
                let token = state.attach().unwrap();
                // Fewer than make a thread advance.
                (0..3).for_each(|_| drop(Ref::new(Ending)));
                drop(Ref::new(5));
                put.notify();
                // ORD: Relaxed, as in `Sets`.
                while !done.load(Ordering::Relaxed) {
                    token.poll().unwrap();
                    thread::yield_now();
                }
            });
        }
        let _end = Sets(&done);
        put.iter().for_each(Event::wait);
        let attached = main.attach().unwrap();
        drop(Ref::new(Ending));
        assert_eq!(ends(), 0);
        let pause = runtime.stop_the_world(&attached);
        // ORD: SeqCst, as above.
        STOPPED.store(true, Ordering::SeqCst);
        assert_eq!(ends(), 0);
        // ORD: SeqCst, as above.
        STOPPED.store(false, Ordering::SeqCst);
        drop(pause);
        assert_eq!(ends(), 10);
    });
    assert_eq!(IN_A_PAUSE.load(Ordering::Relaxed), 0);
}
