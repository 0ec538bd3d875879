//! Where programs print to.

use crate::machine::{Execution, Instruction};
use pyceval::Raised;
use pysync::MutexCell;
use std::io::{self, Write};

/// What was printed, and whether it is shown as well.
pub(crate) struct Console {
    lines: MutexCell<Vec<String>>,
    show: bool,
}

impl Console {
    pub(crate) fn new(show: bool) -> Self {
        Self { lines: MutexCell::new(Vec::new()), show }
    }

    /// Prints a line. A reader of the output that has gone is not the program's problem.
    pub(crate) fn print(&self, line: String) {
        let mut lines = self.lines.lock();
        if self.show {
            let mut out = io::stdout().lock();
            let _gone = writeln!(out, "{line}").and_then(|()| out.flush());
        }
        lines.push(line);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        core::mem::take(&mut *self.lines.lock())
    }
}

pub(crate) const INSTRUCTIONS: &[(&str, Instruction)] = &[("print", print)];

/// `value print`. Writing may block, so it is done detached.
fn print(run: &mut Execution<'_>) -> Result<(), Raised> {
    let line = run.pop()?.to_string();
    let console = &run.machine.console;
    run.attached.detached(|| console.print(line));
    Ok(())
}
