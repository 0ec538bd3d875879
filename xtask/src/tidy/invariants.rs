//! Invariants that comments cite are written down.

use super::house::House;
use super::{Check, Finding};
use crate::scan::Source;
use std::collections::BTreeSet;

pub(super) const CHECK: Check = Check {
    name: "invariants",
    rule: "each invariant that a comment of a crate cites (MUTEX-3) is defined in docs/invariants.md",
    run,
};

const PATH: &str = "docs/invariants.md";
/// Numbers of other people's documents.
const FOREIGN: &[&str] = &["PEP", "UTF", "SHA", "ISO", "RFC", "CVE", "BPO", "POSIX", "IEEE"];

fn run(house: &House) -> Vec<Finding> {
    let text = house.document(PATH).map_or("", |document| document.text.as_str());
    let defined: BTreeSet<_> = text.lines().flat_map(cited).collect();
    house.crate_sources().flat_map(|file| undefined(file, &defined)).collect()
}

fn undefined(file: &Source, defined: &BTreeSet<String>) -> Vec<Finding> {
    let comments = (1..)
        .zip(file.text.lines())
        .filter_map(|(number, line)| Some((number, &line[line.find("//")?..])));
    let mut found = Vec::new();
    for (number, comment) in comments {
        for name in cited(comment).into_iter().filter(|name| !defined.contains(name)) {
            let text = format!(
                "{name} is not defined in {PATH}; write it down there, or correct the number"
            );
            found.push(Finding::new(&file.path, number, text));
        }
    }
    found
}

/// The invariants that a line names: capitals, a dash, a number.
fn cited(line: &str) -> Vec<String> {
    let words = line
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '_');
    words.filter(|word| is_invariant(word)).map(str::to_owned).collect()
}

fn is_invariant(word: &str) -> bool {
    let Some((name, number)) = word.split_once('-') else { return false };
    let is_name =
        name.len() >= 2 && name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
    let is_number = !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit());
    is_name && is_number && !FOREIGN.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::{cited, run};
    use crate::tidy::house::tests::house;

    #[test]
    fn invariants_are_capitals_and_a_number() {
        assert_eq!(
            cited("// ORD: x (MUTEX-3, RAW-1). See PEP-703, x86-64, A-1."),
            ["MUTEX-3", "RAW-1"]
        );
    }

    #[test]
    fn what_is_cited_must_be_defined() {
        let source = ("crates/a/src/b.rs", "//! A file that cites.\n// LOT-1 and LOT-2\nfn f() {}");
        let defined = ("docs/invariants.md", "| LOT-1 | one thread |\n");
        let found = run(&house(&[source, defined]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 2);
        assert_eq!(run(&house(&[source])).len(), 2);
    }
}
