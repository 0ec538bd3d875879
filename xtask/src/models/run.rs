//! Running models, each in its own process with a time limit.

use super::Model;
use crate::stop::{Outcome, While};
use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// How a model ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// The test failed: an assertion, a race or a deadlock that the checker saw.
    Failed,
    /// The process died: an abort, or a signal such as a bad memory access.
    Aborted,
    /// It was still running at its time limit.
    Hung,
}

impl Verdict {
    /// As one word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Hung => "hung",
        }
    }
}

/// One run of one model.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) verdict: Verdict,
    pub(crate) took: Duration,
    /// What it printed.
    pub(crate) output: String,
}

/// What a run is given.
#[derive(Clone, Debug)]
pub(crate) struct Limits<'a> {
    pub(crate) env: Vec<(&'a str, String)>,
    pub(crate) timeout: Duration,
}

/// How often a running model is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// Does `work` for every item, `jobs` at a time; the first error ends it.
pub(crate) fn in_parallel<T: Sync>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> Outcome + Sync,
) -> Outcome {
    let left = Mutex::new(items.iter());
    let worker = || -> Outcome {
        loop {
            // A statement of its own, or the list would be locked during the work.
            let next = left.lock().expect("no worker panics with the list").next();
            let Some(item) = next else { return Ok(()) };
            work(item)?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })
}

/// Runs one model.
pub(crate) fn run_one(model: &Model<'_>, limits: &Limits<'_>) -> Outcome<Report> {
    let mut command = Command::new(&model.binary.path);
    command.args(["--exact", model.name, "--nocapture", "--test-threads", "1"]);
    command.current_dir(&model.binary.folder).envs(limits.env.iter().cloned());
    run_limited(command, limits.timeout).while_doing(format!(
        "run {} of {}",
        model.name,
        model.binary.path.display()
    ))
}

/// Runs a command to its end or to the limit. Its output goes through a file: a pipe could fill up.
pub(crate) fn run_limited(mut command: Command, timeout: Duration) -> std::io::Result<Report> {
    let mut file = scratch_file()?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file.try_clone()?);
    own_group(&mut command);
    let started = Instant::now();
    let mut child = command.spawn()?;
    let ended = wait_until(&mut child, started + timeout)?;
    let took = started.elapsed();
    if ended.is_none() {
        end(&mut child)?;
    }
    let mut output = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut output)?;
    let output = String::from_utf8_lossy(&output).into_owned();
    Ok(Report { verdict: judge(ended), took, output })
}

fn judge(ended: Option<ExitStatus>) -> Verdict {
    /// What the test harness exits with when a test failed.
    const TESTS_FAILED: i32 = 101;
    match ended.map(|status| (status.success(), status.code())) {
        None => Verdict::Hung,
        Some((true, _)) => Verdict::Passed,
        Some((false, Some(TESTS_FAILED))) => Verdict::Failed,
        Some(_) => Verdict::Aborted,
    }
}

fn wait_until(child: &mut Child, limit: Instant) -> std::io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= limit {
            return Ok(None);
        }
        thread::sleep(GLANCE);
    }
}

/// Ends the child, and what it may have started: tests that fork leave children behind when they hang.
fn end(child: &mut Child) -> std::io::Result<()> {
    if cfg!(unix) {
        let group = format!("-{}", child.id());
        // The group may be gone already; the child itself is ended below in any case.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

#[cfg(unix)]
fn own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) {}

/// A file that nobody else sees and that goes away with us.
fn scratch_file() -> std::io::Result<File> {
    static COUNT: Mutex<u64> = Mutex::new(0);
    let number = {
        let mut count = COUNT.lock().expect("counting does not panic");
        *count += 1;
        *count
    };
    let name = format!("xtask-{}-{number}.log", std::process::id());
    let path = std::env::temp_dir().join(name);
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    if cfg!(unix) {
        // The open file stays usable without its name.
        std::fs::remove_file(&path)?;
    }
    Ok(file)
}

#[cfg(all(test, unix))]
mod tests {
    use super::{Verdict, run_limited};
    use std::process::Command;
    use std::time::Duration;

    fn shell(script: &str, timeout: Duration) -> super::Report {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run_limited(command, timeout).expect("sh runs")
    }

    #[test]
    fn the_exit_code_is_the_verdict() {
        let long = Duration::from_secs(60);
        assert_eq!(shell("exit 0", long).verdict, Verdict::Passed);
        assert_eq!(shell("exit 101", long).verdict, Verdict::Failed);
        assert_eq!(shell("kill -ABRT $$", long).verdict, Verdict::Aborted);
    }

    #[test]
    fn output_of_both_streams_is_kept() {
        let report = shell("echo one; echo two >&2", Duration::from_secs(60));
        assert_eq!(report.output, "one\ntwo\n");
    }

    #[test]
    fn a_hang_is_ended_with_its_children() {
        let report = shell("sleep 600 & wait", Duration::from_millis(100));
        assert_eq!(report.verdict, Verdict::Hung);
        assert!(report.took < Duration::from_secs(60));
    }
}
