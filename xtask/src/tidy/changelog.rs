//! The changelog has room for what comes next.

use super::house::House;
use super::{Check, Finding};

pub(super) const CHECK: Check = Check {
    name: "changelog",
    rule: "CHANGELOG.md has the form of Keep a Changelog, with an Unreleased section on top: users read what \
           changed, not the history",
    run,
};

const PATH: &str = "CHANGELOG.md";
/// The headings that Keep a Changelog knows.
const KINDS: &[&str] = &["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

fn run(house: &House) -> Vec<Finding> {
    let Some(document) = house.document(PATH) else {
        return vec![Finding::new(PATH, 1, "missing; write one")];
    };
    let mut releases = document.lines().filter(|(_, line)| line.starts_with("## "));
    let mut found = Vec::new();
    if releases.next().is_none_or(|(_, line)| line != "## [Unreleased]") {
        found.push(Finding::new(
            PATH,
            1,
            "its first section is not `## [Unreleased]`; put one on top",
        ));
    }
    let kinds =
        document.lines().filter_map(|(number, line)| Some((number, line.strip_prefix("### ")?)));
    for (number, kind) in kinds.filter(|(_, kind)| !KINDS.contains(kind)) {
        let text = format!("`{kind}` is no kind of change; use one of {}", KINDS.join(", "));
        found.push(Finding::new(PATH, number, text));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::tidy::house::tests::house;

    fn count(text: &str) -> usize {
        run(&house(&[("CHANGELOG.md", text)])).len()
    }

    #[test]
    fn the_top_section_is_what_comes_next() {
        assert_eq!(count("# Changelog\n\n## [Unreleased]\n\n### Added\n\n## [0.1.0]\n"), 0);
        assert_eq!(count("# Changelog\n\n## [0.1.0]\n\n## [Unreleased]\n"), 1);
        assert_eq!(count("## [Unreleased]\n### New\n"), 1);
        assert_eq!(run(&house(&[])).len(), 1);
    }
}
