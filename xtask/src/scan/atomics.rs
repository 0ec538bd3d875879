//! The atomic operations of a file, with the line that the compiler gives each of them.
//!
//! A `#[track_caller]` method sees the line of its own name, not of its receiver, however the call is split
//! over lines; a function sees the first line of its path. A test below asks the compiler.

use super::scope::{Scope, walk};
use super::{Source, Token};

/// An atomic operation whose ordering is written where it is called.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Atomic {
    /// The line that the operation's caller location names.
    pub(crate) line: usize,
    /// The last line of the call.
    pub(crate) last_line: usize,
    /// The name of the operation.
    pub(crate) method: String,
    /// The call with its receiver, on one line.
    pub(crate) text: String,
    /// The function around it, as `Type::name`.
    pub(crate) function: String,
    /// The orderings of the call, as written.
    pub(crate) orders: Vec<Order>,
}

/// A memory ordering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Relaxed,
    Acquire,
    Release,
    AcqRel,
    SeqCst,
}

const METHODS: &[&str] = &[
    "load",
    "store",
    "swap",
    "compare_exchange",
    "compare_exchange_weak",
    "fetch_add",
    "fetch_sub",
    "fetch_and",
    "fetch_nand",
    "fetch_or",
    "fetch_xor",
    "fetch_max",
    "fetch_min",
    "fetch_update",
];

/// The atomic operations and fences of `file`.
pub(crate) fn atomics(file: &Source) -> Vec<Atomic> {
    let mut found = Vec::new();
    walk(&file.tokens, &Scope::default(), &mut |tokens, at, scope| {
        let Some((start, line)) = call_at(tokens, at) else { return };
        let Some(arguments) = tokens.get(at + 1).filter(|next| next.parens().is_some()) else {
            return;
        };
        let orders: Vec<_> = arguments.inside().iter().filter_map(order).collect();
        if orders.is_empty() {
            return;
        }
        found.push(Atomic {
            line,
            last_line: arguments.last_line,
            method: tokens[at].word().unwrap_or_default().to_owned(),
            text: one_line(&file.between(&tokens[start], arguments)),
            function: scope.path(),
            orders,
        });
    });
    found
}

/// Where the call whose name is at `at` starts, and its line for the compiler; `None` for other tokens.
fn call_at(tokens: &[Token], at: usize) -> Option<(usize, usize)> {
    let name = tokens[at].word()?;
    let behind_dot = at > 0 && tokens[at - 1].is_mark('.');
    let behind_fn = at > 0 && tokens[at - 1].is_word("fn");
    if behind_dot && METHODS.contains(&name) {
        Some((receiver_start(tokens, at - 1), tokens[at].line))
    } else if name == "fence" && !behind_dot && !behind_fn {
        let start = receiver_start(tokens, at);
        Some((start, tokens[start].line))
    } else {
        None
    }
}

/// The first token of the place or path that ends just before `end`.
fn receiver_start(tokens: &[Token], end: usize) -> usize {
    const BREAKS: &[&str] = &[
        "let", "return", "if", "while", "match", "in", "else", "unsafe", "move", "mut", "break",
        "loop",
    ];
    let belongs = |token: &Token| match token.word() {
        Some(word) => !BREAKS.contains(&word),
        None => {
            token.is_mark('.')
                || token.is_mark(':')
                || token.is_mark('?')
                || token.parens().is_some()
                || token.brackets().is_some()
        }
    };
    let length = tokens[..end].iter().rev().take_while(|token| belongs(token)).count();
    end - length
}

fn order(token: &Token) -> Option<Order> {
    Some(match token.word()? {
        "Relaxed" => Order::Relaxed,
        "Acquire" => Order::Acquire,
        "Release" => Order::Release,
        "AcqRel" => Order::AcqRel,
        "SeqCst" => Order::SeqCst,
        _ => return None,
    })
}

/// `text` on one line, as it would be without any line break in it.
fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").replace("( ", "(").replace(", )", ")").replace(" )", ")").replace(" .", ".")
}

#[cfg(test)]
mod tests {
    use super::{Order, atomics};
    use crate::scan::{Source, tests::source};
    use std::panic::Location;

    #[test]
    fn calls_are_found_with_their_function_and_text() {
        let file = source(
            "impl A {\n    fn take(&self) {\n        let taken = self.word.compare_exchange(\n            \
             0,\n            locked(seen),\n            Ordering::AcqRel,\n            Ordering::Relaxed,\n        \
             );\n    }\n}\n",
        );
        let found = atomics(&file);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].function, "A::take");
        assert_eq!(
            found[0].text,
            "self.word.compare_exchange(0, locked(seen), Ordering::AcqRel, Ordering::Relaxed)"
        );
        assert_eq!((found[0].line, found[0].last_line), (3, 8));
        assert_eq!(found[0].orders, [Order::AcqRel, Order::Relaxed]);
    }

    #[test]
    fn calls_in_macros_and_arguments_are_found() {
        let file = source("fn f() { assert_eq!(g(a.b().load(Acquire)), 1); fence(SeqCst); }");
        let texts: Vec<_> = atomics(&file).into_iter().map(|found| found.text).collect();
        assert_eq!(texts, ["a.b().load(Acquire)", "fence(SeqCst)"]);
    }

    #[test]
    fn other_calls_of_the_same_name_are_not() {
        assert!(
            atomics(&source("fn fence(o: Order) { cell.load(); map.swap(a, b); x.store(order); }"))
                .is_empty()
        );
    }

    /// Stands in for an atomic: its calls return the line that they come from.
    struct Traced;

    impl Traced {
        #[track_caller]
        fn load(&self, _: Order) -> u32 {
            Location::caller().line()
        }

        #[track_caller]
        fn store(&self, value: u32, _: Order) -> u32 {
            value.max(Location::caller().line())
        }

        fn here(&self) -> &Self {
            self
        }
    }

    #[track_caller]
    fn fence(_: Order) -> u32 {
        Location::caller().line()
    }

    /// Calls split over lines in every way that matters, with the lines that the compiler gave them.
    #[rustfmt::skip]
    fn traced() -> Vec<u32> {
        let a = Traced;
        vec![
            a.load(Order::Acquire),
            a
                .here()
                .load(
                    Order::Acquire,
                ),
            a.here().store(
                0,
                Order::Release,
            ),
            a.
                load(Order::Relaxed),
            self
                ::fence(
                    Order::Acquire,
                ),
            [a.load(Order::Acquire), 0][0],
        ]
    }

    #[test]
    fn lines_are_those_of_the_compiler() {
        let text = include_str!("atomics.rs");
        // The scanner leaves tests out, so it is shown the text below the switch.
        let switch = text.rfind("#[cfg(test)]\n").expect("the tests of this file");
        let below = switch + "#[cfg(test)]".len();
        let file = Source::parse("atomics.rs", text[below..].to_owned()).expect("Rust");
        let before = text[..below].matches('\n').count();
        let found: Vec<_> = atomics(&file)
            .into_iter()
            .filter(|found| found.function == "traced")
            .map(|found| u32::try_from(found.line + before).expect("a short file"))
            .collect();
        assert_eq!(found, traced());
    }
}
