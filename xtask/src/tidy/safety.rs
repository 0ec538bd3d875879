//! Every `unsafe` says why it is sound, or what its user must see to.

use super::house::House;
use super::{Check, Finding};
use crate::scan::{Source, Unsafe, UnsafeKind, docs_above, said_above, unsafety};
use std::collections::BTreeSet;

pub(super) const CHECK: Check = Check {
    name: "safety",
    rule: "each unsafe block has a `SAFETY:` comment that discharges the contract, and each unsafe function a \
           `# Safety` section that states it",
    run,
};

fn run(house: &House) -> Vec<Finding> {
    house.sources.iter().flat_map(unexplained).collect()
}

fn unexplained(file: &Source) -> Vec<Finding> {
    let lines = file.lines();
    let places = unsafety(file);
    places.iter().filter_map(|place| finding(file, &lines, place)).collect()
}

fn finding(file: &Source, lines: &[&str], place: &Unsafe) -> Option<Finding> {
    let (said, text) = match place.kind {
        UnsafeKind::Promise => (
            said_above(lines, place.line, "SAFETY:", &BTreeSet::new()),
            "unsafe without a reason; put `// SAFETY: …` above it, clause by clause",
        ),
        UnsafeKind::Demand => (
            docs_above(lines, place.line).contains("# Safety"),
            "unsafe to use, and its documentation has no `# Safety`; state what the user must see to",
        ),
        UnsafeKind::Inherited => (true, ""),
    };
    (!said).then(|| Finding::new(&file.path, place.line, text))
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::tidy::house::tests::house;

    fn lines(text: &str) -> Vec<usize> {
        run(&house(&[("stress/src/a.rs", text)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn reasons_are_seen() {
        assert!(lines("fn f() {\n// SAFETY: g needs nothing.\nunsafe { g() }\n}").is_empty());
        assert!(lines("fn f() {\n// SAFETY: alive.\nlet x =\nunsafe { g() };\n}").is_empty());
        assert!(lines("/// F.\n/// # Safety\n/// None.\n#[inline]\nunsafe fn f() {}").is_empty());
        assert!(lines("impl T for A {\nunsafe fn f() {}\n}").is_empty());
    }

    #[test]
    fn silence_is_found() {
        assert_eq!(lines("fn f() {\nunsafe { g() }\n}"), [2]);
        assert_eq!(lines("unsafe impl Send for A {}"), [1]);
        assert_eq!(lines("/// F.\npub unsafe fn f() {}"), [2]);
    }
}
