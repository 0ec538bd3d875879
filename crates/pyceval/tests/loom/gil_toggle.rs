//! Models of a GIL that is disabled and enabled while others wait for it.

use crate::gil::{Shared, shared};
use pyceval::{Seat, SwitchPolicy};
use trial::explore::{Bucket, bounded, start};

impl Shared {
    /// Takes and releases; whether there was a GIL to take.
    fn passes(&self) -> bool {
        let seat = Seat::new();
        self.gil.with(&seat, || self.gil.is_held_by(&seat))
    }
}

/// GIL-9. Three threads, bounded: a holder disables the GIL while two come to wait. All are let go.
///
/// CPython issue 118745.
#[test]
fn gil_disable_lets_all_go_118745() {
    bounded(Bucket::Abstract, || {
        let shared = shared(SwitchPolicy::Classic);
        let seat = Seat::new();
        let others = shared.gil.with(&seat, || {
            let others = [(); 2].map(|()| start(&shared, Shared::passes));
            assert!(shared.gil.disable(&seat));
            others
        });
        for other in others {
            assert!(!other.join().unwrap(), "there is no GIL");
        }
        assert_eq!(shared.gil.waiting(), 0);
    });
}

/// GIL-1, GIL-2, GIL-9. Two threads, bounded: the GIL goes and comes while another waits, who is let go, or finds it
/// again later.
#[test]
fn gil_disable_and_enable_against_a_waiter() {
    bounded(Bucket::Abstract, || {
        let shared = shared(SwitchPolicy::Classic);
        let seat = Seat::new();
        let other = shared.gil.with(&seat, || {
            let other = start(&shared, |shared| {
                let seat = Seat::new();
                shared.gil.with(&seat, || {
                    let held = shared.gil.is_held_by(&seat);
                    if held {
                        shared.data.bump();
                    }
                    u32::from(held)
                })
            });
            shared.gil.disable(&seat);
            // SAFETY: released by `with`, before the seat goes.
            assert!(unsafe { shared.gil.enable(&seat) });
            shared.data.bump();
            other
        });
        let held = other.join().unwrap();
        shared.ends_with(1 + held);
    });
}

/// GIL-2, GIL-9. Two threads, bounded: what a holder did before it disabled the GIL is seen by whoever finds it
/// disabled.
#[test]
fn gil_disabled_carries_what_was_done() {
    bounded(Bucket::Abstract, || {
        let shared = shared(SwitchPolicy::Classic);
        let seat = Seat::new();
        let other = shared.gil.with(&seat, || {
            let other = start(&shared, |shared| {
                let seat = Seat::new();
                // SAFETY: released below, before the seat goes.
                let held = unsafe { shared.gil.take(&seat) };
                if held {
                    shared.gil.release(&seat);
                }
                assert_eq!(shared.data.get(), 1);
            });
            shared.data.bump();
            shared.gil.disable(&seat);
            other
        });
        other.join().unwrap();
    });
}
