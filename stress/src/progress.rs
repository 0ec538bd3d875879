//! The line that shows that a run is alive: rewritten in place on a terminal, one line every few
//! seconds elsewhere.

use crate::gauge::Switch;
use crate::report::grouped;
use crate::worker::Desk;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Pause between two lines on a terminal, and elsewhere.
const LIVELY: Duration = Duration::from_millis(500);
const SEDATE: Duration = Duration::from_secs(5);

/// How often the end of the run is looked for.
const GLANCE: Duration = Duration::from_millis(50);

/// Shows the progress of a run of length `length` until it is `over`.
pub fn show(desk: &Desk, length: Duration, over: &Switch) {
    let terminal = std::io::stderr().is_terminal();
    let pause = if terminal { LIVELY } else { SEDATE };
    let mut last = (Instant::now(), 0);
    while !over.is_on() {
        std::thread::sleep(GLANCE);
        let since = last.0.elapsed();
        if since < pause {
            continue;
        }
        let operations = desk.operations();
        let rate = (operations - last.1) as f64 / since.as_secs_f64();
        last = (Instant::now(), operations);
        print(&line(desk, length, rate), terminal);
    }
    if terminal {
        eprint!("\r\x1b[K");
    }
}

fn line(desk: &Desk, length: Duration, rate: f64) -> String {
    let totals = pyparking::totals();
    format!(
        "{:4.0}/{:.0} s  {} operations, {}/s, {} parks, {} hand-offs, {} threads so far, \
         {} violations",
        desk.started.elapsed().as_secs_f64(),
        length.as_secs_f64(),
        grouped(desk.operations()),
        grouped(rate as u64),
        grouped(totals.parks),
        grouped(totals.hand_offs),
        grouped(desk.lives.get()),
        desk.findings.count(),
    )
}

fn print(line: &str, terminal: bool) {
    if terminal {
        eprint!("\r{line}\x1b[K");
        // A terminal that is gone is no reason to stop.
        let _gone = std::io::stderr().flush();
    } else {
        eprintln!("{line}");
    }
}
