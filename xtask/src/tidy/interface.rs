//! What users can call says what it costs, and what they can name shows what it is for.
//!
//! | item | `Cost:` | example |
//! |---|---|---|
//! | function, method, function of a trait | yes | yes |
//! | struct, enum, union, trait, exported macro | where there is something to say | yes |
//! | variant, field, constant, static, type alias, re-export, `impl` of a trait | no | no |
//!
//! `Cost:` stands anywhere in the item's own documentation; "as [`other`](…)" is a cost. An example is a code
//! block there that is compiled at least (`no_run` where running it would end the process or needs a fork or a
//! signal; the words beside it say so): one that is ignored, is text, or must not compile is none. What is not in
//! the documentation (`pub(crate)`, `#[doc(hidden)]`, pyparking's shim and its ground) is free.

use super::house::House;
use super::{Check, Finding};
use crate::scan::{Offer, OfferKind, Source, docs_above, interface};

pub(super) const CHECK: Check = Check {
    name: "interface",
    rule: "each public function says its `Cost:`, and each public item has an example that runs: whoever puts a \
           lock on a hot path has to know both",
    run,
};

/// Public for the crates above and for models, but not part of the stable interface.
const UNSTABLE: &[&str] = &[
    "crates/pyparking/src/primitive.rs",
    "crates/pyparking/src/primitive/",
    "crates/pyparking/src/os/",
];

/// What the opening of a code block may say if the block is to be an example.
const RUNS: &[&str] = &["", "rust", "no_run", "should_panic"];

fn run(house: &House) -> Vec<Finding> {
    let is_stable = |file: &&Source| !UNSTABLE.iter().any(|start| file.path.starts_with(start));
    house.crate_sources().filter(is_stable).flat_map(silent).collect()
}

fn silent(file: &Source) -> Vec<Finding> {
    let lines = file.lines();
    let mut found = Vec::new();
    for Offer { kind, path, line } in interface(file) {
        let docs = docs_above(&lines, line);
        if kind == OfferKind::Function && !docs.contains("Cost:") {
            let text = format!(
                "`{path}` does not say its cost; add `Cost: …`: atomic operations, locks, clock reads, heap"
            );
            found.push(Finding::new(&file.path, line, text));
        }
        // The lines come last one first.
        if !has_example(docs.lines().rev()) {
            let text = format!("`{path}` has no example that runs; show what it is for");
            found.push(Finding::new(&file.path, line, text));
        }
    }
    found
}

fn has_example<'a>(docs: impl Iterator<Item = &'a str>) -> bool {
    let mut open = false;
    for fence in docs.filter_map(|line| line.trim().strip_prefix("```")) {
        let mut words = fence.split(',').map(str::trim);
        if !open && words.all(|word| RUNS.contains(&word)) {
            return true;
        }
        open = !open;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::tidy::house::tests::house;

    fn count(text: &str) -> usize {
        run(&house(&[("crates/a/src/b.rs", text)])).len()
    }

    #[test]
    fn a_function_has_cost_and_example() {
        let example = "/// ```\n/// assert!(a::f());\n/// ```\n";
        let item = "#[inline]\npub fn f() {}";
        assert_eq!(count(&format!("/// F. Cost: nothing.\n///\n{example}{item}")), 0);
        assert_eq!(count(&format!("/// F.\n///\n{example}{item}")), 1);
        assert_eq!(count(&format!("/// F. Cost: nothing.\n{item}")), 1);
        assert_eq!(count(item), 2);
    }

    #[test]
    fn a_type_has_an_example() {
        assert_eq!(count("/// A.\n/// ```\n/// let a = A;\n/// ```\npub struct A;"), 0);
        assert_eq!(count("/// A.\npub struct A;"), 1);
        assert_eq!(count("/// A.\npub enum A { B }\nimpl T for A { fn f() {} }"), 1);
    }

    #[test]
    fn only_what_is_compiled_is_an_example() {
        let with = |word| {
            format!(
                "/// A.\n/// ```{word}\n/// a\n/// ```\n/// and\n/// ```{word}\n/// ```\nstruct S;\n\
                     /// A.\n/// ```{word}\n/// a\n/// ```\npub struct A;"
            )
        };
        for word in ["", "rust", "no_run", "should_panic"] {
            assert_eq!(count(&with(word)), 0, "{word}");
        }
        for word in ["text", "ignore", "compile_fail", "compile_fail,E0505"] {
            assert_eq!(count(&with(word)), 1, "{word}");
        }
    }

    #[test]
    fn the_shim_is_free() {
        let shim = house(&[("crates/pyparking/src/primitive/a.rs", "pub fn f() {}")]);
        assert!(run(&shim).is_empty());
        assert!(run(&house(&[("xtask/src/a.rs", "pub fn f() {}")])).is_empty());
    }
}
