//! `cargo xtask miri`: the tests under Miri.

use crate::cargo::{cargo_of, with_rustflags};
use crate::help::page;
use crate::steps::Steps;
use crate::stop::{Outcome, Stop};
use crate::workspace::Workspace;
use clap::Args;
use std::process::Stdio;

const MORE: &str = "\
Needs a nightly toolchain with the components miri and rust-src
(rustup component add miri rust-src --toolchain nightly).

Runs the unit tests and tests/api.rs of every published crate with several seeds, so several schedules.
Not under Miri: tests that fork or send signals (it has neither), and the stress tests (too slow).

Examples:
  cargo xtask miri
  cargo xtask miri --package pysync --seeds 64";

/// Run the unit and API tests under Miri, an interpreter that sees undefined behaviour
#[derive(Args)]
#[command(after_long_help = page(MORE))]
pub(crate) struct Miri {
    /// Only this crate
    #[arg(long, value_name = "CRATE")]
    package: Option<String>,
    /// Schedules to try, one a seed
    #[arg(long, value_name = "N", default_value_t = 4)]
    seeds: u32,
    /// The unstable toolchain to use
    #[arg(long, value_name = "NAME", default_value = "nightly")]
    toolchain: String,
}

impl Miri {
    pub(crate) fn run(self) -> Outcome {
        self.find()?;
        let workspace = Workspace::read()?;
        let mut steps = Steps::default();
        for package in workspace.chosen(self.package.as_deref())? {
            let mut command = cargo_of(&self.toolchain)?;
            command.args(["miri", "test", "--package", &package.name, "--lib"]);
            for test in package.tests_named("api") {
                command.args(["--test", test]);
            }
            command.env("CARGO_TARGET_DIR", workspace.target.join("miri"));
            // The tests read the clock; a strict pointer model sees what the tagged words do.
            let seeds = self.seeds;
            let flags = format!(
                "-Zmiri-disable-isolation -Zmiri-strict-provenance -Zmiri-many-seeds=0..{seeds}"
            );
            command.env("MIRIFLAGS", flags);
            with_rustflags(&mut command, &[]);
            steps.run(&format!("{} under miri", package.name), &mut command);
        }
        steps.finish()
    }

    fn find(&self) -> Outcome {
        let mut command = cargo_of(&self.toolchain)?;
        command.args(["miri", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
        if command.status().is_ok_and(|status| status.success()) {
            return Ok(());
        }
        let toolchain = &self.toolchain;
        Err(Stop::Absent {
            tool: format!("the component miri of the toolchain '{toolchain}'"),
            get: format!("rustup component add miri rust-src --toolchain {toolchain}"),
        })
    }
}
