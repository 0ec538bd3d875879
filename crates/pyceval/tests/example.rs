//! The small interpreter of `examples/small`: its sample programs in both modes, what it says about wrong programs, Ctrl-C.

#[path = "../examples/small/assembler.rs"]
mod assembler;
#[path = "../examples/small/blocking.rs"]
mod blocking;
#[path = "../examples/small/collector.rs"]
mod collector;
#[path = "../examples/small/console.rs"]
mod console;
#[path = "../examples/small/machine.rs"]
mod machine;
#[path = "../examples/small/noise.rs"]
mod noise;
#[path = "../examples/small/objects.rs"]
mod objects;
#[path = "../examples/small/options.rs"]
mod options;
#[path = "../examples/small/outside.rs"]
mod outside;
#[path = "../examples/small/program.rs"]
mod program;
#[path = "../examples/small/session.rs"]
mod session;
#[path = "../examples/small/shell.rs"]
mod shell;
#[path = "../examples/small/stack.rs"]
mod stack;
#[path = "../examples/small/stress.rs"]
mod stress;
#[path = "../examples/small/threads.rs"]
mod threads;
#[path = "../examples/small/value.rs"]
mod value;

#[cfg(unix)]
#[path = "example/ctrl_c.rs"]
mod ctrl_c;

use options::{Length, Options};
use program::Program;
use pyceval::SwitchPolicy;
use pysync::MutexCell;
use session::{Outcome, Settings};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// One runtime of a process can have signal handlers at a time.
static ONE_AT_A_TIME: MutexCell<()> = MutexCell::new(());

fn quiet(gil: bool) -> Settings {
    let interval = Duration::from_millis(5);
    Settings { gil, interval, policy: SwitchPolicy::Classic, show: false, noise: None }
}

fn samples() -> Vec<Arc<Program>> {
    let load = |path: &std::path::PathBuf| shell::load(path).map(Arc::new);
    shell::samples().iter().map(load).collect::<Result<_, _>>().unwrap()
}

fn run(text: &str, gil: bool) -> Outcome {
    let program = assembler::assemble(Path::new("test.asm"), text).unwrap();
    let _one = ONE_AT_A_TIME.lock();
    session::run(&Arc::new(program), &quiet(gil)).unwrap()
}

#[test]
fn the_samples_print_what_they_say_in_both_modes() {
    let samples = samples();
    assert!(samples.len() >= 10);
    for program in &samples {
        assert!(!program.expected.is_empty(), "{} says nothing", program.path.display());
        for gil in [true, false] {
            let _one = ONE_AT_A_TIME.lock();
            let outcome = session::run(program, &quiet(gil)).unwrap();
            assert_eq!(shell::difference(program, &outcome), None, "GIL: {gil}");
        }
    }
}

#[test]
fn the_samples_do_not_notice_any_noise() {
    let _one = ONE_AT_A_TIME.lock();
    let summary = stress::run(&samples(), Length::Rounds(2)).unwrap();
    assert!(summary.contains("all as they should be"), "{summary}");
}

#[test]
fn wrong_programs_are_refused_with_line_and_reason() {
    let cases = [
        ("", "there is no function `main` to start with"),
        ("fn other", "there is no function `main` to start with"),
        ("push 1", "line 1: `push` stands outside of a function; begin with `fn NAME`"),
        ("fn", "line 1: `fn` needs the function's name"),
        ("fn main\n\nfn main", "line 3: there are two functions `main`"),
        ("fn main a", "line 1: `main` takes no parameters: nobody could give them"),
        ("fn main\nfn f a a", "line 2: there are two parameters `a`"),
        ("fn main\n; fine\n    fly", "line 3: there is no instruction `fly`"),
        ("fn main\npush", "line 2: `push` needs one operand, but there are 0"),
        ("fn main\npush 1 2", "line 2: `push` needs one operand, but there are 2"),
        ("fn main\npop 1", "line 2: `pop` takes no operand, but there is `1`"),
        ("fn main\npush one", "line 2: `one` is neither a whole number nor a \"text\""),
        ("fn main\npush \"one", "line 2: a text begins and does not end: `\"` is missing"),
        ("fn main\nload x", "line 2: `x` is loaded, but nothing above stores it"),
        ("fn main\njump away", "line 2: there is no label `away` in `main`"),
        ("fn main\na:\na:", "line 3: there are two labels `a` in `main`"),
        ("fn main\ncall f", "line 2: there is no function `f`"),
        ("fn main\nspawn f", "line 2: there is no function `f`"),
        (
            "fn main\npush 2\non_signal f\nfn f a",
            "line 3: the handler of a signal takes no parameters: nobody could give them",
        ),
    ];
    for (text, reason) in cases {
        match assembler::assemble(Path::new("wrong.asm"), text) {
            Ok(_) => panic!("should be refused: {text}"),
            Err(problem) => assert_eq!(problem.to_string(), reason),
        }
    }
}

#[test]
fn what_a_program_does_wrong_is_an_exception_with_line_and_reason() {
    let cases = [
        ("pop", "test.asm:2: in main: the stack is empty"),
        ("push 1\npush 0\ndiv\nprint", "test.asm:4: in main: no result for 1 and 0"),
        ("push 1\nacquire", "test.asm:3: in main: expected a lock, got a number"),
        ("lock\nrelease", "test.asm:3: in main: the mutex is not locked"),
        ("list\npush 3\nget", "test.asm:4: in main: no item 3 in a list of 0"),
        ("list\nlist\nget", "test.asm:4: in main: a list cannot be a key"),
        ("dict\ntake", "test.asm:3: in main: expected a list, got a dictionary"),
        ("push \"no\"\nraise", "test.asm:3: in main: no"),
        ("end_try", "test.asm:2: in main: `end_try` without a `try`"),
        ("call main", "more than 1000 calls inside each other"),
        ("push 11\non_signal f\nfn f", "test.asm:3: in main: signal 11 must not be caught"),
        ("push 99\ntrip", "test.asm:3: in main: "),
        ("pending f\ncall f\nfn f\npush \"late\"\nraise", "in f: late"),
    ];
    for (body, reason) in cases {
        for gil in [true, false] {
            let ended = run(&format!("fn main\n{body}"), gil).ended;
            let said = ended.err().map(|uncaught| uncaught.to_string()).unwrap_or_default();
            assert!(said.contains(reason), "{body}: {said}");
        }
    }
}

#[test]
fn a_full_queue_of_calls_is_an_exception_and_loses_nothing() {
    let fill = |pending: &str, times: u32| {
        let queue = format!("load counts\n{pending} count\n").repeat(times as usize);
        let text = format!(
            "fn main\ndict\nstore counts\ntry full\n{queue}end_try\nfull:\nprint\ncall nothing\n\
             load counts\npush 0\nget\nprint\nfn count counts\nload counts\npush 0\npush 1\nbump\nfn nothing"
        );
        run(&text, true).printed
    };
    let printed = fill("pending", 301);
    assert!(printed[0].contains("300"), "{printed:?}");
    assert_eq!(printed[1], "100", "a pass runs a hundred");
    let printed = fill("main_call", 33);
    assert!(printed[0].contains("32"), "{printed:?}");
    assert_eq!(printed[1], "32");
}

#[test]
fn a_program_that_failed_waits_for_its_threads() {
    let text = "fn main\nspawn late\npop\npush \"enough\"\nraise\nfn late\npush 5\nsleep\npush \"late\"\nprint";
    for gil in [true, false] {
        let outcome = run(text, gil);
        assert!(outcome.ended.unwrap_err().to_string().ends_with("enough"));
        assert_eq!(outcome.printed, ["late"]);
        // One collection, at the end.
        assert_eq!((outcome.collections, outcome.noise_heard), (1, 0));
    }
}

#[test]
fn the_command_line_is_read() {
    let parse = |line: &str| Options::parse(line.split_whitespace().map(str::to_owned));
    let options = parse("--free-threaded --switch-interval 50 --policy responsive a.asm").unwrap();
    assert!(!options.settings.gil && !options.check);
    assert_eq!(options.settings.interval, Duration::from_micros(50));
    assert_eq!(options.settings.policy, SwitchPolicy::Responsive);
    assert_eq!(options.programs, [Path::new("a.asm")]);
    assert_eq!(parse("--repeat 3").unwrap().stress, Some(Length::Rounds(3)));
    let two = Some(Length::Time(Duration::from_secs(2)));
    assert_eq!(parse("--gil --check --stress 2").unwrap().stress, two);
    for (line, reason) in [
        ("", "no program is given"),
        ("--fast a.asm", "there is no option `--fast`"),
        ("--repeat", "`--repeat` needs a number"),
        ("--repeat often", "`--repeat` needs a number, not `often`"),
        ("--policy fair a.asm", "`--policy` is classic or responsive, not `fair`"),
    ] {
        assert_eq!(parse(line).unwrap_err(), reason);
    }
}
