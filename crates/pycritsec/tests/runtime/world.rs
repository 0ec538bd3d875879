//! A make-believe runtime: threads that attach and detach, one that may stop all others, and modes that change while
//! a thread is away.

use core::fmt::Display;
use core::ptr;
use pycritsec::runtime::{self, Chain, Mode};
use pyparking::hooks::{self, Hooks};
use pyparking::primitive::Cell;
use pyparking::spin;
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread::{self, JoinHandle};
use trial::until::{until, waits_on};

/// What all threads of a world know.
#[derive(Debug)]
pub(crate) struct World {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug)]
struct State {
    mode: Mode,
    stopped: bool,
    attached: usize,
}

/// What a thread does when it is being attached, with its sections in place or not yet.
type Deed = Box<dyn FnOnce()>;

thread_local! {
    static WORLD: Cell<Option<&'static World>> = const { Cell::new(None) };
    static CHAIN: Cell<Option<Chain>> = const { Cell::new(None) };
    static BEFORE: Cell<Option<Deed>> = const { Cell::new(None) };
    static AFTER: Cell<Option<Deed>> = const { Cell::new(None) };
    static DETACHES: Cell<u32> = const { Cell::new(0) };
    static TOKEN: u8 = const { 0 };
}

static HOOKS: Hooks = Hooks { detach: detach_hook, attach: attach_hook, fatal, ..Hooks::NONE };

fn fatal(_message: &dyn Display) {}

fn detach_hook() -> *mut () {
    if !is_attached() {
        return ptr::null_mut();
    }
    DETACHES.with(|count| count.set(count.get() + 1));
    detach();
    TOKEN.with(|token| ptr::from_ref(token).cast_mut().cast())
}

fn attach_hook(_state: *mut ()) {
    attach();
}

fn is_attached() -> bool {
    WORLD.with(Cell::get).is_some() && CHAIN.with(|place| with_taken(place, Option::is_none))
}

/// Looks at what a cell holds.
fn with_taken<T, R>(place: &Cell<Option<T>>, look: impl FnOnce(&Option<T>) -> R) -> R {
    let value = place.take();
    let result = look(&value);
    place.set(value);
    result
}

/// The calling thread lets go of its world.
fn detach() {
    let chain = runtime::detach();
    CHAIN.with(|place| place.set(Some(chain)));
    let world = WORLD.with(Cell::get).expect("a thread of the world");
    world.change(|state| state.attached -= 1);
}

/// The calling thread comes back, once the world runs.
fn attach() {
    if let Some(deed) = BEFORE.with(Cell::take) {
        deed();
    }
    let world = WORLD.with(Cell::get).expect("a thread of the world");
    let mut state = world.lock();
    while state.stopped {
        state = world.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    state.attached += 1;
    let mode = state.mode;
    drop(state);
    let chain = CHAIN.with(Cell::take).expect("detached before");
    // SAFETY: detached by this thread, in a frame of the hook's caller or above it.
    unsafe { runtime::attach(chain, mode) };
    if let Some(deed) = AFTER.with(Cell::take) {
        deed();
    }
}

impl World {
    pub(crate) const fn new(mode: Mode) -> Self {
        let state = State { mode, stopped: false, attached: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, how: impl FnOnce(&mut State)) {
        how(&mut self.lock());
        self.changed.notify_all();
    }

    /// From now on threads attach in this mode.
    pub(crate) fn set_mode(&self, mode: Mode) {
        self.change(|state| state.mode = mode);
    }

    /// Starts a thread that is attached to this world while it runs `body`.
    pub(crate) fn start<T: Send + 'static>(
        &'static self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            hooks::install(&HOOKS).expect("nobody else installs hooks here");
            // Whoever has to wait parks at once, so that a test knows where it is.
            spin::set_turns(0);
        });
        thread::spawn(move || {
            WORLD.with(|world| world.set(Some(self)));
            CHAIN.with(|place| place.set(Some(Chain::default())));
            attach();
            let result = body();
            detach();
            assert!(CHAIN.with(Cell::take).expect("detached").is_empty(), "a section was left");
            result
        })
    }

    /// Stops all other threads of this world, runs `body`, and lets them go again. Never detaches.
    pub(crate) fn stopped<R>(&'static self, body: impl FnOnce() -> R) -> R {
        let mut state = self.lock();
        assert!(!state.stopped, "one stopper at a time");
        state.stopped = true;
        while state.attached > 1 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        runtime::enter_stopper();
        let result = body();
        let mode = self.lock().mode;
        self.change(|state| state.stopped = false);
        runtime::leave_stopper(mode);
        result
    }

    /// Waits until the one thread of this world sleeps on `primitive`, detached. That it is queued is not enough: it may be
    /// woken before it has come to that.
    #[track_caller]
    pub(crate) fn until_asleep<P>(&self, primitive: &P) {
        until("the thread to be asleep", || {
            waits_on(primitive).len() == 1 && self.lock().attached == 0
        });
    }

    /// Whether somebody has stopped this world, or is about to.
    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }
}

/// Runs `body` detached.
pub(crate) fn allow_threads<R>(body: impl FnOnce() -> R) -> R {
    detach();
    let result = body();
    attach();
    result
}

/// The calling thread does `deed` at its next attach, before its sections are back.
pub(crate) fn before_next_attach(deed: impl FnOnce() + 'static) {
    BEFORE.with(|place| place.set(Some(Box::new(deed))));
}

/// The calling thread does `deed` at its next attach, when its sections are back.
pub(crate) fn after_next_attach(deed: impl FnOnce() + 'static) {
    AFTER.with(|place| place.set(Some(Box::new(deed))));
}

/// The calling thread is not to come back from its next sleep.
pub(crate) fn be_gone() {
    before_next_attach(|| {
        let chain = CHAIN.with(Cell::take).expect("detached");
        // SAFETY: detached by this thread, in a frame of the hook's caller or above it.
        unsafe { runtime::abandon(chain) };
        std::panic::resume_unwind(Box::new("gone"));
    });
}

/// How often hooks have detached the calling thread.
pub(crate) fn detaches() -> u32 {
    DETACHES.with(Cell::get)
}
