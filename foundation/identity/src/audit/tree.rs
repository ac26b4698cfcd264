//! The right edge of the tree: enough to append and to tell the root, whatever the size.

use super::hash::{Hash, Suite};

/// The roots of the perfect subtrees that a tree of `size` leaves falls into, largest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    suite: Suite,
    size: u64,
    /// (height, root), heights falling.
    roots: Vec<(u32, Hash)>,
}

impl Edge {
    pub fn new(suite: Suite) -> Edge {
        Edge {
            suite,
            size: 0,
            roots: Vec::new(),
        }
    }

    /// From the roots of the perfect subtrees of a tree of that size, largest first; `None` where their number is wrong.
    pub fn from_roots(suite: Suite, size: u64, roots: Vec<Hash>) -> Option<Edge> {
        let heights: Vec<u32> = heights(size).collect();
        (heights.len() == roots.len()).then(|| Edge {
            suite,
            size,
            roots: heights.into_iter().zip(roots).collect(),
        })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn append(&mut self, leaf: Hash) {
        let (mut height, mut hash) = (0, leaf);
        while let Some((_, left)) = self.roots.pop_if(|(last, _)| *last == height) {
            hash = self.suite.node(&left, &hash);
            height += 1;
        }
        self.roots.push((height, hash));
        self.size += 1;
    }

    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev().map(|(_, hash)| *hash);
        match roots.next() {
            None => self.suite.empty(),
            Some(last) => roots.fold(last, |right, left| self.suite.node(&left, &right)),
        }
    }
}

/// Heights of the perfect subtrees of a tree of `size` leaves, largest first.
pub fn heights(size: u64) -> impl Iterator<Item = u32> {
    (0..64).rev().filter(move |height| (size >> height) & 1 == 1)
}

/// The root of a perfect subtree from its hashes, whose number is a power of two.
pub fn perfect(suite: Suite, hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        let pairs = row.as_chunks::<2>().0;
        row = pairs
            .iter()
            .map(|[left, right]| suite.node(left, right))
            .collect();
    }
    row.first().copied().unwrap_or_else(|| suite.empty())
}

/// The root of leaves that are all at hand: for checks and small ranges.
pub fn root_of(suite: Suite, leaves: impl IntoIterator<Item = Hash>) -> Hash {
    let mut edge = Edge::new(suite);
    for leaf in leaves {
        edge.append(leaf);
    }
    edge.root()
}
