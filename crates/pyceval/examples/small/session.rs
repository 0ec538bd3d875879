//! One program from its start to its end, in a runtime of its own.

use crate::collector::{Collector, Heap};
use crate::console::Console;
use crate::machine::{Execution, Machine, Uncaught};
use crate::noise::{Maker, Noise, Tally};
use crate::outside::Handlers;
use crate::program::Program;
use crate::threads::Tasks;
use core::time::Duration;
use pyceval::{Attached, KeyboardInterrupt, Runtime, SwitchPolicy};
use std::error::Error;
use std::sync::Arc;

/// How a program is to be run.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) gil: bool,
    pub(crate) interval: Duration,
    pub(crate) policy: SwitchPolicy,
    /// Whether what it prints is shown at once.
    pub(crate) show: bool,
    /// Whether noise is made meanwhile, and which.
    pub(crate) noise: Option<u64>,
}

/// What became of it.
pub(crate) struct Outcome {
    pub(crate) printed: Vec<String>,
    pub(crate) ended: Result<(), Uncaught>,
    pub(crate) collections: usize,
    pub(crate) noise_heard: u64,
}

/// Runs a program.
pub(crate) fn run(program: &Arc<Program>, settings: &Settings) -> Result<Outcome, Box<dyn Error>> {
    let heap = Arc::new(Heap::default());
    let builder = Runtime::builder().gil(settings.gil).switch_interval(settings.interval);
    let builder = builder.switch_policy(settings.policy).handlers(Collector(Arc::clone(&heap)));
    let (runtime, mut main) = builder.start()?;
    let handlers = Handlers::default();
    handlers.catch_interrupts(&runtime)?;
    if settings.noise.is_some() {
        handlers.listen_to_noise(&runtime);
    }
    let machine = Arc::new(Machine {
        program: Arc::clone(program),
        runtime,
        heap,
        console: Console::new(settings.show),
        tasks: Tasks::default(),
        handlers,
        heard: Tally::new(),
    });
    let id = main.id();
    let maker = settings.noise.map(|seed| Maker::start(&machine, id, seed));
    let ended = {
        let attached = main.attach()?;
        let ended = run_main(&machine, &attached);
        if let Some(maker) = maker {
            attached.detached(|| maker.stop());
        }
        ended.and(finish(&machine, &attached))
    };
    machine.handlers.clear();
    Ok(Outcome {
        printed: machine.console.take(),
        ended,
        collections: machine.heap.collections(),
        noise_heard: machine.heard.get(),
    })
}

/// The program's main function, and then the threads that are still there, also if it failed. An interrupt from the
/// keyboard waits for nobody: it ends the program, with threads that may be blocked for ever.
fn run_main(machine: &Arc<Machine>, attached: &Attached<'_>) -> Result<(), Uncaught> {
    let mut execution = Execution::new(machine, attached);
    let ended = execution.call(machine.program.main, Vec::new()).map(drop);
    if ended.as_ref().is_err_and(|uncaught| uncaught.raised.is::<KeyboardInterrupt>()) {
        return ended;
    }
    ended.and(execution.join_all().map_err(|raised| execution.uncaught(raised)))
}

/// Ends the runtime: nobody else runs any more. Calls that are still queued run here, and cycles are freed, for the
/// last time.
fn finish(machine: &Arc<Machine>, attached: &Attached<'_>) -> Result<(), Uncaught> {
    let ended =
        machine.runtime.finalise(attached).or_else(|raised| raised.downcast().map(|Noise| ()));
    machine.heap.collect(attached);
    ended.map_err(|raised| Execution::new(machine, attached).uncaught(raised))
}
