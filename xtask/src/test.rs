//! `cargo xtask test`: everything that a user of the crates would run.

use crate::cargo::cargo;
use crate::help::page;
use crate::steps::Steps;
use crate::stop::Outcome;
use crate::workspace::{Package, Workspace};
use clap::Args;
use std::process::Command;

const MORE: &str = "\
Needs nothing but the pinned toolchain. All steps run even when one fails; a summary with their times
stands at the end.

Examples:
  cargo xtask test
  cargo xtask test --quick     without the release build";

/// What pycapi is besides its default: the other versions, and those that are linked into CPython.
const OF_CPYTHON: &[(&str, &[&str], &str)] = &[
    ("debug, pycapi of 3.13", &["test", "--lib", "--tests"], "py313"),
    ("debug, pycapi of 3.15", &["test", "--test", "c_programs", "every_name"], "py315"),
    ("pycapi inside CPython 3.13", &["check", "--lib"], "py313,host-cpython"),
    ("pycapi inside CPython 3.14", &["check", "--lib"], "py314,host-cpython"),
    ("pycapi inside CPython 3.15", &["check", "--lib"], "py315,host-cpython"),
];

/// Run all tests: debug, the portable fallback, doc tests, and the crates' own in release
#[derive(Args)]
#[command(after_long_help = page(MORE))]
pub(crate) struct Test {
    /// Leave out the release build
    #[arg(long)]
    quick: bool,
}

impl Test {
    pub(crate) fn run(self) -> Outcome {
        let workspace = Workspace::read()?;
        let packages: Vec<_> = workspace.published().collect();
        let mut steps = Steps::default();
        steps.run(
            "debug, all targets",
            cargo().args(["test", "--workspace", "--all-targets", "--no-fail-fast"]),
        );
        let fallback = ["--lib", "--tests", "--features", "std-fallback"];
        steps.run("debug, std-fallback", &mut of(&packages, &fallback));
        for (title, command, features) in OF_CPYTHON {
            let chosen = ["--package", "pycapi", "--no-default-features", "--features", features];
            steps.run(title, cargo().args(*command).args(chosen));
        }
        steps.run("doc tests", &mut of(&packages, &["--doc"]));
        if !self.quick {
            steps.run("release, crates", &mut of(&packages, &["--release", "--lib", "--tests"]));
        }
        steps.finish()
    }
}

/// `cargo test` of these packages.
fn of(packages: &[&Package], args: &[&str]) -> Command {
    let mut command = cargo();
    command.args(["test", "--no-fail-fast"]);
    for package in packages {
        command.args(["--package", &package.name]);
    }
    command.args(args);
    command
}
