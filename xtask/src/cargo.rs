//! Calling cargo, with the compiler flags that the checks need on top of the user's own.

use crate::stop::{Outcome, Stop, While};
use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// The cargo that runs us, or the one on the path.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The cargo of another toolchain, if rustup has it.
pub(crate) fn cargo_of(toolchain: &str) -> Outcome<Command> {
    let asked = Command::new("rustup")
        .args(["run", toolchain, "cargo", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match asked {
        Ok(status) if status.success() => {
            let mut command = Command::new("rustup");
            command.args(["run", toolchain, "cargo"]);
            Ok(command)
        }
        Ok(_) => Err(Stop::Absent {
            tool: format!("the Rust toolchain '{toolchain}'"),
            get: format!("rustup toolchain install {toolchain}"),
        }),
        Err(_) => Err(Stop::Absent {
            tool: "rustup, which chooses between Rust toolchains".into(),
            get: "https://rustup.rs, or your system's package of that name".into(),
        }),
    }
}

/// Whether `toolchain` has the sources of the standard library, so that it can be built with a check inside.
pub(crate) fn has_std_sources(toolchain: &str) -> bool {
    let asked =
        Command::new("rustup").args(["run", toolchain, "rustc", "--print", "sysroot"]).output();
    asked.is_ok_and(|output| {
        let sysroot = String::from_utf8_lossy(&output.stdout);
        Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/Cargo.lock").exists()
    })
}

/// The target that `toolchain` builds for by itself.
pub(crate) fn host_of(toolchain: &str) -> Outcome<String> {
    let output = Command::new("rustup")
        .args(["run", toolchain, "rustc", "-vV"])
        .output()
        .while_doing("ask rustc for its version")?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| Stop::Failed(format!("rustc of '{toolchain}' does not name its host")))
}

/// Adds `flags` to what the user has in `RUSTFLAGS` or `CARGO_ENCODED_RUSTFLAGS`.
pub(crate) fn with_rustflags<'a>(command: &'a mut Command, flags: &[&str]) -> &'a mut Command {
    let (name, value) = joined_rustflags(
        env::var("CARGO_ENCODED_RUSTFLAGS").ok(),
        env::var("RUSTFLAGS").ok(),
        flags,
    );
    command.env(name, value)
}

/// The variable to set, and its value. Cargo reads only the encoded one when both are set.
fn joined_rustflags(
    encoded: Option<String>,
    plain: Option<String>,
    flags: &[&str],
) -> (&'static str, String) {
    let (name, before, separator) = match encoded {
        Some(before) => ("CARGO_ENCODED_RUSTFLAGS", before, "\u{1f}"),
        None => ("RUSTFLAGS", plain.unwrap_or_default(), " "),
    };
    let words: Vec<String> =
        flags.iter().flat_map(|flag| flag.split(' ')).map(str::to_owned).collect();
    let mut all: Vec<String> = if before.is_empty() { Vec::new() } else { vec![before] };
    all.extend(words);
    (name, all.join(separator))
}

/// Runs a command and says whether it succeeded; not being able to start it is a failure of its own.
pub(crate) fn status(command: &mut Command) -> Outcome<ExitStatus> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.status().while_doing(format!("start {program}"))
}

/// Builds and runs a tool of the workspace with the arguments as they are, and ends as it ends.
pub(crate) fn forward(package: &str, args: &[OsString]) -> Outcome {
    let mut command = cargo();
    command.args(["run", "--release", "--package", package, "--bin", package, "--"]);
    let status = status(command.args(args))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Stop::Forwarded(u8::try_from(code).unwrap_or(1))),
        None => Err(Stop::Failed(format!("{package} was ended by a signal ({status})"))),
    }
}

/// The command as one would type it, with the variables that were set for it.
pub(crate) fn as_typed(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        Some(format!("{}={}", name.to_string_lossy(), quoted(&value?.to_string_lossy())))
    });
    let program =
        Path::new(command.get_program()).file_stem().unwrap_or_default().to_string_lossy();
    let args = command.get_args().map(|arg| quoted(&arg.to_string_lossy()));
    variables.chain([program.into_owned()]).chain(args).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    if word.contains([' ', '*', '\'']) { format!("{word:?}") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{as_typed, joined_rustflags};
    use std::process::Command;

    #[test]
    fn flags_are_added_to_the_users() {
        assert_eq!(
            joined_rustflags(None, None, &["--cfg loom"]),
            ("RUSTFLAGS", "--cfg loom".to_owned())
        );
        assert_eq!(
            joined_rustflags(None, Some("-Dwarnings".into()), &["--cfg loom"]),
            ("RUSTFLAGS", "-Dwarnings --cfg loom".to_owned())
        );
    }

    #[test]
    fn the_encoded_variable_wins_where_the_user_set_it() {
        assert_eq!(
            joined_rustflags(Some("-Ca=b c".into()), Some("-Dx".into()), &["--cfg loom"]),
            ("CARGO_ENCODED_RUSTFLAGS", "-Ca=b c\u{1f}--cfg\u{1f}loom".to_owned())
        );
    }

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/opt/bin/cargo");
        command.args(["test", "--test", "a b"]).env("RUSTFLAGS", "--cfg loom");
        assert_eq!(as_typed(&command), "RUSTFLAGS=\"--cfg loom\" cargo test --test \"a b\"");
    }
}
