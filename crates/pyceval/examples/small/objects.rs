//! Shared lists and dictionaries: each operation is one step in a critical section.
//!
//! * OBJECT-1: `items` is reached by an attached thread inside a critical section of the object, for the length of a
//!   *step*, or by the thread that has stopped the world.
//! * OBJECT-2: a step does not block, poll or enter a section, and no value's drop does: nothing in it suspends the
//!   section or comes back to the object. So no two references to the items are there at a time. Every step is in
//!   this file.
//!
//! The same holds under a GIL, where sections are noted only: a step does not detach, so nobody else runs.

use crate::machine::{Execution, Instruction};
use crate::value::{Value, exception, raise};
use core::mem;
use pyceval::{Attached, Raised};
use pycritsec::{Lockable, with_critical_section, with_critical_section2};
use pyparking::primitive::UnsafeCell;
use pysync::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A list or a dictionary: a byte of lock, and the items.
pub(crate) struct Object {
    mutex: Mutex,
    is_list: bool,
    items: UnsafeCell<Items>,
}

// SAFETY: the items are reached by one thread at a time (OBJECT-1, OBJECT-2); values are `Send` and `Sync`.
unsafe impl Sync for Object {}

impl Lockable for Object {
    fn mutex(&self) -> &Mutex {
        &self.mutex
    }
}

/// What is in an object.
pub(crate) enum Items {
    List(VecDeque<Value>),
    Dictionary(BTreeMap<Key, Value>),
}

/// What a dictionary is looked up by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Int(i64),
    Text(Arc<str>),
}

impl Key {
    fn new(value: &Value) -> Result<Self, Raised> {
        match value {
            Value::Int(number) => Ok(Self::Int(*number)),
            Value::Text(text) => Ok(Self::Text(Arc::clone(text))),
            other => raise(format!("{} cannot be a key", other.kind())),
        }
    }
}

impl Object {
    pub(crate) fn new(items: Items) -> Self {
        let is_list = matches!(items, Items::List(_));
        Self { mutex: Mutex::new(), is_list, items: UnsafeCell::new(items) }
    }

    pub(crate) fn kind(&self) -> &'static str {
        if self.is_list { "a list" } else { "a dictionary" }
    }

    /// Does one step.
    fn step<R>(&self, _attached: &Attached<'_>, step: impl FnOnce(&mut Items) -> R) -> R {
        with_critical_section(self, || {
            // SAFETY: attached and inside the section (OBJECT-1); a step leaves it alone (OBJECT-2).
            step(unsafe { &mut *self.items.get() })
        })
    }

    /// Does one step on two objects. The second is `None` if it is the first.
    fn step2<R>(
        &self,
        _attached: &Attached<'_>,
        other: &Self,
        step: impl FnOnce(&mut Items, Option<&mut Items>) -> R,
    ) -> R {
        with_critical_section2(self, other, || {
            // SAFETY: as in `step`; two cells, unless the objects are the same.
            let second = (!core::ptr::eq(self, other)).then(|| unsafe { &mut *other.items.get() });
            // SAFETY: as in `step`.
            step(unsafe { &mut *self.items.get() }, second)
        })
    }

    /// Takes everything out.
    pub(crate) fn clear(&self, attached: &Attached<'_>) -> Items {
        self.step(attached, |items| mem::replace(items, Items::List(VecDeque::new())))
    }

    /// The objects in this one.
    ///
    /// # Safety
    ///
    /// The calling thread has stopped the world, and does not start it while the result is used.
    pub(crate) unsafe fn children(&self) -> impl Iterator<Item = &Arc<Self>> {
        // SAFETY: nobody else runs, and nobody was stopped within a step (OBJECT-1, OBJECT-2).
        let (list, dictionary) = match unsafe { &*self.items.get() } {
            Items::List(list) => (Some(list), None),
            Items::Dictionary(dictionary) => (None, Some(dictionary)),
        };
        let values =
            list.into_iter().flatten().chain(dictionary.into_iter().flat_map(BTreeMap::values));
        values.filter_map(|value| match value {
            Value::Object(object) => Some(object),
            _ => None,
        })
    }
}

impl Items {
    fn list(&mut self) -> Result<&mut VecDeque<Value>, Raised> {
        match self {
            Self::List(list) => Ok(list),
            Self::Dictionary(_) => raise("expected a list, got a dictionary"),
        }
    }

    /// The place of a key: in a list one that is there, in a dictionary made if need be.
    fn place(&mut self, key: &Key) -> Result<&mut Value, Raised> {
        match (self, key) {
            (Self::Dictionary(map), key) => Ok(map.entry(key.clone()).or_insert(Value::Nil)),
            (Self::List(list), Key::Int(index)) => {
                let length = list.len();
                let place = usize::try_from(*index).ok().and_then(|index| list.get_mut(index));
                place.ok_or_else(|| exception(format!("no item {index} in a list of {length}")))
            }
            (Self::List(_), Key::Text(_)) => raise("a list is looked up by number, not by text"),
        }
    }

    /// Adds to the number at a key, where nil counts as 0.
    fn bump(&mut self, key: &Key, by: i64) -> Result<i64, Raised> {
        let place = self.place(key)?;
        let before = match place {
            Value::Nil => 0,
            Value::Int(number) => *number,
            other => return raise(format!("expected a number, got {}", other.kind())),
        };
        let after = before.checked_add(by).ok_or_else(|| exception("the sum is too large"))?;
        *place = Value::Int(after);
        Ok(after)
    }
}

pub(crate) const INSTRUCTIONS: &[(&str, Instruction)] = &[
    ("list", |run| make(run, Items::List(VecDeque::new()))),
    ("dict", |run| make(run, Items::Dictionary(BTreeMap::new()))),
    ("append", append),
    ("take", take),
    ("get", get),
    ("set", set),
    ("bump", bump),
    ("len", length),
    ("extend", extend),
    ("transfer", transfer),
];

fn make(run: &mut Execution<'_>, items: Items) -> Result<(), Raised> {
    let object = run.machine.heap.allocate(run.attached, items);
    run.push(Value::Object(object));
    Ok(())
}

/// `list value append`
fn append(run: &mut Execution<'_>) -> Result<(), Raised> {
    let (value, list) = (run.pop()?, run.pop_object()?);
    list.step(run.attached, |items| items.list().map(|list| list.push_back(value)))
}

/// `list take`: the first item, or nil.
fn take(run: &mut Execution<'_>) -> Result<(), Raised> {
    let list = run.pop_object()?;
    let first = list.step(run.attached, |items| items.list().map(VecDeque::pop_front))?;
    run.push(first.unwrap_or(Value::Nil));
    Ok(())
}

/// `object key get`
fn get(run: &mut Execution<'_>) -> Result<(), Raised> {
    let (key, object) = (Key::new(&run.pop()?)?, run.pop_object()?);
    let value = object.step(run.attached, |items| match items {
        Items::Dictionary(map) => Ok(map.get(&key).cloned().unwrap_or(Value::Nil)),
        Items::List(_) => items.place(&key).cloned(),
    })?;
    run.push(value);
    Ok(())
}

/// `object key value set`
fn set(run: &mut Execution<'_>) -> Result<(), Raised> {
    let value = run.pop()?;
    let (key, object) = (Key::new(&run.pop()?)?, run.pop_object()?);
    // What was there before is dropped out here: its end may be that of a whole tree, and take long.
    let before = object
        .step(run.attached, |items| items.place(&key).map(|place| mem::replace(place, value)));
    before.map(drop)
}

/// `object key number bump`: adds, in one step, and pushes the sum.
fn bump(run: &mut Execution<'_>) -> Result<(), Raised> {
    let by = run.pop_int()?;
    let (key, object) = (Key::new(&run.pop()?)?, run.pop_object()?);
    let sum = object.step(run.attached, |items| items.bump(&key, by))?;
    run.push(Value::Int(sum));
    Ok(())
}

/// `object len`
fn length(run: &mut Execution<'_>) -> Result<(), Raised> {
    let object = run.pop_object()?;
    let length = object.step(run.attached, |items| match items {
        Items::List(list) => list.len(),
        Items::Dictionary(map) => map.len(),
    });
    run.push(length);
    Ok(())
}

/// `list other extend`: all of the other list behind the first one, as it was at one moment.
fn extend(run: &mut Execution<'_>) -> Result<(), Raised> {
    let (other, list) = (run.pop_object()?, run.pop_object()?);
    list.step2(run.attached, &other, |items, others| {
        let list = items.list()?;
        let more: Vec<_> = match others {
            Some(others) => others.list()?.iter().cloned().collect(),
            None => list.iter().cloned().collect(),
        };
        list.extend(more);
        Ok(())
    })
}

/// `from to amount transfer`: from the first item of one list to that of another; whether there was enough.
fn transfer(run: &mut Execution<'_>) -> Result<(), Raised> {
    let amount = run.pop_int()?;
    let (to, from) = (run.pop_object()?, run.pop_object()?);
    let enough = from.step2(run.attached, &to, |from, to| {
        let first = Key::Int(0);
        let enough = from.bump(&first, 0)? >= amount;
        if let (true, Some(to)) = (enough, to) {
            to.bump(&first, amount)?;
            from.bump(&first, -amount)?;
        }
        Ok(enough)
    })?;
    run.push(enough);
    Ok(())
}
