//! `cargo xtask tsan`: the tests under ThreadSanitizer.

use crate::help::page;
use crate::sanitizer::{Kind, Options};
use crate::stop::Outcome;
use clap::Args;

const MORE: &str = "\
Needs a nightly toolchain with the rust-src component (rustup toolchain install nightly --component
rust-src), on Linux or macOS: std is built instrumented. Over the std that comes with the toolchain
(--plain-std) there are false reports, first of all from the test harness. No suppressions are used. ThreadSanitizer sees the races of the schedules that happened, no others, and
it does not understand fences: a race report beside a fence is to be read with that in mind.

Examples:
  cargo xtask tsan
  cargo xtask tsan --package pysync --test stress";

const KIND: Kind = Kind {
    name: "tsan",
    rustflags: &["-Zsanitizer=thread"],
    foreign_std: &["-Cunsafe-allow-abi-mismatch=sanitizer"],
    env: &[("TSAN_OPTIONS", "halt_on_error=1 second_deadlock_stack=1")],
    without_std: "What std synchronises inside itself (starting and joining threads, Arc, channels, its locks) is\n\
                  invisible then: expect false reports, and trust none that has a frame of std in it.",
    needs_std: true,
    // A child of a process with threads has no working sanitizer in it.
    except: &["fork"],
};

/// Run the tests under ThreadSanitizer
#[derive(Args)]
#[command(after_long_help = page(MORE))]
pub(crate) struct Tsan {
    #[command(flatten)]
    options: Options,
}

impl Tsan {
    pub(crate) fn run(self) -> Outcome {
        self.options.run(&KIND)
    }
}
