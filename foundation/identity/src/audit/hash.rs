//! Merkle tree hashing of RFC 6962 section 2.1, over SHA-256 or SM3 (GB/T 32905).

use sha2::Digest;

/// A leaf's or a node's hash: 32 bytes in both suites.
pub type Hash = [u8; 32];

/// Which algorithms a log uses: international or Chinese (商用密码).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suite {
    /// SHA-256 and Ed25519.
    #[default]
    International,
    /// SM3 and SM2.
    Sm,
}

impl Suite {
    fn digest(self, parts: &[&[u8]]) -> Hash {
        match self {
            Suite::International => digest(sha2::Sha256::new(), parts),
            Suite::Sm => digest(sm3::Sm3::new(), parts),
        }
    }

    /// The hash of an entry.
    pub fn leaf(self, entry: &[u8]) -> Hash {
        self.digest(&[&[0], entry])
    }

    /// The hash of two subtrees.
    pub fn node(self, left: &Hash, right: &Hash) -> Hash {
        self.digest(&[&[1], left, right])
    }

    /// The root of a tree without entries.
    pub fn empty(self) -> Hash {
        self.digest(&[])
    }
}

fn digest<D: Digest>(mut state: D, parts: &[&[u8]]) -> Hash {
    for part in parts {
        state.update(part);
    }
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(state.finalize()) {
        *to = from;
    }
    hash
}
