//! What else than its own records decides what is seen of a type: answers that are kept until a record changes mind it.

use std::collections::BTreeSet;

#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// Types whose records do.
    pub types: BTreeSet<String>,
    /// Whether consents do: nothing tells when one is given or withdrawn.
    pub consents: bool,
}

impl Looks {
    /// Whether the type's own records decide alone.
    pub fn nowhere(&self) -> bool {
        self.types.is_empty() && !self.consents
    }
}
