//! What the types must not allow, held at compile time; borrows are in `compile_fail.md`, as documentation tests.
//!
//! If one of these facts changes, this file no longer compiles: where a type must *not* have a trait, a constant
//! below would become ambiguous.

use pyarena::{AllocError, Arena, Stats};

/// Has one implementation for types without `Sync` and two for types with it.
trait SyncOrNot<Which> {
    const FACT: () = ();
}
impl<T: ?Sized> SyncOrNot<()> for T {}
impl<T: ?Sized + Sync> SyncOrNot<u8> for T {}

const _: () = <Arena as SyncOrNot<_>>::FACT;

const fn is_send<T: ?Sized + Send>() {}
const fn is_sync<T: ?Sized + Sync>() {}
const _: () = {
    is_send::<Arena>();
    is_send::<(AllocError, Stats)>();
    is_sync::<(AllocError, Stats)>();
};

/// The facts above are checked when this file is compiled; this says so in the list of tests.
#[test]
fn the_facts_of_this_file_hold() {
    thread_local! {
        static OF_THIS_THREAD: Arena = const { Arena::new() };
    }
    assert_eq!(OF_THIS_THREAD.with(Arena::stats), Stats::default());
}
