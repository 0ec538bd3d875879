//! Every ordering of the crates, weakened one step at a time.

use super::Asked;
use super::book::{Book, Kind, Survivor};
use super::defects::nothing_chosen;
use super::judge::Judge;
use super::panel::{Panel, Timed, packages};
use super::sites::{Site, sites, stale};
use crate::models::{Verdict, in_parallel};
use crate::say::say;
use crate::scan::{Source, files_below};
use crate::stop::Outcome;
use std::sync::Mutex;

/// A weakened model explores more schedules than the sound one: it gets so many times its time.
const MORE_TIME: u32 = 5;

/// The shim writes no orderings of its own: its calls go on under the lines of their callers.
const SHIM: &str = "crates/pyparking/src/primitive";

/// Weakens every chosen ordering; returns how many were neither noticed nor explained.
pub(super) fn run(book: &Book, asked: &Asked, judge: &mut Judge<'_>) -> Outcome<usize> {
    let all = all_sites(judge)?;
    let chosen: Vec<_> = all.iter().filter(|site| is_chosen(site, asked)).collect();
    if let Some(name) = asked.only.as_ref().filter(|_| chosen.is_empty()) {
        let is_defect = book.defects.iter().any(|defect| defect.name == *name);
        return if is_defect { Ok(0) } else { Err(nothing_chosen(name)) };
    }
    if asked.list {
        chosen.iter().for_each(|site| say!("{}", site.described()));
        return Ok(0);
    }
    let is_outside = |site: &&Site| book.outside.iter().any(|place| place.file == site.file);
    let (outside, seen): (Vec<_>, Vec<_>) = chosen.into_iter().partition(is_outside);
    for package in packages(book, &seen) {
        judge.prepare(Kind::Loom, &package, &[])?;
    }
    let panel = Panel::new(book, judge, &seen, asked.jobs)?;
    say!("\nOrderings: {} steps down, one at a time; some model must fail at each\n", seen.len());
    let unseen = weaken_all(book, asked, judge, &panel, &seen)?;
    tell_outside(book, &outside);
    let stale = stale(book, &all);
    for Survivor { file, function, text, .. } in &stale {
        say!("STALE: the book explains `{text}` in {file} {function}, and there is none");
    }
    Ok(unseen + stale.len())
}

fn is_chosen(site: &Site, asked: &Asked) -> bool {
    asked.only.as_ref().is_none_or(|part| site.file.contains(part) || site.function.contains(part))
}

fn all_sites(judge: &Judge<'_>) -> Outcome<Vec<Site>> {
    let mut found = Vec::new();
    for package in judge.workspace.published() {
        for path in files_below(&package.folder().join("src"), ".rs")? {
            let file = Source::read(&judge.workspace.root, &path)?;
            if !file.path.starts_with(SHIM) {
                found.extend(sites(&file));
            }
        }
    }
    Ok(found)
}

/// Says which orderings no model can see.
fn tell_outside(book: &Book, outside: &[&Site]) {
    for place in &book.outside {
        let count = outside.iter().filter(|site| site.file == place.file).count();
        if count > 0 {
            say!("no model: {count} in {}: {}", place.file, place.reason);
        }
    }
}

fn weaken_all(
    book: &Book,
    asked: &Asked,
    judge: &Judge<'_>,
    panel: &Panel<'_>,
    sites: &[&Site],
) -> Outcome<usize> {
    let count = Mutex::new(Count::default());
    in_parallel(sites, asked.jobs, |site| {
        let fate = weaken(judge, panel.models(&site.file), site)?;
        let reason = book.survivors.iter().find(|entry| site.is_of(entry));
        say!("{}", told(site, &fate, reason.map(|entry| entry.reason.as_str())));
        count.lock().expect("no worker panics").add(&fate, reason.is_some());
        Ok(())
    })?;
    let Count { noticed, explained, open } = count.into_inner().expect("no worker panics");
    say!("\n{noticed} noticed, {explained} survived with a reason, {open} survived without one");
    Ok(open)
}

/// What became of a weakened ordering.
#[derive(Debug)]
enum Fate {
    /// A model noticed.
    Noticed { model: String, verdict: Verdict, seconds: f64 },
    /// None did; so many were still running at their time limit.
    Survived { hung: usize },
}

#[derive(Default)]
struct Count {
    noticed: usize,
    explained: usize,
    open: usize,
}

impl Count {
    fn add(&mut self, fate: &Fate, has_reason: bool) {
        match fate {
            Fate::Noticed { .. } => self.noticed += 1,
            Fate::Survived { .. } if has_reason => self.explained += 1,
            Fate::Survived { .. } => self.open += 1,
        }
    }
}

/// Runs the models of a site, weakened, until one of them notices.
fn weaken(judge: &Judge<'_>, models: &[Timed<'_>], site: &Site) -> Outcome<Fate> {
    let mut hung = 0;
    for (model, took) in models {
        let timeout = judge.timeout.max(*took * MORE_TIME);
        let report = judge.run(model, Some(("PYLOCK_WEAKEN", site.switch())), timeout)?;
        match report.verdict {
            Verdict::Passed => {}
            // More schedules take more time: that is no answer.
            Verdict::Hung => hung += 1,
            verdict => {
                let (model, seconds) = (model.name.to_owned(), report.took.as_secs_f64());
                return Ok(Fate::Noticed { model, verdict, seconds });
            }
        }
    }
    Ok(Fate::Survived { hung })
}

fn told(site: &Site, fate: &Fate, reason: Option<&str>) -> String {
    let site = site.described();
    match (fate, reason) {
        (Fate::Noticed { model, verdict, seconds }, reason) => {
            let word = verdict.word();
            let idle =
                reason.map_or("", |_| "\n          the book explains a survivor here: take it out");
            format!("noticed   {site}\n          {model} {word} after {seconds:.1} s{idle}")
        }
        (Fate::Survived { .. }, Some(reason)) => format!("explained {site}\n          {reason}"),
        (Fate::Survived { hung: 0 }, None) => format!("SURVIVED  {site}"),
        (Fate::Survived { hung }, None) => {
            format!(
                "SURVIVED  {site}\n          {hung} models ran out of time; try a longer --timeout"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Count, Fate, told};
    use crate::faults::sites::{Site, Step};
    use crate::models::Verdict;

    fn site() -> Site {
        let [file, function, text] = ["a.rs", "f", "x.load(Acquire)"].map(str::to_owned);
        Site { file, line: 7, function, text, step: Step::Relaxed }
    }

    #[test]
    fn only_a_survivor_without_a_reason_is_open() {
        let noticed = Fate::Noticed { model: "m".into(), verdict: Verdict::Failed, seconds: 1.0 };
        let mut count = Count::default();
        count.add(&noticed, false);
        count.add(&Fate::Survived { hung: 0 }, true);
        count.add(&Fate::Survived { hung: 1 }, false);
        assert_eq!((count.noticed, count.explained, count.open), (1, 1, 1));
    }

    #[test]
    fn each_fate_is_told() {
        let survived = Fate::Survived { hung: 0 };
        assert_eq!(
            told(&site(), &survived, None),
            "SURVIVED  a.rs:7 f `x.load(Acquire)` to relaxed"
        );
        assert!(told(&site(), &survived, Some("because")).ends_with("because"));
        let noticed = Fate::Noticed { model: "m".into(), verdict: Verdict::Aborted, seconds: 0.5 };
        assert!(told(&site(), &noticed, None).ends_with("m aborted after 0.5 s"));
    }
}
