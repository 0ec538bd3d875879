//! Every file opens by saying what it is.

use super::house::House;
use super::{Check, Finding};
use crate::scan::Source;

pub(super) const CHECK: Check = Check {
    name: "heads",
    rule: "every Rust file opens with `//!` and a sentence: a reader learns what it is before how it works",
    run,
};

fn run(house: &House) -> Vec<Finding> {
    house
        .sources
        .iter()
        .filter(|file| !is_compile_fail(&file.path))
        .filter_map(missing_head)
        .collect()
}

/// A program that must not compile is one snippet with its own name; its test file says what they are about.
fn is_compile_fail(path: &str) -> bool {
    path.contains("/tests/")
        && path.rsplit('/').nth(1).is_some_and(|folder| folder.contains("fail"))
}

fn missing_head(file: &Source) -> Option<Finding> {
    let first = file.text.lines().next().unwrap_or_default();
    let Some(sentence) = first.strip_prefix("//!") else {
        let text = "does not open with `//!`; say in its first line what this file is";
        return Some(Finding::new(&file.path, 1, text));
    };
    (sentence.split_whitespace().count() < 3)
        .then(|| Finding::new(&file.path, 1, "the first line says too little; make it a sentence"))
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::tidy::house::tests::house;

    #[test]
    fn a_file_must_open_with_a_sentence() {
        let good = [("crates/a/src/b.rs", "//! The state of a lock.\nfn f() {}")];
        let bad =
            [("a.rs", "fn f() {}"), ("b.rs", "\n//! The state of a lock."), ("c.rs", "//! Lock.")];
        assert!(run(&house(&good)).is_empty());
        assert_eq!(run(&house(&bad)).len(), 3);
    }

    #[test]
    fn programs_that_must_not_compile_are_let_be() {
        assert!(run(&house(&[("crates/a/tests/compile_fail/send.rs", "fn main() {}")])).is_empty());
    }
}
