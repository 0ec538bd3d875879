//! The functions of a file and their sizes.

use super::Source;
use super::scope::{Scope, walk};

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// `Type::name`, or the name alone.
    pub(crate) path: String,
    pub(crate) line: usize,
    /// Its lines that hold code.
    pub(crate) size: usize,
}

/// The functions of `file`, those inside others too.
pub(crate) fn functions(file: &Source) -> Vec<Function> {
    let code = file.code_lines();
    let mut found = Vec::new();
    walk(&file.tokens, &Scope::default(), &mut |tokens, at, scope| {
        let name = tokens.get(at + 1).and_then(|next| next.word());
        let Some(name) = name.filter(|_| tokens[at].is_word("fn")) else { return };
        let rest = tokens[at..].iter().take_while(|token| !token.is_mark(';'));
        let Some(body) = rest.into_iter().find(|token| token.braces().is_some()) else { return };
        let inner = Scope { function: Some(name.to_owned()), ..scope.clone() };
        let line = tokens[at].line;
        let size = code.range(line..=body.last_line).count();
        found.push(Function { path: inner.path(), line, size });
    });
    found
}

#[cfg(test)]
mod tests {
    use super::{Function, functions};
    use crate::scan::tests::source;

    #[test]
    fn size_is_lines_of_code() {
        let file = source(
            "impl A {\n/// Doc.\nfn f(\n    x: u8,\n) {\n    // why\n\n    g();\n}\n}\nfn h();\n",
        );
        assert_eq!(functions(&file), [Function { path: "A::f".into(), line: 3, size: 5 }]);
    }
}
