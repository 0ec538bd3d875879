//! All programs in both modes, again and again, amid noise.

use crate::noise::Dice;
use crate::options::Length;
use crate::program::Program;
use crate::session::{self, Settings};
use crate::shell::difference;
use core::time::Duration;
use pyceval::SwitchPolicy;
use std::sync::Arc;
use std::time::Instant;

/// Runs until the time is up or the rounds are done. A summary, or what went wrong first.
pub(crate) fn run(programs: &[Arc<Program>], length: Length) -> Result<String, String> {
    let began = Instant::now();
    let (mut rounds, mut sessions, mut collections, mut heard) = (0, 0, 0, 0);
    let goes_on = |rounds: u64| match length {
        Length::Time(time) => rounds == 0 || began.elapsed() < time,
        Length::Rounds(wanted) => rounds < wanted,
    };
    while goes_on(rounds) {
        rounds += 1;
        for program in programs {
            for settings in all_settings(rounds) {
                let outcome = session::run(program, &settings);
                let outcome = outcome.map_err(|error| format!("{settings:?}: {error}"))?;
                if let Some(difference) = difference(program, &outcome) {
                    return Err(format!("{difference}\n  in round {rounds}, with {settings:?}"));
                }
                sessions += 1;
                collections += outcome.collections;
                heard += outcome.noise_heard;
            }
        }
    }
    Ok(format!(
        "{rounds} rounds, {sessions} sessions of {} programs, all as they should be: \
         {collections} collections, {heard} exceptions out of nowhere",
        programs.len()
    ))
}

/// Both modes with both policies, each round with other noise.
fn all_settings(round: u64) -> impl Iterator<Item = Settings> {
    let ways = [true, false].into_iter().flat_map(|gil| {
        [SwitchPolicy::Classic, SwitchPolicy::Responsive].map(|policy| (gil, policy))
    });
    ways.zip(0..).map(move |((gil, policy), way)| {
        let seed = round * 4 + way;
        let interval = Duration::from_micros(1 << Dice::new(seed).roll(13));
        Settings { gil, interval, policy, show: false, noise: Some(seed) }
    })
}
