//! Critical sections as in PEP 703: locks on objects that a thread gives up while it sleeps.
//!
//! A runtime without a global lock has a mutex in every object. Code that was written under a global lock takes such
//! locks in whatever order the program happens to call it, so plain locks would deadlock. A *critical section* does
//! not: when its thread blocks, in another section or in any lock that detaches, all its sections are *suspended*,
//! their mutexes unlocked; before it goes on, the innermost one is *resumed*, and each outer one when
//! the one above it ends. That is what a global lock promises too: nobody else runs between two points of yours,
//! unless you block in between.
//!
//! ```
//! use pycritsec::{with_critical_section, with_critical_section2};
//! use pysync::Mutex;
//! use std::thread;
//!
//! static LEFT: Mutex = Mutex::new();
//! static RIGHT: Mutex = Mutex::new();
//!
//! // Opposite orders, and no deadlock.
//! let other = thread::spawn(|| {
//!     for _ in 0..1000 {
//!         with_critical_section(&RIGHT, || with_critical_section(&LEFT, || {}));
//!     }
//! });
//! for _ in 0..1000 {
//!     with_critical_section(&LEFT, || with_critical_section(&RIGHT, || {}));
//! }
//! other.join().unwrap();
//!
//! // Both at once, in any order.
//! with_critical_section2(&RIGHT, &LEFT, || assert!(LEFT.is_locked() && RIGHT.is_locked()));
//! ```
//!
//! # What is here
//!
//! * [`with_critical_section`] and [`with_critical_section2`], for everything that has a mutex ([`Lockable`]).
//! * [`Section`] and [`PairSection`]: the same by hand, `unsafe`, with C's layout of two and three words.
//! * [`assert_held`], [`is_held`]: whether the thread is inside.
//! * [`runtime`]: what a runtime calls when it detaches, attaches, stops the world, or has a GIL.
//! * [`install`]: the same for a program without a runtime.
//!
//! # What a section is not
//!
//! A guard of data. Since a section may be suspended by any call that blocks, it cannot hand out a `&mut` to what it
//! protects. It keeps threads out of each other's steps; the steps themselves use cells or atomics, as an interpreter's
//! objects do. There is no try-begin either: what cannot deadlock need not be tried.
//!
//! # Misuse
//!
//! A section that ends while it is not its thread's innermost ends the process, with both addresses in the message.
//! Sections are not for signal handlers: a handler that interrupts a Begin would find the list half changed.

mod closure;
mod held;
mod install;
mod mode;
mod mutexes;
mod pair;
mod section;
mod stack;
mod tag;

pub mod runtime;

pub use closure::{Lockable, with_critical_section, with_critical_section2};
pub use held::{assert_held, is_held};
pub use install::install;
pub use pair::PairSection;
pub use section::Section;

/// What must not compile, as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../tests/compile_fail.md")]
struct CompileFail;
