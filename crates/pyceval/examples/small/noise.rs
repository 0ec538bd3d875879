//! What a stress run does to a program meanwhile: everything that may happen, none of which it may notice.

use crate::machine::Machine;
use core::fmt;
use core::time::Duration;
use pyceval::Raised;
use pyparking::primitive::Ordering;
use pyparking::primitive::plain::AtomicU64;
use pysync::Event;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// An exception that is not for the program: the eval loop catches it, counts it and goes on.
#[derive(Debug)]
pub(crate) struct Noise;

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("noise")
    }
}

/// How often something happened.
pub(crate) struct Tally(AtomicU64);

impl Tally {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn add(&self) {
        // ORD: Relaxed, a statistic.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        // ORD: Relaxed, a statistic.
        self.0.load(Ordering::Relaxed)
    }
}

/// Numbers that look random, the same ones for the same seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % sides
    }
}

/// A thread that makes noise until it is told to stop.
pub(crate) struct Maker {
    stop: Arc<Event>,
    thread: JoinHandle<()>,
}

impl Maker {
    pub(crate) fn start(machine: &Arc<Machine>, main: u64, seed: u64) -> Self {
        let stop = Arc::new(Event::new());
        let (machine, until) = (Arc::clone(machine), Arc::clone(&stop));
        let mut dice = Dice::new(seed);
        let thread = thread::spawn(move || {
            let pause = |dice: &mut Dice| Duration::from_micros(dice.roll(300));
            // Every other round of a stress run stays in the mode that it began in.
            let sides = if seed % 8 < 4 { 9 } else { 8 };
            while !until.wait_timed(Some(pause(&mut dice))) {
                let kind = dice.roll(sides);
                make(&machine, main, kind, &mut dice);
            }
        });
        Self { stop, thread }
    }

    /// Stops it. To be called detached: it may want to attach once more.
    pub(crate) fn stop(self) {
        self.stop.notify();
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

pub(crate) fn noise() -> Raised {
    Raised::new(Noise)
}

/// One piece of noise.
fn make(machine: &Machine, main: u64, kind: u64, dice: &mut Dice) {
    let runtime = &machine.runtime;
    let interpreter = runtime.main_interpreter();
    match kind {
        0 => drop(interpreter.add_pending_call(|_| Err(noise()))),
        1 => drop(runtime.add_main_call(|_| Err(noise()))),
        2 => drop(interpreter.add_pending_call(|attached| {
            attached.schedule_collection();
            Ok(())
        })),
        3 => drop(interpreter.add_pending_call(|attached| {
            drop(attached.stop_the_world());
            Ok(())
        })),
        // Not where it would take the place of one that the program has sent.
        4 if machine.program.sends => {}
        4 => {
            let mut ids = machine.tasks.ids();
            ids.push(main);
            let place = dice.roll(ids.len() as u64);
            interpreter.send_exception(ids[place as usize], Some(noise()));
        }
        5 => {
            let interval = Duration::from_micros(1 << dice.roll(12));
            interpreter.set_switch_interval(interval).expect("no less than a microsecond");
        }
        6 => drop(runtime.signals().trip(NOISY_SIGNAL)),
        7 => drop(interpreter.with_attached(|attached| attached.poll())),
        _ => {
            let on = dice.roll(2) == 0;
            let _ended = interpreter.with_attached(|attached| interpreter.set_gil(attached, on));
        }
    }
}

/// A signal that no program listens to: the alarm clock.
pub(crate) const NOISY_SIGNAL: i32 = 14;
