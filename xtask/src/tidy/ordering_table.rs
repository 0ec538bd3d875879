//! The table of ordering pairs names files and functions that exist.

use super::house::House;
use super::{Check, Finding};
use crate::scan::{Source, functions};

pub(super) const CHECK: Check = Check {
    name: "ordering-table",
    rule: "each `file.rs` and `Type::function` or `function()` in the tables of docs/orderings.md exists: a \
           table that has drifted misleads",
    run,
};

const PATH: &str = "docs/orderings.md";

fn run(house: &House) -> Vec<Finding> {
    let sources: Vec<_> = house.crate_sources().collect();
    let Some(document) = house.document(PATH).filter(|_| !sources.is_empty()) else {
        return Vec::new();
    };
    let rows = document.lines().filter(|(_, line)| line.starts_with('|'));
    rows.flat_map(|(number, row)| drifted(&sources, number, row)).collect()
}

fn drifted(sources: &[&Source], number: usize, row: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let named = files_of(sources, row, |name| {
        let text = format!("no crate has a file `{name}`; correct the row");
        found.push(Finding::new(PATH, number, text));
    });
    let within = if named.is_empty() { sources } else { &named[..] };
    for name in spans(row).filter_map(function_name) {
        if !within.iter().any(|file| has_function(file, name)) {
            let text = format!("no function `{name}` in the files of this row; correct it");
            found.push(Finding::new(PATH, number, text));
        }
    }
    found
}

/// The files that a row names; `missing` is told of names that fit none.
fn files_of<'a>(
    sources: &[&'a Source],
    row: &str,
    mut missing: impl FnMut(&str),
) -> Vec<&'a Source> {
    let mut found = Vec::new();
    for name in spans(row).filter(|span| span.ends_with(".rs")) {
        let ends = |file: &&&Source| {
            file.path
                .strip_suffix(name)
                .is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        let before = found.len();
        found.extend(sources.iter().filter(ends).copied());
        if found.len() == before {
            missing(name);
        }
    }
    found
}

/// What stands between backquotes.
fn spans(row: &str) -> impl Iterator<Item = &str> {
    row.split('`').skip(1).step_by(2)
}

/// The function that a span names: `Type::function` or `function()`; other spans name none.
fn function_name(span: &str) -> Option<&str> {
    let called = span.strip_suffix("()");
    let path = called.unwrap_or(span);
    let is_word = |part: &str| {
        !part.is_empty()
            && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    let is_path = path.contains("::") && path.split("::").all(is_word);
    let last = path.rsplit("::").next()?;
    let is_function = last.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_');
    ((is_path || called.is_some() && is_word(path)) && is_function).then_some(path)
}

/// Whether the file has this function, by its name or by `Type::name`.
fn has_function(file: &Source, name: &str) -> bool {
    functions(file).iter().any(|function| {
        function.path == name
            || function.path.rsplit("::").next() == Some(name)
            || name.ends_with(&format!("::{}", function.path)) && !function.path.contains("::")
    })
}

#[cfg(test)]
mod tests {
    use super::{function_name, run};
    use crate::tidy::house::tests::house;

    fn count(row: &str) -> usize {
        let source =
            ("crates/a/src/lot.rs", "impl Lot { fn take(&self) {} } mod x { fn free() {} }");
        run(&house(&[source, ("docs/orderings.md", row)])).len()
    }

    #[test]
    fn rows_about_what_exists_pass() {
        assert_eq!(count("| `lot.rs` | `Lot::take` | `take()` | `Acquire` | `x.load(..)` |"), 0);
        assert_eq!(count("`gone.rs` outside a table is not looked at"), 0);
        assert_eq!(count("| `src/lot.rs` | `x::free` |"), 0);
    }

    #[test]
    fn rows_about_what_is_gone_are_found() {
        assert_eq!(count("| `gone.rs` | |"), 1);
        assert_eq!(count("| `lot.rs` | `Lot::give` |"), 1);
        assert_eq!(count("| | `give()` |"), 1);
    }

    #[test]
    fn a_type_is_no_function() {
        assert_eq!(function_name("Ordering::Acquire"), None);
        assert_eq!(function_name("word"), None);
        assert_eq!(function_name("a::b"), Some("a::b"));
    }
}
