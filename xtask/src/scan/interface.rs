//! What a file offers to the users of its crate.
//!
//! `pub` alone makes an item an offer, wherever its module is: the lint `unreachable_pub` denies one that nobody
//! outside can reach.

use super::scope::implementation;
use super::{Source, Token};

/// Something that users can name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) kind: OfferKind,
    /// `Type::name`, or the name alone.
    pub(crate) path: String,
    /// Where its first word stands, behind documentation and attributes.
    pub(crate) line: usize,
}

/// What is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfferKind {
    /// A function, a method, or a function that a trait declares.
    Function,
    /// A type, a trait or a macro.
    Other,
}

/// What an item stands in.
enum Around {
    Module,
    Type(String),
    Trait(String),
}

/// What `file` offers. Left out: what `#[doc(hidden)]` hides, what a trait's implementation only repeats, what a
/// macro's own definition would write elsewhere, and what exists in models only.
pub(crate) fn interface(file: &Source) -> Vec<Offer> {
    let mut found = Vec::new();
    collect(&file.tokens, &Around::Module, &mut found);
    found
}

fn collect(tokens: &[Token], around: &Around, found: &mut Vec<Offer>) {
    let ends_item = |token: &Token| token.is_mark(';') || token.braces().is_some();
    tokens.split_inclusive(ends_item).for_each(|item| look(item, around, found));
}

/// Looks at one item, and into it where it may hold more.
fn look(item: &[Token], around: &Around, found: &mut Vec<Offer>) {
    let (attributes, item) = split_attributes(item);
    if attributes.iter().any(|attribute| hides(attribute)) {
        return;
    }
    let Some(first) = item.first() else { return };
    let (public, item) = split_visibility(item);
    let [keyword, rest @ ..] = without_qualifiers(item) else { return };
    let inside = item.last().and_then(Token::braces).unwrap_or_default();
    let name = rest.first().and_then(Token::word).unwrap_or_default().to_owned();
    let mut offer = |kind, path| found.push(Offer { kind, path, line: first.line });
    match keyword.word() {
        Some("fn") => match around {
            Around::Module if public => offer(OfferKind::Function, name),
            Around::Type(owner) if public => offer(OfferKind::Function, format!("{owner}::{name}")),
            Around::Trait(owner) => offer(OfferKind::Function, format!("{owner}::{name}")),
            Around::Module | Around::Type(_) => {}
        },
        Some("struct" | "enum" | "union") if public => offer(OfferKind::Other, name),
        Some("trait") if public => {
            offer(OfferKind::Other, name.clone());
            collect(inside, &Around::Trait(name), found);
        }
        Some("impl") => {
            let scope = implementation(rest);
            if let Some(owner) = scope.owner.filter(|_| !scope.of_trait) {
                collect(inside, &Around::Type(owner), found);
            }
        }
        Some("mod") => collect(inside, &Around::Module, found),
        Some("macro_rules") => {
            let exported = attributes.iter().any(|attribute| opens_with(attribute, "macro_export"));
            if let Some(name) = rest.get(1).and_then(Token::word).filter(|_| exported) {
                offer(OfferKind::Other, name.to_owned());
            }
        }
        _ if calls_macro_of_items(item) => collect(inside, around, found),
        _ => {}
    }
}

/// What stands between the brackets of an item's attributes, and the rest of the item.
fn split_attributes(mut item: &[Token]) -> (Vec<&[Token]>, &[Token]) {
    let mut attributes = Vec::new();
    loop {
        let (attribute, rest) = match item {
            [hash, bang, group, rest @ ..] if hash.is_mark('#') && bang.is_mark('!') => {
                (group, rest)
            }
            [hash, group, rest @ ..] if hash.is_mark('#') => (group, rest),
            _ => return (attributes, item),
        };
        attributes.push(attribute.inside());
        item = rest;
    }
}

fn opens_with(attribute: &[Token], word: &str) -> bool {
    attribute.first().is_some_and(|first| first.is_word(word))
}

/// Whether the attribute is `doc(hidden)`.
fn hides(attribute: &[Token]) -> bool {
    let inside = attribute.get(1).map(Token::inside).unwrap_or_default();
    opens_with(attribute, "doc") && inside.iter().any(|token| token.is_word("hidden"))
}

/// Whether the item is `pub` without restriction, and what follows.
fn split_visibility(item: &[Token]) -> (bool, &[Token]) {
    match item {
        [word, limit, rest @ ..] if word.is_word("pub") && limit.parens().is_some() => {
            (false, rest)
        }
        [word, rest @ ..] if word.is_word("pub") => (true, rest),
        _ => (false, item),
    }
}

/// The item from its keyword on.
fn without_qualifiers(mut item: &[Token]) -> &[Token] {
    const QUALIFIERS: &[&str] = &["const", "unsafe", "async", "extern"];
    while let [first, rest @ ..] = item {
        let qualifies = first.literal().is_some()
            || first.word().is_some_and(|word| QUALIFIERS.contains(&word));
        if !qualifies {
            break;
        }
        item = rest;
    }
    item
}

/// Whether the item is a call of a macro around items, other than the one whose items models alone have.
fn calls_macro_of_items(item: &[Token]) -> bool {
    let [.., name, bang, body] = item else { return false };
    bang.is_mark('!') && body.braces().is_some() && !name.is_word("modelled")
}

#[cfg(test)]
mod tests {
    use super::OfferKind::{self, Function, Other};
    use super::interface;
    use crate::scan::tests::source;

    fn offers(text: &str) -> Vec<(OfferKind, String)> {
        interface(&source(text)).into_iter().map(|offer| (offer.kind, offer.path)).collect()
    }

    fn one(kind: OfferKind, path: &str) -> Vec<(OfferKind, String)> {
        vec![(kind, path.to_owned())]
    }

    #[test]
    fn functions_and_methods() {
        assert_eq!(offers("#[inline]\npub const unsafe fn f() {} fn g() {}"), one(Function, "f"));
        assert_eq!(offers("pub extern \"C\" fn f() { pub fn g() {} }"), one(Function, "f"));
        assert_eq!(offers("impl<T> A<T> { pub fn f() {} fn g() {} }"), one(Function, "A::f"));
        assert_eq!(offers("m::wrap! { pub fn f() {} } mod m { fn g() {} }"), one(Function, "f"));
    }

    #[test]
    fn types_traits_and_macros() {
        assert_eq!(offers("pub struct A(pub u8); struct B { f: u8 }"), one(Other, "A"));
        assert_eq!(offers("mod m { pub enum E { V } }"), one(Other, "E"));
        assert_eq!(
            offers("pub trait T { fn f(); }"),
            [one(Other, "T"), one(Function, "T::f")].concat()
        );
        assert_eq!(offers("#[macro_export] macro_rules! m { () => {} }"), one(Other, "m"));
    }

    #[test]
    fn what_is_no_offer() {
        assert!(offers("pub(crate) fn f() {} trait T { fn f(); }").is_empty());
        assert!(offers("impl T for A { fn f() {} } macro_rules! m { () => {} }").is_empty());
        assert!(offers("#[doc(hidden)] pub mod m { pub fn f() {} }").is_empty());
        assert!(offers("modelled! { pub fn f() {} }").is_empty());
        assert!(
            offers("pub const A: u8 = 1; pub use a::b; pub static S: A = A { b: 1 };").is_empty()
        );
    }

    #[test]
    fn the_line_is_behind_the_attributes() {
        let file = source("/// Doc.\n#[inline]\n#[must_use]\npub fn f() {}");
        assert_eq!(interface(&file)[0].line, 4);
    }
}
