//! The GIL by itself, with seats that belong to no thread state.

#[path = "gil/misuse.rs"]
mod misuse;
#[path = "gil/policy.rs"]
mod policy;
#[path = "gil/regressions.rs"]
mod regressions;
#[path = "gil/room.rs"]
mod room;
#[path = "gil/switching.rs"]
mod switching;
#[path = "gil/toggling.rs"]
mod toggling;
