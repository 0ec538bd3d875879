//! From text to a program, or to the line that is wrong and the reason.
//!
//! ```text
//! ; A comment. The program should print this:
//! ;= 3
//! fn main
//!     push 2
//!     call one_more
//!     print
//!
//! fn one_more number      ; parameters are locals, others come to be at their first `store`
//!     load number
//!     push 1
//!     add
//!     return
//! ```

use crate::machine::{self, Instruction};
use crate::program::{Function, Op, Program, To};
use crate::value::Value;
use core::fmt;
use std::collections::HashMap;
use std::path::Path;

/// What is wrong with a program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Counted from 1; 0 if it is about the whole file.
    pub(crate) line: usize,
    pub(crate) reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            f.write_str(&self.reason)
        } else {
            write!(f, "line {}: {}", self.line, self.reason)
        }
    }
}

fn problem<T>(line: usize, reason: impl Into<String>) -> Result<T, Problem> {
    Err(Problem { line, reason: reason.into() })
}

/// A line that is neither empty nor a comment.
struct Line<'a> {
    number: usize,
    words: Vec<&'a str>,
}

/// The functions seen so far, by name.
type Names<'a> = HashMap<&'a str, usize>;

/// Assembles a program.
pub(crate) fn assemble(path: &Path, text: &str) -> Result<Program, Problem> {
    let lines = read_lines(text)?;
    let bodies = split(&lines)?;
    let names = name_functions(&bodies)?;
    let functions: Vec<_> =
        bodies.iter().map(|body| function(body, &names)).collect::<Result<_, _>>()?;
    let functions = resolve(functions)?;
    let Some(&main) = names.get("main") else {
        return problem(0, "there is no function `main` to start with");
    };
    if functions[main].parameters > 0 {
        return problem(
            bodies[main][0].number,
            "`main` takes no parameters: nobody could give them",
        );
    }
    let sends = lines.iter().any(|line| line.words[0] == "send");
    let expected = text.lines().filter_map(|line| line.strip_prefix(";=")).map(|line| line.trim());
    let expected = expected.map(str::to_owned).collect();
    Ok(Program { path: path.to_owned(), functions, main, sends, expected })
}

fn read_lines(text: &str) -> Result<Vec<Line<'_>>, Problem> {
    let mut lines = Vec::new();
    for (index, text) in text.lines().enumerate() {
        let words = split_words(text).or_else(|reason| problem(index + 1, reason))?;
        if !words.is_empty() {
            lines.push(Line { number: index + 1, words });
        }
    }
    Ok(lines)
}

/// The words of a line; a text between quotation marks is one word, with the first mark.
fn split_words(line: &str) -> Result<Vec<&str>, &'static str> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with(';') {
        let (word, after) = if let Some(text) = rest.strip_prefix('"') {
            let end = text.find('"').ok_or("a text begins and does not end: `\"` is missing")?;
            (&rest[..=end], &text[end + 1..])
        } else {
            rest.split_at(rest.find([' ', '\t', ';']).unwrap_or(rest.len()))
        };
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

/// The lines of each function, its head first.
fn split<'a>(lines: &'a [Line<'a>]) -> Result<Vec<&'a [Line<'a>]>, Problem> {
    if let Some(first) = lines.first().filter(|first| first.words[0] != "fn") {
        return problem(
            first.number,
            format!("`{}` stands outside of a function; begin with `fn NAME`", first.words[0]),
        );
    }
    let mut heads: Vec<_> = (0..lines.len()).filter(|&at| lines[at].words[0] == "fn").collect();
    heads.push(lines.len());
    Ok(heads.windows(2).map(|pair| &lines[pair[0]..pair[1]]).collect())
}

fn name_functions<'a>(bodies: &[&'a [Line<'a>]]) -> Result<Names<'a>, Problem> {
    let mut names = Names::new();
    for (index, body) in bodies.iter().enumerate() {
        let head = &body[0];
        let Some(&name) = head.words.get(1) else {
            return problem(head.number, "`fn` needs the function's name");
        };
        if names.insert(name, index).is_some() {
            return problem(head.number, format!("there are two functions `{name}`"));
        }
    }
    Ok(names)
}

/// A function whose jumps are not resolved yet.
struct Draft<'a> {
    function: Function,
    /// The operand of each instruction that names a place or a function.
    targets: Vec<Option<&'a str>>,
    labels: HashMap<&'a str, usize>,
}

fn function<'a>(body: &'a [Line<'a>], names: &Names<'_>) -> Result<Draft<'a>, Problem> {
    let head = &body[0];
    let mut locals: Vec<String> = Vec::new();
    for &name in &head.words[2..] {
        if locals.iter().any(|local| local == name) {
            return problem(head.number, format!("there are two parameters `{name}`"));
        }
        locals.push(name.to_owned());
    }
    let name = head.words[1].to_owned();
    let parameters = locals.len();
    let function = Function { name, parameters, locals, code: Vec::new(), lines: Vec::new() };
    let mut draft = Draft { function, targets: Vec::new(), labels: HashMap::new() };
    for line in &body[1..] {
        draft.add(line, names)?;
    }
    Ok(draft)
}

impl<'a> Draft<'a> {
    fn add(&mut self, line: &'a Line<'a>, names: &Names<'_>) -> Result<(), Problem> {
        let here = self.function.code.len();
        if let Some(label) = line.words[0].strip_suffix(':').filter(|_| line.words.len() == 1) {
            let there = self.labels.insert(label, here).is_some();
            let reason = || format!("there are two labels `{label}` in `{}`", self.function.name);
            return if there { problem(line.number, reason()) } else { Ok(()) };
        }
        let (op, target) = self.op(line, names)?;
        self.function.code.push(op);
        self.function.lines.push(line.number);
        self.targets.push(target);
        Ok(())
    }

    fn op(
        &mut self,
        line: &'a Line<'a>,
        names: &Names<'_>,
    ) -> Result<(Op, Option<&'a str>), Problem> {
        let (name, operands) = (line.words[0], &line.words[1..]);
        if let Some(instruction) = plain(name) {
            return match operands.first() {
                None => Ok((instruction, None)),
                Some(extra) => problem(
                    line.number,
                    format!("`{name}` takes no operand, but there is `{extra}`"),
                ),
            };
        }
        let Some(kind) = with_operand(name) else {
            return problem(line.number, format!("there is no instruction `{name}`"));
        };
        let &[operand] = operands else {
            return problem(
                line.number,
                format!("`{name}` needs one operand, but there are {}", operands.len()),
            );
        };
        let op = match kind {
            Kind::Constant => {
                Op::Push(constant(operand).or_else(|reason| problem(line.number, reason))?)
            }
            Kind::Load => Op::Load(self.existing_local(line.number, operand)?),
            Kind::Store => Op::Store(self.local(operand)),
            Kind::Label(op) => return Ok((op(usize::MAX), Some(operand))),
            Kind::Function(op) => match names.get(operand) {
                Some(&function) => op(function),
                None => return problem(line.number, format!("there is no function `{operand}`")),
            },
        };
        Ok((op, None))
    }

    fn existing_local(&self, line: usize, name: &str) -> Result<usize, Problem> {
        match self.function.locals.iter().position(|local| local == name) {
            Some(place) => Ok(place),
            None => problem(line, format!("`{name}` is loaded, but nothing above stores it")),
        }
    }

    fn local(&mut self, name: &str) -> usize {
        let locals = &mut self.function.locals;
        locals.iter().position(|local| local == name).unwrap_or_else(|| {
            locals.push(name.to_owned());
            locals.len() - 1
        })
    }
}

/// Fills in where jumps go, and checks what signal handlers take.
fn resolve(drafts: Vec<Draft<'_>>) -> Result<Vec<Function>, Problem> {
    let parameters: Vec<_> = drafts.iter().map(|draft| draft.function.parameters).collect();
    let mut functions = Vec::new();
    for Draft { mut function, targets, labels } in drafts {
        for (at, op) in function.code.iter_mut().enumerate() {
            let line = function.lines[at];
            match op {
                Op::Jump(to) | Op::JumpIf(to) | Op::JumpUnless(to) | Op::Try(to) => {
                    let label = targets[at].unwrap_or_default();
                    match labels.get(label) {
                        Some(&place) => *to = place,
                        None => {
                            return problem(
                                line,
                                format!("there is no label `{label}` in `{}`", function.name),
                            );
                        }
                    }
                }
                Op::Hand(To::Signal, handler) if parameters[*handler] > 0 => {
                    return problem(
                        line,
                        "the handler of a signal takes no parameters: nobody could give them",
                    );
                }
                _ => {}
            }
        }
        functions.push(function);
    }
    Ok(functions)
}

/// An instruction without an operand.
fn plain(name: &str) -> Option<Op> {
    let known = |table: &[(&str, Instruction)]| {
        table.iter().find(|(known, _)| *known == name).map(|(_, run)| Op::Plain(*run))
    };
    match name {
        "return" => Some(Op::Return),
        "end_try" => Some(Op::EndTry),
        "nil" => Some(Op::Push(Value::Nil)),
        _ => machine::INSTRUCTIONS.iter().find_map(|table| known(table)),
    }
}

/// What the operand of an instruction is.
enum Kind {
    Constant,
    Load,
    Store,
    Label(fn(usize) -> Op),
    Function(fn(usize) -> Op),
}

fn with_operand(name: &str) -> Option<Kind> {
    Some(match name {
        "push" => Kind::Constant,
        "load" => Kind::Load,
        "store" => Kind::Store,
        "jump" => Kind::Label(Op::Jump),
        "jump_if" => Kind::Label(Op::JumpIf),
        "jump_unless" => Kind::Label(Op::JumpUnless),
        "try" => Kind::Label(Op::Try),
        "call" => Kind::Function(Op::Call),
        "spawn" => Kind::Function(|function| Op::Hand(To::NewThread, function)),
        "pending" => Kind::Function(|function| Op::Hand(To::AnyThread, function)),
        "main_call" => Kind::Function(|function| Op::Hand(To::MainThread, function)),
        "on_signal" => Kind::Function(|function| Op::Hand(To::Signal, function)),
        _ => return None,
    })
}

fn constant(word: &str) -> Result<Value, String> {
    if let Some(text) = word.strip_prefix('"') {
        return Ok(Value::text(text));
    }
    word.parse()
        .map(Value::Int)
        .map_err(|_| format!("`{word}` is neither a whole number nor a \"text\""))
}
