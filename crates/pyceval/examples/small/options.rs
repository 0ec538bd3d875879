//! What the command line asks for.

use crate::session::Settings;
use core::time::Duration;
use pyceval::SwitchPolicy;
use std::path::PathBuf;
use std::str::FromStr;

pub(crate) const USAGE: &str = "\
usage: small [OPTIONS] PROGRAM...
       small --stress SECONDS | --repeat ROUNDS [PROGRAM...]

  --gil                     one thread runs at a time (this is the default)
  --free-threaded           all threads run at once
  --switch-interval MICROS  how long a thread keeps the GIL while others wait (default 5000)
  --policy POLICY           who gets the GIL next: classic (default) or responsive
  --check                   fail unless a program prints what its `;=` lines say
  --stress SECONDS          run the programs in both modes, again and again, amid noise
  --repeat ROUNDS           the same, so many times

A stress run without programs takes the sample programs.";

/// What to do.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) settings: Settings,
    pub(crate) check: bool,
    pub(crate) stress: Option<Length>,
    pub(crate) programs: Vec<PathBuf>,
}

/// How long a stress run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Time(Duration),
    Rounds(u64),
}

impl Options {
    /// Reads the arguments, or says what is wrong with them.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            settings: Settings {
                gil: true,
                interval: Duration::from_millis(5),
                policy: SwitchPolicy::Classic,
                show: true,
                noise: None,
            },
            check: false,
            stress: None,
            programs: Vec::new(),
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            options.take(argument, &mut arguments)?;
        }
        if options.programs.is_empty() && options.stress.is_none() {
            return Err("no program is given".to_owned());
        }
        Ok(options)
    }

    fn take(
        &mut self,
        argument: String,
        rest: &mut impl Iterator<Item = String>,
    ) -> Result<(), String> {
        match &*argument {
            "--gil" => self.settings.gil = true,
            "--free-threaded" => self.settings.gil = false,
            "--check" => self.check = true,
            "--switch-interval" => {
                self.settings.interval = Duration::from_micros(number(&argument, rest.next())?);
            }
            "--policy" => self.settings.policy = policy(rest.next())?,
            "--stress" => {
                let seconds = number(&argument, rest.next())?;
                self.stress = Some(Length::Time(Duration::from_secs(seconds)));
            }
            "--repeat" => self.stress = Some(Length::Rounds(number(&argument, rest.next())?)),
            _ if argument.starts_with('-') => {
                return Err(format!("there is no option `{argument}`"));
            }
            _ => self.programs.push(argument.into()),
        }
        Ok(())
    }
}

fn number(option: &str, value: Option<String>) -> Result<u64, String> {
    let value = value.ok_or_else(|| format!("`{option}` needs a number"))?;
    u64::from_str(&value).map_err(|_| format!("`{option}` needs a number, not `{value}`"))
}

fn policy(value: Option<String>) -> Result<SwitchPolicy, String> {
    match value.as_deref() {
        Some("classic") => Ok(SwitchPolicy::Classic),
        Some("responsive") => Ok(SwitchPolicy::Responsive),
        other => {
            Err(format!("`--policy` is classic or responsive, not `{}`", other.unwrap_or_default()))
        }
    }
}
