//! The stress run's program: arguments in, table out, and an exit code that tells.

use clap::Parser;
use pylock_stress::config::Config;
use pylock_stress::report::Report;
use pylock_stress::run::run;
use std::process::{ExitCode, exit};

/// Exit code of a run that found something.
const FOUND: u8 = 1;

/// Exit code when the result could not be written.
const UNWRITTEN: u8 = 3;

fn main() -> ExitCode {
    let mut config = Config::parse();
    let seed = config.settle_seed();
    eprintln!(
        "seed {seed:#x}, {} threads on {} processors, {} s",
        config.threads,
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        config.seconds
    );
    let seeded = |(name, _): &&(&str, &str)| pyparking::primitive::seeded(name);
    if let Some((name, what)) = pyparking::primitive::FAULTS.iter().find(seeded) {
        eprintln!("seeded fault {name}: {what}");
    }
    let json = config.json.clone();
    // A run in which nothing moves cannot be joined: its threads wait for ever. So the process ends
    // from here.
    let report = run(&mut config, |report| exit(i32::from(conclude(&report, json.as_deref()))));
    ExitCode::from(conclude(&report, config.json.as_deref()))
}

/// Prints the report and says how to exit. Where the JSON goes to standard output, the text goes
/// beside it.
fn conclude(report: &Report, json: Option<&str>) -> u8 {
    match json {
        None => print!("{report}"),
        Some("-") => {
            eprint!("{report}");
            println!("{:#}", report.json());
        }
        Some(file) => {
            print!("{report}");
            if let Err(error) = std::fs::write(file, format!("{:#}\n", report.json())) {
                eprintln!("cannot write {file}: {error}");
                return UNWRITTEN;
            }
        }
    }
    if report.is_clean() { 0 } else { FOUND }
}
