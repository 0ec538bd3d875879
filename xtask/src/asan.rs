//! `cargo xtask asan`: the tests under AddressSanitizer.

use crate::help::page;
use crate::sanitizer::{Kind, Options};
use crate::stop::Outcome;
use clap::Args;

const MORE: &str = "\
Needs a nightly toolchain (rustup toolchain install nightly), on Linux or macOS. With its rust-src
component std is built instrumented too. What it looks for here: a waker that touches the stack of a
thread that has gone on (stack-use-after-return and after-scope are on), and leaks.

Examples:
  cargo xtask asan
  cargo xtask asan --package pyparking --test fork";

const KIND: Kind = Kind {
    name: "asan",
    rustflags: &["-Zsanitizer=address"],
    foreign_std: &["-Cunsafe-allow-abi-mismatch=sanitizer"],
    env: &[("ASAN_OPTIONS", "detect_stack_use_after_return=1:halt_on_error=1")],
    without_std: "A bad access inside std's own code is then seen only where it goes through the allocator;\n\
                  accesses by the crates themselves are all seen.",
    needs_std: false,
    except: &[],
};

/// Run the tests under AddressSanitizer
#[derive(Args)]
#[command(after_long_help = page(MORE))]
pub(crate) struct Asan {
    #[command(flatten)]
    options: Options,
}

impl Asan {
    pub(crate) fn run(self) -> Outcome {
        self.options.run(&KIND)
    }
}
