//! The command from outside: what it prints, writes and answers, also to arguments that make no sense.

use std::path::PathBuf;
use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pylock-bench"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn printed(answer: &Output) -> String {
    String::from_utf8_lossy(&answer.stdout).into_owned()
}

fn complained(answer: &Output) -> String {
    String::from_utf8_lossy(&answer.stderr).into_owned()
}

/// A path for one test's output.
fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn a_smoke_run_of_every_row_exits_with_0_and_writes_both_files() {
    let (json, svg) = (scratch("smoke.json"), scratch("smoke.svg"));
    let files = [&json, &svg].map(|path| path.to_str().expect("a plain path"));
    let answer = bench(&["--smoke", "--seed", "7", "--json", files[0], "--svg", files[1]]);
    assert!(answer.status.success(), "{}", complained(&answer));
    let text = printed(&answer);
    assert!(text.contains("seed 7") && text.contains("measure nothing"), "{text}");

    let written = std::fs::read_to_string(&json).expect("the JSON was written");
    let found: serde_json::Value = serde_json::from_str(&written).expect("it is JSON");
    let cells = found["cells"].as_array().expect("there is a list of cells");
    for row in pylock_bench::rows::ALL {
        let of_row = |cell: &&serde_json::Value| cell["row"] == row.name;
        let cell = cells.iter().find(of_row).unwrap_or_else(|| panic!("no cell of {}", row.name));
        let ran = cell["arms"].as_array().is_some_and(|arms| arms.len() > 2);
        assert!(ran || cell["absent"].is_string(), "{cell}");
    }
    let picture = std::fs::read_to_string(&svg).expect("the picture was written");
    assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"));
}

#[test]
fn enough_rounds_give_intervals_verdicts_and_a_judged_goal() {
    let answer = bench(&["--smoke", "--only", "once", "--rounds", "8"]);
    let text = printed(&answer);
    assert!(text.contains("goal: at most 1.10 x one acquire load: M"), "{text}");
    assert!(text.contains("1 cell in "), "{text}");
}

#[test]
fn too_few_rounds_leave_the_goal_open() {
    let text = printed(&bench(&["--smoke", "--only", "once", "--rounds", "3"]));
    assert!(text.contains("too few rounds to tell"), "{text}");
}

#[test]
fn a_filter_keeps_ours_and_the_limit() {
    let text = printed(&bench(&["--smoke", "--only", "uncontended", "--peers", "spin"]));
    assert!(text.contains("spin") && text.contains("two bare exchanges"), "{text}");
    assert!(!text.contains("parking_lot"), "{text}");
}

#[test]
fn the_list_names_the_rows() {
    let text = printed(&bench(&["--list"]));
    assert!(pylock_bench::rows::ALL.iter().all(|row| text.contains(row.name)), "{text}");
}

#[test]
fn an_unknown_row_is_named_beside_the_known_ones() {
    let answer = bench(&["--only", "nothing"]);
    assert_eq!(answer.status.code(), Some(2));
    let message = complained(&answer);
    assert!(
        message.contains("there is no row 'nothing'") && message.contains("fairness"),
        "{message}"
    );
}

#[test]
fn absurd_threads_are_refused() {
    let answer = bench(&["--threads", "0"]);
    assert_eq!(answer.status.code(), Some(2));
    assert!(complained(&answer).contains("from 1 to 1024"));
}

#[test]
fn a_missing_library_says_which() {
    let answer = bench(&["--libpython", "no-such-library.so", "--only", "once"]);
    assert_eq!(answer.status.code(), Some(3));
    let message = complained(&answer);
    assert!(message.contains("--libpython no-such-library.so: cannot be loaded"), "{message}");
}

#[test]
fn a_file_that_cannot_be_written_is_known_before_the_run() {
    let answer = bench(&["--json", "no/such/folder/out.json", "--only", "once"]);
    assert_eq!(answer.status.code(), Some(1));
    assert!(complained(&answer).contains("cannot write no/such/folder/out.json"));
    assert!(!printed(&answer).contains("once:"), "nothing was measured");
}

#[cfg(unix)]
#[test]
fn without_valgrind_instructions_are_not_counted_and_it_says_so() {
    let answer = Command::new(env!("CARGO_BIN_EXE_pylock-bench"))
        .arg("--instructions")
        .env("PATH", "/nonexistent")
        .output()
        .expect("the program starts");
    assert_eq!(answer.status.code(), Some(3));
    assert!(complained(&answer).contains("valgrind is not installed"), "{}", complained(&answer));
}
