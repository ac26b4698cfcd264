//! What a witness answers to what, in both suites; and that it remembers.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Checkpoint, Hash, Log, Signer, Suite, Verifier, Witness, WitnessSettings, root_of};

const ORIGIN: &str = "log.example/node-1";

fn signer(suite: Suite) -> Signer {
    Signer::new(ORIGIN, suite, &[7; 32]).unwrap()
}

/// A log of so many entries; those from `forked` on are other ones.
fn leaves(suite: Suite, count: u64, forked: u64) -> Vec<Hash> {
    (0..count)
        .map(|number| suite.leaf(format!("{number} {}", number >= forked).as_bytes()))
        .collect()
}

fn note(suite: Suite, count: u64, forked: u64) -> String {
    let checkpoint = Checkpoint {
        origin: ORIGIN.into(),
        size: count,
        root: root_of(suite, leaves(suite, count, forked)),
    };
    signer(suite).sign(&checkpoint)
}

struct Stage {
    folder: PathBuf,
    suite: Suite,
    log: Log,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.log.close();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Stage {
    fn new(suite: Suite) -> Stage {
        let name = format!("banyan-witness-{suite:?}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        let log = Log::open(&folder.join("log"), ORIGIN, suite, signer(suite)).unwrap();
        for number in 0..600 {
            log.append(format!("{number} false").into_bytes()).unwrap();
        }
        log.append(b"end".to_vec()).unwrap().wait_sealed().unwrap();
        Stage { folder, suite, log }
    }

    /// The witness, opened anew each time: it knows what it wrote down.
    fn witness(&self) -> Witness {
        let settings = WitnessSettings {
            name: "witness.example".into(),
            logs: vec![signer(self.suite).verifier()],
        };
        Witness::open(&self.folder, &settings, [9; 32]).unwrap()
    }

    fn body(&self, old: u64, count: u64, note: &str) -> String {
        let mut body = format!("old {old}\n");
        for hash in self.log.reader().consistency(old, count.max(old), 601).unwrap() {
            body.push_str(&format!("{}\n", STANDARD.encode(hash)));
        }
        format!("{body}\n{note}")
    }

    fn answer(&self, body: &str) -> String {
        let witness = self.witness();
        match witness.add(body, 1_664_150_400) {
            Ok(line) => {
                let note = body.split_once("\n\n").unwrap().1;
                let (checkpoint, time) = witness.key().open(&format!("{note}{line}")).unwrap();
                assert_eq!(time, 1_664_150_400);
                format!("cosigned {}", checkpoint.size)
            }
            Err(why) => why.to_string(),
        }
    }
}

#[test]
fn what_extends_what_was_seen_is_cosigned_and_nothing_else() {
    for suite in [Suite::International, Suite::Sm] {
        let stage = Stage::new(suite);
        let never = u64::MAX;
        let good = |count: u64| note(suite, count, never);
        let conflict = |size: u64| format!("the last cosigned tree has {size} entries");
        let other = Checkpoint {
            origin: "other.example/node-1".into(),
            size: 3,
            root: [3; 32],
        };
        let unknown = Signer::new(&other.origin, suite, &[8; 32]).unwrap().sign(&other);
        let theirs = Signer::new(ORIGIN, suite, &[8; 32]).unwrap();
        let unsigned = theirs.sign(&Checkpoint {
            origin: ORIGIN.into(),
            ..other.clone()
        });
        let malformed = "the first line is not `old` and a size";
        for (what, body, wanted) in [
            (
                "nothing",
                String::new(),
                "no empty line stands before the checkpoint".to_owned(),
            ),
            ("no size", format!("old\n\n{}", good(3)), malformed.to_owned()),
            (
                "a zero before",
                format!("old 00\n\n{}", good(3)),
                malformed.to_owned(),
            ),
            (
                "no base64",
                format!("old 0\n!\n\n{}", good(3)),
                "the proof is not of at most 63 hashes in base64".to_owned(),
            ),
            (
                "no checkpoint",
                "old 0\n\nhello".to_owned(),
                "this is no checkpoint".to_owned(),
            ),
            (
                "another log",
                stage.body(0, 3, &unknown),
                "this witness does not know the log".into(),
            ),
            (
                "another key",
                stage.body(0, 3, &unsigned),
                "no signature is by the log's key".into(),
            ),
            (
                "back in time",
                format!("old 4\n\n{}", good(3)),
                "the old size is above the checkpoint's".into(),
            ),
            ("not from the start", stage.body(2, 3, &good(3)), conflict(0)),
            (
                "a proof from nothing",
                format!("old 0\n{}\n\n{}", STANDARD.encode([1; 32]), good(3)),
                "the proof does not show that the tree extends the one cosigned last".into(),
            ),
            ("first", stage.body(0, 300, &good(300)), "cosigned 300".into()),
            (
                "the same",
                stage.body(300, 300, &good(300)),
                "cosigned 300".into(),
            ),
            (
                "the same, rewritten",
                stage.body(300, 300, &note(suite, 300, 250)),
                conflict(300),
            ),
            ("rolled back", stage.body(0, 200, &good(200)), conflict(300)),
            (
                "forked",
                stage.body(300, 600, &note(suite, 600, 250)),
                "the proof does not show that the tree extends the one cosigned last".into(),
            ),
            ("grown", stage.body(300, 600, &good(600)), "cosigned 600".into()),
            ("twice at once", stage.body(300, 600, &good(600)), conflict(600)),
        ] {
            assert_eq!(stage.answer(&body), wanted, "{suite:?}: {what}");
        }
        // A record that can't be read: nothing is cosigned on its strength.
        let records = stage.folder.join("witnessed");
        for entry in std::fs::read_dir(&records).unwrap() {
            std::fs::write(entry.unwrap().path(), "?").unwrap();
        }
        let answer = stage.answer(&stage.body(0, 600, &good(600)));
        assert!(
            answer.contains("not a checkpoint of log.example/node-1"),
            "{answer}"
        );
    }
}

#[test]
fn keys_of_logs_and_of_witnesses_are_not_taken_for_each_other() {
    let cosigner = super::Cosigner::new("witness.example", &[9; 32]);
    let vkey = cosigner.key().vkey();
    assert_eq!(super::CosignerKey::parse(&vkey), Some(cosigner.key()));
    assert!(Verifier::parse(&vkey).is_none());
    let log = signer(Suite::International).verifier().vkey();
    assert!(super::CosignerKey::parse(&log).is_none());
    let (name, rest) = vkey.split_once('+').unwrap();
    assert!(super::CosignerKey::parse(&format!("{name}x+{rest}")).is_none());
    // A cosignature is good for its checkpoint and its time alone.
    let note = note(Suite::International, 3, 9);
    let checkpoint = Checkpoint::parse(&note).unwrap().0;
    let whole = format!("{note}{}", cosigner.cosign(&checkpoint, 5));
    assert_eq!(cosigner.key().open(&whole).unwrap(), (checkpoint, 5));
    assert!(
        cosigner
            .key()
            .open(&whole.replacen("\n3\n", "\n4\n", 1))
            .is_none()
    );
}
