//! The log's public files in the layout of C2SP tlog-tiles: `tile/<L>/<N>` with 256 hashes of level 8·L, `tile/entries/<N>`
//! with 256 entries, `.p/<W>` behind a tile that is not full yet, and `checkpoint`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::hash::{Hash, Suite};
use super::tree::{heights, perfect};

/// Hashes in a full tile.
pub const TILE: u64 = 256;
/// Longest entry: its length is written in two bytes.
pub const MAX_ENTRY: usize = u16::MAX as usize;

/// Which column of tiles: hashes of a level, or entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    Level(u8),
    Entries,
}

/// One tile: its column, its number in it, and how many of its 256 places are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    pub column: Column,
    pub number: u64,
    pub width: u64,
}

impl Tile {
    /// The path below the log's folder: `tile/0/x001/x234/067.p/12`.
    pub fn path(&self) -> String {
        let column = match self.column {
            Column::Level(level) => level.to_string(),
            Column::Entries => "entries".to_owned(),
        };
        let mut parts = vec![format!("{:03}", self.number % 1000)];
        let mut rest = self.number / 1000;
        while rest > 0 {
            parts.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        parts.reverse();
        let number = parts.join("/");
        match self.width {
            TILE => format!("tile/{column}/{number}"),
            width => format!("tile/{column}/{number}.p/{width}"),
        }
    }

    /// The tile a path names; `None` where it names none in its one proper form.
    pub fn parse(path: &str) -> Option<Tile> {
        let (column, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let column = match column {
            "entries" => Column::Entries,
            level => Column::Level(level.parse().ok().filter(|level| *level < 8)?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok()?),
            None => (rest, TILE),
        };
        let mut value = 0u64;
        for part in number.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            if digits.len() != 3 {
                return None;
            }
            value = value.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let tile = Tile {
            column,
            number: value,
            width,
        };
        // What is written another way (leading zeros, signs, x on the last part) is not that tile's name.
        ((1..=TILE).contains(&width) && tile.path() == path).then_some(tile)
    }
}

/// The tiles of one column in a tree of `size` entries, from number `first` on.
pub fn tiles_of(column: Column, size: u64, first: u64) -> impl Iterator<Item = Tile> {
    let hashes = match column {
        Column::Entries => size,
        Column::Level(level) => size >> (8 * u32::from(level)),
    };
    (first..hashes.div_ceil(TILE)).map(move |number| Tile {
        column,
        number,
        width: (hashes - number * TILE).min(TILE),
    })
}

/// Writes a file so that it is there whole or not at all; its name is durable when its folder is synced.
pub(crate) fn write_whole(path: &Path, data: &[u8]) -> io::Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let mut file = fs::File::create(&fresh)?;
    file.write_all(data)?;
    file.sync_data()?;
    fs::rename(&fresh, path)
}

/// A bundle of entries, each with its length before it.
pub fn bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut data = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
        data.extend_from_slice(&length.to_be_bytes());
        data.extend_from_slice(entry);
    }
    data
}

/// The entries of a bundle; `None` where its lengths do not add up.
pub fn unbundle(mut data: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while !data.is_empty() {
        let (length, rest) = data.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        data = rest;
    }
    Some(entries)
}

/// Reads a log's files.
#[derive(Clone, Debug)]
pub struct Reader {
    pub folder: PathBuf,
    pub suite: Suite,
}

fn broken(tile: &Tile, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", tile.path()))
}

impl Reader {
    /// A tile's bytes. Where the partial one of that width is gone, the full one holds it.
    pub fn read(&self, tile: &Tile) -> io::Result<Vec<u8>> {
        match fs::read(self.folder.join(tile.path())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && tile.width < TILE => {
                fs::read(self.folder.join(Tile { width: TILE, ..*tile }.path()))
            }
            other => other,
        }
    }

    /// The hashes of a tile of a level.
    pub fn hashes(&self, tile: &Tile) -> io::Result<Vec<Hash>> {
        let data = self.read(tile)?;
        let mut hashes: Vec<Hash> = data.as_chunks::<32>().0.to_vec();
        if (hashes.len() as u64) < tile.width || data.len() % 32 != 0 {
            return Err(broken(tile, "the tile has another length than its name says"));
        }
        hashes.truncate(usize::try_from(tile.width).unwrap_or(0));
        Ok(hashes)
    }

    /// The entries of a bundle.
    pub fn entries(&self, tile: &Tile) -> io::Result<Vec<Vec<u8>>> {
        let data = self.read(tile)?;
        let entries =
            unbundle(&data).ok_or_else(|| broken(tile, "the lengths in the bundle do not add up"))?;
        if (entries.len() as u64) < tile.width {
            return Err(broken(tile, "the bundle holds fewer entries than its name says"));
        }
        let width = usize::try_from(tile.width).unwrap_or(0);
        Ok(entries.into_iter().take(width).map(<[u8]>::to_vec).collect())
    }

    /// The root of the perfect subtree of 2^`height` leaves that begins at leaf `index`, in a tree of `size` leaves.
    pub fn subtree(&self, height: u32, index: u64, size: u64) -> io::Result<Hash> {
        let level = height / 8;
        let within = height % 8;
        let column = u8::try_from(level).map_err(io::Error::other)?;
        let first = index >> (8 * level);
        let number = first / TILE;
        let filled = (size >> (8 * level)) - number * TILE;
        let tile = Tile {
            column: Column::Level(column),
            number,
            width: filled.min(TILE),
        };
        let hashes = self.hashes(&tile)?;
        let from = usize::try_from(first % TILE).map_err(io::Error::other)?;
        let part = hashes
            .get(from..from + (1 << within))
            .ok_or_else(|| broken(&tile, "the tile does not reach that far"))?;
        Ok(perfect(self.suite, part))
    }

    /// The roots of the perfect subtrees of a tree of `size` leaves, largest first.
    pub fn edge(&self, size: u64) -> io::Result<Vec<Hash>> {
        let mut begin = 0;
        let mut roots = Vec::new();
        for height in heights(size) {
            roots.push(self.subtree(height, begin, size)?);
            begin += 1 << height;
        }
        Ok(roots)
    }

    /// The root over leaves `from` to `to` of a tree of `size`, where `from` begins a subtree as RFC 6962 splits it.
    pub fn range(&self, from: u64, to: u64, size: u64) -> io::Result<Hash> {
        let (mut begin, mut roots) = (from, Vec::new());
        for height in heights(to - from) {
            roots.push(self.subtree(height, begin, size)?);
            begin += 1 << height;
        }
        let mut parts = roots.into_iter().rev();
        let last = parts.next().unwrap_or_else(|| self.suite.empty());
        Ok(parts.fold(last, |right, left| self.suite.node(&left, &right)))
    }
}
