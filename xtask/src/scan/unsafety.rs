//! The places of a file that say `unsafe`.

use super::scope::{Scope, walk};
use super::{Source, Token};

/// One `unsafe`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unsafe {
    pub(crate) kind: UnsafeKind,
    pub(crate) line: usize,
    /// The end of its block, or of its first line.
    pub(crate) last_line: usize,
}

/// What is unsafe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnsafeKind {
    /// A block, an `impl` or an `extern` block: the writer promises something.
    Promise,
    /// A function or a trait: the user must promise something.
    Demand,
    /// A function whose user is known: one that a trait declares, which says what its user must promise, or
    /// one inside a function, which alone can call it or hand it out.
    Inherited,
}

/// Every `unsafe` of `file` that promises or demands something.
pub(crate) fn unsafety(file: &Source) -> Vec<Unsafe> {
    let mut found = Vec::new();
    walk(&file.tokens, &Scope::default(), &mut |tokens, at, scope| {
        if !tokens[at].is_word("unsafe") {
            return;
        }
        if let Some(kind) = kind_of(&tokens[at + 1..], scope) {
            let last_line = tokens[at + 1].last_line;
            found.push(Unsafe { kind, line: tokens[at].line, last_line });
        }
    });
    found
}

/// What the tokens behind the word `unsafe` make of it.
fn kind_of(behind: &[Token], scope: &Scope) -> Option<UnsafeKind> {
    // `extern "C"` may stand between `unsafe` and what is unsafe.
    let behind = match behind {
        [word, abi, rest @ ..] if word.is_word("extern") && abi.word().is_none() => rest,
        _ => behind,
    };
    let first = behind.first()?;
    let named = behind.get(1).is_some_and(|next| next.word().is_some());
    match first.word() {
        None => first.braces().map(|_| UnsafeKind::Promise),
        Some("impl") => Some(UnsafeKind::Promise),
        Some("fn") if !named => None, // the type of a pointer
        Some("fn") if scope.of_trait || scope.function.is_some() => Some(UnsafeKind::Inherited),
        Some("fn" | "trait") => Some(UnsafeKind::Demand),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::UnsafeKind::{Demand, Inherited, Promise};
    use super::{UnsafeKind, unsafety};
    use crate::scan::tests::source;

    fn kinds(text: &str) -> Vec<UnsafeKind> {
        unsafety(&source(text)).into_iter().map(|found| found.kind).collect()
    }

    #[test]
    fn blocks_and_impls_promise() {
        assert_eq!(kinds("fn f() { unsafe { g() } }"), [Promise]);
        assert_eq!(kinds("unsafe impl Send for A {}"), [Promise]);
        assert_eq!(kinds("unsafe extern \"C\" { fn f(); }"), [Promise]);
    }

    #[test]
    fn functions_and_traits_demand() {
        assert_eq!(kinds("pub unsafe fn f() {}"), [Demand]);
        assert_eq!(kinds("unsafe extern \"C\" fn f() {}"), [Demand]);
        assert_eq!(kinds("unsafe trait T { unsafe fn f(); }"), [Demand, Demand]);
        assert_eq!(kinds("impl T for A { unsafe fn f() {} }"), [Inherited]);
        assert_eq!(kinds("fn f() { unsafe extern \"C\" fn g() {} }"), [Inherited]);
    }

    #[test]
    fn types_and_attributes_are_neither() {
        assert!(kinds("type F = unsafe fn(u8); #[unsafe(no_mangle)] fn g() {}").is_empty());
    }
}
