//! A crew of threads that works on one arm at a time, in blocks.
//!
//! The threads live as long as their cell: they are spawned once, sleep between blocks, are released together, and
//! stop at a flag that each tests once per operation, the same for every arm. The leader only sleeps and counts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::affinity;
use crate::arm::{Arm, Label, Stop, Tally};
use crate::contest::Lanes;
use crate::figure::Figure;
use crate::usage::Usage;

/// A block that has not ended this long after its flag was set is taken for a deadlock.
const HANG: Duration = Duration::from_secs(30);

/// Exit code after a hang or a panic inside an arm: other threads may be stuck, so there is no way to go on.
const BROKEN_ARM: i32 = 70;

/// The arms of one cell and the threads they are given.
pub struct Lineup {
    /// Who competes.
    pub arms: Vec<Box<dyn Arm>>,
    /// How many threads work at once.
    pub threads: usize,
    /// The processor each thread is kept on; threads beyond the list roam.
    pub pins: Vec<usize>,
}

#[derive(Clone, Copy)]
enum Order {
    Rest,
    Work(usize),
    GoHome,
}

struct Board {
    order: Mutex<(u64, Order)>,
    posted: Condvar,
    stop: Stop,
}

struct Note {
    thread: usize,
    tally: Tally,
    usage: Option<Usage>,
}

/// A crew at work, as the contest sees it.
pub struct Crew<'a> {
    lineup: &'a Lineup,
    board: &'a Board,
    notes: Receiver<Option<Note>>,
}

impl Lineup {
    /// Spawns the threads, lets `leader` run blocks, and sends the threads home, also when `leader` panics.
    pub fn lead<R>(&self, leader: impl FnOnce(&mut Crew<'_>) -> R) -> R {
        let board = Board {
            order: Mutex::new((0, Order::Rest)),
            posted: Condvar::new(),
            stop: Stop::default(),
        };
        let (report, notes) = channel();
        thread::scope(|scope| {
            for number in 0..self.threads {
                let (board, report) = (&board, report.clone());
                scope.spawn(move || self.serve(number, board, &report));
            }
            let mut crew = Crew { lineup: self, board: &board, notes };
            leader(&mut crew)
        })
    }

    fn serve(&self, number: usize, board: &Board, report: &Sender<Option<Note>>) {
        if let Some(processor) = self.pins.get(number)
            && !affinity::pin_to(*processor)
        {
            eprintln!("thread {number} cannot be kept on processor {processor}; it roams");
        }
        let mut last = 0;
        while let Some((turn, arm)) = board.next_after(last) {
            last = turn;
            let before = Usage::of_this_thread();
            let result =
                catch_unwind(AssertUnwindSafe(|| self.arms[arm].work(number, &board.stop)));
            let usage = before.zip(Usage::of_this_thread()).map(|(before, after)| after - before);
            let note = result.ok().map(|tally| Note { thread: number, tally, usage });
            if report.send(note).is_err() {
                return;
            }
        }
    }
}

impl Board {
    fn post(&self, order: Order) {
        let mut current = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        *current = (current.0 + 1, order);
        self.posted.notify_all();
    }

    fn next_after(&self, last: u64) -> Option<(u64, usize)> {
        let mut current = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match *current {
                (_, Order::GoHome) => return None,
                (turn, Order::Work(arm)) if turn != last => return Some((turn, arm)),
                _ => current = self.posted.wait(current).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Drop for Crew<'_> {
    fn drop(&mut self) {
        self.board.post(Order::GoHome);
    }
}

impl Lanes for Crew<'_> {
    fn labels(&self) -> Vec<Label> {
        self.lineup.arms.iter().map(|arm| arm.label()).collect()
    }

    fn block(&mut self, arm: usize, span: Duration) -> Figure {
        let contestant = &self.lineup.arms[arm];
        contestant.prepare();
        self.board.stop.set(false);
        let calls = contestant.futex_calls();
        let start = Instant::now();
        self.board.post(Order::Work(arm));
        thread::sleep(span);
        let wall = start.elapsed();
        self.board.stop.set(true);
        let notes: Vec<Note> = (0..self.lineup.threads).map(|_| self.next_note(arm)).collect();
        let after = contestant.futex_calls();
        gather(&notes, wall, calls.zip(after).map(|(before, after)| after.saturating_sub(before)))
    }
}

impl Crew<'_> {
    fn next_note(&self, arm: usize) -> Note {
        let trouble = match self.notes.recv_timeout(HANG) {
            Ok(Some(note)) => return note,
            Ok(None) => "a thread panicked",
            Err(RecvTimeoutError::Timeout) => {
                "a thread does not come back: deadlock or lost wake-up"
            }
            Err(RecvTimeoutError::Disconnected) => "every thread is gone",
        };
        eprintln!(
            "\n{}: {trouble} ({} threads)",
            self.lineup.arms[arm].label().name,
            self.lineup.threads
        );
        eprintln!("{}", crate::peers::ours::who_waits());
        std::process::exit(BROKEN_ARM);
    }
}

fn gather(notes: &[Note], wall: Duration, futex_calls: Option<u64>) -> Figure {
    let mut per_thread = vec![0; notes.len()];
    for note in notes {
        per_thread[note.thread] = note.tally.operations;
    }
    let usages: Option<Vec<Usage>> = notes.iter().map(|note| note.usage).collect();
    Figure {
        per_thread,
        wall: notes.iter().filter_map(|note| note.tally.busy).max().unwrap_or(wall),
        usage: usages.map(|all| all.into_iter().fold(Usage::default(), |sum, usage| sum + usage)),
        futex_calls,
        longest_wait: notes.iter().filter_map(|note| note.tally.longest_wait).max(),
        waits: notes.iter().flat_map(|note| note.tally.waits.iter().copied()).collect(),
        memory: None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Lineup;
    use crate::arm::{Arm, Label, Role, Stop, Tally};
    use crate::contest::Lanes;

    struct Count;

    impl Arm for Count {
        fn label(&self) -> Label {
            Label::new("count", Role::Ours)
        }

        fn work(&self, thread: usize, stop: &Stop) -> Tally {
            let mut operations = 0;
            while !stop.is_set() {
                operations += 1;
                std::hint::spin_loop();
            }
            Tally {
                operations,
                busy: (thread == 1).then_some(Duration::from_secs(9)),
                ..Tally::default()
            }
        }
    }

    #[test]
    fn every_thread_works_in_every_block_and_self_timing_wins() {
        let lineup = Lineup { arms: vec![Box::new(Count)], threads: 2, pins: Vec::new() };
        let blocks = lineup.lead(|crew| {
            assert_eq!(crew.labels()[0].name, "count");
            [crew.block(0, Duration::from_millis(20)), crew.block(0, Duration::from_millis(20))]
        });
        for block in blocks {
            assert_eq!(block.per_thread.len(), 2);
            assert!(block.per_thread.iter().all(|operations| *operations > 0), "{block:?}");
            assert_eq!(block.wall, Duration::from_secs(9));
        }
    }

    #[test]
    fn the_threads_go_home_when_the_leader_panics() {
        let lineup = Lineup { arms: vec![Box::new(Count)], threads: 3, pins: Vec::new() };
        let lead = std::panic::AssertUnwindSafe(|| lineup.lead(|_| panic!("the leader gives up")));
        let outcome = std::panic::catch_unwind(lead);
        assert!(outcome.is_err());
    }
}
