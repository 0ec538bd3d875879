//! References as free-threaded CPython counts them, for any runtime: biased counts, slots without locks, and memory that
//! is freed when nobody looks at it any more.
//!
//! # A slot that cannot free twice
//!
//! Threads read an attribute while others replace it. A lock for each access is slow, and an atomic pointer alone is
//! wrong: between reading the pointer and counting a reference the object can go. Here a store is one exchange, so each
//! value has one taker; a load counts a reference only if the count is not zero; and the memory that it looks at meanwhile
//! stays until every reader has moved on.
//!
//! ```
//! use pyref::{Member, Ref, Slot};
//! use std::thread;
//!
//! static POINT: Slot<(i32, i32)> = Slot::empty();
//! POINT.store(Some(Ref::new((0, 0))));
//!
//! thread::scope(|scope| {
//!     for _ in 0..2 {
//!         scope.spawn(|| {
//!             let mut member = Member::new();
//!             let online = member.online();
//!             for step in 1..=1000 {
//!                 POINT.store(Some(Ref::new((step, -step))));
//!                 let (x, y) = *POINT.load().unwrap();
//!                 assert_eq!(x, -y);
//!                 online.quiescent();
//!             }
//!         });
//!     }
//! });
//! # POINT.take();
//! ```
//!
//! # What is here
//!
//! * [`Ref`]: a handle. Clone and drop cost the thread that made the object no atomic operation.
//! * [`Slot`]: a word that has a `Ref` or nothing; load, store, take, swap, compare and exchange. [`LockedSlot`] is the
//!   protocol before, for comparison.
//! * [`Member`]: a thread's part in it. [`Online`] while it works with objects; its quiescent states let others free.
//! * [`Guard`]: borrowed reads, which cost a load; they end at a quiescent state.
//! * [`raw`]: the same for runtimes with object layouts and thread states of their own, `unsafe`.
//!
//! # What it asks
//!
//! A thread that stays online has to say now and then that it is at a quiescent state ([`Online::quiescent`], which costs two
//! loads), or memory is kept: every reader is waited for. A thread that blocks goes offline. An interpreter does both where
//! it polls and where it detaches; `pyceval` does so by itself.
//!
//! Threads that are no members, or not online, may use everything: they count in the shared parts, and their loads
//! take a place for the length of the call, which costs two locks.
//!
//! # Misuse
//!
//! A count below zero ends a debug build with the object's address; in a release build the object is leaked. A member that
//! is dropped while online ends the process. A member that is dropped with memory still waited for hands it on; whoever
//! has the last reader end frees it. References that outlive every member, and the runtime that made them, are
//! as good as others.

mod count;
mod current;
mod delayed;
#[cfg(unix)]
mod fork;
mod guard;
mod handle;
mod header;
mod locked_slot;
mod member;
mod merge;
mod notice;
mod object;
mod place;
mod qsbr;
mod raw_slot;
mod record;
mod shared;
mod slot;
mod table;

pub use guard::Guard;
pub use handle::Ref;
pub use locked_slot::LockedSlot;
pub use member::{Member, Online};
pub use notice::Notice;
pub use slot::{Borrowed, Slot};

/// Parts for runtimes whose objects and thread states have layouts of their own.
///
/// An object begins with a [`Header`](raw::Header); a slot in it is a [`RawSlot`](raw::RawSlot); what reaches zero goes
/// through [`retire`](raw::retire). A thread state has a [`Member`], and its state word is the one in the member's
/// [`Place`](raw::Place).
pub mod raw {
    #[cfg(unix)]
    pub use crate::fork::Fork;
    pub use crate::header::{Dealloc, Header};
    pub use crate::object::retire;
    pub use crate::place::{Place, Ripe};
    pub use crate::raw_slot::RawSlot;
}
