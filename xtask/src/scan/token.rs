//! The tokens of a file as a tree of our own: what the checks look at, and nothing else.

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};

/// A token, or a group of tokens between brackets.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Where it starts, counted from 1.
    pub(crate) line: usize,
    /// Where it ends: another line for groups and long literals.
    pub(crate) last_line: usize,
    /// The characters before it in its first line.
    pub(crate) column: usize,
    /// The characters up to its end in its last line.
    pub(crate) last_column: usize,
}

/// What a token is.
#[derive(Debug)]
pub(crate) enum Kind {
    Ident(String),
    Punct(char),
    Literal(String),
    /// `{…}`
    Braces(Vec<Token>),
    /// `(…)`
    Parens(Vec<Token>),
    /// `[…]`, or what a macro put together without brackets.
    Brackets(Vec<Token>),
}

impl Token {
    /// Whether it is this word.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    /// The word, if it is one.
    pub(crate) fn word(&self) -> Option<&str> {
        if let Kind::Ident(word) = &self.kind { Some(word) } else { None }
    }

    /// Whether it is this punctuation mark.
    pub(crate) fn is_mark(&self, mark: char) -> bool {
        matches!(self.kind, Kind::Punct(found) if found == mark)
    }

    /// The literal as written, if it is one.
    pub(crate) fn literal(&self) -> Option<&str> {
        if let Kind::Literal(text) = &self.kind { Some(text) } else { None }
    }

    /// What stands between its round brackets.
    pub(crate) fn parens(&self) -> Option<&[Token]> {
        if let Kind::Parens(inside) = &self.kind { Some(inside) } else { None }
    }

    /// What stands between its curly brackets.
    pub(crate) fn braces(&self) -> Option<&[Token]> {
        if let Kind::Braces(inside) = &self.kind { Some(inside) } else { None }
    }

    /// What stands between its square brackets.
    pub(crate) fn brackets(&self) -> Option<&[Token]> {
        if let Kind::Brackets(inside) = &self.kind { Some(inside) } else { None }
    }

    /// What stands between its brackets, whatever they are.
    pub(crate) fn inside(&self) -> &[Token] {
        match &self.kind {
            Kind::Braces(inside) | Kind::Parens(inside) | Kind::Brackets(inside) => inside,
            _ => &[],
        }
    }
}

/// Calls `visit` for every token, those inside groups after their group.
pub(super) fn each(tokens: &[Token], visit: &mut impl FnMut(&Token)) {
    for token in tokens {
        visit(token);
        each(token.inside(), visit);
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The tokens that ship.
    pub(super) tokens: Vec<Token>,
    /// The modules in files of their own that are there in tests only.
    pub(super) test_modules: Vec<String>,
}

/// What `text` holds; or the line where it stops being Rust, and why.
pub(super) fn parse(text: &str) -> Result<Contents, (usize, String)> {
    let stream: TokenStream =
        text.parse().map_err(|error: LexError| (error.span().start().line, error.to_string()))?;
    Ok(shipped(stream.into_iter().map(ours)))
}

fn ours(tree: TokenTree) -> Token {
    let span = tree.span();
    let kind = match tree {
        TokenTree::Ident(ident) => Kind::Ident(ident.to_string()),
        TokenTree::Punct(punct) => Kind::Punct(punct.as_char()),
        TokenTree::Literal(literal) => Kind::Literal(literal.to_string()),
        TokenTree::Group(group) => {
            let inside = shipped(group.stream().into_iter().map(ours)).tokens;
            match group.delimiter() {
                Delimiter::Brace => Kind::Braces(inside),
                Delimiter::Parenthesis => Kind::Parens(inside),
                Delimiter::Bracket | Delimiter::None => Kind::Brackets(inside),
            }
        }
    };
    let (start, end) = (span.start(), span.end());
    Token {
        kind,
        line: start.line,
        last_line: end.line,
        column: start.column,
        last_column: end.column,
    }
}

/// Leaves out documentation, and each item that is there in tests only.
fn shipped(tokens: impl Iterator<Item = Token>) -> Contents {
    let mut contents = Contents::default();
    let mut tokens = tokens;
    while let Some(token) = tokens.next() {
        let kept = &mut contents.tokens;
        match token.brackets().filter(|_| opens_attribute(kept)) {
            Some(inside) if is_doc(inside) => drop(take_opening(kept)),
            Some(inside) if is_test_switch(inside) => {
                let about_all = take_opening(kept);
                let item = test_item(&mut tokens, about_all);
                contents.test_modules.extend(outer_module(&item).map(str::to_owned));
            }
            _ => kept.push(token),
        }
    }
    contents
}

/// Takes the next item away, or all that is left where the attribute was about all of it.
fn test_item(tokens: &mut impl Iterator<Item = Token>, about_all: bool) -> Vec<Token> {
    let mut item = Vec::new();
    for token in tokens {
        let ends_item = token.is_mark(';') || token.braces().is_some();
        item.push(token);
        if ends_item && !about_all {
            break;
        }
    }
    item
}

/// The name in `mod name;`.
fn outer_module(item: &[Token]) -> Option<&str> {
    match item {
        [.., keyword, name, end] if keyword.is_word("mod") && end.is_mark(';') => name.word(),
        _ => None,
    }
}

/// Whether `before` ends in `#` or `#!`.
fn opens_attribute(before: &[Token]) -> bool {
    match before {
        [.., hash, bang] if bang.is_mark('!') => hash.is_mark('#'),
        [.., hash] => hash.is_mark('#'),
        [] => false,
    }
}

/// Takes the `#` or `#!` before an attribute away; tells whether the attribute is about all around it.
fn take_opening(kept: &mut Vec<Token>) -> bool {
    let about_all = kept.pop().is_some_and(|token| token.is_mark('!'));
    if about_all {
        kept.pop();
    }
    about_all
}

fn is_doc(attribute: &[Token]) -> bool {
    attribute.first().is_some_and(|first| first.is_word("doc"))
        && attribute.get(1).is_some_and(|second| second.is_mark('='))
}

/// `cfg(test)`, or one that needs `test` among other things.
fn is_test_switch(attribute: &[Token]) -> bool {
    let [name, condition] = attribute else { return false };
    let mut words = Vec::new();
    each(condition.inside(), &mut |token| words.extend(token.word().map(str::to_owned)));
    name.is_word("cfg")
        && words.iter().any(|word| word == "test")
        && !words.iter().any(|word| word == "not" || word == "any")
}

#[cfg(test)]
mod tests {
    use super::{each, parse};

    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        let tokens = parse(text).expect("Rust").tokens;
        each(&tokens, &mut |token| words.extend(token.word().map(str::to_owned)));
        words
    }

    #[test]
    fn items_for_tests_are_left_out() {
        assert_eq!(words("#[cfg(test)] use a::b; fn f() {}"), ["fn", "f"]);
        assert_eq!(
            words("#[cfg(all(test, unix))] #[path = \"x\"] mod t { fn g() {} } x!();"),
            ["x"]
        );
        assert_eq!(words("mod m { #![cfg(test)] fn f() {} fn g() {} } x!();"), ["mod", "m", "x"]);
        assert_eq!(words("#[cfg(not(test))] fn f() {}"), ["cfg", "not", "test", "fn", "f"]);
    }

    #[test]
    fn documentation_is_left_out() {
        assert_eq!(words("//! Head.\n/// Doc.\n#[inline] fn f() {}"), ["inline", "fn", "f"]);
        assert_eq!(words("#[doc(hidden)] fn f() {}"), ["doc", "hidden", "fn", "f"]);
    }

    #[test]
    fn modules_for_tests_are_named() {
        let text = "#[cfg(test)]\nmod broken;\nmod a;\n#[cfg(test)] mod tests { mod b; }";
        assert_eq!(parse(text).expect("Rust").test_modules, ["broken"]);
    }
}
