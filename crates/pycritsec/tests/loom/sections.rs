//! Models of sections over one mutex, on threads without a runtime.

use crate::shared::Shared;
use pycritsec::{is_held, with_critical_section as one};
use trial::explore::{Bucket, bounded, start, unbounded};

/// CS-3, CS-5. Two threads, no bound.
#[test]
fn sections_exclude_each_other() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let enter = |shared: &Shared| one(&shared.0[0], || shared.0[0].bump());
        let other = start(&shared, enter);
        enter(&shared);
        other.join().unwrap();
        shared.ends_with([2, 0, 0]);
    });
}

/// CS-3. Two threads, no bound: the inner section of the same mutex neither locks nor unlocks.
#[test]
fn sections_in_themselves_stay_exclusive() {
    unbounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let enter = |shared: &Shared| {
            let object = &shared.0[0];
            one(object, || {
                let before = one(object, || object.bump());
                assert_eq!(object.bump(), before + 1, "nobody came between");
            });
        };
        let other = start(&shared, enter);
        enter(&shared);
        other.join().unwrap();
        shared.ends_with([4, 0, 0]);
    });
}

/// Two nested sections; the outer one is back when the inner one has ended.
fn nest(shared: &Shared, outer: usize, inner: usize) {
    let (outer, inner) = (&shared.0[outer], &shared.0[inner]);
    one(outer, || {
        outer.bump();
        one(inner, || {
            assert!(is_held(inner));
            inner.bump();
        });
        assert!(is_held(outer));
        outer.bump();
    });
}

/// CS-5, CS-6. Two threads, bounded: opposite orders. Each blocked Begin suspends the outer section, each End takes
/// it back before it returns.
#[test]
fn sections_nested_in_opposite_orders_do_not_deadlock() {
    bounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let other = start(&shared, |shared| nest(shared, 1, 0));
        nest(&shared, 0, 1);
        other.join().unwrap();
        shared.ends_with([3, 3, 0]);
    });
}

/// CS-5, CS-6. Three threads, bounded: a ring of three orders.
#[test]
fn sections_nested_in_a_ring_do_not_deadlock() {
    bounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let others = [(1, 2), (2, 0)]
            .map(|(outer, inner)| start(&shared, move |shared| nest(shared, outer, inner)));
        nest(&shared, 0, 1);
        others.into_iter().for_each(|other| other.join().unwrap());
        shared.ends_with([3, 3, 3]);
    });
}

/// CS-5. Two threads, bounded: a section of what an outer one of the same thread holds does not wait for itself.
#[test]
fn sections_of_a_threads_own_mutex_do_not_deadlock() {
    bounded(Bucket::Abstract, || {
        let shared = Shared::new();
        let other = start(&shared, |shared| one(&shared.0[0], || shared.0[0].bump()));
        let [a, b, _] = &shared.0;
        one(a, || {
            one(b, || {
                one(a, || a.bump());
                b.bump();
            });
            a.bump();
        });
        other.join().unwrap();
        shared.ends_with([3, 1, 0]);
    });
}
