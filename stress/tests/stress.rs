//! The program as it is run: its exit codes, its table, its JSON.

use serde_json::Value;
use std::process::{Command, Output};

fn stress(args: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_pylock-stress");
    Command::new(program).args(args.split_whitespace()).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// However short the run and slow the machine: a run ends after each row has had its turn.
fn every_row_did_something(json: &Value) {
    let rows = json["rows"].as_array().expect("rows");
    assert!(rows.len() >= 23, "{rows:?}");
    for row in rows {
        assert!(row["operations"].as_u64() > Some(0), "{row}");
    }
}

#[test]
fn a_short_run_of_everything_is_clean() {
    let output = stress("--seconds 1 --threads 12 --seed 42 --json");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{err}\n{out}");
    assert!(err.contains("seed 0x2a") && err.contains("No violation in"), "{err}");
    let json: Value = serde_json::from_str(&out).expect("JSON and nothing else on standard output");
    assert_eq!(json["clean"], true);
    every_row_did_something(&json);
    assert!(json["lot"]["parks"].as_u64() > Some(0), "nobody was ever queued");
}

#[test]
fn one_row_can_be_chosen_and_json_goes_to_a_file() {
    let file = std::env::temp_dir().join(format!("pylock-stress-{}.json", std::process::id()));
    let output =
        stress(&format!("--seconds 0.2 --threads 4 --only mutex,event --json {}", file.display()));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let json: Value =
        serde_json::from_str(&std::fs::read_to_string(&file).expect("a file")).expect("JSON");
    std::fs::remove_file(&file).expect("the file can be removed");
    let names: Vec<_> =
        json["rows"].as_array().expect("rows").iter().map(|row| row["row"].clone()).collect();
    assert_eq!(names, ["mutex", "event"]);
    assert!(text(&output.stdout).contains("hand-offs"));
}

#[test]
fn it_runs_without_hooks_and_with_a_single_thread() {
    let output = stress("--seconds 0.2 --threads 1 --no-hooks --json");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    every_row_did_something(&serde_json::from_slice(&output.stdout).expect("JSON"));
}

#[test]
fn usage_errors_end_with_two() {
    for args in ["--seconds never", "--only teapot", "--nonsense"] {
        let output = stress(args);
        assert_eq!(output.status.code(), Some(2), "{args}");
        assert!(text(&output.stderr).contains("error:"), "{args}");
    }
}

#[test]
fn help_names_every_row() {
    let output = stress("--help");
    let help = text(&output.stdout);
    for name in ["raw-mutex", "recursive", "seqlock", "lincheck", "--watchdog"] {
        assert!(help.contains(name), "{name} is not in\n{help}");
    }
}
