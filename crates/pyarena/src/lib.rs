//! A bump arena for compilers and parsers: many small nodes, some strings, all freed at once.
//!
//! A syntax tree is built node by node, used, and thrown away whole. An arena gives each node the next few bytes of a
//! block and takes nothing back until the end, so a node costs a subtraction instead of a search for free memory,
//! and the tree may be as cyclic as it likes. This is the arena under CPython's compiler, as a crate with no
//! dependencies.
//!
//! ```
//! use pyarena::Arena;
//! use std::cell::Cell;
//!
//! struct Scope<'a> {
//!     name: &'a str,
//!     parent: Cell<Option<&'a Scope<'a>>>,
//! }
//!
//! let mut arena = Arena::new();
//! for unit in ["module one", "module two"] {
//!     let module = arena.alloc(Scope { name: arena.alloc_str(unit), parent: Cell::new(None) });
//!     let module = &*module;
//!     let class = arena.alloc(Scope { name: "class", parent: Cell::new(Some(module)) });
//!     module.parent.set(Some(class));
//!     assert_eq!(class.parent.get().map(|parent| parent.name), Some(unit));
//!     arena.reset();
//! }
//! ```
//!
//! # What becomes of destructors
//!
//! | put in by | its destructor |
//! |---|---|
//! | [`alloc`](Arena::alloc) and the slices and strings | never runs; for plain data that is what makes the end cheap |
//! | [`own`](Arena::own) | runs when the arena is reset or dropped, in the order in which objects came |
//! | a `try_` form that fails | runs at once, as for any value that is dropped; the `_with` forms make none |
//! | a slice whose making panics | runs at once for the elements that were made |
//!
//! An owned object that panics while it is dropped keeps nobody back: the others are released, the memory is freed or
//! taken back, and only then the first panic goes on. If the arena is leaked, so are its objects.
//!
//! # Lifetimes
//!
//! What is lent borrows the arena; [`reset`](Arena::reset) takes it by `&mut`. So a reference into an arena that was
//! reset or dropped does not compile. An arena can be sent to another thread while nothing is lent; it cannot be shared
//! between threads.
//!
//! # Memory
//!
//! Blocks of 8 KiB; requests are rounded up to 8 bytes and aligned as their type asks, to more than 16 bytes too. What
//! does not fit into the rest of a block begins the next one, or, above 2 KiB, gets a block of its own. Zero-sized
//! values take no memory. A size that overflows is an error of the `try_` forms and a panic of the others; what they do
//! without memory is what `Box` does. [`Arena::stats`] says what is held.

mod arena;
mod block;
mod error;
mod objects;
mod slice;
mod stats;

pub use arena::Arena;
pub use error::AllocError;
pub use stats::Stats;

/// What must not compile, as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../tests/compile_fail.md")]
struct CompileFail;
