//! Traits that a type must not have, held at compile time.
//!
//! `never![SendOrNot: Guard<'static>]` stops compiling when the type gets the trait: the constant that it names
//! becomes ambiguous. That needs no compiler messages, which differ between toolchains.

/// Has one implementation for types without `Send` and two for types with it.
pub trait SendOrNot<Which> {
    /// Ambiguous for a type with the trait.
    const FACT: () = ();
}
impl<T: ?Sized> SendOrNot<()> for T {}
impl<T: ?Sized + Send> SendOrNot<u8> for T {}

/// The same for `Sync`.
pub trait SyncOrNot<Which> {
    /// Ambiguous for a type with the trait.
    const FACT: () = ();
}
impl<T: ?Sized> SyncOrNot<()> for T {}
impl<T: ?Sized + Sync> SyncOrNot<u8> for T {}

/// The same for `Clone`.
pub trait CloneOrNot<Which> {
    /// Ambiguous for a type with the trait.
    const FACT: () = ();
}
impl<T> CloneOrNot<()> for T {}
impl<T: Clone> CloneOrNot<u8> for T {}

/// None of the types has the trait that the first word is about.
#[macro_export]
macro_rules! never {
    ($fact:ident: $($type:ty),+ $(,)?) => { $(const _: () = <$type as $fact<_>>::FACT;)+ };
}
pub use never;

/// The type can be sent to another thread, or this does not compile.
pub const fn is_send<T: ?Sized + Send>() {}

/// The type can be shared between threads, or this does not compile.
pub const fn is_sync<T: ?Sized + Sync>() {}
