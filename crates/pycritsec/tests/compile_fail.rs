//! What the types must not allow, held at compile time. What must not borrow or call is in `compile_fail.md`.
//!
//! If one of these facts changes, this file no longer compiles: a constant below would become ambiguous.

use pycritsec::runtime::Chain;
use pycritsec::{PairSection, Section};
use trial::facts::{CloneOrNot, SendOrNot, SyncOrNot, never};

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
