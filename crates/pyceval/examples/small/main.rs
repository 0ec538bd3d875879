//! A small interpreter: a stack machine with threads on top of pyceval, whole and in a few hundred lines.
//!
//! ```text
//! cargo run -p pyceval --example small -- --free-threaded crates/pyceval/examples/small/programs/bank.asm
//! cargo run -p pyceval --example small -- --stress 10
//! cargo run -p pyceval --example small -- crates/pyceval/examples/small/programs/ctrl_c/lock.asm    # then press Ctrl-C
//! ```
//!
//! The tutorial in the crate's documentation (`pyceval::tutorial`) walks through it. In the order of interest:
//!
//! | file | what it shows |
//! |---|---|
//! | `session.rs` | a runtime's start and end |
//! | `machine.rs` | the eval loop: where it polls, how it waits, how an exception travels |
//! | `blocking.rs`, `console.rs` | calls that block, detached or interruptible |
//! | `objects.rs` | shared lists and dictionaries under critical sections |
//! | `threads.rs` | spawn, join, exceptions sent to a thread |
//! | `outside.rs` | pending calls, signals, Ctrl-C |
//! | `collector.rs` | a collector that stops the world |
//! | `stress.rs`, `noise.rs` | all at once, to see that it holds |
//! | `assembler.rs`, `program.rs`, `stack.rs`, `value.rs`, `options.rs`, `shell.rs` | the rest of an interpreter |

mod assembler;
mod blocking;
mod collector;
mod console;
mod machine;
mod noise;
mod objects;
mod options;
mod outside;
mod program;
mod session;
mod shell;
mod stack;
mod stress;
mod threads;
mod value;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    shell::run(env::args().skip(1))
}
