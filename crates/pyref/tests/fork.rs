//! Forks: the child's thread goes on, and nobody else's member is in its way.
//!
//! One test, alone in its process. What the child finds wrong it tells by its exit code.
#![cfg(all(unix, not(miri)))]

use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicU32;
use pyref::raw::Fork;
use pyref::{Member, Online, Ref, Slot};
use pysync::Event;
use std::thread;

/// Seconds after which a child that hangs is killed by the system.
const PATIENCE: libc::c_uint = 60;

static ENDS: AtomicU32 = AtomicU32::new(0);

/// Counts its drops.
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

/// The child: the owner of the slot's object is not there to be asked, and its guard is not waited for.
fn child(online: &Online<'_>, slot: &Slot<Ending>, theirs: Ref<Ending>) -> bool {
    let before = ends();
    slot.store(None);
    drop(theirs);
    online.serve();
    drop(Member::new());
    ends() - before == 1
}

#[test]
fn members_of_other_threads_are_gone_in_the_child() {
    let slot = Slot::new(Ref::new(Ending));
    let (ready, done) = (Event::new(), Event::new());
    thread::scope(|scope| {
        let owner = scope.spawn(|| {
            let mut member = Member::new();
            let online = member.online();
            let _guard = online.guard();
            let object = Ref::new(Ending);
            slot.store(Some(object.clone()));
            let kept = slot.swap(Some(Ref::new(Ending)));
            ready.notify();
            done.wait();
            drop((object, kept));
        });
        ready.wait();
        let mut member = Member::new();
        let online = member.online();
        let theirs = slot.load().expect("stored before");
        for _ in 0..20 {
            let fork = Fork::prepare();
            // SAFETY: the child uses what it resets, and ends.
            let pid = unsafe { libc::fork() };
            if pid == 0 {
                // SAFETY: the only thread, which called `prepare`; plain system calls.
                let fine = unsafe {
                    libc::alarm(PATIENCE);
                    pyparking::after_fork_child();
                    fork.child();
                    child(&online, &slot, theirs)
                };
                // SAFETY: not the parent's exit handlers.
                unsafe { libc::_exit(i32::from(!fine)) };
            }
            // SAFETY: the parent, which called `prepare`.
            unsafe { fork.parent() };
            assert!(pid > 0, "no fork");
            let mut status = 0;
            // SAFETY: a child of this process, and a place for its status.
            assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
            assert_eq!(status, 0, "the child found something wrong, or was killed");
        }
        drop(theirs);
        done.notify();
        owner.join().unwrap();
    });
}
