//! `cargo xtask careful`: the tests over a std with its debug assertions on.

use crate::help::page;
use crate::sanitizer::{Kind, Options};
use crate::stop::Outcome;
use clap::Args;

const MORE: &str = "\
Needs a nightly toolchain with the rust-src component: std is built anew, with its debug assertions, which
check the contracts of many unsafe functions as they are called.

Examples:
  cargo xtask careful
  cargo xtask careful --package pyparking --test api";

const KIND: Kind = Kind {
    name: "careful",
    rustflags: &["-Cdebug-assertions=on", "-Zextra-const-ub-checks"],
    foreign_std: &[],
    env: &[],
    without_std: "Its own assertions are off then: this is an ordinary test run.",
    needs_std: true,
    except: &[],
};

/// Run the tests over a std that checks its own preconditions
#[derive(Args)]
#[command(after_long_help = page(MORE))]
pub(crate) struct Careful {
    #[command(flatten)]
    options: Options,
}

impl Careful {
    pub(crate) fn run(self) -> Outcome {
        self.options.run(&KIND)
    }
}
