//! The last page of a report: every goal and what became of it, and what the controls say about the run as a whole.

use std::fmt::Write as _;

use crate::goal::Outcome;
use crate::report::CellReport;

/// The page, or nothing when there were no cells.
#[must_use]
pub fn of(cells: &[CellReport]) -> String {
    if cells.is_empty() {
        return String::new();
    }
    let mut text = String::from("goals\n");
    let judged: Vec<&CellReport> =
        cells.iter().filter(|cell| cell.goal.outcome != Outcome::Open).collect();
    let names: Vec<String> =
        judged.iter().map(|cell| format!("{}: {}", cell.row, cell.label)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut wanted = "";
    for (cell, name) in judged.iter().zip(&names) {
        if cell.goal.wanted != wanted {
            wanted = &cell.goal.wanted;
            let _ = writeln!(text, "  {wanted}");
        }
        let met = if cell.goal.outcome == Outcome::Met { "met   " } else { "missed" };
        let _ = writeln!(text, "    {met}  {name:<width$}  {}", cell.goal.said);
    }
    let met = judged.iter().filter(|cell| cell.goal.outcome == Outcome::Met).count();
    let _ = writeln!(text, "{met} of {} goals met", judged.len());
    text.push_str(&controls(cells));
    text
}

/// How many controls did not hold, set against how many that happens to by chance.
fn controls(cells: &[CellReport]) -> String {
    let controls = cells.iter().filter_map(|cell| cell.control_holds);
    let broken = controls.clone().filter(|holds| !holds).count();
    let all = controls.count();
    match (all, broken) {
        (0, _) => "no control has an interval: too few rounds\n".to_owned(),
        (all, 0) => format!("all {all} controls are equal to 1\n"),
        (all, broken) => format!(
            "WARNING: {broken} of {all} controls are not equal to 1 (1 in 20 is expected by chance); \
             distrust those cells\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::goal::{GoalReport, Outcome};
    use crate::report::CellReport;
    use crate::table::tests::cell;

    #[test]
    fn a_goal_is_said_once_and_judged_cell_by_cell() {
        let missed = GoalReport {
            outcome: Outcome::Missed,
            said: "equal to std".into(),
            ..cell(2, 1.0).goal
        };
        let cells = [cell(2, 1.0), CellReport { goal: missed, ..cell(4, 1.0) }];
        let text = of(&cells);
        assert_eq!(text.matches("  ahead\n").count(), 1, "{text}");
        assert!(text.contains("met     contended: 2 threads  ahead of all 1"), "{text}");
        assert!(text.contains("missed  contended: 4 threads  equal to std"), "{text}");
        assert!(
            text.contains("1 of 2 goals met") && text.contains("all 2 controls are equal"),
            "{text}"
        );
    }

    #[test]
    fn broken_controls_are_counted_beside_what_chance_breaks() {
        let text = of(&[cell(2, 1.0), cell(4, 1.3)]);
        assert!(text.contains("WARNING: 1 of 2 controls"), "{text}");
        let none = of(&[CellReport { control_holds: None, ..cell(2, 1.0) }]);
        assert!(none.contains("no control has an interval"), "{none}");
        assert_eq!(of(&[]), "");
    }
}
