//! `cargo xtask publish-check`: whether the crates could go to the registry as they are.

use crate::cargo::cargo;
use crate::help::page;
use crate::say::say;
use crate::scan::slashed;
use crate::scratch::Scratch;
use crate::steps::Steps;
use crate::stop::{Outcome, Stop, While};
use crate::tidy::missing_fields;
use crate::workspace::{Package, Workspace};
use clap::Args;

const MORE: &str = "\
Looks at every published crate: the fields of its manifest, what its package holds (README and licences in
it, nothing of the machine or of the model builds' output), whether cargo can make the packages in the order
of their arrows, and whether its documentation builds with every warning an error. Publishes nothing.

Examples:
  cargo xtask publish-check
  cargo xtask publish-check --verify     also builds each package from its own contents";

/// What every package must hold.
const NEEDED: &[&str] = &["Cargo.toml", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "src/lib.rs"];
/// Endings of files that no package has a use for.
const UNWANTED: &[&str] = &[".json", ".svg", ".log", ".rej", ".profraw", ".bak"];

/// What cargo adds by itself.
const CARGOS_OWN: &str = ".cargo_vcs_info.json";

/// Check that the crates could be published: manifests, contents, packages, documentation
#[derive(Args)]
#[command(after_long_help = page(MORE))]
pub(crate) struct PublishCheck {
    /// Build each package from its own contents, as the registry's users will
    #[arg(long)]
    verify: bool,
}

impl PublishCheck {
    pub(crate) fn run(self) -> Outcome {
        let workspace = Workspace::read()?;
        let packages: Vec<_> = workspace.published().collect();
        let mut wrong = 0;
        for package in &packages {
            let problems = problems(package)?;
            let state = if problems.is_empty() { "ok" } else { "WRONG" };
            say!("{:10} {} manifest and contents: {state}", package.name, package.version);
            for problem in &problems {
                say!("  {}: {problem}", slashed(&workspace.root, &package.manifest_path));
            }
            wrong += problems.len();
        }
        let mut steps = Steps::default();
        let scratch = Scratch::new(&workspace.target, &packages);
        self.package(&packages, &scratch, &mut steps);
        document(&packages, &mut steps);
        steps.finish()?;
        if wrong == 0 {
            Ok(())
        } else {
            Err(Stop::Failed(format!("{wrong} problems in the manifests")))
        }
    }

    /// All packages in one call: cargo orders them, and lets each use those before it.
    fn package(&self, packages: &[&Package], scratch: &Scratch, steps: &mut Steps) {
        let mut command = cargo();
        command.args(["package", "--allow-dirty", "--quiet", "--target-dir"]);
        command.arg(scratch.folder());
        if !self.verify {
            command.arg("--no-verify");
        }
        for package in packages {
            command.args(["--package", &package.name]);
        }
        steps.run("cargo package", &mut command);
    }
}

fn document(packages: &[&Package], steps: &mut Steps) {
    let mut command = cargo();
    command.args(["doc", "--no-deps", "--all-features", "--quiet"]);
    for package in packages {
        command.args(["--package", &package.name]);
    }
    // Cargo reads RUSTDOCFLAGS only where no encoded form is set; ours is the stricter one in any case.
    command.env("RUSTDOCFLAGS", "-Dwarnings");
    steps.run("cargo doc, warnings denied", &mut command);
}

/// What is wrong with the manifest and the contents of a package.
fn problems(package: &Package) -> Outcome<Vec<String>> {
    let output = cargo()
        .args(["package", "--list", "--allow-dirty", "--package", &package.name])
        .output()
        .while_doing("run cargo package --list")?;
    if !output.status.success() {
        return Ok(vec![String::from_utf8_lossy(&output.stderr).trim().to_owned()]);
    }
    let mut problems = missing_fields(package);
    problems.extend(wrong_contents(&String::from_utf8_lossy(&output.stdout)));
    Ok(problems)
}

/// What is wrong with the list of a package's files.
fn wrong_contents(list: &str) -> Vec<String> {
    let files: Vec<_> = list.lines().map(|line| line.replace('\\', "/")).collect();
    let missing = NEEDED.iter().filter(|name| !files.iter().any(|file| file == *name));
    let missing =
        missing.map(|name| format!("the package lacks {name}; put it beside the manifest"));
    let is_unwanted = |file: &&String| {
        let ends = UNWANTED.iter().any(|ending| file.ends_with(ending));
        (ends && *file != CARGOS_OWN) || file.split('/').any(|part| part == "target")
    };
    let unwanted = files.iter().filter(is_unwanted);
    let unwanted =
        unwanted.map(|file| format!("the package holds {file}; leave it out with `exclude`"));
    missing.chain(unwanted).collect()
}

#[cfg(test)]
mod tests {
    use super::wrong_contents;

    const WHOLE: &str =
        "Cargo.toml\nREADME.md\nLICENSE-MIT\nLICENSE-APACHE\nsrc/lib.rs\n.cargo_vcs_info.json\n";

    #[test]
    fn a_whole_package_passes() {
        assert!(wrong_contents(WHOLE).is_empty());
    }

    #[test]
    fn what_is_missing_or_too_much_is_named() {
        let without = WHOLE.replace("LICENSE-MIT\n", "");
        assert!(wrong_contents(&without)[0].contains("LICENSE-MIT"));
        let with = format!("{WHOLE}bench.json\ntarget/debug/a\n");
        assert_eq!(wrong_contents(&with).len(), 2);
    }
}
