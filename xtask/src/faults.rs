//! `cargo xtask faults`: showing that the tests notice what they are there for.

pub(crate) mod book;
mod defects;
mod judge;
mod orderings;
mod panel;
mod sites;

use crate::help::page;
use crate::loom::processors;
use crate::stop::{Outcome, Stop};
use crate::workspace::Workspace;
use book::Book;
use clap::Args;
use judge::Judge;
use std::fs;
use std::time::Duration;

const MORE: &str = "\
Two kinds of fault are brought back, one at a time, in test builds only:

  defects    known defects of locks like these, by PYLOCK_FAULT. docs/faults.toml names the detectors of
             each: tests that must fail, abort or hang with the defect, and pass without it.
  orderings  every Acquire, Release and AcqRel of the crates, weakened one step by PYLOCK_WEAKEN. Some loom
             model must fail. What survives needs a reason in docs/faults.toml.

A model that is still running at its time limit has not noticed a weakened ordering; it has noticed a
defect, as a lost wake-up is a hang. Needs nothing but this workspace. All orderings take a while: each
runs its models until one fails.

Examples:
  cargo xtask faults                               everything
  cargo xtask faults --defects --only 148820
  cargo xtask faults --orderings --only raw_mutex.rs
  cargo xtask faults --list";

/// Bring known defects back and weaken orderings, and check that some test notices each
#[derive(Args)]
#[command(after_long_help = page(MORE))]
pub(crate) struct Faults {
    /// Only defects of this name, or orderings whose file or function contains it
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Name the faults, and run nothing
    #[arg(long)]
    list: bool,
    /// Only weakened orderings
    #[arg(long)]
    orderings: bool,
    /// Only known defects
    #[arg(long)]
    defects: bool,
    /// Preemptions that a loom schedule may have
    #[arg(long, value_name = "N", default_value_t = 2)]
    preemptions: u32,
    /// Random schedules of a shuttle model
    #[arg(long, value_name = "N", default_value_t = 2000)]
    iterations: u64,
    /// Seconds that one test may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    /// Tests at a time [default: one per processor]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// What was asked for.
pub(super) struct Asked {
    pub(super) only: Option<String>,
    pub(super) list: bool,
    pub(super) jobs: usize,
}

impl Faults {
    pub(crate) fn run(self) -> Outcome {
        let workspace = Workspace::read()?;
        let path = workspace.root.join(book::PATH);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let book =
            Book::parse(&text).map_err(|why| Stop::Failed(format!("{}: {why}", book::PATH)))?;
        let both = self.orderings == self.defects;
        let asked =
            Asked { only: self.only, list: self.list, jobs: self.jobs.unwrap_or_else(processors) };
        let env = vec![
            ("LOOM_MAX_PREEMPTIONS", self.preemptions.to_string()),
            ("SHUTTLE_ITERATIONS", self.iterations.to_string()),
        ];
        let mut judge = Judge::new(&workspace, env, Duration::from_secs(self.timeout));
        let defects =
            if both || self.defects { defects::run(&book, &asked, &mut judge)? } else { 0 };
        let orderings =
            if both || self.orderings { orderings::run(&book, &asked, &mut judge)? } else { 0 };
        match defects + orderings {
            0 => Ok(()),
            unseen => {
                Err(Stop::Failed(format!("{unseen} faults are neither noticed nor explained")))
            }
        }
    }
}
