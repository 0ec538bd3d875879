//! Every known defect that the test builds can bring back has a test that must catch it.

use super::house::House;
use super::{Check, Finding};
use crate::faults::book::{self, Book};
use crate::scan::{Source, Token};

pub(super) const CHECK: Check = Check {
    name: "fault-book",
    rule: "docs/faults.toml names a detector for each defect that `primitive::FAULTS` can bring back, and no \
           others",
    run,
};

const SHIM: &str = "crates/pyparking/src/primitive.rs";

fn run(house: &House) -> Vec<Finding> {
    let Some(shim) = house.sources.iter().find(|file| file.path == SHIM) else { return Vec::new() };
    let text = house.document(book::PATH).map_or("", |document| document.text.as_str());
    let book = match Book::parse(text) {
        Ok(book) => book,
        Err(why) => return vec![Finding::new(book::PATH, 1, why)],
    };
    let seeded = seeded(shim);
    let unknown =
        book.defects.iter().filter(|defect| !seeded.iter().any(|(name, _)| *name == defect.name));
    let unknown = unknown.map(|defect| {
        let text = format!("the defect `{}` is not in FAULTS of {SHIM}; take it out", defect.name);
        Finding::new(book::PATH, 1, text)
    });
    let unseen =
        seeded.iter().filter(|(name, _)| !book.defects.iter().any(|defect| defect.name == *name));
    let unseen = unseen.map(|(name, line)| {
        let text =
            format!("no detector for `{name}` in {}; name the test that must fail", book::PATH);
        Finding::new(SHIM, *line, text)
    });
    unknown.chain(unseen).collect()
}

/// The names in `const FAULTS: … = &[("name", "what"), …]`, with their lines.
fn seeded(shim: &Source) -> Vec<(String, usize)> {
    let mut rest = shim.tokens.iter().skip_while(|token| !token.is_word("FAULTS"));
    let list = rest
        .find(|token| token.is_mark('='))
        .and_then(|_| rest.find(|token| token.brackets().is_some()));
    let entries = list.map(Token::inside).unwrap_or_default();
    entries.iter().filter_map(|entry| first_string(entry.parens()?)).collect()
}

fn first_string(entry: &[Token]) -> Option<(String, usize)> {
    let first = entry.first()?;
    let text = first.literal()?.strip_prefix('"')?.strip_suffix('"')?;
    Some((text.to_owned(), first.line))
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::tidy::house::tests::house;

    const SHIM: &str = "pub const FAULTS: &[(&str, &str)] = &[(\"1\", \"x\"), (\"2\", \"y\")];";

    fn defect(name: &str) -> String {
        format!(
            "[[defect]]\nname = \"{name}\"\nwhat = \"w\"\n\
             detectors = [{{ package = \"a\", kind = \"loom\", target = \"loom\", test = \"t\" }}]\n"
        )
    }

    #[test]
    fn each_fault_has_an_entry() {
        let text = defect("1") + &defect("2");
        assert!(run(&house(&[(super::SHIM, SHIM), ("docs/faults.toml", &text)])).is_empty());
    }

    #[test]
    fn missing_and_unknown_entries_are_found() {
        let text = defect("1") + &defect("3");
        assert_eq!(run(&house(&[(super::SHIM, SHIM), ("docs/faults.toml", &text)])).len(), 2);
    }

    #[test]
    fn a_book_that_cannot_be_read_is_found() {
        assert_eq!(
            run(&house(&[(super::SHIM, SHIM), ("docs/faults.toml", "[[defect]]\n")])).len(),
            1
        );
    }
}
