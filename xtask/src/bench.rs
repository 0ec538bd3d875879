//! `cargo xtask bench`: the measuring bench.

use crate::cargo::forward;
use crate::stop::Outcome;
use clap::Args;
use std::ffi::OsString;

const MORE: &str = "\
Needs nothing but this workspace; a quiet machine gives narrower intervals. Every argument goes to the
bench program as it is, also --help, and its exit code comes back.

Examples:
  cargo xtask bench --help       the program's own options
  cargo xtask bench --quick      about a minute

Exit codes:
  0   done; a missed goal is reported like a reached one
  1   an output file could not be written
  2   the command line was wrong
  3   a tool or library that was asked for is absent; the output says which
  70  an arm hung or panicked";

/// Measure every primitive against its peers and its physical limit, in one process
#[derive(Args)]
#[command(after_long_help = MORE, disable_help_flag = true)]
pub(crate) struct Bench {
    /// What the bench program is given
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

impl Bench {
    pub(crate) fn run(self) -> Outcome {
        forward("pylock-bench", &self.args)
    }
}
