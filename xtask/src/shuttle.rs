//! `cargo xtask shuttle`: random schedules of programs that are too large for loom.

use crate::help::page;
use crate::loom::{Search, processors};
use crate::stop::Outcome;
use clap::Args;
use std::time::Duration;

const MORE: &str = "\
Builds tests/shuttle*.rs of every published crate with RUSTFLAGS=\"--cfg shuttle\" in target/shuttle and
runs each model in its own process, with SHUTTLE_ITERATIONS set. Random schedules find; they do not prove.
A failing model prints the schedule that shuttle needs to repeat it.

Examples:
  cargo xtask shuttle                     2000 schedules a model
  cargo xtask shuttle --full              100000
  cargo xtask shuttle --filter rw_mutex --iterations 500";

const QUICK: u64 = 2_000;
const FULL: u64 = 100_000;

/// Run programs of 8 to 16 threads under random schedules with shuttle
#[derive(Args)]
#[command(after_long_help = page(MORE))]
pub(crate) struct Shuttle {
    /// Try 100000 schedules a model instead of 2000
    #[arg(long)]
    full: bool,
    /// Try N schedules a model
    #[arg(long, value_name = "N")]
    iterations: Option<u64>,
    /// Only models whose name contains NAME
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Only the models of this crate
    #[arg(long, value_name = "CRATE")]
    package: Option<String>,
    /// Seconds that one model may take [default: 300, with --full 3600]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Models at a time [default: one per processor]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

impl Shuttle {
    pub(crate) fn run(self) -> Outcome {
        let iterations = self.iterations.unwrap_or(if self.full { FULL } else { QUICK });
        let seconds = self.timeout.unwrap_or(if self.full { 3600 } else { 300 });
        let search = Search {
            checker: "shuttle",
            package: self.package,
            filter: self.filter,
            env: vec![("SHUTTLE_ITERATIONS", iterations.to_string())],
            timeout: Duration::from_secs(seconds),
            jobs: self.jobs.unwrap_or_else(processors),
            bound: format!("{iterations} random schedules"),
        };
        search.run()
    }
}
