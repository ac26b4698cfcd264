//! Cosignatures on others' checkpoints (C2SP tlog-cosignature v1): Ed25519 over the checkpoint and the time at which it was seen.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::note::Checkpoint;

/// Algorithm byte of Ed25519 cosignatures.
const COSIGNATURE: u8 = 0x04;

/// Signs that a log was append-only as far as it was seen.
pub struct Cosigner {
    name: String,
    key: SigningKey,
}

/// Checks what a [`Cosigner`] signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignerKey {
    pub name: String,
    key: VerifyingKey,
}

fn message(checkpoint: &Checkpoint, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{}", checkpoint.text())
}

impl Cosigner {
    pub fn new(name: &str, secret: &[u8; 32]) -> Cosigner {
        Cosigner {
            name: name.to_owned(),
            key: SigningKey::from_bytes(secret),
        }
    }

    pub fn key(&self) -> CosignerKey {
        CosignerKey {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    /// The signature line, with the time in POSIX seconds.
    pub fn cosign(&self, checkpoint: &Checkpoint, time: u64) -> String {
        let signature = self.key.sign(message(checkpoint, time).as_bytes());
        let mut data = self.key().number().to_vec();
        data.extend(time.to_be_bytes());
        data.extend(signature.to_bytes());
        format!("— {} {}\n", self.name, STANDARD.encode(data))
    }
}

impl CosignerKey {
    fn marked(&self) -> Vec<u8> {
        [&[COSIGNATURE][..], self.key.as_bytes()].concat()
    }

    fn number(&self) -> [u8; 4] {
        let hash = Sha256::digest([self.name.as_bytes(), b"\n", &self.marked()].concat());
        hash.first_chunk::<4>().copied().unwrap_or_default()
    }

    /// `name+number`.
    pub fn id(&self) -> String {
        let number: String = self.number().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}+{number}", self.name)
    }

    /// `name+number+key`.
    pub fn vkey(&self) -> String {
        format!("{}+{}", self.id(), STANDARD.encode(self.marked()))
    }

    /// Reads a `vkey` of a cosigner.
    pub fn parse(vkey: &str) -> Option<CosignerKey> {
        let mut parts = vkey.trim().splitn(3, '+');
        let (name, _, marked) = (parts.next()?, parts.next()?, parts.next()?);
        let marked = STANDARD.decode(marked).ok()?;
        let key = marked.strip_prefix(&[COSIGNATURE])?.try_into().ok()?;
        let key = CosignerKey {
            name: name.to_owned(),
            key: VerifyingKey::from_bytes(&key).ok()?,
        };
        (key.vkey() == vkey.trim()).then_some(key)
    }

    /// The checkpoint of a note that this cosigner signed, and when (POSIX seconds). Whether its log signed it is another question.
    pub fn open(&self, note: &str) -> Option<(Checkpoint, u64)> {
        let (checkpoint, signatures) = Checkpoint::parse(note)?;
        // Nothing may stand in the text besides what was read.
        if note.split_once("\n\n")?.0.len() + 1 != checkpoint.text().len() {
            return None;
        }
        let time = signatures.iter().find_map(|(name, data)| {
            let (number, rest) = data.split_first_chunk::<4>()?;
            let (time, signature) = rest.split_first_chunk::<8>()?;
            if *name != self.name || *number != self.number() {
                return None;
            }
            let time = u64::from_be_bytes(*time);
            let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
            let message = message(&checkpoint, time);
            self.key
                .verify_strict(message.as_bytes(), &signature)
                .is_ok()
                .then_some(time)
        })?;
        Some((checkpoint, time))
    }
}
