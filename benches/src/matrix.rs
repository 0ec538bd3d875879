//! The table of a row with many cells: one line per cell, one column per arm.

use std::fmt::Write as _;

use crate::arm::Role;
use crate::goal::Outcome;
use crate::report::{ArmReport, CellReport};
use crate::table::{aligned, or_dash};

/// How many cells make a row a matrix.
pub const MANY: usize = 3;

/// All cells of a row. Millions of operations per second, each peer followed by `+` where ours is ahead of it, `=`
/// where equal, `-` where behind; then our fairness and our processor cost against the cheapest peer's.
#[must_use]
pub fn of_row(cells: &[&CellReport]) -> String {
    let Some(first) = cells.first() else { return String::new() };
    let names = columns(cells);
    let mut rows = vec![header(&names)];
    rows.extend(cells.iter().map(|cell| line(cell, &names)));
    let mut text =
        format!("{}: M {}/s (+ ours ahead of it, = equal, - behind)\n", first.row, first.operation);
    text.push_str(&aligned(&rows));
    for cell in cells {
        if let Some(why) = &cell.absent {
            let _ = writeln!(text, "  {} did not run: {why}", cell.label);
        }
    }
    text
}

/// Every arm of any cell, in the order of their first appearance, the control apart.
fn columns(cells: &[&CellReport]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for arm in cells.iter().flat_map(|cell| &cell.arms).filter(|arm| arm.role != Role::Control) {
        if !names.contains(&arm.name) {
            names.push(arm.name.clone());
        }
    }
    names
}

fn header(names: &[String]) -> Vec<String> {
    let mut fields = vec![String::new()];
    fields.extend(names.iter().map(|name| format!("{name}  ")));
    fields.extend(["Jain", "CPU/best", "control", "goal"].map(str::to_owned));
    fields
}

fn line(cell: &CellReport, names: &[String]) -> Vec<String> {
    let mut fields = vec![cell.label.clone()];
    fields.extend(names.iter().map(|name| rate(cell.arms.iter().find(|arm| arm.name == *name))));
    fields.push(or_dash(cell.ours().and_then(|ours| ours.jain), 2));
    fields.push(or_dash(against_cheapest(cell), 2));
    fields.push(match cell.control_holds {
        Some(true) => "holds".to_owned(),
        Some(false) => "BROKEN".to_owned(),
        None => "-".to_owned(),
    });
    fields.push(match cell.goal.outcome {
        Outcome::Met => "met".to_owned(),
        Outcome::Missed => "missed".to_owned(),
        Outcome::Open => "-".to_owned(),
    });
    fields
}

fn rate(arm: Option<&ArmReport>) -> String {
    let Some(arm) = arm else { return "- ".to_owned() };
    let mark = match arm.role {
        Role::Peer => arm.verdict.map_or(' ', |verdict| verdict.mark()),
        _ => ' ',
    };
    format!("{} {mark}", or_dash(Some(arm.mega_per_second()), 2))
}

/// Our processor time per operation over the cheapest peer's.
fn against_cheapest(cell: &CellReport) -> Option<f64> {
    let peers = cell.arms.iter().filter(|arm| arm.role == Role::Peer);
    let least = peers.filter_map(|arm| arm.cpu_nanos).min_by(f64::total_cmp)?;
    cell.ours()?.cpu_nanos.map(|ours| ours / least)
}

#[cfg(test)]
mod tests {
    use super::of_row;
    use crate::table::tests::cell;

    #[test]
    fn a_line_per_cell_and_a_mark_per_peer() {
        let cells = [cell(2, 1.0), cell(4, 1.3)];
        let text = of_row(&cells.iter().collect::<Vec<_>>());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[1].contains("std") && !lines[1].contains("again"), "{text}");
        assert!(lines[2].contains("50.00 +") && lines[2].contains("holds"), "{text}");
        assert!(lines[3].contains("BROKEN") && lines[3].ends_with("met"), "{text}");
    }
}
