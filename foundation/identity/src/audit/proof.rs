//! Proofs of RFC 6962 section 2.1: that an entry is in a tree, and that a tree is a beginning of a later one.

use std::io;

use super::hash::{Hash, Suite};
use super::tiles::Reader;

/// The largest power of two below `count` (which is at least 2).
fn split(count: u64) -> u64 {
    1 << (63 - (count - 1).leading_zeros())
}

impl Reader {
    /// The audit path of leaf `index` in the tree of the first `size` leaves; the files hold `whole` leaves.
    pub fn inclusion(&self, index: u64, size: u64, whole: u64) -> io::Result<Vec<Hash>> {
        let (mut from, mut to, mut path) = (0, size, Vec::new());
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                path.push(self.range(middle, to, whole)?);
                to = middle;
            } else {
                path.push(self.range(from, middle, whole)?);
                from = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// The proof that the tree of `first` leaves is a beginning of that of `second`; the files hold `whole` leaves.
    pub fn consistency(&self, first: u64, second: u64, whole: u64) -> io::Result<Vec<Hash>> {
        let mut proof = Vec::new();
        if first == 0 || first == second {
            return Ok(proof);
        }
        // PROOF(m, D[n]) of the RFC, from the root down: `known` says that the reader has the subtree's root already.
        let (mut from, mut to, mut known) = (0, second, true);
        loop {
            if first == to {
                if !known {
                    proof.push(self.range(from, to, whole)?);
                }
                break;
            }
            let middle = from + split(to - from);
            if first <= middle {
                proof.push(self.range(middle, to, whole)?);
                to = middle;
            } else {
                proof.push(self.range(from, middle, whole)?);
                from = middle;
                known = false;
            }
        }
        proof.reverse();
        Ok(proof)
    }
}

/// Whether an audit path leads from a leaf to a root (RFC 9162 section 2.1.3.2).
pub fn includes(suite: Suite, leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for step in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = suite.node(step, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = suite.node(&hash, step);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether a proof shows that one tree is a beginning of the other (RFC 9162 section 2.1.4.2).
pub fn extends(suite: Suite, first: (u64, &Hash), second: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((m, old), (n, new)) = (first, second);
    if m > n || (m == n && (old != new || !proof.is_empty())) {
        return false;
    }
    if m == n {
        return true;
    }
    if m == 0 {
        return proof.is_empty() && *old == suite.empty();
    }
    let mut steps = proof.iter();
    let start = if m.is_power_of_two() {
        Some(old)
    } else {
        steps.next()
    };
    let Some(start) = start else { return false };
    let (mut node, mut last) = (m - 1, n - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut before, mut after) = (*start, *start);
    for step in steps {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            before = suite.node(step, &before);
            after = suite.node(step, &after);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            after = suite.node(&after, step);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && before == *old && after == *new
}
