//! What the sanitizer commands share: a nightly compiler, and an instrumented std where its sources are there.

use crate::cargo::{cargo_of, has_std_sources, host_of, with_rustflags};
use crate::say::say;
use crate::steps::Steps;
use crate::stop::{Outcome, Stop};
use crate::workspace::Workspace;
use clap::Args;
use std::process::Command;

/// The options of a command that runs the tests under an unstable compiler switch.
#[derive(Args)]
pub(crate) struct Options {
    /// Only this crate
    #[arg(long, value_name = "CRATE")]
    package: Option<String>,
    /// Only this integration test of each crate; may be given more than once
    #[arg(long, value_name = "TEST")]
    test: Vec<String>,
    /// The unstable toolchain to use
    #[arg(long, value_name = "NAME", default_value = "nightly")]
    toolchain: String,
    /// Go on over the std that came with the toolchain where its sources are not there
    #[arg(long)]
    plain_std: bool,
}

/// One kind of instrumented run.
pub(crate) struct Kind {
    /// The name of the folder below `target`.
    pub(crate) name: &'static str,
    pub(crate) rustflags: &'static [&'static str],
    /// Flags that only a std without the instrumentation needs.
    pub(crate) foreign_std: &'static [&'static str],
    pub(crate) env: &'static [(&'static str, &'static str)],
    /// What it means when std is not instrumented.
    pub(crate) without_std: &'static str,
    /// Whether a run over such a std is worth so little that it takes an option to start it.
    pub(crate) needs_std: bool,
    /// Beginnings of the names of integration tests that are not for this kind of run.
    pub(crate) except: &'static [&'static str],
}

/// Tests that are empty in such a run, or run a compiler of their own.
const NEVER: &[&str] = &["loom", "shuttle", "compile", "c_programs"];

impl Options {
    /// The integration tests of a crate that are to run: those asked for, or all that are not excepted.
    fn tests<'a>(&self, has: impl Iterator<Item = &'a str>, except: &[&str]) -> Vec<&'a str> {
        let is_excepted =
            |name: &str| NEVER.iter().chain(except).any(|beginning| name.starts_with(beginning));
        let is_wanted = |name: &&str| match self.test.as_slice() {
            [] => !is_excepted(name),
            asked => asked.iter().any(|test| test == name),
        };
        has.filter(is_wanted).collect()
    }

    /// Runs the tests of every chosen crate under `kind`.
    pub(crate) fn run(&self, kind: &Kind) -> Outcome {
        cargo_of(&self.toolchain)?;
        let own_std = self.own_std(kind)?;
        let workspace = Workspace::read()?;
        let host = host_of(&self.toolchain)?;
        let mut steps = Steps::default();
        for package in workspace.chosen(self.package.as_deref())? {
            let tests = self.tests(package.tests(), kind.except);
            if tests.is_empty() {
                say!("\n{}: none of the tests asked for", package.name);
                continue;
            }
            let mut command = self.command(kind, own_std, &host)?;
            command.args(["--package", &package.name, "--lib"]);
            for test in tests {
                command.args(["--test", test]);
            }
            command.env("CARGO_TARGET_DIR", workspace.target.join(kind.name));
            steps.run(&format!("{} under {}", package.name, kind.name), &mut command);
        }
        steps.finish()
    }

    /// Whether std is built too; says so, and stops where it must be and cannot.
    fn own_std(&self, kind: &Kind) -> Outcome<bool> {
        let toolchain = &self.toolchain;
        if has_std_sources(toolchain) {
            say!("std is built with the instrumentation too");
            return Ok(true);
        }
        let get = format!("rustup component add rust-src --toolchain {toolchain}");
        if kind.needs_std && !self.plain_std {
            let tool = format!("the component rust-src of the toolchain '{toolchain}'");
            return Err(Stop::Absent { tool, get });
        }
        say!("std is NOT instrumented: '{toolchain}' has no sources of it.\n{}", kind.without_std);
        say!("to get them: {get}");
        Ok(false)
    }

    fn command(&self, kind: &Kind, own_std: bool, host: &str) -> Outcome<Command> {
        let mut command = cargo_of(&self.toolchain)?;
        // A target by name keeps the flags away from build scripts and macros, which run on this machine.
        command.args(["test", "--target", host]);
        let mut flags = kind.rustflags.to_vec();
        if own_std {
            command.args(["-Z", "build-std=std,panic_unwind,test"]);
        } else {
            flags.extend(kind.foreign_std);
        }
        with_rustflags(&mut command, &flags);
        command.envs(kind.env.iter().copied());
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn options(test: &[&str]) -> Options {
        Options {
            package: None,
            test: test.iter().map(ToString::to_string).collect(),
            toolchain: "nightly".into(),
            plain_std: false,
        }
    }

    #[test]
    fn a_crate_runs_what_is_asked_or_all_that_fits() {
        let has = ["api", "c_programs", "compile_fail", "fork", "loom", "stress"];
        let chosen = |test: &[&str], except: &[&str]| options(test).tests(has.into_iter(), except);
        assert_eq!(chosen(&[], &[]), ["api", "fork", "stress"]);
        assert_eq!(chosen(&[], &["fork"]), ["api", "stress"]);
        assert_eq!(chosen(&["fork", "other"], &["fork"]), ["fork"]);
        assert!(chosen(&["other"], &[]).is_empty());
    }
}
