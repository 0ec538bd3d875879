//! The rules of the house as an ordinary test, so that `cargo test` alone tells of a broken one.

use std::process::Command;

fn xtask(args: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_xtask")).args(args).output().expect("xtask starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn the_house_is_tidy() {
    let (code, text) = xtask(&["tidy"]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn every_command_has_a_page() {
    let commands = [
        "stress",
        "bench",
        "test",
        "loom",
        "shuttle",
        "faults",
        "tsan",
        "asan",
        "miri",
        "careful",
        "tidy",
        "publish-check",
    ];
    for command in commands {
        let (code, text) = xtask(&["help", command]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("Examples:") && text.contains("Exit codes:"), "{command}: {text}");
    }
}

#[test]
fn a_wrong_call_ends_with_2() {
    assert_eq!(xtask(&["tidy", "--only", "nothing"]).0, Some(2));
    assert_eq!(xtask(&["loom", "--frobnicate"]).0, Some(2));
    assert_eq!(xtask(&[]).0, Some(2));
}

#[test]
fn an_absent_toolchain_ends_with_3() {
    let (code, text) = xtask(&["miri", "--toolchain", "none-of-that-name"]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("to get it:"), "{text}");
}
