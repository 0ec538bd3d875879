//! What CPython 3.14 has around its eval loop, for any interpreter: you write the loop, this is the rest.
//!
//! # A thread runs while it is attached
//!
//! A [`Runtime`] has interpreters, an [`Interpreter`] has threads, and a [`ThreadState`] is a thread's place in one.
//! Attaching it gives a token, [`Attached`], which proves that the thread may run interpreted code. What an eval loop
//! does with it is little:
//!
//! ```
//! use pyceval::{Attached, Raised, Runtime};
//!
//! fn eval(attached: &Attached<'_>, instructions: u32) -> Result<u32, Raised> {
//!     let mut done = 0;
//!     while done < instructions {
//!         done += 1;
//!         // At every backward jump and call: one load and a test while nothing is wanted.
//!         attached.poll()?;
//!     }
//!     Ok(done)
//! }
//!
//! let (runtime, mut main) = Runtime::builder().start().unwrap();
//! let attached = main.attach().unwrap();
//! assert_eq!(eval(&attached, 1_000).unwrap(), 1_000);
//!
//! // Calls that block let others run meanwhile.
//! attached.detached(std::thread::yield_now);
//!
//! // Another thread, with a state of its own.
//! let mut state = runtime.main_interpreter().new_thread();
//! let worker = std::thread::spawn(move || eval(&state.attach().unwrap(), 10));
//! assert_eq!(attached.detached(|| worker.join().unwrap()).unwrap(), 10);
//! ```
//!
//! # What a poll serves
//!
//! The thread's [`Breaker`] is one word of [`Events`]; whoever wants something of the thread sets a bit. In CPython's
//! order: a stop of the world, signals, pending calls, reference counts to merge, garbage collection, cold code, a
//! request for the GIL, an exception that another thread has sent. The embedder's part is a [`Handlers`].
//!
//! # Locks
//!
//! Starting a runtime installs [`HOOKS`] in the lock layer: any lock of [`pysync`] that has to sleep
//! detaches its thread first and attaches it afterwards, and the thread's critical sections ([`pycritsec`]) are
//! suspended meanwhile. Waits that a signal may interrupt go through [`Attached::wait`].
//!
//! # With a GIL and without
//!
//! Each interpreter has a [`Gil`] of its own or none, and [`Interpreter::set_gil`] changes that while threads run.
//! With a GIL critical sections are bookkeeping and locks do not spin. [`SwitchPolicy`] says who is served first.
//!
//! # References
//!
//! A thread state is a member of [`pyref`]: while it is attached its thread owns the objects that it makes and reads
//! slots without a lock. A poll that serves something is a quiescent state and merges what others have queued,
//! [`Attached::guard`] keeps what is borrowed across polls and detached stretches, a stop of the world frees what its
//! threads have put aside. A runtime that counts in its own way pays a store of a thread-local at each end of an attached
//! stretch for it, and nothing else.
//!
//! # The end
//!
//! After [`Runtime::finalise`] no other thread attaches. Threads that were in a lock or a blocking call unwind with
//! [`ThreadExit`] when they come back; [`until_exit`] around a thread's body turns that into a quiet return.
//!
//! # Fork
//!
//! `Attached::fork` (on Unix) forks and leaves a child whose runtime has one thread, the one that forked.
//!
//! # Misuse
//!
//! What the types cannot prevent ends the process with a message that names the part, the address and what was
//! expected, through [`Handlers::fatal`]: detaching or stopping the world again while this thread has stopped it,
//! ending a token inside a critical section, releasing a GIL that is not held.

mod attach;
mod attached;
mod breaker;
mod current;
mod errno;
mod exit;
#[cfg(unix)]
mod fork;
mod gil;
mod handle;
mod handlers;
mod hooks;
mod interpreter;
mod pause;
mod pending;
mod raised;
mod roster;
mod runtime;
mod signals;
mod state;
mod switch;
mod thread;
mod world;

#[doc = include_str!("tutorial.md")]
///
/// [`Attached::wait`]: crate::Attached::wait
/// [`Handlers`]: crate::Handlers
/// [`KeyboardInterrupt`]: crate::KeyboardInterrupt
/// [`Raised`]: crate::Raised
/// [`until_exit`]: crate::until_exit
pub mod tutorial {}

pub use attached::{Attached, WaitEnd};
pub use breaker::{Breaker, Events, VERSION_SHIFT};
pub use exit::{AttachError, ThreadExit, until_exit};
pub use gil::{Gil, Seat, Taken};
pub use handlers::Handlers;
pub use hooks::HOOKS;
pub use interpreter::Interpreter;
pub use pause::Pause;
pub use pending::{Call, PendingCalls, QueueFull, Ran};
pub use raised::{KeyboardInterrupt, Payload, Raised};
pub use runtime::{Builder, Runtime, StartError};
#[cfg(unix)]
pub use signals::WakeupError;
pub use signals::{Registration, SignalError, Signals, Subscription, Target};
pub use state::State;
pub use switch::{IntervalTooShort, SwitchPolicy};
pub use thread::ThreadState;

/// What must not compile, as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../tests/compile_fail.md")]
struct CompileFail;
