//! What is in this workspace: its packages and their targets, from `cargo metadata`.

use crate::cargo::cargo;
use crate::stop::{Outcome, Stop, While};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The workspace as cargo sees it.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
}

/// A member of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
    pub(crate) publish: Option<Vec<String>>,
    pub(crate) description: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) documentation: Option<String>,
    pub(crate) readme: Option<PathBuf>,
    pub(crate) rust_version: Option<String>,
    pub(crate) keywords: Vec<String>,
    pub(crate) categories: Vec<String>,
}

/// A package that another one names in its manifest.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Where it lies, if it lies in a folder.
    pub(crate) path: Option<PathBuf>,
    /// `dev` or `build`; nothing for an ordinary one.
    pub(crate) kind: Option<String>,
}

/// Something that cargo can build.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

impl Workspace {
    /// Asks cargo, from the current folder.
    pub(crate) fn read() -> Outcome<Self> {
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .while_doing("run cargo metadata")?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Stop::Failed(format!("cargo metadata: {why}")));
        }
        serde_json::from_slice(&output.stdout).while_doing("read the answer of cargo metadata")
    }

    /// The packages that users get, in the order of their names.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.is_published())
    }

    /// The package called `only`, published or not; without a name, all that are published.
    pub(crate) fn chosen(&self, only: Option<&str>) -> Outcome<Vec<&Package>> {
        let Some(name) = only else { return Ok(self.published().collect()) };
        match self.packages.iter().find(|package| package.name == name) {
            Some(package) => Ok(vec![package]),
            None => {
                let known: Vec<_> =
                    self.packages.iter().map(|package| package.name.as_str()).collect();
                Err(Stop::Usage(format!("no package '{name}'; there are: {}", known.join(", "))))
            }
        }
    }
}

impl Package {
    /// Whether the package goes to the registry.
    pub(crate) fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }

    /// The folder of the package.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().expect("a manifest lies in a folder")
    }

    /// The integration tests.
    pub(crate) fn tests(&self) -> impl Iterator<Item = &str> {
        let is_test = |target: &&Target| target.kind.iter().any(|kind| kind == "test");
        self.targets.iter().filter(is_test).map(|target| target.name.as_str())
    }

    /// The integration tests whose name is `stem` or starts with `stem_`.
    pub(crate) fn tests_named(&self, stem: &str) -> Vec<&str> {
        let is_one = |name: &&str| {
            name.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        self.tests().filter(is_one).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Package, Workspace};

    /// A package with nothing but a name and what `json` adds.
    pub(crate) fn package(name: &str, json: &str) -> Package {
        let comma = if json.is_empty() { "" } else { "," };
        let text = format!(
            r#"{{"name":"{name}","version":"0.1.0","manifest_path":"/top/crates/{name}/Cargo.toml",
            "dependencies":[],"targets":[],"keywords":[],"categories":[]{comma}{json}}}"#
        );
        // Later fields win over earlier ones of the same name in a value, not in a struct.
        let value: serde_json::Value = serde_json::from_str(&text).expect("valid");
        serde_json::from_value(value).expect("a package")
    }

    /// A workspace of these packages at `/top`.
    pub(crate) fn workspace(packages: Vec<Package>) -> Workspace {
        Workspace { packages, root: "/top".into(), target: "/top/target".into() }
    }

    #[test]
    fn test_targets_are_found_by_their_stem() {
        let targets = r#""targets":[{"name":"loom","kind":["test"]},{"name":"loom_lot","kind":["test"]},
            {"name":"loomer","kind":["test"]},{"name":"loom_x","kind":["bench"]}]"#;
        assert_eq!(package("a", targets).tests_named("loom"), ["loom", "loom_lot"]);
    }

    #[test]
    fn a_package_that_is_not_published_is_chosen_by_name_only() {
        let all = workspace(vec![package("a", ""), package("tool", r#""publish":[]"#)]);
        assert_eq!(all.chosen(None).expect("one").len(), 1);
        assert_eq!(all.chosen(Some("tool")).expect("one")[0].name, "tool");
        assert_eq!(all.chosen(Some("other")).unwrap_err().exit_code(), 2);
    }
}
