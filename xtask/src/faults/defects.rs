//! Known defects, brought back one at a time.

use super::Asked;
use super::book::{Book, Defect, Detector, Kind};
use super::judge::Judge;
use crate::loom::indented;
use crate::models::{Report, Verdict};
use crate::say::say;
use crate::stop::{Outcome, Stop};
use std::collections::BTreeMap;
use std::time::Duration;

/// Runs the detectors of every chosen defect; returns how many did not do their work.
pub(super) fn run(book: &Book, asked: &Asked, judge: &mut Judge<'_>) -> Outcome<usize> {
    let is_chosen = |defect: &&Defect| asked.only.as_ref().is_none_or(|name| defect.name == *name);
    let chosen: Vec<_> = book.defects.iter().filter(is_chosen).collect();
    if asked.list {
        chosen.iter().for_each(|defect| say!("{}", described(defect)));
        return Ok(0);
    }
    for ((kind, package), targets) in needed(&chosen) {
        judge.prepare(kind, package, &targets)?;
    }
    say!("\nDefects: each detector must pass without the defect and not with it\n");
    let mut blind = 0;
    for defect in chosen {
        say!("{}", described(defect));
        for detector in &defect.detectors {
            blind += usize::from(!notices(judge, defect, detector)?);
        }
    }
    Ok(blind)
}

/// The test targets that the detectors stand in, for each build and package.
fn needed<'a>(defects: &[&'a Defect]) -> BTreeMap<(Kind, &'a str), Vec<&'a str>> {
    let mut needed: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for Detector { package, kind, target, .. } in defects.iter().flat_map(|one| &one.detectors) {
        let targets = needed.entry((*kind, package.as_str())).or_default();
        if !targets.contains(&target.as_str()) {
            targets.push(target);
        }
    }
    needed
}

fn described(defect: &Defect) -> String {
    let issue = defect.issue.map(|number| format!(" (CPython issue {number})")).unwrap_or_default();
    format!("{}{issue}: {}", defect.name, defect.what)
}

/// Runs a detector with the defect and without, and prints both.
fn notices(judge: &Judge<'_>, defect: &Defect, detector: &Detector) -> Outcome<bool> {
    let model = judge.detector(detector)?;
    let healthy = judge.run(&model, None, judge.timeout)?;
    let patience = patience(healthy.took, judge.timeout);
    let ill = judge.run(&model, Some(("PYLOCK_FAULT", defect.name.clone())), patience)?;
    let good = is_noticed(&healthy, &ill);
    say!(
        "  {:6} {} tests/{}.rs {} ({}): {} without it, {} with it after {:.1} s",
        if good { "ok" } else { "BLIND" },
        detector.package,
        detector.target,
        detector.test,
        detector.kind.cfg(),
        healthy.verdict.word(),
        ill.verdict.word(),
        ill.took.as_secs_f64(),
    );
    if healthy.verdict != Verdict::Passed {
        say!("{}", indented(&healthy.output));
    }
    Ok(good)
}

/// How long a test with a defect may take before it counts as hanging: far more than it took without.
fn patience(healthy: Duration, most: Duration) -> Duration {
    const LEAST: Duration = Duration::from_secs(10);
    const TIMES: u32 = 20;
    (healthy * TIMES).max(LEAST).min(most)
}

fn is_noticed(healthy: &Report, ill: &Report) -> bool {
    healthy.verdict == Verdict::Passed && ill.verdict != Verdict::Passed
}

/// A name that no defect and no ordering has.
pub(super) fn nothing_chosen(name: &str) -> Stop {
    Stop::Usage(format!("no fault is called '{name}'; see cargo xtask faults --list"))
}

#[cfg(test)]
mod tests {
    use super::{Kind, is_noticed, needed, patience};
    use crate::faults::book::Book;
    use crate::models::{Report, Verdict};
    use std::time::Duration;

    fn report(verdict: Verdict) -> Report {
        Report { verdict, took: Duration::ZERO, output: String::new() }
    }

    #[test]
    fn a_hang_or_an_abort_notices_too() {
        for verdict in [Verdict::Failed, Verdict::Aborted, Verdict::Hung] {
            assert!(is_noticed(&report(Verdict::Passed), &report(verdict)));
            assert!(!is_noticed(&report(verdict), &report(verdict)));
        }
        assert!(!is_noticed(&report(Verdict::Passed), &report(Verdict::Passed)));
    }

    #[test]
    fn a_hang_is_told_by_the_time_without_the_defect() {
        let seconds = Duration::from_secs;
        assert_eq!(patience(Duration::from_millis(20), seconds(60)), seconds(10));
        assert_eq!(patience(seconds(2), seconds(60)), seconds(40));
        assert_eq!(patience(seconds(9), seconds(60)), seconds(60));
    }

    #[test]
    fn each_target_is_built_once() {
        let detector = |target: &str, test: &str| {
            format!(
                "{{ package = \"a\", kind = \"seeded\", target = \"{target}\", test = \"{test}\" }}"
            )
        };
        let text = format!(
            "[[defect]]\nname = \"1\"\nwhat = \"w\"\ndetectors = [{}, {}, {}]\n",
            detector("x", "s"),
            detector("x", "t"),
            detector("y", "u")
        );
        let book = Book::parse(&text).expect("well formed");
        let all: Vec<_> = book.defects.iter().collect();
        assert_eq!(needed(&all)[&(Kind::Seeded, "a")], ["x", "y"]);
    }
}
