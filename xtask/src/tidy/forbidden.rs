//! Words and attributes that have no place in the project.

use super::house::House;
use super::{Check, Finding};
use crate::scan::{Source, Token};

pub(super) const CHECK: Check = Check {
    name: "forbidden",
    rule: "nothing is left open (no notes to self, no unfinished bodies), nothing is hidden (no lint switched \
           off for a whole file, no test ignored without a reason)",
    run,
};

/// Notes to self. Put together here so that this file does not find itself.
const NOTES: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
const UNFINISHED: &[&str] = &[concat!("to", "do"), concat!("unimple", "mented")];

fn run(house: &House) -> Vec<Finding> {
    let in_text = house.sources.iter().map(|file| (file.path.as_str(), file.text.as_str()));
    let documents =
        house.documents.iter().map(|document| (document.path.as_str(), document.text.as_str()));
    let mut found: Vec<_> =
        in_text.chain(documents).flat_map(|(path, text)| notes(path, text)).collect();
    for file in &house.sources {
        attributes(&file.tokens, file, &mut found);
        calls(&file.tokens, file, &mut found);
    }
    found
}

fn notes(path: &str, text: &str) -> Vec<Finding> {
    let has_note = |line: &str| {
        let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        words.any(|word| NOTES.contains(&word))
    };
    let lines = (1..).zip(text.lines()).filter(|(_, line)| has_note(line));
    lines
        .map(|(number, _)| Finding::new(path, number, "a note to self; do it, or file it"))
        .collect()
}

/// `#![allow(…)]` and `#[ignore]`, in every group of tokens.
fn attributes(tokens: &[Token], file: &Source, found: &mut Vec<Finding>) {
    for (at, token) in tokens.iter().enumerate() {
        let before = |back: usize, mark| at >= back && tokens[at - back].is_mark(mark);
        let inside = token.brackets().unwrap_or_default();
        let name = inside.first().and_then(Token::word).unwrap_or_default();
        if name == "allow" && before(1, '!') && before(2, '#') {
            let text =
                "a lint is off for the whole file; use `#[expect(…, reason = …)]` on the item";
            found.push(Finding::new(&file.path, token.line, text));
        }
        if name == "ignore" && before(1, '#') && inside.len() == 1 {
            let text = "an ignored test without a reason; write `#[ignore = \"…\"]`, or let it run";
            found.push(Finding::new(&file.path, token.line, text));
        }
        attributes(token.inside(), file, found);
    }
}

/// Macros that stand for a body that is not there.
fn calls(tokens: &[Token], file: &Source, found: &mut Vec<Finding>) {
    for pair in tokens.windows(2) {
        if pair[1].is_mark('!') && pair[0].word().is_some_and(|word| UNFINISHED.contains(&word)) {
            found.push(Finding::new(&file.path, pair[0].line, "an unfinished body; finish it"));
        }
    }
    tokens.iter().for_each(|token| calls(token.inside(), file, found));
}

#[cfg(test)]
mod tests {
    use super::{NOTES, UNFINISHED, run};
    use crate::tidy::house::tests::house;

    fn count(path: &str, text: &str) -> usize {
        run(&house(&[(path, text)])).len()
    }

    #[test]
    fn notes_are_found_in_every_kind_of_file() {
        let note = format!("# {}: later", NOTES[0]);
        assert_eq!(count("docs/a.md", &note), 1);
        assert_eq!(count("a.rs", &format!("// {}", NOTES[1])), 1);
        assert_eq!(count("docs/a.md", &format!("a{}b", NOTES[0])), 0);
    }

    #[test]
    fn unfinished_bodies_are_found() {
        assert_eq!(count("a.rs", &format!("fn f() {{ {}!() }}", UNFINISHED[0])), 1);
    }

    #[test]
    fn hidden_checks_are_found() {
        assert_eq!(count("a.rs", "#![allow(dead_code)]"), 1);
        assert_eq!(count("a.rs", "#![deny(dead_code)]"), 0);
        assert_eq!(count("a.rs", "#[test]\n#[ignore]\nfn f() {}"), 1);
        assert_eq!(count("a.rs", "#[test]\n#[ignore = \"needs a second disk\"]\nfn f() {}"), 0);
    }
}
