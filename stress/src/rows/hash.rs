//! Row `hash`: hashing under the secret of the process while others replace it.

use crate::findings::Rule;
use crate::row::{Arena, Quiet, Row, Setup};
use crate::worker::Worker;
use pyhash::Secret;
use std::sync::{Mutex, PoisonError};

/// The row.
#[derive(Debug)]
pub struct HashRow;

impl Row for HashRow {
    fn name(&self) -> &'static str {
        "hash"
    }

    fn about(&self) -> &'static str {
        "pyhash: the process's secret used by all and replaced by some; always a whole one, and \
         after a replacement the new one"
    }

    fn weight(&self) -> u32 {
        1
    }

    fn open(&self, _setup: Setup) -> Box<dyn Arena> {
        Box::new(Hashes::open(Process))
    }
}

/// Where a secret is kept.
pub trait Keeper: Send + Sync {
    /// The bytes of the secret now.
    fn secret(&self) -> [u8; Secret::SIZE];
    /// The hash of some text under the secret now.
    fn hash(&self, text: &str) -> isize;
    /// From now on this one.
    fn replace(&self, secret: Secret);
}

/// The process's own place.
#[derive(Debug)]
pub struct Process;

impl Keeper for Process {
    fn secret(&self) -> [u8; Secret::SIZE] {
        *Secret::global().as_bytes()
    }

    fn hash(&self, text: &str) -> isize {
        pyhash::hash_str(text)
    }

    fn replace(&self, secret: Secret) {
        secret.replace_global();
    }
}

/// Secrets of these seeds take turns.
const SEEDS: [u32; 8] = [1, 2, 3, 42, 1 << 31, 77, 4_000_000_000, u32::MAX];

/// What is hashed: in one shot, and in batches of two and four bytes per character.
const TEXTS: [&str; 4] = ["spam", "a string of some length, as a name has it", "ἄλφα", "sp🥚m"];

/// One replacement at a time: arenas of one process share the process's secret.
static REPLACING: Mutex<()> = Mutex::new(());

/// One round's view of a keeper.
#[derive(Debug)]
pub struct Hashes<K> {
    keeper: K,
    secrets: Vec<Secret>,
    /// Of each text, its hash under each secret.
    hashes: Vec<Vec<isize>>,
}

impl<K: Keeper> Hashes<K> {
    /// A view of a keeper that from now on has a secret of ours.
    pub fn open(keeper: K) -> Self {
        let secrets = SEEDS.map(Secret::from_seed).to_vec();
        let of = |text: &&str| secrets.iter().map(|secret| secret.hash_str(text)).collect();
        let hashes = TEXTS.iter().map(of).collect();
        keeper.replace(secrets[0]);
        Self { keeper, secrets, hashes }
    }

    fn look(&self, worker: &Worker<'_>) {
        let seen = self.keeper.secret();
        let whole = self.secrets.iter().any(|secret| *secret.as_bytes() == seen);
        worker.expect(whole, Rule::TornRead, || format!("a secret of no seed: {seen:02x?}"));
    }

    fn hash(&self, worker: &mut Worker<'_>) {
        let which = worker.rng.below(TEXTS.len());
        let seen = self.keeper.hash(TEXTS[which]);
        worker.expect(self.hashes[which].contains(&seen), Rule::TornRead, || {
            format!("{:?} hashes to {seen}, which is no secret's hash of it", TEXTS[which])
        });
    }

    fn replace(&self, worker: &mut Worker<'_>) {
        let next = worker.rng.pick(&self.secrets);
        let _alone = REPLACING.lock().unwrap_or_else(PoisonError::into_inner);
        self.keeper.replace(next);
        let seen = self.keeper.secret();
        worker.expect(seen == *next.as_bytes(), Rule::LostUpdate, || {
            format!("replaced by {:02x?}, but it is {seen:02x?}", next.as_bytes())
        });
    }
}

impl<K: Keeper> Arena for Hashes<K> {
    fn visit(&self, worker: &mut Worker<'_>) {
        for _ in 0..worker.burst() {
            if worker.stopping() {
                break;
            }
            match worker.rng.below(16) {
                0 => self.replace(worker),
                1..=4 => self.look(worker),
                _ => self.hash(worker),
            }
            worker.done();
        }
    }

    fn settle(&mut self, quiet: Quiet<'_>) {
        let seen = self.keeper.secret();
        let whole = self.secrets.iter().any(|secret| *secret.as_bytes() == seen);
        quiet.expect(whole, Rule::TornRead, || format!("a secret of no seed stays: {seen:02x?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::trial;
    use std::thread;

    /// Keeps two halves behind a lock each.
    #[derive(Default)]
    struct Halves([Mutex<[u8; 12]>; 2]);

    /// Forgets replacements.
    struct Stubborn(Secret);

    impl Keeper for Halves {
        fn secret(&self) -> [u8; Secret::SIZE] {
            let first = *self.0[0].lock().unwrap();
            thread::yield_now();
            let second = *self.0[1].lock().unwrap();
            [first, second].concat().try_into().unwrap()
        }

        fn hash(&self, text: &str) -> isize {
            Secret::from_bytes(self.secret()).hash_str(text)
        }

        fn replace(&self, secret: Secret) {
            for (place, half) in self.0.iter().zip(secret.as_bytes().chunks_exact(12)) {
                place.lock().unwrap().copy_from_slice(half);
                thread::yield_now();
            }
        }
    }

    impl Keeper for Stubborn {
        fn secret(&self) -> [u8; Secret::SIZE] {
            *self.0.as_bytes()
        }

        fn hash(&self, text: &str) -> isize {
            self.0.hash_str(text)
        }

        fn replace(&self, _secret: Secret) {}
    }

    #[test]
    fn mixed_secrets_are_caught() {
        let found = trial::until(Rule::TornRead, &[], |_| Hashes::open(Halves::default()));
        assert!(found.broke(Rule::TornRead));
    }

    #[test]
    fn a_lost_replacement_is_caught() {
        let stubborn = |_| Hashes::open(Stubborn(Secret::from_seed(1)));
        assert!(trial::alone(Rule::LostUpdate, &[], stubborn).broke(Rule::LostUpdate));
    }

    #[test]
    fn the_real_one_is_not() {
        trial::clean(&[], |_| Hashes::open(Process));
    }
}
