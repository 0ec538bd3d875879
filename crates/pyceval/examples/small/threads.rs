//! Threads of a program: spawn, join, and the end of all.

use crate::machine::{Execution, Instruction, Machine, expected};
use crate::value::{Value, exception};
use core::mem;
use pyceval::{Raised, until_exit};
use pysync::{Event, MutexCell};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// A thread, as the program sees it.
pub(crate) struct Task {
    id: u64,
    done: Event,
}

/// The threads that were not joined by the session yet.
#[derive(Default)]
pub(crate) struct Tasks(MutexCell<Vec<(Arc<Task>, JoinHandle<()>)>>);

/// Tells the joiners when it is dropped, however the thread ends.
struct Done(Arc<Task>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.done.notify();
    }
}

/// Starts a thread that runs a function.
pub(crate) fn spawn(
    machine: &Arc<Machine>,
    function: usize,
    arguments: Vec<Value>,
) -> Result<Arc<Task>, Raised> {
    let mut state = machine.runtime.main_interpreter().new_thread();
    let task = Arc::new(Task { id: state.id(), done: Event::new() });
    let (shared, done) = (Arc::clone(machine), Done(Arc::clone(&task)));
    let body = move || {
        let _done = done;
        // If the program ends first, the thread unwinds to here: nothing is left to do.
        let _ended = until_exit(|| {
            if let Ok(attached) = state.attach() {
                let result = Execution::new(&shared, &attached).call(function, arguments);
                if let Err(uncaught) = result {
                    let line = format!("a thread ended: {uncaught}");
                    attached.detached(|| shared.console.print(line));
                }
            }
        });
    };
    let handle = thread::Builder::new().spawn(body);
    let handle =
        handle.map_err(|error| exception(format!("no thread could be started: {error}")))?;
    machine.tasks.0.lock().push((Arc::clone(&task), handle));
    Ok(task)
}

impl Execution<'_> {
    fn join(&self, task: &Task) -> Result<(), Raised> {
        self.wait(|flags| task.done.wait_with(None, flags)).map(drop)
    }

    /// Joins all threads, also those that are started meanwhile: a program ends when its last thread does.
    pub(crate) fn join_all(&self) -> Result<(), Raised> {
        loop {
            let tasks = mem::take(&mut *self.machine.tasks.0.lock());
            if tasks.is_empty() {
                return Ok(());
            }
            for (task, handle) in tasks {
                self.join(&task)?;
                // Past its last instruction; what is left of the thread does not attach.
                let _panic = self.attached.detached(|| handle.join());
            }
        }
    }
}

pub(crate) const INSTRUCTIONS: &[(&str, Instruction)] = &[("join", join), ("send", send)];

fn pop_task(run: &mut Execution<'_>) -> Result<Arc<Task>, Raised> {
    match run.pop()? {
        Value::Task(task) => Ok(task),
        other => expected("a thread", &other),
    }
}

/// `thread join`
fn join(run: &mut Execution<'_>) -> Result<(), Raised> {
    let task = pop_task(run)?;
    run.join(&task)
}

/// `thread text send`: raises an exception in another thread, at its next poll; whether the thread is still there.
fn send(run: &mut Execution<'_>) -> Result<(), Raised> {
    let (text, task) = (run.pop_text()?, pop_task(run)?);
    let interpreter = run.machine.runtime.main_interpreter();
    let sent = interpreter.send_exception(task.id, Some(exception(&*text)));
    run.push(sent);
    Ok(())
}

impl Tasks {
    /// The numbers of the threads that were started and not joined by the session.
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.0.lock().iter().map(|(task, _)| task.id).collect()
    }
}
