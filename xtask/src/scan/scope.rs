//! Walking over the tokens of a file while knowing which item they belong to.

use super::Token;

/// Where a token stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// The type or trait of the `impl` or `trait` around it.
    pub(crate) owner: Option<String>,
    /// Whether that is the `impl` of a trait, whose documentation holds.
    pub(crate) of_trait: bool,
    /// The function around it.
    pub(crate) function: Option<String>,
}

impl Scope {
    /// The function as `Type::function`.
    pub(crate) fn path(&self) -> String {
        let parts = [self.owner.as_deref(), self.function.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join("::")
    }
}

/// Calls `visit` with every token's neighbours, place and scope.
pub(super) fn walk<'a>(
    tokens: &'a [Token],
    scope: &Scope,
    visit: &mut impl FnMut(&'a [Token], usize, &Scope),
) {
    // The scope that the next curly brackets open.
    let mut opening: Option<Scope> = None;
    for (at, token) in tokens.iter().enumerate() {
        visit(tokens, at, scope);
        if let Some(opened) = opens(tokens, at, scope, opening.is_some()) {
            opening = Some(opened);
        } else if token.is_mark(';') {
            opening = None;
        } else if token.braces().is_some() {
            walk(token.inside(), &opening.take().unwrap_or_else(|| scope.clone()), visit);
        } else {
            walk(token.inside(), scope, visit);
        }
    }
}

/// The scope that the item starting at `at` will have, if one starts there.
fn opens(tokens: &[Token], at: usize, scope: &Scope, in_header: bool) -> Option<Scope> {
    let name = || tokens.get(at + 1).and_then(Token::word).map(str::to_owned);
    match tokens[at].word()? {
        "fn" => Some(Scope { function: Some(name()?), ..scope.clone() }),
        "trait" => Some(Scope { owner: Some(name()?), ..Scope::default() }),
        // Not the `impl` in the header of a function.
        "impl" if !in_header => Some(implementation(&tokens[at + 1..])),
        _ => None,
    }
}

/// The scope of an `impl`, from the tokens behind the word.
pub(super) fn implementation(header: &[Token]) -> Scope {
    let mut scope = Scope::default();
    let mut depth = 0_i32;
    for (at, token) in header.iter().enumerate() {
        if token.braces().is_some() || token.is_word("where") {
            break;
        }
        if token.is_mark('<') {
            depth += 1;
        } else if token.is_mark('>') {
            depth -= 1;
        } else if let Some(word) = token.word().filter(|_| depth == 0) {
            let bound = header.get(at + 1).is_some_and(|next| next.is_mark('<'));
            if word == "for" && !bound {
                scope.of_trait = true;
            }
            scope.owner = Some(word.to_owned());
        }
    }
    scope
}

#[cfg(test)]
mod tests {
    use super::{Scope, walk};
    use crate::scan::tests::source;

    /// The scopes of every `here` in `text`.
    fn places(text: &str) -> Vec<(String, bool)> {
        let file = source(text);
        let mut found = Vec::new();
        walk(&file.tokens, &Scope::default(), &mut |tokens, at, scope| {
            if tokens[at].is_word("here") {
                found.push((scope.path(), scope.of_trait));
            }
        });
        found
    }

    #[test]
    fn a_method_has_its_type() {
        assert_eq!(
            places("impl<T: X<Y>> Cell<T> { fn get(&self) { here } }"),
            [("Cell::get".to_owned(), false)]
        );
    }

    #[test]
    fn an_implementation_of_a_trait_is_known_as_one() {
        let text =
            "unsafe impl<'a> a::Lock for crate::Raw<'a> where X: Y { fn lock(&self) { here } }";
        assert_eq!(places(text), [("Raw::lock".to_owned(), true)]);
    }

    #[test]
    fn headers_and_macros_do_not_mislead() {
        let text =
            "impl A { wrap! { fn f(x: impl B) -> impl C { { here } } } } fn g(); mod m { here }";
        assert_eq!(places(text), [("A::f".to_owned(), false), (String::new(), false)]);
    }
}
