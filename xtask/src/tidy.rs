//! `cargo xtask tidy`: the rules of the house that no compiler checks.
//!
//! One file per check. A check reads the [`House`] and returns what it found; it prints nothing.

mod arrows;
mod c_names;
mod changelog;
mod fault_book;
mod file_names;
mod forbidden;
mod heads;
mod house;
mod interface;
mod invariants;
mod links;
mod manifests;
mod ordering_table;
mod orderings;
mod ports;
mod rooms;
mod safety;
mod sizes;

pub(crate) use manifests::missing_fields;

use crate::help::page;
use crate::say::say;
use crate::stop::{Outcome, Stop};
use clap::Args;
use house::House;
use std::time::Instant;

const MORE: &str = "\
Needs nothing but the sources. Also runs as an ordinary test (xtask/tests/tidy.rs).

Each finding is a line `file:line: what; what to do`, below the rule that it breaks.

Examples:
  cargo xtask tidy
  cargo xtask tidy --list
  cargo xtask tidy --only orderings";

/// Check the rules of the house: arrows, comments, sizes, links, manifests
#[derive(Args)]
#[command(after_long_help = page(MORE))]
pub(crate) struct Tidy {
    /// Only this check
    #[arg(long, value_name = "CHECK")]
    only: Option<String>,
    /// Name the checks and their rules
    #[arg(long)]
    list: bool,
}

/// One rule of the house.
struct Check {
    name: &'static str,
    /// The rule, and why there is one.
    rule: &'static str,
    run: fn(&House) -> Vec<Finding>,
}

/// A place where a rule is broken.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    /// What is wrong, then what to do about it.
    text: String,
}

impl Finding {
    fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, text: text.into() }
    }
}

const CHECKS: &[Check] = &[
    arrows::CHECK,
    c_names::CHECK,
    heads::CHECK,
    orderings::CHECK,
    safety::CHECK,
    sizes::CHECK,
    rooms::CHECK,
    forbidden::CHECK,
    file_names::CHECK,
    invariants::CHECK,
    ordering_table::CHECK,
    ports::CHECK,
    interface::CHECK,
    fault_book::CHECK,
    links::CHECK,
    changelog::CHECK,
    manifests::CHECK,
];

impl Tidy {
    pub(crate) fn run(self) -> Outcome {
        let chosen: Vec<_> = CHECKS
            .iter()
            .filter(|check| self.only.as_ref().is_none_or(|name| name == check.name))
            .collect();
        if chosen.is_empty() {
            return Err(Stop::Usage("no such check; see cargo xtask tidy --list".into()));
        }
        if self.list {
            chosen.iter().for_each(|check| say!("{:15} {}", check.name, check.rule));
            return Ok(());
        }
        let started = Instant::now();
        let house = House::read()?;
        let broken = chosen.iter().filter(|check| !holds(check, &house)).count();
        say!("{}", sizes::medians(&house));
        let took = started.elapsed().as_secs_f64();
        say!("tidy: {} checks, {broken} broken, {took:.1} s", chosen.len());
        if broken == 0 { Ok(()) } else { Err(Stop::Failed(format!("{broken} rules are broken"))) }
    }
}

/// Runs one check and prints what it found.
fn holds(check: &Check, house: &House) -> bool {
    let found = (check.run)(house);
    if !found.is_empty() {
        say!("{}: {}", check.name, check.rule);
        for Finding { path, line, text } in &found {
            say!("  {path}:{line}: {text}");
        }
        say!("");
    }
    found.is_empty()
}

#[cfg(test)]
mod tests {
    use super::CHECKS;
    use std::collections::BTreeSet;

    #[test]
    fn checks_have_names_of_their_own() {
        let names: BTreeSet<_> = CHECKS.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), CHECKS.len());
    }
}
