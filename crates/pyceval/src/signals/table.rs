//! Who listens to which signal.
//!
//! * TABLE-1: used under its lock, which no handler takes and under which nothing sleeps that could detach: a thread that
//!   is stopped never has it. What is taken out is dropped after the lock, as drops may do anything.
//! * TABLE-2: a signal is hooked exactly while somebody listens to it or follows it; the process's handlers are claimed
//!   exactly while a signal is.

use super::bridge::Bridge;
use super::disposition;
use super::error::{SignalError, check_allowed};
use crate::attached::Attached;
use crate::raised::{KeyboardInterrupt, Raised};
use crossbeam_channel::Sender;
use pyparking::RawMutex;
use pyparking::primitive::{UnsafeCell, seeded};
use signal_hook::SigId;
use signal_hook::low_level::{register, unregister};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// The keyboard's interrupt.
pub(super) const INTERRUPT: i32 = signal_hook::consts::SIGINT;

pub(super) type Callback = dyn Fn(&Attached<'_>, i32) -> Result<(), Raised> + Send + Sync;

/// What the keyboard's interrupt raises where nothing else was said.
pub(super) fn keyboard_interrupt() -> Raised {
    Raised::new(KeyboardInterrupt)
}

/// One who is told of a signal.
pub(super) enum Ear {
    /// On the main thread.
    Callback(Arc<Callback>),
    /// By the courier.
    Channel(Sender<i32>),
}

/// A signal that somebody is told of, or is about to be.
struct Slot {
    ears: Vec<(u64, Ear)>,
    hook: SigId,
}

impl Slot {
    fn has(&self, wanted: impl Fn(&Ear) -> bool) -> bool {
        self.ears.iter().any(|(_, ear)| wanted(ear))
    }
}

#[derive(Default)]
struct Slots {
    of: BTreeMap<i32, Slot>,
    made: u64,
}

impl Slots {
    /// Leaves the process's handlers to others once no signal is hooked.
    fn release_if_last(&self, bridge: &Bridge) {
        if self.of.is_empty() && !seeded("signals-kept") {
            disposition::release(bridge);
        }
    }
}

pub(super) struct Table {
    lock: RawMutex,
    slots: UnsafeCell<Slots>,
}

// SAFETY: the slots are used under the lock (TABLE-1), and what is in them is `Send`.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

impl Table {
    pub(super) fn new() -> Self {
        Self { lock: RawMutex::new(), slots: UnsafeCell::new(Slots::default()) }
    }

    fn with<R>(&self, f: impl FnOnce(&mut Slots) -> R) -> R {
        let _held = self.lock.guard();
        // SAFETY: under the lock, and no caller below comes back here from inside (TABLE-1).
        f(unsafe { &mut *self.slots.get() })
    }

    /// Adds one who is told of the signal, and hooks it if he is the first. His number.
    pub(super) fn add(
        &self,
        bridge: &Arc<Bridge>,
        signal: i32,
        ear: Ear,
    ) -> Result<u64, SignalError> {
        check_allowed(signal)?;
        // Taken inside, so that one that is not added is dropped after the lock (TABLE-1).
        let mut ear = Some(ear);
        self.with(|slots| {
            disposition::claim(bridge)?;
            let slot = match slots.of.entry(signal) {
                Entry::Occupied(slot) => slot.into_mut(),
                Entry::Vacant(place) => match hook(bridge, signal) {
                    Ok(hook) => place.insert(Slot { ears: Vec::new(), hook }),
                    Err(error) => {
                        slots.release_if_last(bridge);
                        return Err(error);
                    }
                },
            };
            slots.made += 1;
            slot.ears.extend(ear.take().map(|ear| (slots.made, ear)));
            told(bridge, signal, slot);
            Ok(slots.made)
        })
    }

    /// Takes him out again, if he is still there, and unhooks the signal if he was the last.
    pub(super) fn remove(&self, bridge: &Bridge, signal: i32, number: u64) {
        let ear = self.with(|slots| {
            let slot = slots.of.get_mut(&signal)?;
            let at = slot.ears.iter().position(|(mine, _)| *mine == number)?;
            let ear = slot.ears.remove(at);
            told(bridge, signal, slot);
            if slot.ears.is_empty() {
                unhook(signal, slot);
                slots.of.remove(&signal);
                slots.release_if_last(bridge);
            }
            Some(ear)
        });
        drop(ear);
    }

    /// Takes everybody out.
    pub(super) fn close(&self, bridge: &Bridge) {
        let all = self.with(|slots| core::mem::take(&mut slots.of));
        for (signal, mut slot) in all {
            unhook(signal, &slot);
            slot.ears.clear();
            told(bridge, signal, &slot);
        }
        disposition::release(bridge);
    }

    /// The callback of the signal that was added last.
    pub(super) fn callback(&self, signal: i32) -> Option<Arc<Callback>> {
        let found = self.with(|slots| {
            let mut ears = slots.of.get(&signal)?.ears.iter().rev();
            ears.find_map(|(_, ear)| match ear {
                Ear::Callback(callback) => Some(Arc::clone(callback)),
                Ear::Channel(_) => None,
            })
        });
        let is_default = || signal == INTERRUPT;
        found.or_else(|| {
            is_default().then(|| -> Arc<Callback> { Arc::new(|_, _| Err(keyboard_interrupt())) })
        })
    }

    /// Sends the signal to all who follow it. A channel that is full has the signal already.
    pub(super) fn send(&self, signal: i32) {
        self.with(|slots| {
            let ears = slots.of.get(&signal).map(|slot| &slot.ears[..]).unwrap_or_default();
            for (_, ear) in ears {
                if let Ear::Channel(channel) = ear {
                    let _full = channel.try_send(signal);
                }
            }
        });
    }

    /// Whether anybody follows any signal.
    pub(super) fn is_followed(&self) -> bool {
        self.with(|slots| slots.of.values().any(|slot| slot.has(is_channel)))
    }

    /// # Safety
    ///
    /// The calling thread is the only one of the process, and the table was not in use when it forked.
    pub(super) unsafe fn after_fork_child(&self) {
        // SAFETY: handed on to the caller.
        unsafe { self.lock.after_fork_child() };
    }
}

fn is_channel(ear: &Ear) -> bool {
    matches!(ear, Ear::Channel(_))
}

/// Tells the handler whom it has to tell.
fn told(bridge: &Bridge, signal: i32, slot: &Slot) {
    bridge.hear(signal, slot.has(|ear| !is_channel(ear)));
    bridge.follow(signal, slot.has(is_channel));
}

fn hook(bridge: &Arc<Bridge>, signal: i32) -> Result<SigId, SignalError> {
    let shared = Arc::clone(bridge);
    let hooked = disposition::attend(signal).and_then(|()| {
        // SAFETY: `trip` is async-signal-safe (SIGNAL-2), does not panic, and keeps what it uses alive by its share.
        unsafe { register(signal, move || shared.trip(signal)) }
    });
    hooked.map_err(|error| {
        disposition::leave(signal);
        SignalError::System { signal, error }
    })
}

fn unhook(signal: i32, slot: &Slot) {
    unregister(slot.hook);
    disposition::leave(signal);
}
