//! Published manifests say what the registry and its readers want to know.

use super::house::House;
use super::{Check, Finding};
use crate::scan::slashed;
use crate::workspace::Package;

pub(super) const CHECK: Check = Check {
    name: "manifests",
    rule: "a published crate has every field that the registry shows, and carries its licences; anything else \
           says `publish = false`",
    run,
};

/// What the registry allows.
const MOST_KEYWORDS: usize = 5;
const LONGEST_KEYWORD: usize = 20;
const LICENCES: &[&str] = &["LICENSE-MIT", "LICENSE-APACHE"];

fn run(house: &House) -> Vec<Finding> {
    let root = &house.workspace.root;
    let mut found = Vec::new();
    for package in house.workspace.published() {
        let path = slashed(root, &package.manifest_path);
        let mut wrong = missing_fields(package);
        if !path.starts_with("crates/") {
            wrong.push("is published, but lies outside crates/; add `publish = false`".into());
        }
        wrong.extend(missing_licences(house, &slashed(root, package.folder())));
        found.extend(wrong.into_iter().map(|text| Finding::new(&path, 1, text)));
    }
    found
}

/// What is wrong with the fields of a published package.
pub(crate) fn missing_fields(package: &Package) -> Vec<String> {
    let fields = [
        ("description", package.description.is_some()),
        ("license", package.license.is_some()),
        ("repository", package.repository.is_some()),
        ("documentation", package.documentation.is_some()),
        ("readme", package.readme.is_some()),
        ("rust-version", package.rust_version.is_some()),
        ("keywords", !package.keywords.is_empty()),
        ("categories", !package.categories.is_empty()),
    ];
    let missing = fields.iter().filter(|(_, there)| !there);
    let mut wrong: Vec<String> =
        missing.map(|(name, _)| format!("has no `{name}`; add it")).collect();
    if package.keywords.len() > MOST_KEYWORDS {
        wrong.push(format!("has more than {MOST_KEYWORDS} keywords; keep the best"));
    }
    for keyword in package.keywords.iter().filter(|word| word.len() > LONGEST_KEYWORD) {
        wrong.push(format!("the keyword `{keyword}` is longer than {LONGEST_KEYWORD}; shorten it"));
    }
    wrong
}

/// A package holds what lies in its own folder, so the licences must lie there too.
fn missing_licences(house: &House, folder: &str) -> Vec<String> {
    let is_missing = |name: &&&str| !house.files.contains(&format!("{folder}/{name}"));
    let missing = LICENCES.iter().filter(is_missing);
    missing.map(|name| format!("has no {name} beside it; copy the one at the top")).collect()
}

#[cfg(test)]
mod tests {
    use super::{missing_fields, run};
    use crate::tidy::house::tests::house;
    use crate::workspace::tests::{package, workspace};

    const WHOLE: &str = r#""description":"d","license":"MIT","repository":"r","documentation":"d",
        "readme":"README.md","rust_version":"1.85","keywords":["a"],"categories":["c"]"#;

    #[test]
    fn a_whole_manifest_passes() {
        assert!(missing_fields(&package("a", WHOLE)).is_empty());
    }

    #[test]
    fn each_missing_field_is_named() {
        assert_eq!(missing_fields(&package("a", "")).len(), 8);
    }

    #[test]
    fn keywords_are_few_and_short() {
        let many = WHOLE.replace(r#"["a"]"#, r#"["a","b","c","d","e","fffffffffffffffffffff"]"#);
        assert_eq!(missing_fields(&package("a", &many)).len(), 2);
    }

    #[test]
    fn licences_lie_beside_the_manifest() {
        let mut house = house(&[("crates/a/LICENSE-MIT", "")]);
        house.workspace = workspace(vec![package("a", WHOLE)]);
        let found = run(&house);
        assert_eq!(found.len(), 1);
        assert!(found[0].text.contains("LICENSE-APACHE"));
    }
}
