//! What the types must not allow, held at compile time. What must not borrow or call is in `compile_fail.md`.
//!
//! If one of these facts changes, this file no longer compiles: a constant below would become ambiguous.

use pycritsec::runtime::Chain;
use pycritsec::{PairSection, Section};

/// Has one implementation for types without `Send` and two for types with it.
trait SendOrNot<Which> {
    const FACT: () = ();
}
impl<T: ?Sized> SendOrNot<()> for T {}
impl<T: ?Sized + Send> SendOrNot<u8> for T {}

/// The same for `Sync`.
trait SyncOrNot<Which> {
    const FACT: () = ();
}
impl<T: ?Sized> SyncOrNot<()> for T {}
impl<T: ?Sized + Sync> SyncOrNot<u8> for T {}

/// The same for `Clone`.
trait CloneOrNot<Which> {
    const FACT: () = ();
}
impl<T> CloneOrNot<()> for T {}
impl<T: Clone> CloneOrNot<u8> for T {}

macro_rules! never {
    ($fact:ident: $($type:ty),+) => { $(const _: () = <$type as $fact<_>>::FACT;)+ };
}

// A section belongs to the thread that began it, on whose list it is.
never![SendOrNot: Section, PairSection, Chain];
never![SyncOrNot: Section, PairSection, Chain];

// Two chains of the same sections would end them twice.
never![CloneOrNot: Section, PairSection, Chain];

/// The facts above are checked when this file is compiled; this says so in the list of tests.
#[test]
fn the_facts_of_this_file_hold() {
    const fn fresh() -> (Section, PairSection) {
        (Section::new(), PairSection::new())
    }
    assert!(format!("{:?}", fresh().0).contains("0x0"));
    assert!(Chain::default().is_empty());
}
