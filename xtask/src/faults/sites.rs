//! The orderings that can be weakened, and what the book says of each.

use super::book::{Book, Half, Survivor};
use crate::scan::{Atomic, Order, Source, atomics};

/// One ordering, weakened in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// From the top of the workspace.
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) function: String,
    pub(super) text: String,
    /// What becomes of it.
    pub(super) step: Step,
}

/// One step down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To relaxed; a fence goes.
    Relaxed,
    /// One half of the ordering is lost.
    Lost(Half),
}

impl Site {
    /// The value of `PYLOCK_WEAKEN`. The switch names the half that is kept.
    pub(super) fn switch(&self) -> String {
        let kept = match self.step {
            Step::Relaxed => "",
            Step::Lost(Half::Release) => ":a",
            Step::Lost(Half::Acquire) => ":r",
        };
        format!("{}:{}{kept}", self.file, self.line)
    }

    /// Where it is and what it becomes.
    pub(super) fn described(&self) -> String {
        let step = match self.step {
            Step::Relaxed => "to relaxed",
            Step::Lost(Half::Acquire) => "without acquire",
            Step::Lost(Half::Release) => "without release",
        };
        format!("{}:{} {} `{}` {step}", self.file, self.line, self.function, self.text)
    }

    /// Whether the book's entry is about this ordering and this step.
    pub(super) fn is_of(&self, entry: &Survivor) -> bool {
        let same_step = match (entry.without, self.step) {
            (None, _) => true,
            (Some(half), step) => step == Step::Lost(half),
        };
        self.file == entry.file
            && self.function == entry.function
            && self.text.contains(&entry.text)
            && same_step
    }
}

/// The sites of a file. Two operations on one line cannot be told apart, and are one site.
pub(super) fn sites(file: &Source) -> Vec<Site> {
    let mut found: Vec<Site> = Vec::new();
    for operation in atomics(file) {
        for step in steps(&operation) {
            let site = Site {
                file: file.path.clone(),
                line: operation.line,
                function: operation.function.clone(),
                text: operation.text.clone(),
                step,
            };
            if !found.iter().any(|other| other.line == site.line && other.step == site.step) {
                found.push(site);
            }
        }
    }
    found
}

/// The ways in which an operation can be weakened one step.
fn steps(operation: &Atomic) -> Vec<Step> {
    let both = [Order::AcqRel, Order::SeqCst];
    if operation.orders.iter().all(|order| *order == Order::Relaxed) {
        return Vec::new();
    }
    match (both.contains(&operation.orders[0]), operation.method.as_str()) {
        (false, _) => vec![Step::Relaxed],
        // A load has no release half, a store no acquire half.
        (true, "load") => vec![Step::Lost(Half::Release)],
        (true, "store") => vec![Step::Lost(Half::Acquire)],
        (true, _) => vec![Step::Lost(Half::Acquire), Step::Lost(Half::Release)],
    }
}

/// Entries of the book that fit no site: the code has moved on without them.
pub(super) fn stale<'a>(book: &'a Book, sites: &[Site]) -> Vec<&'a Survivor> {
    book.survivors.iter().filter(|entry| !sites.iter().any(|site| site.is_of(entry))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Site, Step, sites, stale};
    use crate::faults::book::{Book, Half};
    use crate::scan::Source;

    const FILE: &str = "crates/a/src/b.rs";

    fn of(body: &str) -> Vec<Site> {
        let text = format!("impl B {{ fn f(&self) {{\n{body}\n}} }}");
        sites(&Source::parse(FILE, text).expect("Rust"))
    }

    #[test]
    fn relaxed_operations_are_no_sites() {
        assert!(of("x.load(Relaxed); x.compare_exchange(0, 1, Relaxed, Relaxed);").is_empty());
    }

    #[test]
    fn a_failure_ordering_alone_is_one() {
        assert_eq!(of("x.compare_exchange(0, 1, Relaxed, Acquire);")[0].step, Step::Relaxed);
    }

    #[test]
    fn both_halves_are_lost_in_turn() {
        let switches: Vec<_> = of("x\n.swap(0, AcqRel);").iter().map(Site::switch).collect();
        assert_eq!(switches, [format!("{FILE}:3:r"), format!("{FILE}:3:a")]);
        assert_eq!(of("x.load(SeqCst);").len(), 1);
    }

    #[test]
    fn the_book_knows_a_site_by_its_text() {
        let entry = |text: &str, without: &str| {
            let text = format!(
                "[[survivor]]\nfile = \"{FILE}\"\nfunction = \"B::f\"\ntext = \"{text}\"\n{without}reason = \"r\"\n"
            );
            Book::parse(&text).expect("well formed")
        };
        let sites = of("x.swap(0, AcqRel);");
        assert!(stale(&entry("x.swap(", ""), &sites).is_empty());
        assert_eq!(stale(&entry("y.swap(", ""), &sites).len(), 1);
        let half = entry("x.swap(", "without = \"acquire\"\n");
        assert!(
            sites.iter().any(
                |site| site.is_of(&half.survivors[0]) && site.step == Step::Lost(Half::Acquire)
            )
        );
        assert!(
            !sites.iter().any(
                |site| site.is_of(&half.survivors[0]) && site.step == Step::Lost(Half::Release)
            )
        );
    }
}
