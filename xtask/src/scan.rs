//! Reading Rust sources as the compiler's lexer does: tokens with lines, and the text beside them.
//!
//! Tokens say where code is, whatever the formatting, also inside macro calls; the text has the comments,
//! which are no tokens. What stands below `#[cfg(test)]` is left out: the rules of the house are about the
//! code that ships.

mod atomics;
mod comments;
mod functions;
mod interface;
mod scope;
mod token;
mod unsafety;

pub(crate) use atomics::{Atomic, Order, atomics};
pub(crate) use comments::{docs_above, said_above};
pub(crate) use functions::{Function, functions};
pub(crate) use interface::{Offer, OfferKind, interface};
pub(crate) use token::Token;
pub(crate) use unsafety::{Unsafe, UnsafeKind, unsafety};

use crate::stop::{Outcome, Stop, While};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use token::Contents;

/// One source file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the top of the workspace, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The tokens that ship, documentation left out.
    pub(crate) tokens: Vec<Token>,
    /// The modules in files of their own that are there in tests only.
    test_modules: Vec<String>,
}

impl Source {
    /// Reads a file of the workspace at `root`.
    pub(crate) fn read(root: &Path, path: &Path) -> Outcome<Self> {
        let text = fs::read_to_string(path).while_doing(format!("read {}", path.display()))?;
        Self::parse(&slashed(root, path), text)
    }

    /// Reads `text` as the file at `path`.
    pub(crate) fn parse(path: &str, text: String) -> Outcome<Self> {
        let Contents { tokens, test_modules } = token::parse(&text)
            .map_err(|(line, why)| Stop::Failed(format!("{path}:{line}: not Rust: {why}")))?;
        Ok(Self { path: path.to_owned(), text, tokens, test_modules })
    }

    /// Whether the file at `path` belongs to a module of this one that is there in tests only.
    pub(crate) fn keeps_for_tests(&self, path: &str) -> bool {
        let stem = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        let (above, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let folder = if matches!(name, "lib" | "main" | "mod") { above } else { stem };
        let inside = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
        inside.is_some_and(|inside| {
            let module = inside.split(['/', '.']).next().unwrap_or_default();
            self.test_modules.iter().any(|test| test == module)
        })
    }

    /// Leaves nothing that ships: the file is there in tests only.
    pub(crate) fn ships_nothing(&mut self) {
        self.tokens.clear();
    }

    /// The text from the start of one token to the end of another.
    fn between(&self, first: &Token, last: &Token) -> String {
        let lines = self.lines();
        let mut part = lines[first.line - 1..last.last_line].join("\n");
        let end = part.len() - lines[last.last_line - 1].len()
            + bytes_of(lines[last.last_line - 1], last.last_column);
        part.truncate(end);
        part.split_off(bytes_of(lines[first.line - 1], first.column))
    }

    /// The lines of the text; line 1 is the first.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.text.lines().collect()
    }

    /// The numbers of the lines that hold code which ships.
    pub(crate) fn code_lines(&self) -> BTreeSet<usize> {
        let mut lines = BTreeSet::new();
        token::each(&self.tokens, &mut |token| {
            lines.extend([token.line, token.last_line]);
        });
        lines
    }
}

/// The bytes of the first so many characters of a line.
fn bytes_of(line: &str, characters: usize) -> usize {
    line.chars().take(characters).map(char::len_utf8).sum()
}

/// `path` as seen from `root`, the same on every system.
pub(crate) fn slashed(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// The files below `folder` whose name ends in `suffix`, in order; build output and hidden folders left out.
pub(crate) fn files_below(folder: &Path, suffix: &str) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(folder, suffix, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, suffix: &str, found: &mut Vec<PathBuf>) -> Outcome {
    let entries = fs::read_dir(folder).while_doing(format!("list {}", folder.display()))?;
    for entry in entries {
        let path = entry.while_doing(format!("list {}", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, suffix, found)?;
            }
        } else if name.ends_with(suffix) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Source;

    /// A source at `a.rs`.
    pub(crate) fn source(text: &str) -> Source {
        Source::parse("a.rs", text.to_owned()).expect("the example is Rust")
    }

    #[test]
    fn code_lines_are_those_with_shipped_tokens() {
        let file = source(
            "//! Head.\n\nuse a::b;\n/// Doc.\nfn f() {\n    // why\n    g();\n}\n\
             #[cfg(test)]\nmod tests {\n    fn t() {}\n}\n",
        );
        assert_eq!(file.code_lines().into_iter().collect::<Vec<_>>(), [3, 5, 7, 8]);
    }

    #[test]
    fn files_of_test_modules_are_known() {
        let text = "#[cfg(test)]\nmod broken;\nmod sound;";
        let in_rows = |path: &str| {
            let rows = Source::parse("s/src/rows.rs", text.to_owned()).expect("Rust");
            rows.keeps_for_tests(path)
        };
        assert!(in_rows("s/src/rows/broken.rs") && in_rows("s/src/rows/broken/a.rs"));
        assert!(!in_rows("s/src/rows/sound.rs") && !in_rows("s/src/broken.rs"));
        let root = Source::parse("s/src/lib.rs", text.to_owned()).expect("Rust");
        assert!(root.keeps_for_tests("s/src/broken.rs"));
    }

    #[test]
    fn text_is_cut_at_characters() {
        let file = source("/* é */ a\n.b(\"–\"); c");
        let [first, .., last] = &file.tokens[..4] else { panic!("five tokens") };
        assert_eq!(file.between(first, last), "a\n.b(\"–\")");
    }

    #[test]
    fn a_file_that_is_not_rust_is_named_with_its_line() {
        let error = Source::parse("b.rs", "fn f() {\n    (\n}\n".to_owned()).unwrap_err();
        assert!(format!("{error:?}").contains("b.rs:"), "{error:?}");
    }
}
