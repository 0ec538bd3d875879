//! What the tests of several crates share.
//!
//! | module | what is in it |
//! |---|---|
//! | `until` | waiting for a condition and never for a time; who sleeps on a primitive |
//! | `child` | a part of a test in a child process that is to die of it |
//! | `facts` | traits that a type must not have, held at compile time |
//! | `counted` | values that are counted at birth and at their drop |
//! | `random` | numbers from a seed |
//! | `explore`, `guarded` | loom models: how they are explored, and what they watch |
//! | `crew` | shuttle models: random schedules of many threads |
//!
//! Not published. The crates name it in their development dependencies by its path alone, which cargo leaves out
//! of a package; so do the packages leave out the tests that need it.

pub mod child;
pub mod counted;
#[cfg(shuttle)]
pub mod crew;
#[cfg(loom)]
pub mod explore;
pub mod facts;
#[cfg(loom)]
pub mod guarded;
pub mod random;
pub mod until;
