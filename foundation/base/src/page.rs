use serde::Serialize;

/// An opaque place in a list: what `next` gave back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cursor(pub String);

/// How many items a page holds: 1 to [`Limit::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    pub const DEFAULT: Limit = Limit(20);
    pub const MAX: u32 = 1_000;

    /// Zero is `None`; more than [`Limit::MAX`] is cut to it, as OGC API Features asks.
    pub fn new(count: u32) -> Option<Limit> {
        (count > 0).then(|| Limit(count.min(Limit::MAX)))
    }

    pub fn get(self) -> u32 {
        self.0
    }
}

/// One page of a list: the one envelope for lists.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<Cursor>,
    /// How many items match in all; `None` where it was not asked for or is above the counting bound.
    pub matched: Option<u64>,
}
