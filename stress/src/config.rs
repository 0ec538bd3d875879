//! What a run is told on the command line.

use crate::rng;
use crate::rows;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use std::time::Duration;

/// Hammers every primitive at once with real threads, checks their invariants meanwhile, and says
/// what that showed.
///
/// Ends with 0 if nothing was found, 1 if a rule was broken or nothing moved any more, 2 on a usage
/// error.
#[derive(Debug, Clone, Parser)]
#[command(name = "pylock-stress", version, after_long_help = row_list())]
pub struct Config {
    /// How long to run
    #[arg(long, default_value = "30", value_name = "SECONDS", value_parser = seconds)]
    pub seconds: f64,

    /// Worker threads at a time
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = threads)]
    pub threads: usize,

    /// Only these rows, separated by commas
    #[arg(long, value_name = "ROW", value_delimiter = ',', value_parser = row_names())]
    pub only: Vec<String>,

    /// Repeats the plan of an earlier run [default: a fresh one, printed]
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    pub seed: Option<u64>,

    /// Writes the result as JSON to FILE, or to standard output
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<String>,

    /// Gives up when nothing has moved for so long
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = seconds)]
    pub watchdog: f64,

    /// Runs without the make-believe runtime that checks the detach and attach hooks
    #[arg(long)]
    pub no_hooks: bool,
}

impl Config {
    /// The length as a duration.
    pub fn length(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// The watchdog's limit as a duration.
    pub fn patience(&self) -> Duration {
        Duration::from_secs_f64(self.watchdog)
    }

    /// Settles on a seed.
    pub fn settle_seed(&mut self) -> u64 {
        *self.seed.get_or_insert_with(rng::fresh_seed)
    }

    /// The command that repeats this run, with what the environment adds to it.
    pub fn command(&self) -> String {
        let mut parts = Vec::new();
        for name in ["RUSTFLAGS", "PYLOCK_FAULT"] {
            if let Ok(value) = std::env::var(name) {
                parts.push(format!("{name}='{value}'"));
            }
        }
        parts.push(format!(
            "cargo xtask stress --seed {:#x} --seconds {}",
            self.seed.unwrap_or(0),
            self.seconds
        ));
        parts.push(format!("--threads {}", self.threads));
        if !self.only.is_empty() {
            parts.push(format!("--only {}", self.only.join(",")));
        }
        if self.no_hooks {
            parts.push("--no-hooks".into());
        }
        parts.join(" ")
    }
}

fn row_names() -> PossibleValuesParser {
    PossibleValuesParser::new(rows::all().iter().map(|row| row.name()).collect::<Vec<_>>())
}

fn row_list() -> String {
    let rows = rows::all();
    let lines = rows.iter().map(|row| format!("  {:<11} {}", row.name(), row.about()));
    format!("Rows:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// A length of time: more than nothing, less than a year.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_string())?;
    if seconds > 0.0 && seconds < 3.0e7 {
        Ok(seconds)
    } else {
        Err("must be above 0 and below 30000000".into())
    }
}

fn threads(text: &str) -> Result<usize, String> {
    let threads: usize = text.parse().map_err(|_| "not a number of threads".to_string())?;
    if (1..=1024).contains(&threads) {
        Ok(threads)
    } else {
        Err("must be between 1 and 1024".into())
    }
}

/// A decimal number, or a hexadecimal one after `0x`.
fn number(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x");
    let parsed = digits.map_or_else(|| text.parse(), |digits| u64::from_str_radix(digits, 16));
    parsed.map_err(|_| "not a 64-bit number, decimal or 0x and hexadecimal".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &str) -> Result<Config, clap::Error> {
        Config::try_parse_from(std::iter::once("stress").chain(args.split_whitespace()))
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let config = parse("").unwrap();
        assert_eq!((config.seconds, config.threads, config.watchdog), (30.0, 32, 10.0));
        assert!(config.only.is_empty() && config.seed.is_none() && config.json.is_none());
    }

    #[test]
    fn the_command_line_repeats_itself() {
        let config =
            parse("--seed 0x1f --seconds 2.5 --threads 3 --only mutex,event --no-hooks").unwrap();
        let command = config.command();
        let args = command.split_once("xtask stress").unwrap().1;
        let again = parse(args).unwrap();
        assert_eq!((again.seed, again.seconds, again.threads), (Some(31), 2.5, 3));
        assert_eq!((again.only, again.no_hooks), (config.only, true));
    }

    #[test]
    fn json_goes_to_a_file_or_to_standard_output() {
        assert_eq!(parse("--json").unwrap().json.as_deref(), Some("-"));
        assert_eq!(parse("--json out.json").unwrap().json.as_deref(), Some("out.json"));
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        let cases = [
            ("--seconds 0", "above 0"),
            ("--threads 0", "between 1 and 1024"),
            ("--seed x", "64-bit"),
            ("--only nothing", "mutex"),
            ("--frobnicate", "unexpected"),
        ];
        for (args, reason) in cases {
            let error = parse(args).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{args}");
            assert!(error.to_string().contains(reason), "{args}: {error}");
        }
    }

    #[test]
    fn a_fresh_seed_is_settled_once() {
        let mut config = parse("").unwrap();
        let seed = config.settle_seed();
        assert_eq!(config.settle_seed(), seed);
    }
}
