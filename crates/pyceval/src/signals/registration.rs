//! What listening to a signal gives: something to drop when it is to end.

use super::bridge::Bridge;
use super::courier;
use super::error::SignalError;
use super::table::{Callback, Ear};
use core::fmt;
use core::ops::Deref;
use crossbeam_channel::{Receiver, bounded};
use std::sync::Arc;

/// A callback's stay. Dropping it brings the callback before it back, or what the process did before.
///
/// ```
/// let signals = pyceval::Signals::new();
/// let registration = signals.on(15, |_, _| Ok(())).unwrap();
/// assert_eq!(registration.signal(), 15);
/// ```
#[must_use = "the callback goes as soon as its registration is dropped"]
pub struct Registration {
    bridge: Arc<Bridge>,
    signal: i32,
    number: u64,
}

impl Registration {
    fn new(bridge: &Arc<Bridge>, signal: i32, ear: Ear) -> Result<Self, SignalError> {
        let number = bridge.table.add(bridge, signal, ear)?;
        Ok(Self { bridge: Arc::clone(bridge), signal, number })
    }

    pub(super) fn listen(
        bridge: &Arc<Bridge>,
        signal: i32,
        callback: Arc<Callback>,
    ) -> Result<Self, SignalError> {
        Self::new(bridge, signal, Ear::Callback(callback))
    }

    /// The signal's number.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// let signals = pyceval::Signals::new();
    /// assert_eq!(signals.on(15, |_, _| Ok(())).unwrap().signal(), 15);
    /// ```
    #[must_use]
    pub fn signal(&self) -> i32 {
        self.signal
    }

    /// Lets the callback stay until the [`Signals`](super::Signals) are dropped.
    ///
    /// Cost: one RMW.
    ///
    /// ```
    /// let signals = pyceval::Signals::new();
    /// signals.on(15, |_, _| Ok(())).unwrap().keep();
    /// ```
    pub fn keep(mut self) {
        // A number that nobody has.
        self.number = 0;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if self.number != 0 {
            self.bridge.table.remove(&self.bridge, self.signal, self.number);
        }
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("signal", &self.signal).finish_non_exhaustive()
    }
}

/// A channel that a signal's number comes through, until dropped. Derefs to the receiver; a clone of that is
/// disconnected when the subscription ends.
///
/// ```
/// let subscription = pyceval::Signals::new().subscribe(15).unwrap();
/// // The signals are gone, and with them the sender.
/// assert!(subscription.recv().is_err());
/// ```
#[must_use = "the subscription ends as soon as it is dropped"]
pub struct Subscription {
    receiver: Receiver<i32>,
    registration: Registration,
}

impl Subscription {
    pub(super) fn new(bridge: &Arc<Bridge>, signal: i32) -> Result<Self, SignalError> {
        // One place: a signal that comes while another of its kind is there is the same signal.
        let (sender, receiver) = bounded(1);
        let registration = Registration::new(bridge, signal, Ear::Channel(sender))?;
        courier::start(bridge).map_err(|error| SignalError::System { signal, error })?;
        Ok(Self { receiver, registration })
    }

    /// The signal's number.
    ///
    /// Cost: no atomic operation.
    ///
    /// ```
    /// let signals = pyceval::Signals::new();
    /// assert_eq!(signals.subscribe(15).unwrap().signal(), 15);
    /// ```
    #[must_use]
    pub fn signal(&self) -> i32 {
        self.registration.signal()
    }
}

impl Deref for Subscription {
    type Target = Receiver<i32>;

    fn deref(&self) -> &Receiver<i32> {
        &self.receiver
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("signal", &self.signal()).finish_non_exhaustive()
    }
}
