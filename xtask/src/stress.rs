//! `cargo xtask stress`: the stress run.

use crate::cargo::forward;
use crate::stop::Outcome;
use clap::Args;
use std::ffi::OsString;

const MORE: &str = "\
Needs nothing but this workspace. Every argument goes to the stress program as it is, also --help, and
its exit code comes back: 0 nothing found, 1 a violation (the seed to repeat it is printed), 2 usage.

Examples:
  cargo xtask stress                       the default run
  cargo xtask stress --help                the program's own options
  cargo xtask stress --seconds 60 --seed 7

Exit codes: those of the program; 3 is not used, as no tool is needed.";

/// Hammer every primitive with real threads, and say what that proved
#[derive(Args)]
#[command(after_long_help = MORE, disable_help_flag = true)]
pub(crate) struct Stress {
    /// What the stress program is given
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

impl Stress {
    pub(crate) fn run(self) -> Outcome {
        forward("pylock-stress", &self.args)
    }
}
