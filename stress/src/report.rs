//! The final table, the verdict in a sentence, and the same as JSON.

use crate::findings::Violation;
use pyparking::Totals;
use serde_json::{Value, json};
use std::fmt::{self, Write};
use std::time::Duration;

/// What a run did and found.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The command that repeats the run.
    pub command: String,
    /// Workers at a time.
    pub threads: usize,
    /// Whether the make-believe runtime was there.
    pub hooks: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// Rounds.
    pub rounds: u64,
    /// Threads that were born.
    pub lives: u64,
    /// The rows.
    pub rows: Vec<RowReport>,
    /// What the lot counted meanwhile.
    pub totals: Totals,
    /// Violations, some of them if there were many.
    pub violations: Vec<Violation>,
    /// How many there were.
    pub violation_count: u64,
}

/// What one row did.
#[derive(Debug)]
pub struct RowReport {
    /// Its name.
    pub name: &'static str,
    /// Completed operations.
    pub operations: u64,
    /// Waits that timed out.
    pub timeouts: u64,
    /// Waits that were interrupted.
    pub interrupts: u64,
    /// The longest single wait.
    pub longest: Duration,
    /// Jain's index over the worker slots.
    pub jain: f64,
    /// Operations in rounds that this row had for itself.
    pub solo_operations: u64,
    /// Threads that were queued in the lot in those rounds.
    pub solo_parks: u64,
    /// Locks that were handed over in those rounds.
    pub solo_hand_offs: u64,
    /// Violations.
    pub violations: u64,
    /// The row's own counts.
    pub notes: Vec<(&'static str, u64)>,
}

/// A number with commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in the unit that suits it.
fn short(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    match nanos {
        n if n < 1e3 => format!("{n:.0} ns"),
        n if n < 1e6 => format!("{:.1} us", n / 1e3),
        n if n < 1e9 => format!("{:.1} ms", n / 1e6),
        n => format!("{:.2} s", n / 1e9),
    }
}

const COLUMNS: [&str; 10] = [
    "row",
    "operations",
    "per second",
    "parks*",
    "hand-offs*",
    "time-outs",
    "interrupts",
    "longest wait",
    "Jain",
    "violations",
];

const FOOTNOTE: &str = "* rows: in the rounds that the row had for itself, where the lot's counts are \
                        its own; all: in every round\n";

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.violation_count == 0
    }

    fn operations(&self) -> u64 {
        self.rows.iter().map(|row| row.operations).sum()
    }

    fn rate(&self, operations: u64) -> u64 {
        (operations as f64 / self.elapsed.as_secs_f64().max(1e-9)) as u64
    }

    fn cells(&self) -> Vec<[String; 10]> {
        let mut cells = vec![COLUMNS.map(String::from)];
        cells.extend(self.rows.iter().map(|row| {
            [
                row.name.into(),
                grouped(row.operations),
                grouped(self.rate(row.operations)),
                grouped(row.solo_parks),
                grouped(row.solo_hand_offs),
                grouped(row.timeouts),
                grouped(row.interrupts),
                short(row.longest),
                format!("{:.3}", row.jain),
                grouped(row.violations),
            ]
        }));
        cells.push(self.total_cells());
        cells
    }

    fn total_cells(&self) -> [String; 10] {
        let sum = |of: fn(&RowReport) -> u64| self.rows.iter().map(of).sum();
        let longest = self.rows.iter().map(|row| row.longest).max().unwrap_or_default();
        [
            "all".into(),
            grouped(self.operations()),
            grouped(self.rate(self.operations())),
            grouped(self.totals.parks),
            grouped(self.totals.hand_offs),
            grouped(sum(|row| row.timeouts)),
            grouped(sum(|row| row.interrupts)),
            short(longest),
            String::new(),
            grouped(self.violation_count),
        ]
    }

    fn table(&self) -> String {
        let cells = self.cells();
        let width = |column: usize| cells.iter().map(|line| line[column].len()).max().unwrap_or(0);
        let widths: Vec<_> = (0..COLUMNS.len()).map(width).collect();
        let mut text = String::new();
        for line in &cells {
            let padded =
                line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
                    0 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                });
            text += padded.collect::<Vec<_>>().join("  ").trim_end();
            text.push('\n');
        }
        text += FOOTNOTE;
        text
    }

    /// What the run showed, and what it did not.
    pub fn verdict(&self) -> String {
        let volume = format!(
            "{} operations by {} threads at a time ({} in all) over {} rounds in {:.1} s, \
             with {} parks, {} hand-offs, {} time-outs and {} interrupts in the lot",
            grouped(self.operations()),
            self.threads,
            grouped(self.lives),
            grouped(self.rounds),
            self.elapsed.as_secs_f64(),
            grouped(self.totals.parks),
            grouped(self.totals.hand_offs),
            grouped(self.totals.timeouts),
            grouped(self.totals.interrupts),
        );
        if !self.is_clean() {
            return format!("{} violations in {volume}.", grouped(self.violation_count));
        }
        format!(
            "No violation in {volume}. This shows that every rule held in the schedules that \
             happened here, on {} processors of the kind {} under {}; it does not show that no \
             other schedule breaks one, nor anything about orderings that this kind of processor \
             never weakens: for those there are the models.",
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            std::env::consts::ARCH,
            std::env::consts::OS,
        )
    }

    /// Everything as JSON.
    pub fn json(&self) -> Value {
        json!({
            "seed": format!("{:#x}", self.seed),
            "command": self.command,
            "threads": self.threads,
            "hooks": self.hooks,
            "seconds": self.elapsed.as_secs_f64(),
            "rounds": self.rounds,
            "threads_born": self.lives,
            "rows": self.rows.iter().map(RowReport::json).collect::<Vec<_>>(),
            "lot": {
                "parks": self.totals.parks,
                "moves": self.totals.moves,
                "wakes": self.totals.wakes,
                "hand_offs": self.totals.hand_offs,
                "timeouts": self.totals.timeouts,
                "interrupts": self.totals.interrupts,
            },
            "violation_count": self.violation_count,
            "violations": self.violations.iter().map(|violation| json!({
                "row": violation.row,
                "rule": violation.rule.name(),
                "detail": violation.detail,
            })).collect::<Vec<_>>(),
            "clean": self.is_clean(),
            "verdict": self.verdict(),
        })
    }
}

impl RowReport {
    fn json(&self) -> Value {
        json!({
            "row": self.name,
            "operations": self.operations,
            "timeouts": self.timeouts,
            "interrupts": self.interrupts,
            "longest_wait_seconds": self.longest.as_secs_f64(),
            "jain": self.jain,
            "solo": {
                "operations": self.solo_operations,
                "parks": self.solo_parks,
                "hand_offs": self.solo_hand_offs,
            },
            "violations": self.violations,
            "notes": self.notes.iter().map(|&(name, count)| (name.to_string(), json!(count)))
                .collect::<serde_json::Map<_, _>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.table())?;
        for row in self.rows.iter().filter(|row| !row.notes.is_empty()) {
            let mut notes = String::new();
            for (name, count) in &row.notes {
                let comma = if notes.is_empty() { "" } else { ", " };
                write!(notes, "{comma}{} {name}", grouped(*count))?;
            }
            writeln!(f, "{}: {notes}", row.name)?;
        }
        for violation in &self.violations {
            writeln!(
                f,
                "\nVIOLATION of \"{}\" in {}: {}",
                violation.rule.name(),
                violation.row,
                violation.detail
            )?;
        }
        writeln!(f, "\n{}", self.verdict())?;
        if !self.is_clean() {
            writeln!(f, "seed {:#x}, repeat with: {}", self.seed, self.command)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::Rule;

    fn report(violations: Vec<Violation>) -> Report {
        Report {
            seed: 0x1f,
            command: "cargo xtask stress --seed 0x1f".into(),
            threads: 4,
            hooks: true,
            elapsed: Duration::from_secs(2),
            rounds: 8,
            lives: 40,
            rows: vec![RowReport {
                name: "mutex",
                operations: 2_000_000,
                timeouts: 7,
                interrupts: 3,
                longest: Duration::from_micros(1_500),
                jain: 0.98765,
                solo_operations: 10,
                solo_parks: 1_234,
                solo_hand_offs: 56,
                violations: violations.len() as u64,
                notes: vec![("unlocks judged", 99)],
            }],
            totals: Totals {
                parks: 4_321,
                moves: 0,
                wakes: 4_000,
                hand_offs: 65,
                timeouts: 300,
                interrupts: 21,
            },
            violation_count: violations.len() as u64,
            violations,
        }
    }

    #[test]
    fn the_table_shows_the_figures() {
        let text = report(vec![]).to_string();
        for part in [
            "2,000,000",
            "1,000,000",
            "1,234",
            "56",
            "1.5 ms",
            "0.988",
            "4,321",
            "mutex: 99 unlocks judged",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn a_clean_run_says_what_it_did_not_show() {
        let report = report(vec![]);
        assert!(
            report.is_clean() && report.verdict().contains("No violation in 2,000,000 operations")
        );
        assert!(report.verdict().contains("it does not show"));
        assert!(!report.to_string().contains("repeat with"));
    }

    #[test]
    fn a_violation_comes_with_seed_and_command() {
        let violation =
            Violation { row: "mutex", rule: Rule::Overtaken, detail: "worker 3".into() };
        let text = report(vec![violation]).to_string();
        assert!(text.contains("VIOLATION of \"fairness bound\" in mutex: worker 3"), "{text}");
        assert!(text.contains("seed 0x1f, repeat with: cargo xtask stress --seed 0x1f"), "{text}");
    }

    #[test]
    fn json_says_the_same() {
        let value = report(vec![]).json();
        assert_eq!(value["rows"][0]["operations"], 2_000_000);
        assert_eq!(value["rows"][0]["notes"]["unlocks judged"], 99);
        assert_eq!((&value["clean"], &value["lot"]["hand_offs"]), (&json!(true), &json!(65)));
    }

    #[test]
    fn numbers_are_grouped_and_times_are_short() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let times =
            [5, 5_000, 5_000_000, 5_000_000_000].map(|nanos| short(Duration::from_nanos(nanos)));
        assert_eq!(times, ["5 ns", "5.0 us", "5.0 ms", "5.00 s"]);
    }
}
