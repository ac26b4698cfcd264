//! The interpreter over others' models, and over small ones of our own.

pub(crate) mod betsy;
mod elements;

use std::path::PathBuf;
use std::sync::Arc;

use banyan_base::{Ctx, ManualClock, World};
use jiff::Timestamp;

/// A world at a fixed moment.
pub(crate) fn world() -> World {
    let start: Timestamp = "2022-03-01T00:00:00Z".parse().unwrap();
    World::new(Arc::new(ManualClock::new(start)), 7)
}

pub(crate) fn at(world: &World, moment: Timestamp) -> Ctx {
    world.clock().set(moment);
    world.system_ctx()
}

/// A file or folder of the data for tests, where there are any.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let found = here
        .ancestors()
        .map(|folder| folder.join("shared/data").join(path))
        .find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: there is no shared/data/{path} beside the project");
    }
    found
}
