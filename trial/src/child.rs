//! Running a part of a test in a child process that is to die of it.

use std::env::{consts, current_exe, var, vars};
use std::process::{Command, ExitStatus, Stdio, exit};

/// Names the test whose deed the child is to do.
const DEED: &str = "PYLOCK_MISUSE";

/// What a child left behind.
pub struct Report {
    status: ExitStatus,
    text: String,
}

/// Does `deed` in a child, in which the test called `test` calls this again, and reports how it died.
///
/// In the child this does not return.
pub fn dies(test: &str, deed: impl FnOnce()) -> Report {
    if var(DEED).is_ok_and(|name| name == test) {
        deed();
        eprintln!("the child survived");
        exit(0);
    }
    let output = this_program()
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(DEED, test)
        .stdin(Stdio::null())
        .output()
        .expect("a test binary can be run");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "the child should have died:\n{text}");
    Report { status: output.status, text }
}

/// This test binary, by way of the emulator that runs it, if one does.
#[must_use]
pub fn this_program() -> Command {
    let program = current_exe().expect("a test binary has a path");
    // Cargo is told about an emulator in a variable that names the target.
    let (arch, os) = (consts::ARCH.to_uppercase(), consts::OS.to_uppercase());
    let is_ours = |name: &str| {
        name.starts_with(&format!("CARGO_TARGET_{arch}_"))
            && name.ends_with("_RUNNER")
            && name.contains(&os)
    };
    // A Windows program under an emulator runs others by itself.
    let runner = vars().find(|(name, _)| !cfg!(windows) && is_ours(name)).map(|(_, runner)| runner);
    let mut words = runner.iter().flat_map(|runner| runner.split_whitespace());
    match words.next() {
        Some(emulator) => {
            let mut command = Command::new(emulator);
            command.args(words).arg(program);
            command
        }
        None => Command::new(program),
    }
}

impl Report {
    /// Checks that the child's standard error contains `words`.
    #[track_caller]
    pub fn says(&self, words: &str) {
        assert!(self.text.contains(words), "no \"{words}\" in:\n{}", self.text);
    }

    /// Checks that the error names the address that the child printed before.
    #[track_caller]
    pub fn names_the_place(&self) {
        let place =
            self.text.split("the place is ").nth(1).and_then(|rest| rest.split_whitespace().next());
        let place = place.expect("the child prints the place first");
        assert!(place.starts_with("0x"));
        self.says(&format!(" at {place}: "));
    }

    /// What it exited with, if no signal ended it.
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Its standard error.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
