//! What a thread that was started here knows of itself.

use crate::exit::Hook;
use crate::handle::Handle;
use pyparking::primitive::Cell;
use pyparking::thread_slot;

thread_slot! {
    static CURRENT: Cell<Option<Handle>> = Cell::new(None)
}
thread_slot! {
    static HOOKS: Cell<Vec<Hook>> = Cell::new(Vec::new())
}

/// A body under way on the calling thread. When dropped, the thread is again what it was before: a body may run
/// inside another's, on a pool's thread.
pub(crate) struct Within {
    outer: Option<Handle>,
    hooks: Vec<Hook>,
}

/// A body begins on the calling thread.
pub(crate) fn enter(thread: Handle) -> Within {
    let outer = CURRENT.with(Cell::take);
    CURRENT.with(|current| current.set(Some(thread)));
    Within { outer, hooks: HOOKS.with(Cell::take) }
}

impl Drop for Within {
    fn drop(&mut self) {
        CURRENT.with(|current| current.set(self.outer.take()));
        HOOKS.with(|hooks| hooks.set(core::mem::take(&mut self.hooks)));
    }
}

/// The handle of the calling thread, while a body runs on it.
pub(crate) fn handle() -> Option<Handle> {
    let copy = |current: &Cell<Option<Handle>>| {
        let handle = current.take();
        current.set(handle.clone());
        handle
    };
    // Gone in a destructor that runs after this slot's.
    CURRENT.try_with(copy).ok().flatten()
}

/// Adds a hook behind the others.
pub(crate) fn add_hook(hook: Hook) {
    HOOKS.with(|slot| {
        let mut hooks = slot.take();
        hooks.push(hook);
        slot.set(hooks);
    });
}

/// The hooks so far; later ones are asked for again.
pub(crate) fn take_hooks() -> Vec<Hook> {
    HOOKS.with(Cell::take)
}
