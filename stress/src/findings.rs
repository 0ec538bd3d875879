//! Violations: which rule was broken, in which row, and what was seen.

use crate::gauge::Switch;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many violations of one rule in one row are kept word for word; the rest are only counted.
/// One defect fires thousands of times.
const KEPT: usize = 4;

/// A rule that the run checks. The name is what the reports print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// At most one thread between a lock and its unlock.
    Exclusion,
    /// What was counted inside the sections, without atomics, is what the threads say that they
    /// counted.
    LostUpdate,
    /// No reader beside a writer, no writer beside another.
    ReaderWriter,
    /// A validated optimistic read is one consistent value.
    TornRead,
    /// What happened before a notify is visible after the wait; a set event stays set.
    Event,
    /// Exactly one success of a once.
    ExactlyOnce,
    /// The level of a recursive lock is the number of locks minus the number of unlocks.
    Levels,
    /// Waiters of one address leave in the order in which they came.
    Fifo,
    /// `has_more` says whether another waiter of this very address is queued.
    HasMore,
    /// One wake for one waiter, one waiter for one wake.
    Token,
    /// No status that this call cannot return.
    Status,
    /// No time-out before its time.
    Early,
    /// No interrupt vanishes.
    InterruptLost,
    /// No interrupt comes from nowhere.
    InterruptInvented,
    /// Nobody past his fairness deadline is overtaken at an unlock.
    Overtaken,
    /// When all is quiet, no bit and no waiter is left behind.
    LeftBehind,
    /// Nobody runs while the world is stopped, or after its end.
    World,
    /// What an arena lends is aligned, nobody else's, and unchanged until it is taken back.
    Memory,
    /// Every counted value is dropped once, and not used afterwards.
    Dropped,
    /// A forked child can use every primitive.
    Fork,
    /// A history of calls fits its sequential specification.
    Linearizable,
    /// Detach and attach come in pairs, around sleeps only.
    Hooks,
    /// Nothing panics.
    Panic,
    /// Something moves.
    Stall,
}

impl Rule {
    /// What the reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exclusion => "mutual exclusion",
            Self::LostUpdate => "lost update",
            Self::ReaderWriter => "reader/writer exclusion",
            Self::TornRead => "torn read",
            Self::Event => "event visibility",
            Self::ExactlyOnce => "exactly once",
            Self::Levels => "recursion levels",
            Self::Fifo => "first in, first out",
            Self::HasMore => "has_more exact",
            Self::Token => "one wake, one waiter",
            Self::Status => "legal status",
            Self::Early => "never early",
            Self::InterruptLost => "interrupt lost",
            Self::InterruptInvented => "interrupt invented",
            Self::Overtaken => "fairness bound",
            Self::LeftBehind => "nothing left behind",
            Self::World => "stop-the-world",
            Self::Memory => "memory unharmed",
            Self::Dropped => "dropped once",
            Self::Fork => "fork",
            Self::Linearizable => "linearizability",
            Self::Hooks => "hooks paired",
            Self::Panic => "panic",
            Self::Stall => "nothing moves",
        }
    }
}

/// One broken rule.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The row that was at work.
    pub row: &'static str,
    /// The rule.
    pub rule: Rule,
    /// What was seen.
    pub detail: String,
}

/// Where the violations of a run are gathered.
#[derive(Debug, Default)]
pub struct Findings {
    book: Mutex<Book>,
    any: Switch,
}

#[derive(Debug, Default)]
struct Book {
    kept: Vec<Violation>,
    /// By row.
    counts: BTreeMap<&'static str, u64>,
}

impl Findings {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one.
    pub fn note(&self, row: &'static str, rule: Rule, detail: impl Into<String>) {
        let mut book = self.book();
        *book.counts.entry(row).or_default() += 1;
        let same = book.kept.iter().filter(|known| known.row == row && known.rule == rule).count();
        if same < KEPT {
            book.kept.push(Violation { row, rule, detail: detail.into() });
        }
        drop(book);
        self.any.throw();
    }

    /// Whether there is any.
    pub fn any(&self) -> bool {
        self.any.is_on()
    }

    /// How many there are, those that were not kept included.
    pub fn count(&self) -> u64 {
        self.book().counts.values().sum()
    }

    /// How many there are in one row.
    pub fn count_in(&self, row: &str) -> u64 {
        self.book().counts.get(row).copied().unwrap_or(0)
    }

    /// Those that were kept.
    pub fn kept(&self) -> Vec<Violation> {
        self.book().kept.clone()
    }

    /// Whether `rule` was found broken.
    pub fn broke(&self, rule: Rule) -> bool {
        self.book().kept.iter().any(|violation| violation.rule == rule)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_first_of_each_rule_are_kept() {
        let findings = Findings::new();
        assert!(!findings.any());
        for n in 0..100 {
            findings.note("row", Rule::Fifo, format!("number {n}"));
        }
        findings.note("row", Rule::HasMore, "another rule");
        assert!(findings.any() && findings.broke(Rule::HasMore) && !findings.broke(Rule::Early));
        assert_eq!((findings.count(), findings.kept().len()), (101, KEPT + 1));
        assert_eq!((findings.count_in("row"), findings.count_in("another")), (101, 0));
        assert_eq!(findings.kept()[0].detail, "number 0");
    }
}
