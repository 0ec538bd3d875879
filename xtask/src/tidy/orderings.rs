//! Every atomic operation says the reason of its ordering.

use super::house::House;
use super::{Check, Finding};
use crate::scan::{Atomic, Source, Unsafe, UnsafeKind, atomics, said_above, unsafety};
use std::collections::BTreeSet;

pub(super) const CHECK: Check = Check {
    name: "orderings",
    rule: "each atomic operation of a crate has an `ORD:` comment: which operation it pairs with, or why \
           relaxed is enough",
    run,
};

fn run(house: &House) -> Vec<Finding> {
    house.crate_sources().flat_map(unexplained).collect()
}

fn unexplained(file: &Source) -> Vec<Finding> {
    let operations = atomics(file);
    let lines = file.lines();
    // A run of operations, nothing between them, may share the comment above the first.
    let shared: BTreeSet<usize> =
        operations.iter().flat_map(|operation| operation.line..=operation.last_line).collect();
    let blocks = short_blocks(file);
    let has_reason = |operation: &&Atomic| {
        let around = |block: &&Unsafe| (block.line..=block.last_line).contains(&operation.line);
        let block = blocks.iter().filter(around).map(|block| block.line);
        block.chain([operation.line]).any(|line| said_above(&lines, line, "ORD:", &shared))
    };
    let finding = |operation: &Atomic| {
        let text =
            format!("`{}` has no reason; put `// ORD: …` above its statement", operation.text);
        Finding::new(&file.path, operation.line, text)
    };
    operations.iter().filter(|operation| !has_reason(operation)).map(finding).collect()
}

/// The unsafe blocks of a few lines: what stands above them is about all that is in them.
fn short_blocks(file: &Source) -> Vec<Unsafe> {
    const LINES: usize = 5;
    let mut blocks = unsafety(file);
    blocks
        .retain(|block| block.kind == UnsafeKind::Promise && block.last_line - block.line < LINES);
    blocks
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::tidy::house::tests::house;

    fn lines(path: &str, body: &str) -> Vec<usize> {
        let text = format!("fn f() {{\n{body}\n}}\n");
        run(&house(&[(path, &text)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_reason_beside_or_above_is_seen() {
        let path = "crates/a/src/b.rs";
        assert!(lines(path, "// ORD: Relaxed, a hint.\na.load(Ordering::Relaxed);").is_empty());
        assert!(lines(path, "a.load(Relaxed); // ORD: a hint").is_empty());
        assert!(lines(path, "// ORD: pairs.\nlet x = a\n.load(\nAcquire\n);").is_empty());
        assert!(
            lines(path, "// ORD: counters.\na.store(1, Relaxed);\nb.store(1, Relaxed);").is_empty()
        );
        assert!(
            lines(path, "loop {\n// ORD: pairs.\nmatch a.swap(\n1,\nAcqRel,\n) { _ => {} }\n}")
                .is_empty()
        );
    }

    #[test]
    fn silence_is_found() {
        let path = "crates/a/src/b.rs";
        assert_eq!(lines(path, "a.load(Ordering::Relaxed);"), [2]);
        assert_eq!(lines(path, "// ORD: x.\ng();\na.load(Relaxed);"), [4]);
        assert_eq!(lines(path, "fence(SeqCst);"), [2]);
    }

    #[test]
    fn tests_and_tools_may_be_silent() {
        assert!(lines("crates/a/tests/api.rs", "a.load(Relaxed);").is_empty());
        assert!(lines("stress/src/b.rs", "a.load(Relaxed);").is_empty());
    }
}
