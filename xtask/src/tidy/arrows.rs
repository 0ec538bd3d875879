//! Which crate may use which.

use super::house::House;
use super::{Check, Finding};
use crate::scan::slashed;
use crate::workspace::{Dependency, Package, Workspace};

pub(super) const CHECK: Check = Check {
    name: "arrows",
    rule: "a crate uses crates below it in the picture of docs/architecture.md, and no \
           tool is used by a crate but the scaffolding of its tests",
    run,
};

/// What the tests of a crate may use besides, and what it is built from.
const TRIAL: &str = "pylock-trial";

/// The picture: each crate, and the crates below it that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("pyarena", &[]),
    ("pyhash", &[]),
    ("pyparking", &[]),
    ("pysync", &["pyparking"]),
    ("pycritsec", &["pysync", "pyparking"]),
    ("pythread", &["pycritsec", "pysync", "pyparking"]),
    ("pyref", &["pycritsec", "pysync", "pyparking"]),
    ("pyceval", &["pyref", "pycritsec", "pysync", "pyparking"]),
    (
        "pycapi",
        &["pyceval", "pythread", "pyref", "pycritsec", "pysync", "pyparking", "pyarena", "pyhash"],
    ),
];

fn run(house: &House) -> Vec<Finding> {
    let in_crates = |package: &&Package| {
        slashed(&house.workspace.root, &package.manifest_path).starts_with("crates/")
    };
    let crates = house.workspace.packages.iter().filter(in_crates);
    crates.flat_map(|package| wrong_arrows(&house.workspace, package)).collect()
}

fn wrong_arrows(workspace: &Workspace, package: &Package) -> Vec<Finding> {
    let path = slashed(&workspace.root, &package.manifest_path);
    let Some((_, below)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
        let text = format!(
            "'{}' is not in the picture; add it to docs/architecture.md and to ARROWS in \
             xtask/src/tidy/arrows.rs",
            package.name
        );
        return vec![Finding::new(&path, 1, text)];
    };
    let members = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
    let wrong = members.filter(|dependency| !is_allowed(dependency, &package.name, below));
    let finding = |name: &str| {
        let text = format!(
            "'{}' may not use '{name}', which is not below it; move what it needs down, or hand it in \
             through a hook",
            package.name
        );
        Finding::new(&path, 1, text)
    };
    wrong.map(|dependency| finding(&dependency.name)).collect()
}

/// A crate's tests may use itself too: that is how they ask for its features.
fn is_allowed(dependency: &Dependency, user: &str, below: &[&str]) -> bool {
    let for_tests = dependency.kind.as_deref() == Some("dev");
    let name = dependency.name.as_str();
    below.contains(&name) || for_tests && [TRIAL, user].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::tidy::house::tests::house;
    use crate::workspace::tests::{package, workspace};

    fn found(name: &str, uses: &str) -> usize {
        found_as(name, uses, "null")
    }

    fn found_as(name: &str, uses: &str, kind: &str) -> usize {
        let json = format!(
            r#""dependencies":[{{"name":"{uses}","path":"/top/{uses}","kind":{kind}}},{{"name":"libc"}}]"#
        );
        let mut house = house(&[]);
        house.workspace = workspace(vec![package(name, &json)]);
        run(&house).len()
    }

    #[test]
    fn arrows_point_down() {
        assert_eq!(found("pysync", "pyparking"), 0);
        assert_eq!(found("pyceval", "pyref"), 0);
        assert_eq!(found("pycapi", "pyarena"), 0);
    }

    #[test]
    fn arrows_up_or_aside_are_found() {
        assert_eq!(found("pyparking", "pysync"), 1);
        assert_eq!(found("pyceval", "pythread"), 1);
        assert_eq!(found("pyref", "pythread"), 1);
        assert_eq!(found("pysync", "pylock-stress"), 1);
    }

    #[test]
    fn only_tests_use_the_scaffolding() {
        assert_eq!(found_as("pysync", "pylock-trial", "\"dev\""), 0);
        assert_eq!(found_as("pysync", "pylock-trial", "null"), 1);
        assert_eq!(found_as("pysync", "pysync", "\"dev\""), 0);
        assert_eq!(found_as("pysync", "pylock-stress", "\"dev\""), 1);
    }

    #[test]
    fn a_crate_outside_the_picture_is_found() {
        assert_eq!(found("pynew", "pyparking"), 1);
    }
}
