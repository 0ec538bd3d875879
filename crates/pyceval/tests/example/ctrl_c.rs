//! Ctrl-C while the main thread is blocked: the interpreter runs in a child, which is sent the signal.

use crate::{ONE_AT_A_TIME, shell};
use pyparking::Deadline;
use std::env::var;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio, exit};
use std::thread::yield_now;
use std::time::Duration;
use trial::child::this_program;

/// Names the program that a child is to run, after its options.
const ARGUMENTS: &str = "SMALL_ARGUMENTS";
/// The test that is also the child's.
const TEST: &str = "ctrl_c::an_interrupt_ends_every_wait_of_the_main_thread";
/// What a shell says of a process that Ctrl-C ended.
const INTERRUPTED: i32 = 130;
/// Only a test that fails waits this long.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn an_interrupt_ends_every_wait_of_the_main_thread() {
    if let Ok(arguments) = var(ARGUMENTS) {
        be_the_interpreter(&arguments);
    }
    for (program, asleep, line) in [
        ("lock", true, 10),
        ("event", true, 6),
        ("join", true, 7),
        ("sleep", true, 6),
        ("loop", false, 11),
    ] {
        for mode in ["--gil", "--free-threaded"] {
            let mut child = interpreter(&format!("{mode} {}", path(program)));
            let mut out = BufReader::new(child.stdout.take().unwrap());
            let mut said = String::new();
            while !said.ends_with("waiting\n") {
                assert_ne!(out.read_line(&mut said).unwrap(), 0, "{said}");
            }
            if asleep {
                until_asleep(&child);
            }
            let pid = i32::try_from(child.id()).unwrap();
            // SAFETY: no condition; the child is there until it is waited for.
            assert_eq!(unsafe { libc::kill(pid, libc::SIGINT) }, 0);
            let mut error = String::new();
            child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
            let reason = format!("{program}.asm:{line}: in ");
            assert!(
                error.contains(&reason) && error.contains("keyboard interrupt"),
                "{mode}: {error}"
            );
            assert_eq!(child.wait().unwrap().code(), Some(INTERRUPTED), "{mode} {program}");
        }
    }
}

fn path(program: &str) -> String {
    format!("{}/examples/small/programs/ctrl_c/{program}.asm", env!("CARGO_MANIFEST_DIR"))
}

/// This test, as the program that it is about.
fn interpreter(arguments: &str) -> Child {
    let mut command = this_program();
    command.args(["--exact", TEST, "--nocapture", "--test-threads=1"]).env(ARGUMENTS, arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn be_the_interpreter(arguments: &str) -> ! {
    let _one = ONE_AT_A_TIME.lock();
    let code = shell::run(arguments.split(' ').map(str::to_owned));
    // An `ExitCode` says no number.
    let known = [0, 1, 2, INTERRUPTED];
    let name = |code: &dyn std::fmt::Debug| format!("{code:?}");
    let of = |number: &i32| name(&std::process::ExitCode::from(*number as u8));
    exit(known.into_iter().find(|number| of(number) == name(&code)).unwrap_or(99))
}

/// Waits until the thread of the child that runs the program sleeps, where the system shows that.
fn until_asleep(child: &Child) {
    let tasks = format!("/proc/{}/task", child.id());
    let limit = Deadline::after(PATIENCE);
    while fs::read_dir(&tasks)
        .is_ok_and(|mut tasks| !tasks.all(|task| is_asleep(&task.unwrap().path())))
    {
        assert!(!limit.passed(), "the child does not fall asleep");
        yield_now();
    }
}

fn is_asleep(task: &std::path::Path) -> bool {
    let stat = fs::read_to_string(task.join("stat")).unwrap_or_default();
    stat.rsplit(')').next().is_none_or(|rest| rest.trim_start().starts_with('S'))
}
