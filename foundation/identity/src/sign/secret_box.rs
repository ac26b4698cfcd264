//! Seals what must be read again and must not lie about in clear: seeds of one-time codes, steps of signing in. AES-256-GCM
//! under a key in a file of its own, so that a copy of the database alone opens nothing.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use banyan_base::{Problem, World};
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The form of what is sealed: this key file, AES-256-GCM, a nonce of 96 random bits before the text.
const FORM: &str = "f1.";

/// Seals and opens under one key.
pub struct SecretBox {
    cipher: Aes256Gcm,
    /// For [`SecretBox::blind`]: a key of its own, derived from the file's.
    blind: Hmac<Sha256>,
    world: World,
}

impl SecretBox {
    /// Reads the key; makes one, readable by its owner only, where there is no such file.
    ///
    /// # Errors
    /// Where the file can't be read or made, or holds no key.
    pub fn open(world: &World, file: &Path) -> Result<SecretBox, Problem> {
        let failed = |what: &dyn std::fmt::Display| {
            Problem::internal(format!("the key file {}: {what}", file.display()))
        };
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                make(world, file).map_err(|error| failed(&error))?;
                // Of two servers that start at once one made it; both read that one.
                std::fs::read_to_string(file).map_err(|error| failed(&error))?
            }
            Err(error) => return Err(failed(&error)),
        };
        let key = BASE64
            .decode(text.trim().as_bytes())
            .map_err(|_| failed(&"it is not base64"))?;
        let cipher = Aes256Gcm::new_from_slice(&key).map_err(|_| failed(&"the key is not of 32 bytes"))?;
        let mac = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).map_err(|error| failed(&error));
        let own = mac(&key)?.chain_update(b"banyan/blind-index").finalize();
        Ok(SecretBox {
            cipher,
            blind: mac(&own.into_bytes())?,
            world: world.clone(),
        })
    }

    /// Seals `secret`. What it is for is bound to it: it opens for the same purpose only.
    ///
    /// # Errors
    /// Never for secrets of sensible length.
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<String, Problem> {
        let nonce = self.world.secret::<12>();
        let payload = Payload {
            msg: secret,
            aad: purpose.as_bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| Problem::internal("sealing failed"))?;
        let mut all = nonce.to_vec();
        all.extend(sealed);
        Ok(format!("{FORM}{}", BASE64.encode(&all)))
    }

    /// A keyed hash by which `text` is found again, and told by nobody without the key file.
    pub fn blind(&self, purpose: &str, text: &str) -> String {
        let mac = self.blind.clone().chain_update(purpose.as_bytes());
        HEXLOWER.encode(
            &mac.chain_update([0])
                .chain_update(text.as_bytes())
                .finalize()
                .into_bytes(),
        )
    }

    /// Opens what [`SecretBox::seal`] gave.
    ///
    /// # Errors
    /// Where it was sealed under another key or for another purpose, or was changed.
    pub fn unseal(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, Problem> {
        let wrong = || {
            Problem::internal(format!(
                "what was sealed for {purpose} does not open: is the key file the one it was sealed with?"
            ))
        };
        let text = sealed.strip_prefix(FORM).ok_or_else(wrong)?;
        let all = BASE64.decode(text.as_bytes()).map_err(|_| wrong())?;
        let (nonce, sealed) = all.split_first_chunk::<12>().ok_or_else(wrong)?;
        let payload = Payload {
            msg: sealed,
            aad: purpose.as_bytes(),
        };
        self.cipher
            .decrypt(&Nonce::from(*nonce), payload)
            .map_err(|_| wrong())
    }
}

fn make(world: &World, file: &Path) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    match made {
        Ok(mut made) => {
            made.write_all(format!("{}\n", BASE64.encode(&world.secret::<32>())).as_bytes())?;
            made.sync_all()
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
