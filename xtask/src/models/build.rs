//! Building test binaries under a `--cfg`, and asking them which tests they hold.

use crate::cargo::{as_typed, cargo, with_rustflags};
use crate::say::say;
use crate::stop::{Outcome, Stop, While};
use crate::workspace::Workspace;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What to build.
#[derive(Clone, Debug)]
pub(crate) struct Build<'a> {
    /// The `--cfg` switch; also the name of the folder below `target`.
    pub(crate) cfg: &'a str,
    /// The package of the tests.
    pub(crate) package: &'a str,
    /// The integration tests to build.
    pub(crate) tests: Vec<&'a str>,
    /// Optimised: models explore many schedules.
    pub(crate) release: bool,
}

/// A test binary and the names of its tests.
#[derive(Debug)]
pub(crate) struct Binary {
    pub(crate) package: String,
    /// The name of the test target.
    pub(crate) target: String,
    pub(crate) path: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) models: Vec<String>,
}

/// Builds the tests, in a target folder of their own so that the switch does not rebuild everything else.
pub(crate) fn build(workspace: &Workspace, what: &Build<'_>) -> Outcome<Vec<Binary>> {
    let mut command = cargo();
    command.args(["test", "--no-run", "--message-format", "json-render-diagnostics"]);
    command.args(["--package", what.package]);
    for test in &what.tests {
        command.args(["--test", test]);
    }
    if what.release {
        command.arg("--release");
    }
    command.env("CARGO_TARGET_DIR", workspace.target.join(what.cfg));
    with_rustflags(&mut command, &[&format!("--cfg {}", what.cfg)]);
    say!("   {}", as_typed(&command));
    let output = command.stderr(Stdio::inherit()).output().while_doing("run cargo test")?;
    if !output.status.success() {
        let cfg = what.cfg;
        return Err(Stop::Failed(format!("the {cfg} tests of {} do not build", what.package)));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    messages.lines().filter_map(|line| executable(line, what.package)).map(with_models).collect()
}

/// The test binary that a message of cargo tells of, if it does.
fn executable(message: &str, package: &str) -> Option<Binary> {
    let message: Value = serde_json::from_str(message).ok()?;
    let path = message.get("executable")?.as_str()?;
    let manifest = PathBuf::from(message.get("manifest_path")?.as_str()?);
    Some(Binary {
        package: package.to_owned(),
        target: message.get("target")?.get("name")?.as_str()?.to_owned(),
        path: path.into(),
        folder: manifest.parent()?.to_owned(),
        models: Vec::new(),
    })
}

fn with_models(mut binary: Binary) -> Outcome<Binary> {
    let output = Command::new(&binary.path)
        .args(["--list", "--format", "terse"])
        .output()
        .while_doing(format!("list the tests of {}", binary.path.display()))?;
    binary.models = listed(&String::from_utf8_lossy(&output.stdout));
    Ok(binary)
}

/// The names in the answer to `--list --format terse`.
fn listed(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{executable, listed};

    #[test]
    fn only_tests_are_listed() {
        assert_eq!(listed("a::b: test\nc: benchmark\nd: test\n"), ["a::b", "d"]);
    }

    #[test]
    fn an_executable_is_found_in_cargos_messages() {
        let message = r#"{"reason":"compiler-artifact","manifest_path":"/top/crates/a/Cargo.toml",
            "target":{"kind":["test"],"name":"loom"},"executable":"/t/loom-1"}"#;
        let binary = executable(message, "a").expect("a binary");
        assert_eq!(
            (binary.target.as_str(), binary.folder.to_str()),
            ("loom", Some("/top/crates/a"))
        );
        assert!(executable(r#"{"reason":"build-finished","executable":null}"#, "a").is_none());
        assert!(executable("not json", "a").is_none());
    }
}
