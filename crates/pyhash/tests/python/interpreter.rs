//! The machine's own Pythons: where they are, and what they say to a script.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// A CPython whose hashes are to equal ours.
pub(crate) struct Interpreter {
    program: PathBuf,
    pub(crate) version: String,
}

/// Names that a Python may have in the search path.
const NAMES: &[&str] =
    &["python3", "python3.15", "python3.14", "python3.13", "python3.12", "python3.11", "python"];

/// Prints what decides whether its hashes are to equal ours, then where it is and what it is called.
const PROBE: &str = "\
import sys
print(sys.implementation.name == 'cpython' and sys.version_info >= (3, 11))
print(sys.hash_info.algorithm, sys.hash_info.width, sys.hash_info.cutoff, sys.byteorder)
print(sys.executable)
print(sys.version.split()[0])
";

/// Every suitable Python of this machine, each once. Says so if there is none.
pub(crate) fn all() -> &'static [Interpreter] {
    static ALL: OnceLock<Vec<Interpreter>> = OnceLock::new();
    ALL.get_or_init(look)
}

fn look() -> Vec<Interpreter> {
    let mut seen = BTreeSet::new();
    // The same program often has several names.
    let mut is_new = |each: &Interpreter| seen.insert(each.program.canonicalize().ok());
    let names = NAMES.iter().map(PathBuf::from);
    let found = names.chain(of_pyenv()).filter_map(Interpreter::probe);
    let found: Vec<_> = found.filter(|each| is_new(each)).collect();
    if found.is_empty() {
        eprintln!("no CPython of 3.11 or newer here: nothing is compared");
    }
    for Interpreter { version, program } in &found {
        eprintln!("CPython {version} at {}", program.display());
    }
    found
}

/// What pyenv has installed, in its usual place.
fn of_pyenv() -> Vec<PathBuf> {
    let versions = std::env::home_dir().map(|home| home.join(".pyenv/versions"));
    let folders = versions.and_then(|versions| versions.read_dir().ok()).into_iter().flatten();
    folders.flatten().map(|folder| folder.path().join("bin/python3")).collect()
}

impl Interpreter {
    fn probe(program: PathBuf) -> Option<Self> {
        let output = Command::new(program)
            .args(["-S", "-c", PROBE])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let [suits, info, program, version] = text.lines().collect::<Vec<_>>()[..] else {
            return None;
        };
        let order = if cfg!(target_endian = "little") { "little" } else { "big" };
        let ours = format!("siphash13 {} 0 {order}", isize::BITS);
        (suits == "True" && info == ours)
            .then(|| Self { program: program.into(), version: version.into() })
    }

    /// Runs `script` with `argument`, under a setting of the variable.
    pub(crate) fn run(&self, seed: &str, script: &str, argument: &str) -> Output {
        Command::new(&self.program)
            .args(["-S", "-c", script, argument])
            .env("PYTHONHASHSEED", seed)
            .stdin(Stdio::null())
            .output()
            .expect("it ran a moment ago")
    }
}
