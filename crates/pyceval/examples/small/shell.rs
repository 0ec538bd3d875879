//! The command line: which programs to run, how, and what to say about it.

use crate::assembler::assemble;
use crate::options::{Options, USAGE};
use crate::program::Program;
use crate::session::{self, Outcome};
use crate::stress;
use pyceval::KeyboardInterrupt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// A program ended with an exception, or printed something else than it should.
const FAILED: u8 = 1;
/// The command line or a program is wrong.
const WRONG: u8 = 2;
/// Ctrl-C ended it: what a shell says of a process that SIGINT ended.
const INTERRUPTED: u8 = 130;

/// Does what the arguments ask for.
pub(crate) fn run(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(reason) => return fail(WRONG, &format!("{reason}\n\n{USAGE}")),
    };
    let paths = if options.programs.is_empty() { samples() } else { options.programs.clone() };
    let mut programs = Vec::new();
    for path in &paths {
        match load(path) {
            Ok(program) => programs.push(Arc::new(program)),
            Err(reason) => return fail(WRONG, &reason),
        }
    }
    if let Some(length) = options.stress {
        return match stress::run(&programs, length) {
            Ok(summary) => {
                println!("{summary}");
                ExitCode::SUCCESS
            }
            Err(reason) => fail(FAILED, &reason),
        };
    }
    let codes = programs.iter().map(|program| run_one(program, &options));
    codes.max().map_or(ExitCode::SUCCESS, ExitCode::from)
}

fn fail(code: u8, reason: &str) -> ExitCode {
    eprintln!("small: {reason}");
    ExitCode::from(code)
}

/// The sample programs, in the order of their names.
pub(crate) fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/small/programs");
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "asm"));
    paths.sort();
    paths
}

/// Reads and assembles a program, or says what is wrong with it, and where.
pub(crate) fn load(path: &Path) -> Result<Program, String> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    assemble(path, &text).map_err(|problem| format!("{}: {problem}", path.display()))
}

fn run_one(program: &Arc<Program>, options: &Options) -> u8 {
    let outcome = match session::run(program, &options.settings) {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("small: {error}");
            return WRONG;
        }
    };
    if let Err(uncaught) = &outcome.ended {
        eprintln!("small: {uncaught}");
        return if uncaught.raised.is::<KeyboardInterrupt>() { INTERRUPTED } else { FAILED };
    }
    match difference(program, &outcome).filter(|_| options.check) {
        Some(difference) => {
            eprintln!("small: {difference}");
            FAILED
        }
        None => 0,
    }
}

/// How a program's end differs from what its comments say.
pub(crate) fn difference(program: &Program, outcome: &Outcome) -> Option<String> {
    let name = program.path.display();
    if let Err(uncaught) = &outcome.ended {
        return Some(format!("{name} ended with an exception: {uncaught}"));
    }
    let (expected, printed) = (&program.expected, &outcome.printed);
    (expected != printed)
        .then(|| format!("{name} should print {expected:?}, but printed {printed:?}"))
}
