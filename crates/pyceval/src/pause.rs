//! A stopped world, started again when dropped.

use crate::thread::Thread;
use crate::world::{Scope, World};
use core::fmt;
use core::marker::PhantomData;
use pycritsec::runtime as sections;
use pyparking::fatal;
use pyparking::primitive::seeded;
use pyref::raw::Ripe;

/// A pause of the world: nobody else in it runs until this is dropped. Port of: `_PyEval_StartTheWorld` (Python/pystate.c)
///
/// What its threads have dropped is freed, unless a guard or a thread of another interpreter keeps it: memory at once,
/// values with destructors as soon as the world has started, because a destructor may wait for a thread that stands still.
///
/// ```
/// let (runtime, mut main) = pyceval::Runtime::builder().start().unwrap();
/// let attached = main.attach().unwrap();
/// {
///     let _pause = runtime.stop_the_world(&attached);
/// }
/// attached.poll().unwrap();
/// ```
#[must_use = "the world starts again as soon as the pause is dropped"]
pub struct Pause<'a> {
    thread: &'a Thread,
    scope: Scope,
    /// What is freed when the world has started: it has destructors.
    _ripe: Ripe,
    _not_send: PhantomData<*const ()>,
}

impl<'a> Pause<'a> {
    /// Stops the world of `thread`, which is attached on the calling thread.
    pub(crate) fn new(thread: &'a Thread, scope: Scope) -> Self {
        thread.expect_attached();
        if thread.pause.get().is_some() {
            fatal(
                "stop-the-world",
                thread,
                "a thread that has stopped the world stops it again",
                "the first pause to be over",
            );
        }
        let core = thread.runtime();
        thread.world(scope).stop(scope, &core.roster, &core.gate, thread);
        thread.pause.set(Some(scope));
        sections::enter_stopper();
        let mut ripe = if seeded("pause-frees-nothing") {
            Ripe::default()
        } else {
            World::ripe(scope, &core.roster, thread)
        };
        ripe.free_memory();
        Self { thread, scope, _ripe: ripe, _not_send: PhantomData }
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        // In the child of a fork the pause is over already (FORK-1).
        let woken = self.thread.pause.take().map(|_scope| {
            let core = self.thread.runtime();
            self.thread.world(self.scope).start(self.scope, &core.roster, &core.gate, self.thread)
        });
        sections::leave_stopper(self.thread.mode());
        drop(woken);
    }
}

impl fmt::Debug for Pause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pause").field("by", &self.thread.id).field("scope", &self.scope).finish()
    }
}
