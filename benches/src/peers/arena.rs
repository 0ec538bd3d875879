//! Arenas: the trait of the arena rows, and the peers that implement it.

/// A node of a syntax tree: 40 bytes, as an expression of CPython's tree is in the middle.
pub struct Node<'a> {
    /// What it is and where.
    pub kind: [u32; 4],
    /// What it was made from.
    pub left: Option<&'a Node<'a>>,
    /// What it was made from, too.
    pub right: Option<&'a Node<'a>>,
    /// Its name.
    pub name: Option<&'a u8>,
}

/// A small node: a name or a constant.
#[derive(Clone, Copy)]
pub struct Leaf {
    /// What it is and where.
    pub kind: [u32; 4],
}

/// An arena as a compiler uses it.
pub trait Compiling: Sized + 'static {
    /// The name in a report.
    const NAME: &'static str;

    /// An empty one.
    fn fresh() -> Self;

    /// Puts a node in.
    fn node<'a>(&'a self, node: Node<'a>) -> &'a Node<'a>;

    /// Puts a leaf in.
    fn leaf(&self, leaf: Leaf) -> &Leaf;

    /// Copies a name in.
    fn name(&self, name: &str) -> &str;
}

/// An arena that can be emptied and used again.
pub trait Reusable: Compiling {
    /// Takes everything back.
    fn reset(&mut self);
}

/// Ours.
impl Compiling for pyarena::Arena {
    const NAME: &'static str = "pyarena";

    fn fresh() -> Self {
        Self::new()
    }

    #[inline]
    fn node<'a>(&'a self, node: Node<'a>) -> &'a Node<'a> {
        self.alloc(node)
    }

    #[inline]
    fn leaf(&self, leaf: Leaf) -> &Leaf {
        self.alloc(leaf)
    }

    #[inline]
    fn name(&self, name: &str) -> &str {
        self.alloc_str(name)
    }
}

impl Reusable for pyarena::Arena {
    #[inline]
    fn reset(&mut self) {
        Self::reset(self);
    }
}

impl Compiling for bumpalo::Bump {
    const NAME: &'static str = "bumpalo";

    fn fresh() -> Self {
        Self::new()
    }

    #[inline]
    fn node<'a>(&'a self, node: Node<'a>) -> &'a Node<'a> {
        self.alloc(node)
    }

    #[inline]
    fn leaf(&self, leaf: Leaf) -> &Leaf {
        self.alloc(leaf)
    }

    #[inline]
    fn name(&self, name: &str) -> &str {
        self.alloc_str(name)
    }
}

impl Reusable for bumpalo::Bump {
    #[inline]
    fn reset(&mut self) {
        Self::reset(self);
    }
}

/// `typed_arena::Arena`, one for each type: that is how it is used. It cannot be reset.
pub struct Typed {
    // A node points to nodes of the same arena, which the arena's own type cannot say; the pointers are real.
    nodes: typed_arena::Arena<Node<'static>>,
    leaves: typed_arena::Arena<Leaf>,
    names: typed_arena::Arena<u8>,
}

impl Compiling for Typed {
    const NAME: &'static str = "typed-arena";

    fn fresh() -> Self {
        Self {
            nodes: typed_arena::Arena::new(),
            leaves: typed_arena::Arena::new(),
            names: typed_arena::Arena::new(),
        }
    }

    #[inline]
    fn node<'a>(&'a self, node: Node<'a>) -> &'a Node<'a> {
        // SAFETY: the reference that is handed out borrows this arena, so the node is reached only while what it
        // points to, which is in the same place, is there; nodes have no destructor that could look later.
        let node = unsafe { std::mem::transmute::<Node<'a>, Node<'static>>(node) };
        self.nodes.alloc(node)
    }

    #[inline]
    fn leaf(&self, leaf: Leaf) -> &Leaf {
        self.leaves.alloc(leaf)
    }

    #[inline]
    fn name(&self, name: &str) -> &str {
        self.names.alloc_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::{Compiling, Leaf, Node, Reusable, Typed};

    fn holds<A: Compiling>() -> A {
        let arena = A::fresh();
        let name = arena.name("spam");
        let leaf = arena.leaf(Leaf { kind: [1; 4] });
        let one = Node { kind: leaf.kind, left: None, right: None, name: name.as_bytes().first() };
        let one = arena.node(one);
        let two = arena.node(Node { kind: [2; 4], left: Some(one), right: None, name: None });
        assert_eq!(two.left.and_then(|node| node.name), Some(&b's'), "{}", A::NAME);
        arena
    }

    #[test]
    fn every_arena_holds_a_tree() {
        holds::<Typed>();
        holds::<pyarena::Arena>().reset();
        Reusable::reset(&mut holds::<bumpalo::Bump>());
    }
}
