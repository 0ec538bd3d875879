//! The stack machine: what all threads share, and the eval loop of one.

use crate::collector::Heap;
use crate::console::Console;
use crate::noise::{Noise, Tally};
use crate::objects::Object;
use crate::program::{Function, Op, Program};
use crate::threads::Tasks;
use crate::value::{Value, raise};
use crate::{blocking, collector, console, objects, outside, stack, threads};
use core::fmt;
use pyceval::{Attached, Raised, Runtime, WaitEnd};
use pysync::LockFlags;
use std::sync::Arc;

/// What all threads of a program share.
pub(crate) struct Machine {
    pub(crate) program: Arc<Program>,
    pub(crate) runtime: Runtime,
    pub(crate) heap: Arc<Heap>,
    pub(crate) console: Console,
    pub(crate) tasks: Tasks,
    pub(crate) handlers: outside::Handlers,
    pub(crate) heard: Tally,
}

/// An instruction that needs no more than the stack.
pub(crate) type Instruction = fn(&mut Execution<'_>) -> Result<(), Raised>;

/// All of them, by name.
pub(crate) const INSTRUCTIONS: &[&[(&str, Instruction)]] = &[
    stack::INSTRUCTIONS,
    objects::INSTRUCTIONS,
    blocking::INSTRUCTIONS,
    threads::INSTRUCTIONS,
    outside::INSTRUCTIONS,
    collector::INSTRUCTIONS,
    console::INSTRUCTIONS,
];

const DEEPEST: usize = 1_000;

/// A function that is being run.
struct Frame {
    function: usize,
    /// The next instruction.
    at: usize,
    locals: Vec<Option<Value>>,
}

/// A `try` that has not ended.
struct Catcher {
    frames: usize,
    stack: usize,
    at: usize,
}

/// What a thread is at. `attached` is the proof that it may be.
pub(crate) struct Execution<'a> {
    pub(crate) machine: &'a Arc<Machine>,
    pub(crate) attached: &'a Attached<'a>,
    stack: Vec<Value>,
    frames: Vec<Frame>,
    catchers: Vec<Catcher>,
}

/// An exception that nobody caught, and where it was raised.
pub(crate) struct Uncaught {
    pub(crate) raised: Raised,
    place: String,
}

impl fmt::Display for Uncaught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.raised)
    }
}

impl<'a> Execution<'a> {
    pub(crate) fn new(machine: &'a Arc<Machine>, attached: &'a Attached<'a>) -> Self {
        Self { machine, attached, stack: Vec::new(), frames: Vec::new(), catchers: Vec::new() }
    }

    /// Calls a function from outside, and runs it to its end.
    pub(crate) fn call(
        &mut self,
        function: usize,
        arguments: Vec<Value>,
    ) -> Result<Value, Uncaught> {
        self.stack.extend(arguments);
        let mut going = self.enter(function).map(|()| None);
        loop {
            match going {
                Ok(Some(result)) => return Ok(result),
                Ok(None) => {}
                Err(raised) => self.unwind(raised)?,
            }
            going = self.step();
        }
    }

    /// Runs one instruction. The program's result, if that was the last.
    fn step(&mut self) -> Result<Option<Value>, Raised> {
        let machine = self.machine;
        let frame = self.frames.last_mut().expect("there is a frame until the last returns");
        let at = frame.at;
        let Some(op) = machine.program.functions[frame.function].code.get(at) else {
            return Ok(self.leave(Value::Nil));
        };
        frame.at += 1;
        match op {
            Op::Push(value) => self.push(value.clone()),
            Op::Load(local) => self.load(*local)?,
            Op::Store(local) => self.store(*local)?,
            Op::Jump(to) => self.jump(at, *to)?,
            Op::JumpIf(to) if self.pop()?.is_true() => self.jump(at, *to)?,
            Op::JumpUnless(to) if !self.pop()?.is_true() => self.jump(at, *to)?,
            Op::JumpIf(_) | Op::JumpUnless(_) => {}
            Op::Call(function) => self.enter(*function)?,
            Op::Return => {
                let result = self.pop()?;
                return Ok(self.leave(result));
            }
            Op::Try(at) => self.catchers.push(Catcher {
                frames: self.frames.len(),
                stack: self.stack.len(),
                at: *at,
            }),
            Op::EndTry => self.end_try()?,
            Op::Hand(to, function) => outside::hand(self, *to, *function)?,
            Op::Plain(instruction) => instruction(self)?,
        }
        Ok(None)
    }

    /// A jump; a backward one polls, so that no loop goes on for ever unheard.
    fn jump(&mut self, from: usize, to: usize) -> Result<(), Raised> {
        if to <= from {
            self.poll()?;
        }
        self.frames.last_mut().expect("a frame jumps").at = to;
        Ok(())
    }

    /// Begins a function, whose arguments are on the stack. Polls, for recursion is a loop too.
    fn enter(&mut self, function: usize) -> Result<(), Raised> {
        let called = &self.machine.program.functions[function];
        let arguments = self.pop_all(called.parameters)?;
        if self.frames.len() == DEEPEST {
            return raise(format!("more than {DEEPEST} calls inside each other"));
        }
        let mut locals: Vec<_> = arguments.into_iter().map(Some).collect();
        locals.resize(called.locals.len(), None);
        self.frames.push(Frame { function, at: 0, locals });
        self.poll()
    }

    /// Ends a function. The result, if that was the outermost.
    fn leave(&mut self, result: Value) -> Option<Value> {
        self.frames.pop();
        self.catchers.retain(|catcher| catcher.frames <= self.frames.len());
        if self.frames.is_empty() {
            return Some(result);
        }
        self.stack.push(result);
        None
    }

    /// Goes to the innermost `try`, or out.
    fn unwind(&mut self, raised: Raised) -> Result<(), Uncaught> {
        let Some(catcher) = self.catchers.pop() else {
            return Err(self.uncaught(raised));
        };
        self.frames.truncate(catcher.frames);
        self.stack.truncate(catcher.stack);
        self.push(Value::text(&raised.to_string()));
        self.frames.last_mut().expect("a `try` is in a frame").at = catcher.at;
        Ok(())
    }

    /// An exception that leaves the program here.
    pub(crate) fn uncaught(&self, raised: Raised) -> Uncaught {
        Uncaught { raised, place: self.place() }
    }

    fn end_try(&mut self) -> Result<(), Raised> {
        let here = |catcher: &Catcher| catcher.frames == self.frames.len();
        match self.catchers.last().filter(|catcher| here(catcher)) {
            Some(_) => drop(self.catchers.pop()),
            None => return raise("`end_try` without a `try`"),
        }
        Ok(())
    }

    /// Where the thread is: function and line.
    fn place(&self) -> String {
        let program = &self.machine.program;
        let file = program.path.file_name().unwrap_or_default().to_string_lossy();
        let Some(frame) = self.frames.last() else {
            return file.into_owned();
        };
        let Function { name, lines, .. } = &program.functions[frame.function];
        let line = lines.get(frame.at.saturating_sub(1)).copied().unwrap_or_default();
        format!("{file}:{line}: in {name}")
    }

    /// Serves whatever wants this thread's attention. A stress run makes some noise, which is not for the program.
    pub(crate) fn poll(&self) -> Result<(), Raised> {
        while let Err(raised) = self.attached.poll() {
            self.ignore_noise(raised)?;
        }
        Ok(())
    }

    /// Waits in an interruptible lock call, again after noise.
    pub(crate) fn wait<E: WaitEnd>(&self, wait: impl Fn(LockFlags) -> E) -> Result<E, Raised> {
        loop {
            match self.attached.wait(&wait) {
                Ok(end) => return Ok(end),
                Err(raised) => self.ignore_noise(raised)?,
            }
        }
    }

    fn ignore_noise(&self, raised: Raised) -> Result<(), Raised> {
        let Noise = raised.downcast()?;
        self.machine.heard.add();
        Ok(())
    }

    fn load(&mut self, local: usize) -> Result<(), Raised> {
        let frame = self.frames.last().expect("a frame loads");
        match frame.locals[local].clone() {
            Some(value) => self.push(value),
            None => {
                let name = &self.machine.program.functions[frame.function].locals[local];
                return raise(format!("`{name}` has no value yet"));
            }
        }
        Ok(())
    }

    fn store(&mut self, local: usize) -> Result<(), Raised> {
        let value = self.pop()?;
        self.frames.last_mut().expect("a frame stores").locals[local] = Some(value);
        Ok(())
    }

    pub(crate) fn push(&mut self, value: impl Into<Value>) {
        self.stack.push(value.into());
    }

    pub(crate) fn pop(&mut self) -> Result<Value, Raised> {
        self.stack.pop().map_or_else(|| raise("the stack is empty"), Ok)
    }

    /// The uppermost `count` values, the uppermost last.
    pub(crate) fn pop_all(&mut self, count: usize) -> Result<Vec<Value>, Raised> {
        match self.stack.len().checked_sub(count) {
            Some(rest) => Ok(self.stack.split_off(rest)),
            None => raise(format!(
                "{count} arguments are wanted, {} are on the stack",
                self.stack.len()
            )),
        }
    }

    pub(crate) fn pop_int(&mut self) -> Result<i64, Raised> {
        match self.pop()? {
            Value::Int(number) => Ok(number),
            other => expected("a number", &other),
        }
    }

    pub(crate) fn pop_text(&mut self) -> Result<Arc<str>, Raised> {
        match self.pop()? {
            Value::Text(text) => Ok(text),
            other => expected("a text", &other),
        }
    }

    pub(crate) fn pop_object(&mut self) -> Result<Arc<Object>, Raised> {
        match self.pop()? {
            Value::Object(object) => Ok(object),
            other => expected("a list or a dictionary", &other),
        }
    }
}

/// An exception about a value of the wrong kind.
pub(crate) fn expected<T>(what: &str, instead: &Value) -> Result<T, Raised> {
    raise(format!("expected {what}, got {}", instead.kind()))
}
