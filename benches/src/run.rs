//! The command: what was asked for, the cells one after the other, and the reports at the end.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use serde::Serialize;

use crate::args::Args;
use crate::cell::{Cell, Contestants};
use crate::contest;
use crate::context::Mode;
use crate::instructions::{self, Counts};
use crate::machine::Machine;
use crate::peers::{cpython, ours};
use crate::progress::{Progress, clock};
use crate::random::Random;
use crate::report::CellReport;
use crate::rows::{self, Row};
use crate::table::{aligned, of_cell};
use crate::{chart, matrix, summary};

/// Exit code for a file that could not be written.
const UNWRITABLE: u8 = 1;
/// Exit code for arguments that make no sense.
const BAD_ARGUMENTS: u8 = 2;
/// Exit code for a tool or library that was asked for and is not there.
pub const MISSING: u8 = 3;

const NOTICE: &str = "Every ratio is our cost over theirs within this one run; figures of different runs or \
                      machines do not compare.";

/// How many arms a cell is taken to have when the time left is guessed.
const USUAL_ARMS: usize = 8;

/// Everything one run found out.
#[derive(Serialize)]
struct Findings {
    notice: &'static str,
    mode: Mode,
    seed: u64,
    spin_turns: u32,
    machine: Machine,
    cells: Vec<CellReport>,
    instructions: Option<Vec<Counts>>,
}

/// Files that are opened before the run, so that a bad path is known at once and not a quarter of an hour later.
struct Outputs {
    json: Option<File>,
    svg: Option<File>,
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    match attempt(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, message)) => {
            eprintln!("bench: {message}");
            ExitCode::from(code)
        }
    }
}

type Failure = (u8, String);

fn attempt(args: &Args) -> Result<(), Failure> {
    if let Some(kernel) = &args.kernel {
        return instructions::run_kernel(kernel, args.passes)
            .map_err(|message| (BAD_ARGUMENTS, message));
    }
    let rows = chosen_rows(&args.only)?;
    if args.list {
        print!("{}", list(&rows));
        return Ok(());
    }
    if let Some(path) = &args.libpython {
        cpython::load(path).map_err(|message| (MISSING, message))?;
    }
    if let Some(turns) = args.spin_turns {
        ours::set_spin_turns(turns);
    }
    let outputs = Outputs::open(args)?;
    let seed = args.seed.unwrap_or_else(fresh_seed);
    let machine = Machine::look();
    print_head(args, seed, &machine);
    let counts = count_instructions(args)?;
    let cells = if args.instructions { Vec::new() } else { run_cells(args, &rows, seed) };
    print!("{}", summary::of(&cells));
    let findings = Findings {
        notice: NOTICE,
        mode: args.mode(),
        seed,
        spin_turns: ours::spin_turns(),
        machine,
        cells,
        instructions: counts,
    };
    outputs.write(&findings)
}

fn chosen_rows(only: &[String]) -> Result<Vec<&'static Row>, Failure> {
    for wanted in only {
        if !rows::ALL.iter().any(|row| row.name == wanted) {
            let names: Vec<&str> = rows::ALL.iter().map(|row| row.name).collect();
            return Err((
                BAD_ARGUMENTS,
                format!("there is no row '{wanted}'; the rows are: {}", names.join(", ")),
            ));
        }
    }
    Ok(rows::ALL
        .iter()
        .filter(|row| only.is_empty() || only.iter().any(|name| name == row.name))
        .collect())
}

fn list(rows: &[&Row]) -> String {
    let mut names: Vec<Vec<String>> =
        rows.iter().map(|row| vec![format!("{:<16}{}", row.name, row.about)]).collect();
    names.insert(0, vec![format!("{:<16}what it measures", "row")]);
    aligned(&names)
}

fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_micros() as u64)
}

fn print_head(args: &Args, seed: u64, machine: &Machine) {
    for line in machine.lines() {
        println!("{line}");
    }
    println!(
        "mode {:?}, seed {seed}, our mutex spins up to {} turns",
        args.mode(),
        ours::spin_turns()
    );
    println!("{NOTICE}");
    if args.mode() == Mode::Smoke {
        println!("Smoke mode: blocks of a few milliseconds, which measure nothing.");
    }
    println!();
}

/// Instruction counts, when they are asked for or part of a complete run.
fn count_instructions(args: &Args) -> Result<Option<Vec<Counts>>, Failure> {
    let complete = args.mode() == Mode::Full && args.only.is_empty();
    if !args.instructions && !complete {
        return Ok(None);
    }
    match instructions::count() {
        Ok(counts) => {
            println!("{}", instructions::table(&counts));
            Ok(Some(counts))
        }
        Err(message) if args.instructions => Err((MISSING, message)),
        Err(message) => {
            println!("instructions: not counted: {message}\n");
            Ok(None)
        }
    }
}

fn run_cells(args: &Args, rows: &[&Row], seed: u64) -> Vec<CellReport> {
    let context = args.context(cpython::api().is_some());
    let groups: Vec<Vec<Cell>> = rows.iter().map(|row| (row.cells)(&context)).collect();
    let whole: Duration = groups.iter().flatten().map(|cell| cell.plan.cost(USUAL_ARMS)).sum();
    let mut progress = Progress::new(groups.iter().map(Vec::len).sum(), whole);
    let mut random = Random::from_seed(seed);
    let mut reports = Vec::new();
    for cells in &groups {
        let before = reports.len();
        for cell in cells {
            reports.push(run_cell(cell, &mut random, &mut progress));
        }
        print_row(&reports[before..], args.detail);
    }
    let noun = if reports.len() == 1 { "cell" } else { "cells" };
    println!("{} {noun} in {}\n", reports.len(), clock(progress.elapsed()));
    reports
}

fn run_cell(cell: &Cell, random: &mut Random, progress: &mut Progress) -> CellReport {
    let name = format!("{}: {}", cell.row, cell.label);
    progress.begin(&name, cell.plan.rounds);
    let mut compete = |lanes: &mut dyn contest::Lanes| {
        let labels = lanes.labels();
        let mut tick = |round| progress.round(&name, round, cell.plan.rounds);
        let figures = contest::run(lanes, cell.plan, random, &mut tick);
        CellReport::new(cell, &labels, &figures, random)
    };
    let report = match (cell.contestants)() {
        Contestants::Solo(mut solo) => compete(&mut solo),
        Contestants::Crew(lineup) => lineup.lead(|crew| compete(crew)),
        Contestants::Absent(why) => CellReport::of_absent(cell, why),
    };
    progress.end(cell.plan.cost(USUAL_ARMS));
    report
}

fn print_row(cells: &[CellReport], detail: bool) {
    let many = cells.len() >= matrix::MANY;
    if detail || !many {
        cells.iter().for_each(|cell| println!("{}", of_cell(cell)));
    }
    if many {
        println!("{}", matrix::of_row(&cells.iter().collect::<Vec<_>>()));
    }
}

impl Outputs {
    fn open(args: &Args) -> Result<Self, Failure> {
        let create = |path: &Option<std::path::PathBuf>| {
            path.as_deref()
                .map(|path| File::create(path).map_err(|error| unwritable(path, &error)))
                .transpose()
        };
        Ok(Self { json: create(&args.json)?, svg: create(&args.svg)? })
    }

    fn write(self, findings: &Findings) -> Result<(), Failure> {
        if let Some(mut file) = self.json {
            let mut text = serde_json::to_string_pretty(findings)
                .map_err(|error| (UNWRITABLE, error.to_string()))?;
            text.push('\n');
            file.write_all(text.as_bytes())
                .map_err(|error| unwritable(Path::new("the JSON file"), &error))?;
        }
        if let Some(mut file) = self.svg {
            let picture = chart::draw(&findings.cells, &findings.machine.lines());
            file.write_all(picture.as_bytes())
                .map_err(|error| unwritable(Path::new("the picture"), &error))?;
        }
        Ok(())
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    (UNWRITABLE, format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{BAD_ARGUMENTS, chosen_rows, list};
    use crate::rows;

    #[test]
    fn rows_are_chosen_by_name_and_an_unknown_name_lists_the_known_ones() {
        assert_eq!(chosen_rows(&[]).map(|rows| rows.len()), Ok(rows::ALL.len()));
        let chosen = chosen_rows(&["once".to_owned()]).expect("that row exists");
        assert_eq!(chosen.iter().map(|row| row.name).collect::<Vec<_>>(), ["once"]);
        let (code, message) =
            chosen_rows(&["twice".to_owned()]).map(|_| ()).expect_err("no such row");
        assert_eq!(code, BAD_ARGUMENTS);
        assert!(message.contains("'twice'") && message.contains("contended"), "{message}");
    }

    #[test]
    fn the_list_names_every_row_once() {
        let text = list(&rows::ALL.iter().collect::<Vec<_>>());
        assert_eq!(text.lines().count(), rows::ALL.len() + 1);
    }
}
