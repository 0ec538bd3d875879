//! A collector that stops the world: it finds the objects that only each other keep alive.
//!
//! Reference counts free what nobody refers to; a cycle keeps itself alive. So, as CPython's collector does: count,
//! for every object, the references that come from other objects. An object with more references than that is held
//! from outside (a stack, a local variable, a queue), and alive with all that it leads to. The rest is garbage.
//!
//! References are counted, so this needs no list of the threads' stacks, but nobody may move a reference
//! meanwhile: that is what the world is stopped for.

use crate::machine::{Execution, Instruction};
use crate::objects::{Items, Object};
use pyceval::{Attached, Handlers, Raised};
use pysync::MutexCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// New objects before the next collection.
const ENOUGH: usize = 500;

/// All lists and dictionaries.
#[derive(Default)]
pub(crate) struct Heap {
    /// Locked for moments in which its thread does not detach: never by a thread that is stopped.
    objects: MutexCell<Objects>,
}

#[derive(Default)]
struct Objects {
    all: Vec<Weak<Object>>,
    /// Allocated since the last collection.
    fresh: usize,
    collections: usize,
}

impl Heap {
    /// Makes an object, and asks for a collection when there are many new ones.
    pub(crate) fn allocate(&self, attached: &Attached<'_>, items: Items) -> Arc<Object> {
        let object = Arc::new(Object::new(items));
        let mut objects = self.objects.lock();
        objects.all.push(Arc::downgrade(&object));
        objects.fresh += 1;
        if objects.fresh == ENOUGH {
            attached.schedule_collection();
        }
        object
    }

    /// Frees what only cycles keep alive.
    pub(crate) fn collect(&self, attached: &Attached<'_>) {
        let garbage = {
            let _pause = attached.stop_the_world();
            let mut objects = self.objects.lock();
            objects.all.retain(|object| object.strong_count() > 0);
            objects.fresh = 0;
            objects.collections += 1;
            let alive: Vec<_> = objects.all.iter().filter_map(Weak::upgrade).collect();
            // SAFETY: the pause is still there.
            unsafe { unreachable(alive) }
        };
        // The world runs again, and nobody in it can reach these.
        for object in garbage {
            drop(object.clear(attached));
        }
    }

    pub(crate) fn collections(&self) -> usize {
        self.objects.lock().collections
    }

    /// How many objects there are.
    fn live(&self) -> usize {
        self.objects.lock().all.iter().filter(|object| object.strong_count() > 0).count()
    }
}

/// Those of `objects` that are reachable from none but each other.
///
/// # Safety
///
/// The calling thread has stopped the world, and these are all objects that there are.
unsafe fn unreachable(objects: Vec<Arc<Object>>) -> Vec<Arc<Object>> {
    let places: HashMap<_, _> =
        objects.iter().enumerate().map(|(place, object)| (Arc::as_ptr(object), place)).collect();
    // SAFETY: the world is stopped, by the caller's word.
    let children = |object: &Object| unsafe { object.children() }.map(Arc::as_ptr).collect();
    let children: Vec<Vec<_>> = objects.iter().map(|object| children(object)).collect();
    // One reference to each is ours.
    let mut outside: Vec<_> = objects.iter().map(|object| Arc::strong_count(object) - 1).collect();
    for child in children.iter().flatten() {
        outside[places[child]] -= 1;
    }
    let mut reached: Vec<_> = outside.iter().map(|&count| count > 0).collect();
    let mut open: Vec<_> = (0..objects.len()).filter(|&place| reached[place]).collect();
    while let Some(place) = open.pop() {
        for child in &children[place] {
            let child = places[child];
            if !reached[child] {
                reached[child] = true;
                open.push(child);
            }
        }
    }
    let garbage = objects.into_iter().zip(reached).filter(|(_, reached)| !reached);
    garbage.map(|(object, _)| object).collect()
}

/// The heap, as the runtime's poll sees it.
pub(crate) struct Collector(pub(crate) Arc<Heap>);

impl Handlers for Collector {
    fn collect(&self, attached: &Attached<'_>) -> Result<(), Raised> {
        self.0.collect(attached);
        Ok(())
    }
}

pub(crate) const INSTRUCTIONS: &[(&str, Instruction)] = &[("collect", collect), ("live", live)];

/// `collect`: at the next poll, which is at once.
fn collect(run: &mut Execution<'_>) -> Result<(), Raised> {
    run.attached.schedule_collection();
    run.poll()
}

/// `live`: how many lists and dictionaries there are.
fn live(run: &mut Execution<'_>) -> Result<(), Raised> {
    let live = run.machine.heap.live();
    run.push(live);
    Ok(())
}
