//! Which component binds which key: two never bind the same, and what none binds is unknown.

/// What stands at a name.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    /// A value of an input.
    Leaf,
    /// An object: a group with a path, or the first part of a key with dots.
    Open(Vec<(String, Slot)>),
    /// A dynamic list; what its rows hold.
    Rows(Vec<(String, Slot)>),
}

pub(crate) fn find<'s>(slots: &'s [(String, Slot)], name: &str) -> Option<&'s Slot> {
    slots
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, slot)| slot)
}

/// What is claimed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    Leaf,
    Open,
    Rows,
}

/// Claims a path; `lists` are the lengths of the paths of the lists around it. False where it is another's.
pub(crate) fn claim(slots: &mut Vec<(String, Slot)>, path: &[String], lists: &[usize], what: Claim) -> bool {
    step(slots, path, 1, lists, what)
}

fn step(
    slots: &mut Vec<(String, Slot)>,
    path: &[String],
    depth: usize,
    lists: &[usize],
    what: Claim,
) -> bool {
    let Some((name, rest)) = path.split_first() else {
        // A group without a path of its own.
        return what == Claim::Open;
    };
    let known = slots.iter().position(|(known, _)| known == name);
    let index = known.unwrap_or(slots.len());
    if known.is_none() {
        let slot = match what {
            Claim::Leaf if rest.is_empty() => Slot::Leaf,
            Claim::Rows if rest.is_empty() => Slot::Rows(Vec::new()),
            _ => Slot::Open(Vec::new()),
        };
        slots.push((name.clone(), slot));
    } else if rest.is_empty() {
        let open = matches!(slots.get(index), Some((_, Slot::Open(_))));
        return open && what == Claim::Open;
    }
    match slots.get_mut(index) {
        _ if rest.is_empty() => true,
        Some((_, Slot::Open(inner))) => step(inner, rest, depth + 1, lists, what),
        Some((_, Slot::Rows(inner))) if lists.contains(&depth) => step(inner, rest, depth + 1, lists, what),
        _ => false,
    }
}
