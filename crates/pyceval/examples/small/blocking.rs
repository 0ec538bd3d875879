//! What blocks: locks, events, sleep, files. None of it keeps others from running, and an interrupt ends each but
//! the last.

use crate::machine::{Execution, Instruction, expected};
use crate::value::{Value, exception};
use core::time::Duration;
use pyceval::Raised;
use pyparking::Deadline;
use pysync::{Event, LockStatus, Mutex};
use std::fs;
use std::sync::Arc;

pub(crate) const INSTRUCTIONS: &[(&str, Instruction)] = &[
    ("lock", lock),
    ("acquire", acquire),
    ("release", release),
    ("event", event),
    ("notify", notify),
    ("is_set", is_set),
    ("wait", wait),
    ("sleep", sleep),
    ("read", read),
    ("this_file", this_file),
];

fn lock(run: &mut Execution<'_>) -> Result<(), Raised> {
    run.push(Value::Lock(Arc::new(Mutex::new())));
    Ok(())
}

fn pop_lock(run: &mut Execution<'_>) -> Result<Arc<Mutex>, Raised> {
    match run.pop()? {
        Value::Lock(lock) => Ok(lock),
        other => expected("a lock", &other),
    }
}

/// `lock acquire`
fn acquire(run: &mut Execution<'_>) -> Result<(), Raised> {
    let lock = pop_lock(run)?;
    let status = run.wait(|flags| lock.lock_timed(None, flags))?;
    debug_assert_eq!(status, LockStatus::Acquired);
    Ok(())
}

/// `lock release`, by any thread.
fn release(run: &mut Execution<'_>) -> Result<(), Raised> {
    pop_lock(run)?.try_unlock().map_err(|error| exception(error.to_string()))
}

fn event(run: &mut Execution<'_>) -> Result<(), Raised> {
    run.push(Value::Event(Arc::new(Event::new())));
    Ok(())
}

fn pop_event(run: &mut Execution<'_>) -> Result<Arc<Event>, Raised> {
    match run.pop()? {
        Value::Event(event) => Ok(event),
        other => expected("an event", &other),
    }
}

/// `event notify`
fn notify(run: &mut Execution<'_>) -> Result<(), Raised> {
    pop_event(run)?.notify();
    Ok(())
}

/// `event is_set`
fn is_set(run: &mut Execution<'_>) -> Result<(), Raised> {
    let set = pop_event(run)?.is_set();
    run.push(set);
    Ok(())
}

/// `event wait`
fn wait(run: &mut Execution<'_>) -> Result<(), Raised> {
    let event = pop_event(run)?;
    run.wait(|flags| event.wait_with(None, flags)).map(drop)
}

/// `milliseconds sleep`: a wait for an event that never comes, so that an interrupt ends it.
fn sleep(run: &mut Execution<'_>) -> Result<(), Raised> {
    let milliseconds = run.pop_int()?;
    let deadline = Deadline::after(Duration::from_millis(milliseconds.try_into().unwrap_or(0)));
    let never = Event::new();
    run.wait(|flags| never.wait_with(deadline.remaining(), flags)).map(drop)
}

/// `path read`: a file's text. Detached: others run while the disk does.
fn read(run: &mut Execution<'_>) -> Result<(), Raised> {
    let path = run.pop_text()?;
    let text = run.attached.detached(|| fs::read_to_string(&*path));
    let text = text.map_err(|error| exception(format!("{path} cannot be read: {error}")))?;
    run.push(Value::text(&text));
    Ok(())
}

/// `this_file`: the path of the program.
fn this_file(run: &mut Execution<'_>) -> Result<(), Raised> {
    let path = run.machine.program.path.to_string_lossy();
    run.push(Value::text(&path));
    Ok(())
}
