//! Forks: what lost threads owned, queued and put aside.
//!
//! One test, alone in its process. What the child finds wrong it tells by its exit code, the line of the check.
#![cfg(all(unix, not(miri)))]

use pyceval::{Attached, Events, Runtime, ThreadState};
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicU32;
use pyref::{Ref, Slot};
use pysync::Event;
use std::thread;

/// Seconds after which a child that hangs is killed by the system.
const PATIENCE: libc::c_uint = 60;

static ENDS: AtomicU32 = AtomicU32::new(0);

/// Counts its drop.
struct Ending;

impl Drop for Ending {
    fn drop(&mut self) {
        // ORD: Relaxed, a counter.
        ENDS.fetch_add(1, Ordering::Relaxed);
    }
}

fn ends() -> u32 {
    // ORD: Relaxed, as above.
    ENDS.load(Ordering::Relaxed)
}

/// Objects by who owns them.
struct Objects {
    /// Of a thread that is attached, with an open guard. It is in the slot too.
    attached: Ref<Ending>,
    /// Of a thread that is detached.
    detached: Ref<Ending>,
    /// Of a state that nobody uses when the fork comes.
    idle: Ref<Ending>,
}

fn serve(attached: &Attached<'_>) -> bool {
    attached.breaker().set(Events::EXPLICIT_MERGE);
    attached.poll().is_ok()
}

/// 0, or the line of the check that failed. Three owners are lost, and one object is queued for a lost one already.
fn look_around(attached: &Attached<'_>, objects: Objects, slot: &Slot<Ending>) -> i32 {
    macro_rules! check {
        ($holds:expr) => {
            if !$holds {
                return line!() as i32 % 256;
            }
        };
    }
    let serve = || serve(attached);
    let before = ends();
    check!(serve() && serve());
    check!(ends() == before + 1);
    let Objects { attached: shared, detached, idle } = objects;
    drop((shared, detached, idle));
    check!(serve() && serve());
    check!(ends() == before + 3);
    slot.store(None);
    check!(serve() && serve());
    check!(ends() == before + 4);
    // Nobody who is lost keeps memory.
    drop(Ref::new(Ending));
    check!(serve() && serve());
    check!(ends() == before + 5);
    0
}

/// Forks on a state of its own while this thread has a guard open on another, which goes on in the child (RECORD-4).
fn fork_under_a_guard(main: &mut ThreadState) -> i32 {
    let attached = main.attach().unwrap();
    // SAFETY: only forks; the child uses this runtime, and ends by `_exit`.
    let child = unsafe { attached.fork(|| libc::fork()) };
    if child == 0 {
        // SAFETY: no condition.
        unsafe { libc::alarm(PATIENCE) };
        let before = ends();
        if !serve(&attached) || !serve(&attached) || ends() != before {
            // SAFETY: not the parent's exit handlers.
            unsafe { libc::_exit(line!() as i32 % 256) };
        }
    }
    child
}

fn expect_clean(child: i32) {
    assert!(child > 0, "no fork");
    let mut status = 0;
    // SAFETY: a child of this process, and a place for its status.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child found line {} wrong (status {status:#x})", status >> 8);
}

/// Lets the other threads go, also when the test fails.
struct Notifies<'e>(&'e Event);

impl Drop for Notifies<'_> {
    fn drop(&mut self) {
        self.0.notify();
    }
}

fn owned(state: &mut ThreadState) -> Ref<Ending> {
    let _token = state.attach().unwrap();
    Ref::new(Ending)
}

#[test]
fn lost_threads_own_nothing_and_keep_nothing_in_the_child() {
    let (runtime, mut main) = Runtime::builder().gil(false).start().unwrap();
    let interpreter = runtime.main_interpreter();
    let [mut one, mut two, mut three, mut four] = [(); 4].map(|()| interpreter.new_thread());
    let (idle, detached, queued) = (owned(&mut three), owned(&mut two), owned(&mut two));
    let slot = Slot::empty();
    let (ready, away, done) = (Event::new(), Event::new(), Event::new());
    thread::scope(|scope| {
        let (slot, ready, away) = (&slot, &ready, &away);
        let ending = Notifies(&done);
        let done = ending.0;
        let owner = scope.spawn(move || {
            let token = one.attach().unwrap();
            let guard = token.guard();
            slot.store(Some(Ref::new(Ending)));
            let object = Ref::new(Ending);
            let seen = slot.borrow(&guard).unwrap();
            ready.notify();
            // Attached all the time.
            assert!(done.wait_with(None, pysync::LockFlags::EMPTY));
            drop((seen, object));
        });
        let sleeper = scope.spawn(move || {
            let token = two.attach().unwrap();
            // Lost in the child, and keeps nothing there.
            let _guard = token.guard();
            token.detached(|| {
                away.notify();
                done.wait();
            });
        });
        ready.wait();
        away.wait();
        drop(queued);
        let token = four.attach().unwrap();
        let mut guard = Some(token.guard());
        let mut objects = slot.load().map(|attached| Objects { attached, detached, idle });
        for _ in 0..20 {
            let child = token.detached(|| fork_under_a_guard(&mut main));
            if child == 0 {
                drop(guard.take());
                let look = |objects| look_around(&main.attach().unwrap(), objects, slot);
                let wrong = token.detached(|| objects.take().map_or(255, look));
                // SAFETY: not the parent's exit handlers.
                unsafe { libc::_exit(wrong) };
            }
            expect_clean(child);
        }
        drop((objects, ending));
        token.detached(|| {
            owner.join().unwrap();
            sleeper.join().unwrap();
        });
    });
    drop(three);
}
