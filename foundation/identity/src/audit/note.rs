//! Checkpoints: a tree's size and root as a signed note (C2SP signed-note, tlog-checkpoint), by Ed25519 or SM2.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, Verifier as _};
use sha2::{Digest, Sha256};

use super::hash::{Hash, Suite};

/// Algorithm bytes of C2SP signed-note; what has no number of its own there goes by a name behind 0xff.
const ED25519: &[u8] = &[0x01];
const SM2: &[u8] = b"\xffbanyan/sm2-with-sm3";
/// The signer's distinguishing identifier of GB/T 32918 where none was agreed on.
const SM2_ID: &str = "1234567812345678";

/// A tree as a log states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, without blanks or `+`.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// The checkpoint of a signed note, and its signature lines (name, key number and signature); signatures unchecked.
    pub fn parse(note: &str) -> Option<(Checkpoint, Vec<(String, Vec<u8>)>)> {
        let (text, lines) = note.split_once("\n\n")?;
        let mut head = text.lines();
        let (origin, size, root) = (head.next()?, head.next()?, head.next()?);
        let checkpoint = Checkpoint {
            origin: origin.to_owned(),
            size: size.parse().ok()?,
            root: STANDARD.decode(root).ok()?.try_into().ok()?,
        };
        // Signatures by others may follow, and nothing else.
        let signatures = lines
            .strip_suffix('\n')?
            .split('\n')
            .map(|line| {
                let (name, data) = line.strip_prefix("— ")?.split_once(' ')?;
                Some((name.to_owned(), STANDARD.decode(data).ok()?))
            })
            .collect::<Option<Vec<_>>>()?;
        Some((checkpoint, signatures))
    }
}

/// Signs checkpoints under a name.
pub struct Signer {
    name: String,
    key: Key,
}

enum Key {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Sm2(Box<sm2::dsa::SigningKey>),
}

/// Checks what a [`Signer`] signed; as text the `vkey` that a witness or a reader is given.
#[derive(Clone, Debug)]
pub struct Verifier {
    pub name: String,
    key: PublicKey,
}

#[derive(Clone, Debug)]
enum PublicKey {
    Ed25519(ed25519_dalek::VerifyingKey),
    Sm2(Box<sm2::dsa::VerifyingKey>),
}

impl Signer {
    /// From 32 secret bytes; `None` for the few that are no SM2 key.
    pub fn new(name: &str, suite: Suite, secret: &[u8; 32]) -> Option<Signer> {
        let key = match suite {
            Suite::International => Key::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(secret))),
            Suite::Sm => {
                let secret = sm2::SecretKey::from_slice(secret).ok()?;
                Key::Sm2(Box::new(sm2::dsa::SigningKey::new(SM2_ID, &secret).ok()?))
            }
        };
        Some(Signer {
            name: name.to_owned(),
            key,
        })
    }

    pub fn verifier(&self) -> Verifier {
        Verifier {
            name: self.name.clone(),
            key: match &self.key {
                Key::Ed25519(key) => PublicKey::Ed25519(key.verifying_key()),
                Key::Sm2(key) => PublicKey::Sm2(Box::new(key.verifying_key().clone())),
            },
        }
    }

    /// The checkpoint as a note with this signature.
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        let text = checkpoint.text();
        let mut data = self.verifier().number().to_vec();
        match &self.key {
            Key::Ed25519(key) => data.extend(key.sign(text.as_bytes()).to_bytes()),
            Key::Sm2(key) => {
                let signature: sm2::dsa::Signature =
                    sm2::dsa::signature::Signer::sign(&**key, text.as_bytes());
                data.extend(signature.to_bytes());
            }
        }
        format!("{text}\n— {} {}\n", self.name, STANDARD.encode(data))
    }
}

impl Verifier {
    /// The suite that logs of this key use.
    pub fn suite(&self) -> Suite {
        match self.key {
            PublicKey::Ed25519(_) => Suite::International,
            PublicKey::Sm2(_) => Suite::Sm,
        }
    }

    /// The algorithm's mark and the public key.
    fn marked(&self) -> Vec<u8> {
        match &self.key {
            PublicKey::Ed25519(key) => [ED25519, key.as_bytes()].concat(),
            PublicKey::Sm2(key) => [SM2, &key.to_sec1_bytes()].concat(),
        }
    }

    /// The key's number: the first four bytes of SHA-256 over name, line feed, mark and key.
    fn number(&self) -> [u8; 4] {
        let hash = Sha256::digest([self.name.as_bytes(), b"\n", &self.marked()].concat());
        hash.first_chunk::<4>().copied().unwrap_or_default()
    }

    /// `name+number`: two logs of one name differ in it.
    pub fn id(&self) -> String {
        let number: String = self.number().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}+{number}", self.name)
    }

    /// `name+number+key`.
    pub fn vkey(&self) -> String {
        format!("{}+{}", self.id(), STANDARD.encode(self.marked()))
    }

    /// Reads a `vkey`.
    pub fn parse(vkey: &str) -> Option<Verifier> {
        let mut parts = vkey.trim().splitn(3, '+');
        let (name, number, marked) = (parts.next()?, parts.next()?, parts.next()?);
        let marked = STANDARD.decode(marked).ok()?;
        let key = if let Some(key) = marked.strip_prefix(SM2) {
            PublicKey::Sm2(Box::new(
                sm2::dsa::VerifyingKey::from_sec1_bytes(SM2_ID, key).ok()?,
            ))
        } else {
            let key = marked.strip_prefix(ED25519)?.try_into().ok()?;
            PublicKey::Ed25519(ed25519_dalek::VerifyingKey::from_bytes(&key).ok()?)
        };
        let verifier = Verifier {
            name: name.to_owned(),
            key,
        };
        (verifier.vkey().split('+').nth(1) == Some(number)).then_some(verifier)
    }

    /// The checkpoint of a note that this key signed; `None` where it did not.
    pub fn open(&self, note: &str) -> Option<Checkpoint> {
        let (checkpoint, signatures) = Checkpoint::parse(note)?;
        let text = checkpoint.text();
        // Every byte before the signatures is signed: nothing may stand in the text besides.
        if note.split_once("\n\n")?.0.len() + 1 != text.len() {
            return None;
        }
        signatures
            .iter()
            .filter(|(name, _)| *name == self.name)
            .filter_map(|(_, data)| data.split_first_chunk::<4>())
            .any(|(number, signature)| *number == self.number() && self.holds(text.as_bytes(), signature))
            .then_some(checkpoint)
    }

    fn holds(&self, text: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            PublicKey::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(text, &signature).is_ok()),
            PublicKey::Sm2(key) => sm2::dsa::Signature::from_slice(signature).is_ok_and(|signature| {
                sm2::dsa::signature::Verifier::verify(&**key, text, &signature).is_ok()
            }),
        }
    }
}

/// Reads the 32 secret bytes of a key file, or makes one that only its owner may read.
///
/// # Errors
/// Where the file can't be read or made, or holds something else.
pub fn secret(path: &Path, fresh: [u8; 32]) -> std::io::Result<[u8; 32]> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let wrong = || {
        std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "the key file holds no 32 bytes in base64",
        )
    };
    match std::fs::read_to_string(path) {
        Ok(text) => STANDARD
            .decode(text.trim())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(wrong),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            writeln!(file, "{}", STANDARD.encode(fresh))?;
            file.sync_all()?;
            Ok(fresh)
        }
        Err(error) => Err(error),
    }
}
