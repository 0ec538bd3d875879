//! `cargo xtask loom`: the loom models.

use crate::help::page;
use crate::models::{Build, Limits, Model, Report, Verdict, build, in_parallel, matching, run_one};
use crate::say::say;
use crate::stop::{Outcome, Stop};
use crate::workspace::Workspace;
use clap::Args;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const MORE: &str = "\
Builds tests/loom*.rs of every published crate with RUSTFLAGS=\"--cfg loom\" in target/loom and runs each
model in its own process. Needs nothing else: loom is a dependency of that build only.

What a model prints about itself is shown beside its time:
  bound: none            it explores every schedule whatever the bound given here
  bound: 3 preemptions   it sets a bound of its own
  schedules: 1234        how many it explored
A model that says nothing of its bound ran under the one given here, and is no proof beyond it.

Examples:
  cargo xtask loom                          every model, at most 2 preemptions
  cargo xtask loom --full                   at most 3
  cargo xtask loom --package pysync --filter rw_mutex --preemptions 4";

/// Preemptions a schedule may have, unless the command line says otherwise.
const QUICK_BOUND: u32 = 2;
const FULL_BOUND: u32 = 3;

/// Explore the schedules of small programs with loom
#[derive(Args)]
#[command(after_long_help = page(MORE))]
pub(crate) struct Loom {
    /// Allow 3 preemptions a schedule instead of 2
    #[arg(long)]
    full: bool,
    /// Only models whose name contains NAME
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Only the models of this crate
    #[arg(long, value_name = "CRATE")]
    package: Option<String>,
    /// Allow N preemptions a schedule
    #[arg(long, value_name = "N")]
    preemptions: Option<u32>,
    /// Seconds that one model may take [default: 300, with --full 3600]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Models at a time [default: one per processor]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

impl Loom {
    pub(crate) fn run(self) -> Outcome {
        let bound = self.preemptions.unwrap_or(if self.full { FULL_BOUND } else { QUICK_BOUND });
        let seconds = self.timeout.unwrap_or(if self.full { 3600 } else { 300 });
        let search = Search {
            checker: "loom",
            package: self.package,
            filter: self.filter,
            env: vec![("LOOM_MAX_PREEMPTIONS", bound.to_string())],
            timeout: Duration::from_secs(seconds),
            jobs: self.jobs.unwrap_or_else(processors),
            bound: format!("{bound} preemptions"),
        };
        search.run()
    }
}

/// As many models at a time as there are processors.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// One run of a checker over its models.
pub(crate) struct Search {
    pub(crate) checker: &'static str,
    pub(crate) package: Option<String>,
    pub(crate) filter: Option<String>,
    pub(crate) env: Vec<(&'static str, String)>,
    pub(crate) timeout: Duration,
    pub(crate) jobs: usize,
    /// What bounds a model that does not say otherwise.
    pub(crate) bound: String,
}

impl Search {
    /// Builds the models, runs them, and prints each with its time and its bound.
    pub(crate) fn run(&self) -> Outcome {
        let workspace = Workspace::read()?;
        let mut binaries = Vec::new();
        for package in workspace.chosen(self.package.as_deref())? {
            let tests = package.tests_named(self.checker);
            if !tests.is_empty() {
                let (cfg, package) = (self.checker, package.name.as_str());
                let what = Build { cfg, package, tests, release: true };
                binaries.extend(build(&workspace, &what)?);
            }
        }
        let models = matching(&binaries, self.filter.as_deref());
        if models.is_empty() {
            return Err(self.nothing_to_run());
        }
        say!("{} {} models, each bounded by {}", models.len(), self.checker, self.bound);
        say!("unless its own line says otherwise\n");
        self.explore(&models)
    }

    /// Nothing was chosen, or there is nothing to choose from; neither is a pass.
    fn nothing_to_run(&self) -> Stop {
        let checker = self.checker;
        match &self.filter {
            Some(part) => Stop::Usage(format!("no {checker} model has '{part}' in its name")),
            None => Stop::Failed(format!("there is no {checker} model: no tests/{checker}*.rs")),
        }
    }

    fn explore(&self, models: &[Model<'_>]) -> Outcome {
        let limits = Limits { env: self.env.clone(), timeout: self.timeout };
        let started = Instant::now();
        let failed = Mutex::new(Vec::new());
        let said = Mutex::new(0);
        in_parallel(models, self.jobs, |model| {
            let report = run_one(model, &limits)?;
            say!("{}", self.line(model, &report));
            *said.lock().expect("no worker panics") += usize::from(says_unbounded(&report.output));
            if report.verdict != Verdict::Passed {
                say!("{}\n", indented(&report.output));
                failed.lock().expect("no worker panics").push(model.name.to_owned());
            }
            Ok(())
        })?;
        let failed = failed.into_inner().expect("no worker panics");
        let unbounded = said.into_inner().expect("no worker panics");
        let (all, took) = (models.len(), started.elapsed().as_secs_f64());
        say!("\n{} of {all} {} models passed in {took:.1} s", all - failed.len(), self.checker);
        say!(
            "{unbounded} without a bound, {} bounded: those are no proof beyond their bound",
            all - unbounded
        );
        if failed.is_empty() { Ok(()) } else { Err(Stop::Failed(failed.join(", "))) }
    }

    fn line(&self, model: &Model<'_>, report: &Report) -> String {
        let own = said(&report.output, "bound: ");
        let bound =
            own.map_or_else(|| format!("bound: {}", self.bound), |own| format!("bound: {own}"));
        let schedules = said(&report.output, "schedules: ")
            .map(|count| format!(", schedules: {count}"))
            .unwrap_or_default();
        format!(
            "{:7} {:>7.1} s  {} {}  ({bound}{schedules})",
            report.verdict.word(),
            report.took.as_secs_f64(),
            model.binary.package,
            model.name
        )
    }
}

/// The rest of the first line that starts with `key`. The harness may print its own words before it.
fn said<'a>(output: &'a str, key: &str) -> Option<&'a str> {
    output.lines().find_map(|line| Some(line.split_once(key)?.1.trim()))
}

fn says_unbounded(output: &str) -> bool {
    said(output, "bound: ") == Some("none")
}

/// What a failed model has to say, set off from the table: from its first panic on, or the end.
pub(crate) fn indented(output: &str) -> String {
    /// Enough for a panic and the checker's report.
    const MOST: usize = 40;
    let lines: Vec<_> = output.lines().collect();
    let panic = lines.iter().position(|line| line.contains(" panicked at "));
    let from = panic.unwrap_or(lines.len().saturating_sub(MOST));
    let shown = lines[from..].iter().take(MOST).map(|line| format!("    {line}"));
    shown.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{indented, said, says_unbounded};

    #[test]
    fn a_model_may_tell_its_bound() {
        let output = "running 1 test\ntest two_threads ... bound: none\nschedules: 77\nok\n";
        assert!(says_unbounded(output));
        assert_eq!(said(output, "schedules: "), Some("77"));
        assert!(!says_unbounded("bound: 3 preemptions"));
        assert!(!says_unbounded(""));
    }

    #[test]
    fn a_failure_is_shown_from_its_panic_on() {
        let long: String = (0..100).map(|n| format!("{n}\n")).collect();
        assert!(indented(&long).starts_with("    60\n"));
        let panicked = format!("thread 'a' panicked at b.rs:1:1:\n{long}");
        assert!(indented(&panicked).starts_with("    thread 'a' panicked"));
        assert!(indented(&panicked).ends_with("    38"));
    }
}
