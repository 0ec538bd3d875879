//! The bench as a command; everything it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    pylock_bench::run::main()
}
