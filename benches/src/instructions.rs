//! Instruction counts of the uncontended paths.
//!
//! Time on a shared machine shakes; the number of instructions does not. The bench starts itself under valgrind's
//! callgrind twice per arm, with few and with many passes of the same straight line, and divides the difference, so
//! that starting up and winding down cancel out. What is left of the loop around a pass is a few sixteenths.

use std::process::Command;

use serde::Serialize;

use crate::arm::Role;
use crate::cell::Contestants;
use crate::context::{Context, Mode};
use crate::rows;
use crate::solo::{PER_PASS, SoloArm};
use crate::table::aligned;

const FEW: u64 = 500;
const MANY: u64 = 2_500;

/// Separates row, cell and arm in the name of a kernel.
const SEPARATOR: char = '/';

/// One arm's instructions per operation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counts {
    /// The row.
    pub row: &'static str,
    /// The cell.
    pub label: String,
    /// The arm.
    pub arm: String,
    /// Its part.
    pub role: Role,
    /// Instructions per operation.
    pub instructions: f64,
}

/// The peers that ours are held against, as far as they take part.
const RIVALS: &[&str] = &["parking_lot", "bumpalo"];

/// Counts ours, the limits and the rivals' in every cell that one thread runs alone.
///
/// # Errors
/// A message for the user when valgrind is absent or gives no count.
pub fn count() -> Result<Vec<Counts>, String> {
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !valgrind.is_ok_and(|answer| answer.status.success()) {
        return Err("valgrind is not installed; install it with your system's package manager (apt-get install valgrind)".into());
    }
    let mut counts = Vec::new();
    for (row, label, arms) in solo_cells() {
        for arm in arms.iter().filter(|arm| is_counted(arm)) {
            let name = format!("{row}{SEPARATOR}{label}{SEPARATOR}{}", arm.label().name);
            let difference =
                under_callgrind(&name, MANY)?.saturating_sub(under_callgrind(&name, FEW)?);
            counts.push(Counts {
                row,
                label: label.clone(),
                arm: arm.label().name.clone(),
                role: arm.label().role,
                instructions: difference as f64 / ((MANY - FEW) * PER_PASS) as f64,
            });
        }
    }
    Ok(counts)
}

fn is_counted(arm: &SoloArm) -> bool {
    let label = arm.label();
    matches!(label.role, Role::Ours | Role::Limit) || RIVALS.contains(&label.name.as_str())
}

/// The cells that one thread runs alone, in the same order and with the same names whoever asks.
fn solo_cells() -> Vec<(&'static str, String, Vec<SoloArm>)> {
    let context = Context {
        mode: Mode::Smoke,
        threads: Some(vec![1]),
        sections: Some(Vec::new()),
        outside: Some(Vec::new()),
        peers: Vec::new(),
        cpython: false,
        block: None,
        rounds: None,
    };
    let solo = [
        &rows::uncontended::ROW,
        &rows::once::ROW,
        &rows::recursive::ROW,
        &rows::critsec::ROW,
        &rows::read_write::UNCONTENDED,
        &rows::seqlock::READ,
        &rows::gil::ALONE,
        &rows::pending::ROW,
        &rows::arena::NODE,
    ];
    let mut found = Vec::new();
    for cell in solo.into_iter().flat_map(|row| (row.cells)(&context)) {
        if let Contestants::Solo(contestants) = (cell.contestants)() {
            found.push((cell.row, cell.label, contestants.arms));
        }
    }
    found
}

/// Runs one arm for `passes` passes: what the bench does when it is started under the counter.
///
/// # Errors
/// A message when there is no arm of that name.
pub fn run_kernel(name: &str, passes: u64) -> Result<(), String> {
    for (row, label, arms) in solo_cells() {
        for arm in arms {
            if name == format!("{row}{SEPARATOR}{label}{SEPARATOR}{}", arm.label().name) {
                arm.run(passes);
                return Ok(());
            }
        }
    }
    Err(format!("there is no arm '{name}' that one thread runs alone"))
}

fn under_callgrind(name: &str, passes: u64) -> Result<u64, String> {
    let program =
        std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let answer = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .arg("--kernel")
        .arg(name)
        .arg("--passes")
        .arg(passes.to_string())
        .output()
        .map_err(|error| format!("cannot start valgrind: {error}"))?;
    let report = String::from_utf8_lossy(&answer.stderr);
    collected(&report)
        .ok_or_else(|| format!("valgrind gave no count for '{name}': {}", report.trim()))
}

/// The total from callgrind's last words, `==123== Collected : 456`.
fn collected(report: &str) -> Option<u64> {
    let line = report.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

/// The counts as a table, with a verdict against the rival where both took part.
#[must_use]
pub fn table(counts: &[Counts]) -> String {
    let mut rows = vec![
        [
            "instructions per operation",
            "ours",
            "limit",
            "rival",
            "goal: at most parking_lot's or bumpalo's",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    let of = |cell: &Counts, wanted: &dyn Fn(&Counts) -> bool| {
        let same =
            |other: &&Counts| other.row == cell.row && other.label == cell.label && wanted(other);
        counts.iter().find(same).map(|found| found.instructions)
    };
    for ours in counts.iter().filter(|count| count.role == Role::Ours) {
        let limit = of(ours, &|other| other.role == Role::Limit);
        let theirs = of(ours, &|other| RIVALS.contains(&other.arm.as_str()));
        let show = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
        };
        let verdict = match theirs {
            Some(theirs) if ours.instructions <= theirs + SLACK => "met",
            Some(_) => "missed",
            None => "-",
        };
        rows.push(vec![
            format!("{}: {}", ours.row, ours.label),
            show(Some(ours.instructions)),
            show(limit),
            show(theirs),
            verdict.to_owned(),
        ]);
    }
    aligned(&rows)
}

/// The loop around a pass may be compiled one instruction longer here than there: a sixteenth per operation.
const SLACK: f64 = 1.5 / PER_PASS as f64;

#[cfg(test)]
mod tests {
    use super::{Counts, collected, run_kernel, solo_cells, table};
    use crate::arm::Role;

    #[test]
    fn the_total_is_read_from_callgrinds_last_words() {
        let report = "==7== Events    : Ir\n==7== Collected : 123456\n==7== \n";
        assert_eq!(collected(report), Some(123_456));
        assert_eq!(collected("==7== terminated"), None);
    }

    #[test]
    fn every_solo_cell_has_our_arm_under_a_name_of_its_own() {
        let cells = solo_cells();
        assert!(cells.len() >= 7);
        for (row, label, arms) in &cells {
            assert_eq!(
                arms.iter().filter(|arm| arm.label().role == Role::Ours).count(),
                1,
                "{row} {label}"
            );
        }
        assert_eq!(run_kernel("uncontended/lock + unlock/pysync", 3), Ok(()));
        assert!(run_kernel("uncontended/lock + unlock/nobody", 3).is_err());
    }

    #[test]
    fn ours_is_held_against_parking_lots() {
        let count = |arm: &str, role, instructions| Counts {
            row: "once",
            label: "done".into(),
            arm: arm.into(),
            role,
            instructions,
        };
        let met = table(&[count("pysync", Role::Ours, 4.0), count("parking_lot", Role::Peer, 4.0)]);
        assert!(met.contains("met") && met.contains("once: done"), "{met}");
        let missed =
            table(&[count("pysync", Role::Ours, 6.0), count("parking_lot", Role::Peer, 4.0)]);
        assert!(missed.contains("missed"), "{missed}");
        assert!(
            table(&[count("pysync", Role::Ours, 6.0)])
                .lines()
                .last()
                .is_some_and(|line| line.ends_with('-'))
        );
    }
}
