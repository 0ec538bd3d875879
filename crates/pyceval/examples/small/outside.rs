//! What comes from outside of the eval loop: pending calls and signals.

use crate::machine::{Execution, Instruction, Machine};
use crate::noise::{NOISY_SIGNAL, noise};
use crate::program::To;
use crate::threads;
use crate::value::{Value, exception, raise};
use pyceval::{Attached, Raised, Registration, Runtime, SignalError};
use pysync::MutexCell;
use std::sync::Arc;

/// The number of the interrupt that Ctrl-C sends.
const SIGINT: i32 = 2;

/// Hands a function to whoever is to run it.
pub(crate) fn hand(run: &mut Execution<'_>, to: To, function: usize) -> Result<(), Raised> {
    let arguments = run.pop_all(run.machine.program.functions[function].parameters)?;
    let machine = Arc::clone(run.machine);
    match to {
        To::NewThread => {
            let task = threads::spawn(&machine, function, arguments)?;
            run.push(Value::Task(task));
            Ok(())
        }
        To::AnyThread => {
            let interpreter = run.machine.runtime.main_interpreter();
            let queued = interpreter
                .add_pending_call(move |attached| call(&machine, attached, function, arguments));
            queued.map_err(|error| exception(error.to_string()))
        }
        To::MainThread => {
            let queued = run
                .machine
                .runtime
                .add_main_call(move |attached| call(&machine, attached, function, arguments));
            queued.map_err(|error| exception(error.to_string()))
        }
        To::Signal => on_signal(run, function),
    }
}

/// Runs a function on a thread that is attached already, between two of its instructions.
fn call(
    machine: &Arc<Machine>,
    attached: &Attached<'_>,
    function: usize,
    arguments: Vec<Value>,
) -> Result<(), Raised> {
    let ended = Execution::new(machine, attached).call(function, arguments);
    ended.map(drop).map_err(|uncaught| uncaught.raised)
}

/// What the program listens to. Dropped when the program ends; the callbacks keep the machine alive.
#[derive(Default)]
pub(crate) struct Handlers(MutexCell<Vec<Registration>>);

impl Handlers {
    /// Ctrl-C raises a keyboard interrupt on the main thread, from now on.
    pub(crate) fn catch_interrupts(&self, runtime: &Runtime) -> Result<(), SignalError> {
        let registration = runtime.signals().catch_interrupts()?;
        self.0.lock().push(registration);
        Ok(())
    }

    /// A signal that comes out of nowhere raises noise. Some systems do not know it.
    pub(crate) fn listen_to_noise(&self, runtime: &Runtime) {
        let registration = runtime.signals().on(NOISY_SIGNAL, |_, _| Err(noise()));
        self.0.lock().extend(registration);
    }

    /// Stops listening.
    pub(crate) fn clear(&self) {
        drop(core::mem::take(&mut *self.0.lock()));
    }
}

/// `number on_signal function`: calls it on the main thread whenever the signal has come.
fn on_signal(run: &mut Execution<'_>, function: usize) -> Result<(), Raised> {
    let signal = pop_signal(run)?;
    let machine = Arc::clone(run.machine);
    let callback =
        move |attached: &Attached<'_>, _signal| call(&machine, attached, function, Vec::new());
    let registration = run.machine.runtime.signals().on(signal, callback);
    let registration = registration.map_err(|error| exception(error.to_string()))?;
    run.machine.handlers.0.lock().push(registration);
    Ok(())
}

pub(crate) const INSTRUCTIONS: &[(&str, Instruction)] = &[
    ("trip", |run| pop_signal(run).and_then(|signal| trip(run, signal))),
    ("interrupt", |run| trip(run, SIGINT)),
];

fn pop_signal(run: &mut Execution<'_>) -> Result<i32, Raised> {
    let number = run.pop_int()?;
    i32::try_from(number).or_else(|_| raise(format!("{number} is no signal")))
}

/// `number trip`: as if the signal had come.
fn trip(run: &mut Execution<'_>, signal: i32) -> Result<(), Raised> {
    run.machine.runtime.signals().trip(signal).map_err(|error| exception(error.to_string()))
}
