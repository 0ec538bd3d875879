//! How a command ends when it does not end well.

use std::fmt::Display;

/// The outcome of a command or of one of its parts.
pub(crate) type Outcome<T = ()> = Result<T, Stop>;

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A check failed, or something on the way to it.
    Failed(String),
    /// The command line asks for something that does not exist.
    Usage(String),
    /// A tool is not on this machine.
    Absent {
        /// Its name.
        tool: String,
        /// How to get it.
        get: String,
    },
    /// A program that was run in our place has printed what it had to say, and ended with this code.
    Forwarded(u8),
}

impl Stop {
    /// The code that `EXIT_CODES` promises.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Absent { .. } => 3,
            Self::Forwarded(code) => *code,
        }
    }

    /// Says on standard error why.
    pub(crate) fn print(&self) {
        match self {
            Self::Failed(why) => eprintln!("xtask: failed: {why}"),
            Self::Usage(why) => eprintln!("xtask: {why}"),
            Self::Absent { tool, get } => {
                eprintln!("xtask: not run: {tool} is not on this machine.\n  to get it: {get}");
            }
            Self::Forwarded(_) => {}
        }
    }
}

/// Adds what was being done to an error, and makes it a [`Stop::Failed`].
pub(crate) trait While<T> {
    /// `doing` completes the sentence "cannot …".
    fn while_doing(self, doing: impl Display) -> Outcome<T>;
}

impl<T, E: Display> While<T> for Result<T, E> {
    fn while_doing(self, doing: impl Display) -> Outcome<T> {
        self.map_err(|error| Stop::Failed(format!("cannot {doing}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Stop, While};

    #[test]
    fn codes_are_those_of_the_help_page() {
        let absent = Stop::Absent { tool: "t".into(), get: "g".into() };
        assert_eq!(Stop::Failed(String::new()).exit_code(), 1);
        assert_eq!(Stop::Usage(String::new()).exit_code(), 2);
        assert_eq!(absent.exit_code(), 3);
        assert_eq!(Stop::Forwarded(7).exit_code(), 7);
    }

    #[test]
    fn an_error_says_what_was_being_done() {
        let error = "1x".parse::<u8>().while_doing("read the number").unwrap_err();
        assert!(matches!(&error, Stop::Failed(why) if why.starts_with("cannot read the number: ")));
    }
}
