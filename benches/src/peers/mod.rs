//! Everybody else's primitives, ours, and the bare limits, each behind one small trait per kind.
//!
//! A trait takes the critical section as a closure, so that every arm is compiled with the section inlined between
//! its lock and its unlock, and so that guards and raw calls look alike to the harness.

pub mod arena;
pub mod broadcast;
pub mod cpython;
pub mod critsec;
pub mod exclusive;
pub mod futex;
pub mod gil;
pub mod hash;
pub mod once;
pub mod ours;
pub mod pending;
pub mod pycapi;
pub mod recursive;
pub mod seq;
pub mod shared;
pub mod slot;
pub mod volley;
pub mod wrapped;
