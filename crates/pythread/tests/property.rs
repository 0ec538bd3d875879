//! Random programs against a model: keys with several threads' tables, and handles with joins, detaches and looks.
//!
//! A failure names its seed; `PYTHREAD_SEED` runs that one alone.
#![cfg(not(miri))]

use core::ptr;
use pythread::{Handle, JoinError, TssError, TssKey, start};
use std::collections::HashMap;
use std::env;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use trial::random::Random;
use trial::until::{joined, until};

/// Runs `program` with some seeds, or with the one that is asked for.
fn seeds(count: u64, program: impl Fn(u64)) {
    match env::var("PYTHREAD_SEED").ok().and_then(|text| text.parse().ok()) {
        Some(seed) => program(seed),
        None => (0..count).for_each(program),
    }
}

/// Threads that take turns: one deed at a time, each on a thread of the test's choice.
struct Workers(Vec<(Sender<Deed>, JoinHandle<()>)>);

type Deed = Box<dyn FnOnce() + Send>;

impl Workers {
    fn new(count: usize) -> Self {
        let worker = || {
            let (post, deeds) = mpsc::channel::<Deed>();
            (post, thread::spawn(move || deeds.into_iter().for_each(|deed| deed())))
        };
        Self((0..count).map(|_| worker()).collect())
    }

    /// Does `deed` on a thread, and waits for it.
    fn on<T: Send + 'static>(&self, worker: usize, deed: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = mpsc::channel();
        let deed = Box::new(move || tell.send(deed()).expect("the test listens"));
        self.0[worker].0.send(deed).expect("the worker lives");
        told.recv().expect("the worker answers")
    }

    fn end(self) {
        for (post, worker) in self.0 {
            drop(post);
            joined(worker);
        }
    }
}

/// A key, and what its present creation should hold on each thread.
#[derive(Default)]
struct Modelled {
    created: bool,
    values: HashMap<usize, usize>,
}

#[test]
fn keys_do_what_a_map_does() {
    const KEYS: usize = 5;
    seeds(60, |seed| {
        let mut random = Random::new(seed);
        let keys: Arc<[TssKey; KEYS]> = Arc::new([const { TssKey::new() }; KEYS]);
        let mut model: [Modelled; KEYS] = Default::default();
        let workers = Workers::new(3);
        for _ in 0..200 {
            let (which, worker, number) = (random.below(KEYS), random.below(3), random.below(9));
            let (shared, modelled) = (Arc::clone(&keys), &mut model[which]);
            match random.below(8) {
                0 => {
                    assert_eq!(workers.on(worker, move || shared[which].create()), Ok(()));
                    modelled.created = true;
                }
                1 => {
                    workers.on(worker, move || shared[which].delete());
                    *modelled = Modelled::default();
                }
                2..=4 => {
                    let value = move || ptr::without_provenance_mut(number);
                    let found = workers.on(worker, move || shared[which].set(value()));
                    let expected =
                        if modelled.created { Ok(()) } else { Err(TssError::NotCreated) };
                    assert_eq!(found, expected, "seed {seed}");
                    if found.is_ok() {
                        modelled.values.insert(worker, number);
                    }
                }
                _ => {
                    let found = workers.on(worker, move || shared[which].get().addr());
                    let expected = modelled.values.get(&worker).copied().unwrap_or(0);
                    assert_eq!(found, expected, "seed {seed}");
                    assert_eq!(keys[which].is_created(), modelled.created, "seed {seed}");
                }
            }
        }
        keys.iter().for_each(TssKey::delete);
        workers.end();
    });
}

/// A thread behind a gate: what its handles should say.
struct Gated {
    handles: Vec<Handle>,
    gate: Option<Sender<bool>>,
    panics: bool,
}

impl Gated {
    fn new(panics: bool) -> Self {
        let (gate, told) = mpsc::channel();
        let body = move || {
            if told.recv().expect("the gate opens") {
                std::panic::resume_unwind(Box::new("told to"));
            }
        };
        Self { handles: vec![start(body).expect("a thread")], gate: Some(gate), panics }
    }

    fn open(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.send(self.panics).expect("the thread waits");
        }
    }

    fn check(&self, handle: &Handle, wait: Option<Duration>, seed: u64) {
        match handle.join_timed(wait) {
            Ok(outcome) => {
                assert!(self.gate.is_none(), "ended behind its gate, seed {seed}");
                assert_eq!(outcome.is_returned(), !self.panics, "seed {seed}");
                let message = outcome.panic().and_then(|panic| panic.message());
                assert_eq!(message, self.panics.then_some("told to"), "seed {seed}");
                assert!(!handle.is_running());
            }
            Err(error) => {
                assert!(wait.is_some(), "a join without a limit: {error}, seed {seed}");
                assert!(matches!(error, JoinError::TimedOut), "{error}, seed {seed}");
            }
        }
    }
}

#[test]
fn handles_agree_whatever_is_done_with_them() {
    seeds(150, |seed| {
        let mut random = Random::new(seed);
        let mut gated = Gated::new(random.below(3) == 0);
        let ident = gated.handles[0].ident();
        let mut waiting = Vec::new();
        for _ in 0..12 {
            let handle = gated.handles[random.below(gated.handles.len())].clone();
            match random.below(8) {
                0 => gated.open(),
                1 => handle.detach().expect("it is started"),
                2 => gated.handles.push(handle),
                3 if gated.handles.len() > 1 => drop(gated.handles.pop()),
                4 => gated.check(&handle, Some(Duration::ZERO), seed),
                5 => gated.check(&handle, Some(Duration::from_micros(50)), seed),
                6 if gated.gate.is_none() => gated.check(&handle, None, seed),
                6 => {
                    let joiner = thread::spawn(move || handle.join().map(|end| end.is_returned()));
                    waiting.push(joiner);
                }
                _ => assert!(handle.is_running() || gated.gate.is_none(), "seed {seed}"),
            }
            assert!(gated.handles.iter().all(|handle| handle.ident() == ident), "seed {seed}");
        }
        gated.open();

        for joiner in waiting {
            assert_eq!(joined(joiner).ok(), Some(!gated.panics), "seed {seed}");
        }
        gated.handles.iter().for_each(|handle| gated.check(handle, None, seed));
        until("the thread to be done", || gated.handles.iter().all(|handle| !handle.is_running()));
    });
}
