//! A program: functions of instructions, each with the line it came from.

use crate::machine::Instruction;
use crate::value::Value;
use std::path::PathBuf;

/// One step of a program.
#[derive(Clone)]
pub(crate) enum Op {
    /// Pushes a number, a text or nil.
    Push(Value),
    /// Pushes a local variable.
    Load(usize),
    /// Pops into a local variable.
    Store(usize),
    /// Goes on elsewhere.
    Jump(usize),
    /// Pops; goes on elsewhere if that was true.
    JumpIf(usize),
    /// Pops; goes on elsewhere if that was false.
    JumpUnless(usize),
    /// Calls a function with the arguments on the stack, and pushes its result.
    Call(usize),
    /// Ends the function; its result is on the stack.
    Return,
    /// From here on an exception goes to the given place, with its text on the stack.
    Try(usize),
    /// Ends the innermost `try`.
    EndTry,
    /// Hands a function and its arguments to somebody else: a thread, a queue, a signal.
    Hand(To, usize),
    /// Everything that needs no more than the stack.
    Plain(Instruction),
}

/// Who is to run a function.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    NewThread,
    AnyThread,
    MainThread,
    Signal,
}

/// A function.
pub(crate) struct Function {
    pub(crate) name: String,
    /// How many of the locals are arguments.
    pub(crate) parameters: usize,
    /// The names of all local variables, arguments first.
    pub(crate) locals: Vec<String>,
    pub(crate) code: Vec<Op>,
    /// The line of each instruction.
    pub(crate) lines: Vec<usize>,
}

/// A program that the assembler found nothing wrong with.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) functions: Vec<Function>,
    /// Where it starts.
    pub(crate) main: usize,
    /// Whether its threads send each other exceptions.
    pub(crate) sends: bool,
    /// What it should print, if its comments say so: lines that begin with `;=`.
    pub(crate) expected: Vec<String>,
}
