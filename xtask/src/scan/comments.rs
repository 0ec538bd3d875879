//! What the comments above a line of code say.

use std::collections::BTreeSet;

/// How far above its line the start of a statement may be.
const FARTHEST: usize = 20;

/// Whether a comment with `word` stands at line `at` or above its statement.
///
/// A statement that is split over several lines has its comment above the first of them or between them. One
/// comment serves a run of statements only if each line of the run is in `shared`.
pub(crate) fn said_above(lines: &[&str], at: usize, word: &str, shared: &BTreeSet<usize>) -> bool {
    if comment_of(lines[at - 1]).is_some_and(|comment| comment.contains(word)) {
        return true;
    }
    let from = at.saturating_sub(FARTHEST).max(1);
    for number in (from..at).rev() {
        let line = lines[number - 1].trim();
        match comment_of(line) {
            Some(comment) if comment.contains(word) => return true,
            Some(_) if line.starts_with("//") => {}
            _ if ends_statement(line) && !shared.contains(&number) => return false,
            _ => {}
        }
    }
    false
}

/// The documentation above line `at`, attributes passed over.
pub(crate) fn docs_above(lines: &[&str], at: usize) -> String {
    let above = lines[..at - 1].iter().rev().map(|line| line.trim());
    let docs = above
        .take_while(|line| line.starts_with("//") || !ends_statement(line))
        .filter_map(|line| line.strip_prefix("///"));
    docs.collect::<Vec<_>>().join("\n")
}

/// The comment of a line, if it has one. A `//` inside a string is rare enough to be taken for one.
fn comment_of(line: &str) -> Option<&str> {
    line.find("//").map(|start| &line[start..])
}

/// Whether the code of a line ends what came before: the next line starts something of its own.
fn ends_statement(line: &str) -> bool {
    let code =
        comment_of(line).map_or(line, |comment| &line[..line.len() - comment.len()]).trim_end();
    code.is_empty() || code.ends_with([';', '{', '}'])
}

#[cfg(test)]
mod tests {
    use super::{docs_above, said_above};
    use std::collections::BTreeSet;

    fn said(text: &str, at: usize) -> bool {
        said_above(&text.lines().collect::<Vec<_>>(), at, "ORD:", &BTreeSet::new())
    }

    #[test]
    fn beside_or_above() {
        assert!(said("a.load(Relaxed); // ORD: Relaxed, alone", 1));
        assert!(said("// ORD: Relaxed, alone,\n// as it is.\na.load(Relaxed);", 3));
        assert!(said("// ORD: x\n// SAFETY: y\nunsafe { a.load(Relaxed) };", 3));
    }

    #[test]
    fn above_the_first_line_of_a_long_statement() {
        assert!(said("// ORD: x\nlet b = a\n    .word\n    .load(Relaxed);", 4));
        assert!(said("f(\n    // ORD: x\n    a.load(Relaxed),\n);", 3));
    }

    #[test]
    fn not_above_another_statement() {
        assert!(!said("// ORD: x\nf();\na.load(Relaxed);", 3));
        assert!(!said("// ORD: x\nif b {\n    a.load(Relaxed);", 3));
        assert!(!said("// ORD: x\n\na.load(Relaxed);", 3));
        assert!(!said("a.load(Relaxed);", 1));
    }

    #[test]
    fn a_run_may_share_one() {
        let lines = ["// ORD: x", "a.load(Relaxed);", "b.load(Relaxed);"];
        assert!(said_above(&lines, 3, "ORD:", &BTreeSet::from([2])));
    }

    #[test]
    fn docs_pass_over_attributes() {
        let text = "x();\n/// One.\n/// # Safety\n#[inline]\npub unsafe fn f() {}";
        assert_eq!(docs_above(&text.lines().collect::<Vec<_>>(), 5), " # Safety\n One.");
    }
}
