//! A list of commands, each with a header, its time and its result, and a summary at the end.

use crate::cargo::as_typed;
use crate::say::say;
use crate::stop::{Outcome, Stop};
use std::process::Command;
use std::time::{Duration, Instant};

/// Steps run so far.
#[derive(Default)]
pub(crate) struct Steps {
    rows: Vec<Row>,
}

struct Row {
    title: String,
    passed: bool,
    took: Duration,
}

impl Steps {
    /// Runs one command. A failure is kept for the summary: the later steps still run.
    pub(crate) fn run(&mut self, title: &str, command: &mut Command) {
        say!("\n== {title}\n   {}", as_typed(command));
        let started = Instant::now();
        let passed = match command.status() {
            Ok(status) => status.success(),
            Err(error) => {
                say!("cannot start it: {error}");
                false
            }
        };
        self.rows.push(Row { title: title.to_owned(), passed, took: started.elapsed() });
    }

    /// Prints the summary, and fails if a step failed.
    pub(crate) fn finish(self) -> Outcome {
        say!("\n{}", self.summary());
        self.outcome()
    }

    fn outcome(&self) -> Outcome {
        let failed: Vec<_> = self.failed().collect();
        if failed.is_empty() { Ok(()) } else { Err(Stop::Failed(failed.join(", "))) }
    }

    fn failed(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(|row| !row.passed).map(|row| row.title.as_str())
    }

    fn summary(&self) -> String {
        let width = self.rows.iter().map(|row| row.title.chars().count()).max().unwrap_or(0);
        let line = |row: &Row| {
            let result = if row.passed { "passed" } else { "FAILED" };
            format!("{:width$}  {result}  {:>7.1} s\n", row.title, row.took.as_secs_f64())
        };
        let took: Duration = self.rows.iter().map(|row| row.took).sum();
        let failed = self.failed().count();
        let passed = self.rows.len() - failed;
        let lines: String = self.rows.iter().map(line).collect();
        format!(
            "{lines}{passed} of {} steps passed in {:.1} s",
            self.rows.len(),
            took.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Steps};
    use std::time::Duration;

    fn steps(results: &[(&str, bool)]) -> Steps {
        let row = |&(title, passed): &(&str, bool)| Row {
            title: title.to_owned(),
            passed,
            took: Duration::from_millis(1500),
        };
        Steps { rows: results.iter().map(row).collect() }
    }

    #[test]
    fn the_summary_names_every_step() {
        let text = steps(&[("unit", true), ("doc tests", false)]).summary();
        assert_eq!(
            text,
            "unit       passed      1.5 s\ndoc tests  FAILED      1.5 s\n1 of 2 steps passed in 3.0 s"
        );
    }

    #[test]
    fn one_failed_step_fails_the_whole() {
        assert!(steps(&[("a", true)]).outcome().is_ok());
        assert_eq!(steps(&[("a", true), ("b", false)]).outcome().unwrap_err().exit_code(), 1);
    }
}
