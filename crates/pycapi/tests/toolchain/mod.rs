//! The system's C compiler, and the programs that the tests make with it from `tests/c`.
//!
//! `CC` and `CXX` name other compilers, `CFLAGS` and `CXXFLAGS` add to what they are told.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The version of CPython whose names this build has.
pub(crate) const VERSION: &str = if cfg!(feature = "py315") {
    "3.15"
} else if cfg!(feature = "py314") {
    "3.14"
} else {
    "3.13"
};

/// How long a program may take before it counts as hung; the longest takes some seconds.
const HUNG: Duration = Duration::from_secs(120);

/// A language of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    C,
    Cpp,
}

/// How a program is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Static,
    Shared,
    /// From the archive, with the program's own part watched by AddressSanitizer and UndefinedBehaviorSanitizer.
    Watched,
}

const WATCHED: &[&str] =
    &["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DWATCHED", "-g"];

/// What there is no compiler for is not tested, and says so where it is seen.
pub(crate) fn skip(why: &str) {
    use std::io::Write;
    // Past the capture of test output.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder where cargo has put the libraries: beside the tests.
pub(crate) fn libraries() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    test.parent().expect("in a folder").to_owned()
}

fn variable_or(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// The compiler of a language, if there is one that makes programs for this machine.
pub(crate) fn compiler(language: Language) -> Option<String> {
    let name = match language {
        Language::C => variable_or("CC", "cc"),
        Language::Cpp => variable_or("CXX", "c++"),
    };
    let Ok(machine) = Command::new(&name).arg("-dumpmachine").output() else {
        skip(&format!("no compiler for {language:?} ({name}); CC and CXX name others"));
        return None;
    };
    let machine = String::from_utf8_lossy(&machine.stdout).trim().to_owned();
    if !machine.starts_with(std::env::consts::ARCH) {
        skip(&format!("{name} makes programs for {machine}, not {}", std::env::consts::ARCH));
        return None;
    }
    Some(name)
}

/// The compiler with everything but its input.
fn command(compiler: &str, language: Language) -> Command {
    let mut command = Command::new(compiler);
    match language {
        Language::C => command.args(["-std=c11", "-x", "c"]),
        Language::Cpp => {
            command.args(["-std=c++11", "-x", "c++", "-Wno-missing-field-initializers"])
        }
    };
    command.args(["-Wall", "-Wextra", "-Werror", "-O2", "-pthread", "-D_GNU_SOURCE"]);
    let more = variable_or(if language == Language::C { "CFLAGS" } else { "CXXFLAGS" }, "");
    command.args(more.split_whitespace());
    command.arg("-I").arg(crate_folder().join("include"));
    if cfg!(feature = "std-fallback") {
        command.arg("-DPORTABLE_SLEEPER");
    }
    if !cfg!(feature = "embed") {
        command.arg("-DPYCAPI_NO_EMBED");
    }
    command
}

/// Whether the compiler makes programs that sanitizers watch, and this machine runs them.
fn watches(compiler: &str) -> bool {
    let made = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let made = made.join(format!("{:?}-{VERSION}", Link::Watched));
    let mut command = Command::new(compiler);
    command.args(WATCHED).args(["-x", "c", "-", "-o"]).arg(&made);
    fed(command, "int main(void) { return 0; }\n").status.success()
        && start_of(&made).output().is_ok_and(|output| output.status.success())
}

/// What comes of a compiler that reads `text`.
fn fed(mut command: Command, text: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("there is a compiler");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), text.as_bytes())
        .expect("the compiler reads");
    child.wait_with_output().expect("it ends")
}

/// How a version is told to the header: `3.14` is 314.
fn version_flag(version: &str) -> String {
    format!("-DPYCAPI_PY_VERSION={}", version.replace('.', ""))
}

/// A program made from `tests/c/<stem>.c`; `None` without a compiler for it.
pub(crate) fn program(stem: &str, language: Language, link: Link) -> Option<PathBuf> {
    let compiler = compiler(language)?;
    if link == Link::Watched && !watches(&compiler) {
        skip(&format!("{compiler} has no sanitizers that work here"));
        return None;
    }
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let portable = if cfg!(feature = "std-fallback") { "-portable" } else { "" };
    let name = format!("{stem}-{language:?}-{link:?}-{VERSION}-{profile}{portable}");
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut command = command(&compiler, language);
    command.arg(version_flag(VERSION));
    command.arg(crate_folder().join("tests/c").join(format!("{stem}.c"))).args(["-x", "none"]);
    match link {
        Link::Static => command.arg(libraries().join("libpycapi.a")),
        Link::Watched => command.args(WATCHED).arg(libraries().join("libpycapi.a")),
        Link::Shared => command
            .arg(libraries().join("libpycapi.so"))
            .arg(format!("-Wl,-rpath,{}", libraries().display())),
    };
    command.args(["-lm", "-ldl", "-o"]).arg(&made);
    expect_success(command);
    Some(made)
}

/// Whether a compiler accepts `text` as C or C++ of this standard, with every warning an error.
pub(crate) fn expect_accepted(language: Language, standard: &str, version: &str, text: &str) {
    let Some(compiler) = compiler(language) else { return };
    let mut command = command(&compiler, language);
    command.arg(format!("-std={standard}")).arg("-Wpedantic");
    command.arg(version_flag(version)).args(["-fsyntax-only", "-"]);
    let output = fed(command, text);
    assert!(output.status.success(), "{standard}: {}", String::from_utf8_lossy(&output.stderr));
}

fn expect_success(mut command: Command) {
    let output = command.output().expect("the compiler starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{errors}");
}

/// The names of a program's scenarios.
pub(crate) fn scenarios(program: &Path) -> Vec<String> {
    let output = run(program, "--list");
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// Runs one scenario to its end.
pub(crate) fn run(program: &Path, scenario: &str) -> Output {
    let mut command = start_of(program);
    command.arg(scenario).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // Read while it runs: a program that says much is not to wait for a reader.
    let [stdout, stderr] = [reader(child.stdout.take()), reader(child.stderr.take())];
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            break status;
        }
        if begun.elapsed() > HUNG {
            let _ = child.kill();
            // What it has said is not waited for: a child of its own may keep the pipes open.
            panic!("{scenario} hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let [stdout, stderr] = [stdout, stderr].map(|reader| reader.join().expect("it only reads"));
    Output { status, stdout, stderr }
}

/// How a program is started. The sanitizers' runtimes of older compilers do not start at every address that newer kernels
/// choose: they get the same one each time, where the system has a tool for that.
fn start_of(program: &Path) -> Command {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let watched = name.contains(&format!("{:?}", Link::Watched));
    let mut fixed = Command::new("setarch");
    fixed.arg("-R");
    if watched && fixed.arg("true").output().is_ok_and(|output| output.status.success()) {
        let mut command = Command::new("setarch");
        command.arg("-R").arg(program);
        return command;
    }
    Command::new(program)
}

fn reader<R: Read + Send + 'static>(pipe: Option<R>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        pipe.expect("piped").read_to_end(&mut text).expect("a pipe can be read");
        text
    })
}

/// Runs every scenario and tells which of them failed.
pub(crate) fn expect_all(program: &Path) {
    let failed: Vec<String> = scenarios(program)
        .into_iter()
        .filter_map(|scenario| {
            let output = run(program, &scenario);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            (!output.status.success()).then(|| format!("{scenario}: {}: {told}", output.status))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
