//! Facts about the machine, which belong to every figure.

use std::fs;

use serde::Serialize;

use crate::peers::cpython;

/// What the figures of a run were measured on and with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Processors that this process may use.
    pub usable: usize,
    /// The operating system and its release.
    pub system: String,
    /// The compiler that built the bench.
    pub compiler: &'static str,
    /// CPython's library, if one was given.
    pub cpython: Option<String>,
    /// What calling one of its functions costs before it does anything, in nanoseconds.
    pub pointer_call_nanos: Option<f64>,
    /// Runnable threads over the last minute when the run began.
    pub load: Option<f64>,
    /// Whether the bench was built with optimisation.
    pub optimised: bool,
}

/// More runnable threads than this before the run begins means that somebody else is at work.
const QUIET: f64 = 0.5;

impl Machine {
    /// Looks around.
    #[must_use]
    pub fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).ok();
        let release = read("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: read("/proc/cpuinfo")
                .and_then(|text| processor_name(&text))
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            usable: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, release.trim()).trim().to_owned(),
            compiler: env!("PYLOCK_BENCH_RUSTC"),
            cpython: cpython::api().map(|api| api.version.clone()),
            pointer_call_nanos: cpython::api().map(|_| cpython::pointer_call_nanos()),
            load: read("/proc/loadavg").and_then(|text| text.split(' ').next()?.parse().ok()),
            optimised: !cfg!(debug_assertions),
        }
    }

    /// The facts as lines for a person, warnings included.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let processors = if self.usable == 1 { "processor" } else { "processors" };
        let mut lines = vec![
            format!("{}, {} usable {processors}, {}", self.processor, self.usable, self.system),
            format!("{}{}", self.compiler, if self.optimised { "" } else { ", NOT optimised" }),
        ];
        if let Some(version) = &self.cpython {
            lines.push(format!("CPython {}", version.lines().next().unwrap_or_default()));
        }
        if let Some(nanos) = self.pointer_call_nanos {
            lines.push(format!(
                "CPython's functions are called through pointers, at {nanos:.1} ns a call"
            ));
        }
        if !self.optimised {
            lines.push("WARNING: built without --release; these figures mean nothing".to_owned());
        }
        if let Some(load) = self.load.filter(|load| *load > QUIET) {
            lines.push(format!("WARNING: the machine was busy before the run began (load {load})"));
        }
        lines
    }
}

fn processor_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Machine, processor_name};

    #[test]
    fn the_processors_name_is_found() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t: fpu\n";
        assert_eq!(processor_name(text).as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!(processor_name("flags: none"), None);
    }

    #[test]
    fn a_busy_machine_and_a_debug_build_are_warned_about() {
        let mut machine = Machine { load: Some(3.0), optimised: false, ..Machine::look() };
        let warnings = |machine: &Machine| {
            machine.lines().iter().filter(|line| line.starts_with("WARNING")).count()
        };
        assert_eq!(warnings(&machine), 2);
        machine.load = None;
        machine.optimised = true;
        assert_eq!(warnings(&machine), 0);
    }
}
