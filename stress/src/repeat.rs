//! The command that repeats a run, kept where a fatal error or the watchdog can find it.

use std::sync::OnceLock;

static COMMAND: OnceLock<String> = OnceLock::new();

/// Remembers the command. The first one counts: a process makes one run.
pub fn remember(command: String) {
    let _first = COMMAND.set(command);
}

/// Prints how to repeat the run, if that is known.
pub fn print() {
    if let Some(command) = COMMAND.get() {
        eprintln!("repeat with: {command}");
    }
}
