//! What is ported is listed, and where it differs is said.

use super::house::House;
use super::{Check, Finding};
use crate::scan::Source;

pub(super) const CHECK: Check = Check {
    name: "ports",
    rule: "each C name behind `Port of:` stands in docs/porting.md, and each `PORT:` comment says where the \
           port differs and why",
    run,
};

const PATH: &str = "docs/porting.md";

fn run(house: &House) -> Vec<Finding> {
    let table = house.document(PATH).map_or("", |document| document.text.as_str());
    house.crate_sources().flat_map(|file| unlisted(file, table)).collect()
}

fn unlisted(file: &Source, table: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        let ported = line.split_once("Port of: ").map(|(_, names)| names).unwrap_or_default();
        for name in c_names(ported).filter(|name| !is_listed(table, name)) {
            let text = format!("`{name}` is not in {PATH}; add a row for it");
            found.push(Finding::new(&file.path, number, text));
        }
        if line.trim_end().ends_with("PORT:") {
            let text = "says nothing; say where the port differs from the original, and why";
            found.push(Finding::new(&file.path, number, text));
        }
    }
    found
}

/// The C names of a `Port of:` line; what stands in round brackets is the file they come from.
fn c_names(line: &str) -> impl Iterator<Item = &str> {
    let before_file = line.split('(').next().unwrap_or_default();
    words(before_file).filter(|word| word.contains("Py"))
}

/// Whether the table has the name, the type that its functions are named after, or a `prefix_*` of it.
fn is_listed(table: &str, name: &str) -> bool {
    let stem = name.trim_end_matches(['_', '*']);
    words(table).any(|listed| match listed.strip_suffix("_*") {
        Some(prefix) => stem.starts_with(prefix),
        None => {
            listed == name || listed.strip_prefix(stem).is_some_and(|rest| rest.starts_with('_'))
        }
    })
}

/// The C names of a text, with the `*` of a group of them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '*')
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::tidy::house::tests::house;

    fn count(comment: &str) -> usize {
        let text = format!("//! A file with a port.\n{comment}\nfn f() {{}}");
        let table = ("docs/porting.md", "| `_PyMutex_Lock` | `Mutex::lock` |\n| `_PySeq_*` | |\n");
        run(&house(&[("crates/a/src/b.rs", &text), table])).len()
    }

    #[test]
    fn listed_names_pass() {
        assert_eq!(count("/// Port of: `_PyMutex_Lock` (Python/lock.c)"), 0);
        assert_eq!(count("// PORT: spins first; the sections are short."), 0);
    }

    #[test]
    fn types_and_groups_stand_for_their_names() {
        assert_eq!(count("/// Port of: `_PyMutex`"), 0);
        assert_eq!(count("/// Port of: `_PyMutex_*`"), 0);
        assert_eq!(count("/// Port of: `_PySeq_BeginRead`, `_PySeq`"), 0);
    }

    #[test]
    fn unlisted_names_and_empty_notes_are_found() {
        assert_eq!(count("/// Port of: `_PyMutex_Lock`, `_PyMutex_Unlock` (Python/lock.c)"), 1);
        assert_eq!(count("/// Port of: `_PyMutex_LockTimed`"), 1);
        assert_eq!(count("// PORT:"), 1);
    }
}
