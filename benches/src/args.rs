//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::context::{Context, Mode};

/// Measures every primitive against its peers and its physical limit, as ratios within one run.
///
/// A missed goal is reported like a reached one and never changes the exit code. Codes: 0 done, 2 bad
/// arguments, 3 a tool or library that was asked for is missing, 70 an arm hung or panicked.
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
pub struct Args {
    /// About a minute: fewer cells, shorter blocks.
    #[arg(long, conflicts_with = "smoke")]
    pub quick: bool,

    /// Some seconds: shows that everything runs, measures nothing.
    #[arg(long)]
    pub smoke: bool,

    /// List the rows and stop.
    #[arg(long)]
    pub list: bool,

    /// Run only these rows (names as in --list).
    #[arg(long, value_delimiter = ',', value_name = "ROW")]
    pub only: Vec<String>,

    /// Keep only peers whose name contains one of these; ours and the limits always run.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub peers: Vec<String>,

    /// Thread counts of the rows that have a choice.
    #[arg(long, value_delimiter = ',', value_name = "N", value_parser = thread_count)]
    pub threads: Option<Vec<usize>>,

    /// Additions inside the section, for the row 'contended'.
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub sections: Option<Vec<u32>>,

    /// Additions outside the section, for the row 'contended'.
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub outside: Option<Vec<u32>>,

    /// Length of a block in milliseconds, for rows with several threads.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub block: Option<u64>,

    /// Number of rounds per cell, which is the number of ratios per pair.
    #[arg(long, value_name = "N", value_parser = rounds)]
    pub rounds: Option<usize>,

    /// Turns that our mutex spins before it sleeps, instead of its default.
    #[arg(long, value_name = "N")]
    pub spin_turns: Option<u32>,

    /// Seed of the order and the resampling; printed, so that a run can be repeated.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Add CPython's own C code from its shared library.
    #[arg(long, value_name = "PATH")]
    pub libpython: Option<OsString>,

    /// Count instructions of the uncontended paths under valgrind, and nothing else.
    #[arg(long)]
    pub instructions: bool,

    /// Print every arm of every cell, also of rows that have a matrix.
    #[arg(long)]
    pub detail: bool,

    /// Write the results as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Draw the results as a picture.
    #[arg(long, visible_alias = "plot", value_name = "FILE")]
    pub svg: Option<PathBuf>,

    /// Run one uncontended arm under an instruction counter: row, cell and arm, by number.
    #[arg(long, hide = true, value_name = "R:C:A")]
    pub kernel: Option<String>,

    /// How many passes `--kernel` runs.
    #[arg(long, hide = true, default_value_t = 0)]
    pub passes: u64,
}

fn thread_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads @ 1..=1_024) => Ok(threads),
        _ => Err("a thread count is a number from 1 to 1024".to_owned()),
    }
}

fn rounds(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(rounds @ 1..=100_000) => Ok(rounds),
        _ => Err("rounds are a number from 1 to 100000".to_owned()),
    }
}

impl Args {
    /// How thorough the run is.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match (self.smoke, self.quick) {
            (true, _) => Mode::Smoke,
            (false, true) => Mode::Quick,
            (false, false) => Mode::Full,
        }
    }

    /// The choices that the rows see.
    #[must_use]
    pub fn context(&self, cpython: bool) -> Context {
        Context {
            mode: self.mode(),
            threads: self.threads.clone(),
            sections: self.sections.clone(),
            outside: self.outside.clone(),
            peers: self.peers.clone(),
            cpython,
            block: self.block.map(Duration::from_millis),
            rounds: self.rounds,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Args;
    use crate::context::Mode;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn lists_and_modes_are_read() {
        let args =
            Args::parse_from(["bench", "--quick", "--threads", "1,2,64", "--only", "once,park"]);
        assert_eq!(args.mode(), Mode::Quick);
        assert_eq!(args.threads.as_deref(), Some(&[1, 2, 64][..]));
        assert_eq!(args.only, ["once", "park"]);
    }

    #[test]
    fn absurd_numbers_are_refused_with_a_reason() {
        let refusal = |arguments: &[&str]| {
            Args::try_parse_from([&["bench"], arguments].concat()).expect_err("absurd").to_string()
        };
        assert!(refusal(&["--threads", "0"]).contains("from 1 to 1024"));
        assert!(refusal(&["--rounds", "0"]).contains("from 1 to 100000"));
        assert!(refusal(&["--quick", "--smoke"]).contains("cannot be used with"));
    }
}
