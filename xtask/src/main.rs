//! The workspace's own commands, as `cargo xtask COMMAND`.
//!
//! One file per command, named after it. What they share: `stop.rs` (how a command ends), `help.rs` (what the
//! help pages share), `cargo.rs` (calling cargo), `workspace.rs` (what is in this workspace), `steps.rs` (a list of steps with a summary), `models.rs`
//! (building and running model tests one by one), `scan.rs` (reading Rust sources as tokens).

mod asan;
mod bench;
mod careful;
mod cargo;
mod faults;
mod help;
mod loom;
mod miri;
mod models;
mod publish_check;
mod sanitizer;
mod say;
mod scan;
mod scratch;
mod shuttle;
mod steps;
mod stop;
mod stress;
mod test;
mod tidy;
mod tsan;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The workspace's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = help::EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Stress(stress::Stress),
    Bench(bench::Bench),
    Test(test::Test),
    Loom(loom::Loom),
    Shuttle(shuttle::Shuttle),
    Faults(faults::Faults),
    Tsan(tsan::Tsan),
    Asan(asan::Asan),
    Miri(miri::Miri),
    Careful(careful::Careful),
    Tidy(tidy::Tidy),
    PublishCheck(publish_check::PublishCheck),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Stress(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Test(command) => command.run(),
        Command::Loom(command) => command.run(),
        Command::Shuttle(command) => command.run(),
        Command::Faults(command) => command.run(),
        Command::Tsan(command) => command.run(),
        Command::Asan(command) => command.run(),
        Command::Miri(command) => command.run(),
        Command::Careful(command) => command.run(),
        Command::Tidy(command) => command.run(),
        Command::PublishCheck(command) => command.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            stop.print();
            ExitCode::from(stop.exit_code())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples_and_exit_codes() {
        for command in Cli::command().get_subcommands() {
            let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            let name = command.get_name();
            assert!(text.contains("Examples:"), "{name} --help has no examples");
            assert!(text.contains("Exit codes:"), "{name} --help has no exit codes");
        }
    }
}
