//! Text tables: aligned columns, and the table of one cell.

use std::fmt::Write as _;

use crate::arm::Role;
use crate::goal::Outcome;
use crate::report::{ArmReport, CellReport};
use crate::stats::Interval;

/// Lays rows out in columns: the first to the left, the others to the right, two spaces between.
#[must_use]
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from("  ");
        for (column, (field, width)) in row.iter().zip(&widths).enumerate() {
            let pad = width - field.chars().count();
            if column == 0 {
                line.push_str(field);
                line.extend(std::iter::repeat_n(' ', pad));
            } else {
                line.extend(std::iter::repeat_n(' ', pad + 2));
                line.push_str(field);
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A number, or a dash where there is none.
#[must_use]
pub fn or_dash(value: Option<f64>, decimals: usize) -> String {
    value
        .filter(|value| value.is_finite())
        .map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

/// Digits that a cost deserves: about four significant ones.
#[must_use]
pub fn cost(nanos: f64) -> String {
    let decimals = if nanos < 10.0 {
        2
    } else if nanos < 1_000.0 {
        1
    } else {
        0
    };
    or_dash(Some(nanos), decimals)
}

/// The table of one cell: a line per arm, then the goal.
#[must_use]
pub fn of_cell(cell: &CellReport) -> String {
    let mut text = format!("{}: {} (one operation = {})\n", cell.row, cell.label, cell.operation);
    if let Some(why) = &cell.absent {
        let _ = writeln!(text, "  not run: {why}");
        return text;
    }
    let waits = cell.arms.iter().any(|arm| arm.longest_wait_micros.is_some());
    let memory = cell.arms.iter().any(|arm| arm.memory.is_some());
    let extra = Extra { waits, memory };
    let mut rows = vec![header(extra)];
    rows.extend(cell.arms.iter().map(|arm| line(arm, extra)));
    text.push_str(&aligned(&rows));
    text.push_str(&goal_line(cell));
    text.push_str(&control_line(cell));
    text
}

/// Columns that only some cells have.
#[derive(Clone, Copy)]
struct Extra {
    waits: bool,
    memory: bool,
}

fn header(extra: Extra) -> Vec<String> {
    let mut names = vec!["arm", "ns/op", "M op/s", "CPU ns/op", "switches/k", "futex/k", "Jain"];
    if extra.waits {
        names.extend(["p50 us", "p99 us", "longest us"]);
    }
    if extra.memory {
        names.push("heap/asked");
    }
    names.extend(["ours/arm", "95 % interval", ""]);
    names.into_iter().map(str::to_owned).collect()
}

fn line(arm: &ArmReport, extra: Extra) -> Vec<String> {
    let mut fields = vec![
        format!("{}{}", arm.name, if arm.role == Role::Limit { " (limit)" } else { "" }),
        cost(arm.nanos),
        or_dash(Some(arm.mega_per_second()), if arm.mega_per_second() < 1.0 { 4 } else { 2 }),
        arm.cpu_nanos.map_or_else(|| "-".to_owned(), cost),
        or_dash(arm.switches_per_thousand, 3),
        or_dash(arm.futex_per_thousand, 3),
        or_dash(arm.jain, 3),
    ];
    if extra.waits {
        let [median, late] = arm.wait_micros.map_or([None; 2], |both| both.map(Some));
        fields.extend([median, late, arm.longest_wait_micros].map(|micros| or_dash(micros, 0)));
    }
    if extra.memory {
        fields.push(or_dash(arm.memory, 3));
    }
    fields.push(or_dash(arm.ratio.map(|ratio| ratio.median), 3));
    fields.push(arm.ratio.as_ref().map_or_else(String::new, interval));
    fields.push(word(arm).to_owned());
    fields
}

/// What to say about an arm: a verdict about peers, agreement about the control, nothing about a limit.
fn word(arm: &ArmReport) -> &'static str {
    match (arm.role, arm.verdict) {
        (Role::Peer, Some(verdict)) => verdict.word(),
        (Role::Control, Some(verdict)) if verdict != crate::stats::Verdict::Equal => "NOT equal",
        (Role::Control, Some(_)) => "equal",
        _ => "",
    }
}

/// An interval's bounds.
#[must_use]
pub fn interval(ratio: &Interval) -> String {
    format!("{:.3}..{:.3}", ratio.low, ratio.high)
}

fn goal_line(cell: &CellReport) -> String {
    let goal = &cell.goal;
    match goal.outcome {
        Outcome::Open => format!("  goal: {} ({})\n", goal.wanted, goal.said),
        Outcome::Met => format!("  goal: {}: MET ({})\n", goal.wanted, goal.said),
        Outcome::Missed => format!("  goal: {}: MISSED ({})\n", goal.wanted, goal.said),
    }
}

fn control_line(cell: &CellReport) -> String {
    if cell.control_holds == Some(false) {
        "  WARNING: the control, our arm against itself, is not equal to 1 here. Distrust this cell.\n".to_owned()
    } else {
        String::new()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{aligned, cost, of_cell, or_dash};
    use crate::arm::Role;
    use crate::cell::Place;
    use crate::goal::{GoalReport, Outcome};
    use crate::report::{ArmReport, CellReport};
    use crate::stats::{Interval, Verdict};

    pub(crate) fn cell(threads: usize, control: f64) -> CellReport {
        let arm = |name: &str, role, nanos, median: Option<f64>| {
            let ratio =
                median.map(|median| Interval { median, low: median - 0.05, high: median + 0.05 });
            let verdict = ratio.map(|ratio| ratio.verdict());
            ArmReport { nanos, jain: Some(0.99), ratio, verdict, ..ArmReport::blank(name, role) }
        };
        CellReport {
            row: "contended",
            label: format!("{threads} threads"),
            place: Some(Place { threads, section: 20, outside: 0 }),
            operation: "lock + unlock",
            block_micros: 1,
            rounds: 3,
            arms: vec![
                arm("pysync", Role::Ours, 10.0, None),
                arm("pysync again", Role::Control, 10.0, Some(control)),
                arm("one thread alone", Role::Limit, 9.0, Some(1.1)),
                arm("std", Role::Peer, 20.0, Some(0.5)),
            ],
            control_holds: Some((control - 1.0).abs() <= 0.05),
            goal: GoalReport {
                wanted: "ahead".into(),
                outcome: Outcome::Met,
                said: "ahead of all 1".into(),
            },
            absent: None,
        }
    }

    #[test]
    fn columns_line_up() {
        let rows =
            [["a", "1", "22"], ["long", "333", "4"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(aligned(&rows), "  a       1  22\n  long  333   4\n");
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        assert_eq!(or_dash(None, 2), "-");
        assert_eq!(or_dash(Some(f64::NAN), 2), "-");
        assert_eq!(or_dash(Some(1.0), 2), "1.00");
        assert_eq!([1.234, 12.34, 12_345.6].map(cost), ["1.23", "12.3", "12346"]);
    }

    #[test]
    fn a_cells_table_names_verdicts_goal_and_a_broken_control() {
        let text = of_cell(&cell(4, 1.0));
        assert!(text.contains("one thread alone (limit)") && text.contains("ahead\n"), "{text}");
        assert!(text.contains("goal: ahead: MET (ahead of all 1)"), "{text}");
        assert!(!text.contains("WARNING"), "{text}");
        let broken = of_cell(&cell(4, 1.2));
        assert!(broken.contains("NOT equal") && broken.contains("WARNING"), "{broken}");
        assert_eq!(cell(4, 1.2).arms[1].verdict, Some(Verdict::Behind));
    }

    #[test]
    fn an_absent_cell_says_why() {
        let text =
            of_cell(&CellReport { absent: Some("no second processor".into()), ..cell(2, 1.0) });
        assert!(text.contains("not run: no second processor"), "{text}");
    }
}
