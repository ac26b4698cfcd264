use std::path::PathBuf;

use super::log::Log;
use super::note::{Checkpoint, Signer, Verifier};
use super::tiles::{Column, Reader, Tile, tiles_of};
use super::{Hash, Suite, extends, includes, root_of, verify};

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn folder(name: &str) -> Folder {
    let path = std::env::temp_dir().join(format!("banyan-audit-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    Folder(path)
}

fn signer(suite: Suite) -> Signer {
    Signer::new("test.log", suite, &[7; 32]).unwrap()
}

fn open(folder: &Folder, suite: Suite) -> Log {
    Log::open(&folder.0, "test.log", suite, signer(suite)).unwrap()
}

fn entry(number: u64) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

/// Appends entries `from..to` and waits until the last is sealed.
fn fill(log: &Log, from: u64, to: u64) {
    let mut last = None;
    for number in from..to {
        last = Some(log.append(entry(number)).unwrap());
    }
    if let Some(ticket) = last {
        assert_eq!(ticket.index, to - 1);
        ticket.wait().unwrap();
        ticket.wait_sealed().unwrap();
    }
}

fn root(suite: Suite, size: u64) -> Hash {
    root_of(suite, (0..size).map(|number| suite.leaf(&entry(number))))
}

/// The example tree of RFC 6962's certificates' own tests: roots of 0, 1 and 2 known leaves.
#[test]
fn hashes_are_those_of_the_standard() {
    let hex = |hash: Hash| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let suite = Suite::International;
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(hex(suite.empty()), empty);
    let leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    assert_eq!(hex(suite.leaf(b"")), leaf);
    let leaves = [&b""[..], b"\x00"].map(|entry| suite.leaf(entry));
    let two = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
    assert_eq!(hex(root_of(suite, leaves)), two);
    // SM3's own first example is over "abc" without a prefix; over nothing it is this.
    let nothing = "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b";
    assert_eq!(hex(Suite::Sm.empty()), nothing);
}

#[test]
fn tiles_have_one_name() {
    for (tile, path) in [
        ((Column::Level(0), 0, 256), "tile/0/000"),
        ((Column::Entries, 1_234_067, 256), "tile/entries/x001/x234/067"),
        ((Column::Level(1), 5, 12), "tile/1/005.p/12"),
    ] {
        let tile = Tile {
            column: tile.0,
            number: tile.1,
            width: tile.2,
        };
        assert_eq!(tile.path(), path);
        assert_eq!(Tile::parse(path), Some(tile));
    }
    for path in [
        "tile/0/0",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/9/000",
        "tile/00/000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/entries/../000",
        "tile/entries/+01",
        "tile/-1/000",
        "checkpoint",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert_eq!(Tile::parse(path), None, "{path}");
    }
}

#[test]
fn notes_are_signed_in_both_suites() {
    for suite in [Suite::International, Suite::Sm] {
        let signer = signer(suite);
        let checkpoint = Checkpoint {
            origin: "test.log".into(),
            size: 9,
            root: suite.leaf(b"x"),
        };
        let note = signer.sign(&checkpoint);
        let verifier = Verifier::parse(&signer.verifier().vkey()).unwrap();
        assert_eq!(verifier.open(&note), Some(checkpoint.clone()));
        for (from, to) in [
            ("\n9\n", "\n8\n"),
            ("test.log\n9", "other.log\n9"),
            ("— test", "— best"),
            ("\n\n", "\nmore\n\n"),
            ("=\n", "=\n\0"),
            ("=\n", "="),
        ] {
            let at = note.rfind(from).unwrap();
            let false_note = format!("{}{to}{}", &note[..at], &note[at + from.len()..]);
            assert_ne!(false_note, note);
            assert_eq!(verifier.open(&false_note), None, "{suite:?}: {from:?}");
        }
        let other = Signer::new("test.log", suite, &[8; 32]).unwrap();
        assert_eq!(other.verifier().open(&note), None);
    }
}

#[test]
fn a_log_grows_and_proves_itself() {
    for suite in [Suite::International, Suite::Sm] {
        let folder = folder(&format!("grows-{suite:?}"));
        let log = open(&folder, suite);
        let (mut size, mut earlier) = (0, None);
        for to in [1, 2, 255, 256, 257, 700, 66_000] {
            fill(&log, size, to);
            size = to;
            let note = log.checkpoint().unwrap().unwrap();
            let checkpoint = log.verifier().open(&note).unwrap();
            assert_eq!((checkpoint.size, checkpoint.root), (size, root(suite, size)));
            let verified = verify(log.reader(), log.verifier(), earlier.as_ref()).unwrap();
            assert_eq!((verified.size, verified.faults), (size, Vec::<String>::new()));
            earlier = Some(checkpoint);
        }
        let reader = log.reader();
        for tree in [1, 3, 256, 257, 1_000, 65_536, 66_000] {
            let whole = root(suite, tree);
            for index in [0, 1, tree / 2, tree - 1] {
                let index = index.min(tree - 1);
                let leaf = suite.leaf(&entry(index));
                let path = reader.inclusion(index, tree, size).unwrap();
                assert!(
                    includes(suite, &leaf, index, tree, &path, &whole),
                    "{index} in {tree}"
                );
                assert!(!includes(
                    suite,
                    &suite.leaf(b"false"),
                    index,
                    tree,
                    &path,
                    &whole
                ));
                assert!(!includes(suite, &leaf, index + 1, tree, &path, &whole) || tree == 1);
            }
            for first in [0, 1, 2, 255, 256, tree / 2, tree] {
                let first = first.min(tree);
                let proof = reader.consistency(first, tree, size).unwrap();
                let old = root(suite, first);
                assert!(
                    extends(suite, (first, &old), (tree, &whole), &proof),
                    "{first} of {tree}"
                );
                let false_root = suite.leaf(b"false");
                assert!(!extends(suite, (first, &false_root), (tree, &whole), &proof));
            }
        }
        log.close();
    }
}

#[test]
fn a_log_goes_on_where_it_was_cut_off() {
    let folder = folder("cut");
    let suite = Suite::International;
    let log = open(&folder, suite);
    fill(&log, 0, 300);
    // Durable but not sealed: what a killed process leaves behind.
    for number in 300..310 {
        log.append(entry(number)).unwrap().wait().unwrap();
    }
    let copy = self::folder("cut-copy");
    copy_folder(&folder.0, &copy.0);
    let journal = super::journal::files(&copy.0).unwrap().pop().unwrap();
    let mut data = std::fs::read(&journal).unwrap();
    // A torn record at the end was never acknowledged.
    data.extend([0, 0, 0, 9, 1, 2, 3]);
    std::fs::write(&journal, data).unwrap();
    let again = open(&copy, suite);
    fill(&again, 310, 312);
    let verified = verify(again.reader(), again.verifier(), None).unwrap();
    assert_eq!((verified.size, verified.faults), (312, Vec::<String>::new()));
    let note = again.checkpoint().unwrap().unwrap();
    assert_eq!(again.verifier().open(&note).unwrap().root, root(suite, 312));
    again.close();
    log.close();
    // Another key is not this log's.
    let other = Signer::new("test.log", suite, &[8; 32]).unwrap();
    assert!(Log::open(&folder.0, "test.log", suite, other).is_err());
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn tampering_is_found() {
    let folder = folder("tamper");
    let suite = Suite::International;
    let log = open(&folder, suite);
    fill(&log, 0, 600);
    let note = log.checkpoint().unwrap().unwrap();
    log.close();
    let known = log.verifier().open(&note).unwrap();
    let reader = Reader {
        folder: folder.0.clone(),
        suite,
    };
    let mut tiles: Vec<Tile> = tiles_of(Column::Entries, 600, 0).collect();
    tiles.extend((0..2).flat_map(|level| tiles_of(Column::Level(level), 600, 0)));
    for tile in tiles {
        let path = folder.0.join(tile.path());
        let good = std::fs::read(&path).unwrap();
        for place in [0, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[place] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            let verified = verify(&reader, log.verifier(), Some(&known)).unwrap();
            assert!(!verified.faults.is_empty(), "{} byte {place}", tile.path());
        }
        std::fs::write(&path, &good[..good.len() - 1]).unwrap();
        let verified = verify(&reader, log.verifier(), Some(&known)).unwrap();
        assert!(!verified.faults.is_empty(), "{} cut", tile.path());
        std::fs::write(&path, good).unwrap();
    }
    // A log that began anew with the same key is found by who knows an earlier checkpoint.
    for (name, from, to) in [("rolled-back", 0, 500), ("forked", 1, 701)] {
        let other = self::folder(name);
        let forked = open(&other, suite);
        let mut last = None;
        for number in from..to {
            last = Some(forked.append(entry(number)).unwrap());
        }
        last.unwrap().wait_sealed().unwrap();
        let verified = verify(forked.reader(), log.verifier(), Some(&known)).unwrap();
        assert_eq!(verified.faults.len(), 1, "{name}: {:?}", verified.faults);
        forked.close();
    }
}
