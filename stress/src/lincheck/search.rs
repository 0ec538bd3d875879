//! The search for an order, in the manner of Wing and Gong: take a call that could be the next one,
//! see whether the specification allows its result, go on with the rest, come back if that fails.
//! What was tried in vain (the set of calls already taken, and the state they led to) is
//! remembered, so no such point is searched twice.

use super::history::Event;
use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

/// A sequential object.
pub trait Spec {
    /// Its state.
    type State: Clone + Eq + Hash + fmt::Debug;
    /// A call with its result.
    type Call: fmt::Debug;
    /// The first state.
    fn start() -> Self::State;
    /// The state after `call`, if the call can have this result in `state`.
    fn step(state: &Self::State, call: &Self::Call) -> Option<Self::State>;
}

/// Calls that a history may have.
pub const LONGEST: usize = 64;

/// An order of the history's calls (as indices) that the specification allows, if there is one.
pub fn order<S: Spec>(history: &[Event<S::Call>]) -> Option<Vec<usize>> {
    assert!(history.len() <= LONGEST, "a history of {} calls", history.len());
    let mut search = Search::<S> { history, tried: HashSet::new(), path: Vec::new() };
    search.go(0, &S::start()).then_some(search.path)
}

struct Search<'a, S: Spec> {
    history: &'a [Event<S::Call>],
    tried: HashSet<(u64, S::State)>,
    path: Vec<usize>,
}

impl<S: Spec> Search<'_, S> {
    /// Whether the calls that are not in `taken` can follow from `state`.
    fn go(&mut self, taken: u64, state: &S::State) -> bool {
        if self.path.len() == self.history.len() {
            return true;
        }
        if !self.tried.insert((taken, state.clone())) {
            return false;
        }
        let is_open = |index: &usize| taken & (1 << index) == 0;
        // Whatever returned before another call was made cannot come after it.
        let first_return =
            (0..self.history.len()).filter(is_open).map(|index| self.history[index].returned).min();
        for index in (0..self.history.len()).filter(is_open) {
            let event = &self.history[index];
            if Some(event.invoked) > first_return {
                continue;
            }
            let Some(next) = S::step(state, &event.call) else { continue };
            self.path.push(index);
            if self.go(taken | 1 << index, &next) {
                return true;
            }
            self.path.pop();
        }
        false
    }
}

/// A history as text, one call a line, in the order of their beginnings.
pub fn describe<C: fmt::Debug>(history: &[Event<C>]) -> String {
    let mut lines: Vec<_> = history.iter().collect();
    lines.sort_by_key(|event| event.invoked);
    let line = |event: &&Event<C>| {
        format!(
            "  thread {} [{:>3}, {:>3}] {:?}",
            event.thread, event.invoked, event.returned, event.call
        )
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that can be written and read.
    struct Number;

    #[derive(Debug, Clone, Copy)]
    enum Call {
        Write(u8),
        Read(u8),
    }

    impl Spec for Number {
        type State = u8;
        type Call = Call;

        fn start() -> u8 {
            0
        }

        fn step(state: &u8, call: &Call) -> Option<u8> {
            match *call {
                Call::Write(value) => Some(value),
                Call::Read(value) => (value == *state).then_some(value),
            }
        }
    }

    fn history(events: &[(usize, Call, u64, u64)]) -> Vec<Event<Call>> {
        let event = |&(thread, call, invoked, returned)| Event { thread, call, invoked, returned };
        events.iter().map(event).collect()
    }

    #[test]
    fn nothing_is_linearizable() {
        assert_eq!(order::<Number>(&[]), Some(vec![]));
    }

    #[test]
    fn a_read_may_come_before_or_after_an_overlapping_write() {
        for seen in [0, 1] {
            let history = history(&[(0, Call::Write(1), 0, 3), (1, Call::Read(seen), 1, 2)]);
            let found = order::<Number>(&history).unwrap();
            assert_eq!(found[0] == 0, seen == 1);
        }
    }

    #[test]
    fn a_stale_read_is_not_linearizable() {
        let history = history(&[(0, Call::Write(1), 0, 1), (1, Call::Read(0), 2, 3)]);
        assert_eq!(order::<Number>(&history), None);
    }

    #[test]
    fn two_readers_must_agree_on_the_order_of_two_writes() {
        let split = history(&[
            (0, Call::Write(1), 0, 9),
            (1, Call::Write(2), 1, 10),
            (2, Call::Read(1), 2, 3),
            (2, Call::Read(2), 4, 5),
            (3, Call::Read(2), 11, 12),
            (3, Call::Read(1), 13, 14),
        ]);
        assert_eq!(order::<Number>(&split), None);
        assert!(order::<Number>(&split[..5]).is_some());
    }

    #[test]
    fn many_overlapping_calls_are_searched_in_reasonable_time() {
        let wide: Vec<_> = (0..12).map(|n| (n, Call::Write(n as u8 % 2), 0, 100)).collect();
        let mut wide = history(&wide);
        wide.push(Event { thread: 12, call: Call::Read(7), invoked: 0, returned: 100 });
        assert_eq!(order::<Number>(&wide[..12]).unwrap().len(), 12);
        assert_eq!(order::<Number>(&wide), None, "nobody wrote a seven");
    }

    #[test]
    fn a_history_reads_from_top_to_bottom() {
        let history = history(&[(1, Call::Read(0), 5, 6), (0, Call::Write(1), 0, 3)]);
        assert_eq!(
            describe(&history),
            "  thread 0 [  0,   3] Write(1)\n  thread 1 [  5,   6] Read(0)"
        );
    }
}
