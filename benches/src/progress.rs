//! The live line: which cell is running, how far it is, and how long the rest will take.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// A line on the terminal that is drawn over until it is cleared; without a terminal, one line per cell.
pub struct Progress {
    terminal: bool,
    began: Instant,
    whole: Duration,
    done: Duration,
    cells: usize,
    cell: usize,
}

impl Progress {
    /// Progress over `cells` cells whose planned lengths add up to `whole`.
    #[must_use]
    pub fn new(cells: usize, whole: Duration) -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            began: Instant::now(),
            whole,
            done: Duration::ZERO,
            cells,
            cell: 0,
        }
    }

    /// A cell begins.
    pub fn begin(&mut self, name: &str, rounds: usize) {
        self.cell += 1;
        if self.terminal {
            self.round(name, 0, rounds);
        } else {
            eprintln!("[{}/{}] {name}", self.cell, self.cells);
        }
    }

    /// A round of the current cell is finished.
    pub fn round(&self, name: &str, round: usize, rounds: usize) {
        if !self.terminal {
            return;
        }
        let rest =
            self.rest().map(|rest| format!(", about {} left", clock(rest))).unwrap_or_default();
        // A line longer than the terminal would wrap and could not be drawn over.
        let line = format!("[{}/{}] {name}: round {round}/{rounds}{rest}", self.cell, self.cells);
        eprint!("\r\x1b[2K{}", line.chars().take(96).collect::<String>());
        let _ = std::io::stderr().flush();
    }

    /// A cell whose planned length was `cost` is finished.
    pub fn end(&mut self, cost: Duration) {
        self.done += cost;
        if self.terminal {
            eprint!("\r\x1b[2K");
            let _ = std::io::stderr().flush();
        }
    }

    /// Time since the run began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The rest of the plan, stretched as the part that is done was stretched.
    fn rest(&self) -> Option<Duration> {
        let stretch = self.began.elapsed().as_secs_f64() / self.done.as_secs_f64();
        stretch.is_finite().then(|| self.whole.saturating_sub(self.done).mul_f64(stretch))
    }
}

/// Minutes and seconds.
#[must_use]
pub fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::clock;

    #[test]
    fn a_clock_has_minutes_and_two_digits_of_seconds() {
        assert_eq!(clock(Duration::from_secs(5)), "0:05");
        assert_eq!(clock(Duration::from_secs(754)), "12:34");
    }
}
