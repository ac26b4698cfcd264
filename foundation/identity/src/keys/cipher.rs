//! Sealing of one text under one key: AES-256-GCM, or SM4-GCM (GB/T 32907, RFC 8998) in the Chinese suite. Both have
//! nonces of 96 bits and tags of 128.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, AesGcm, KeyInit, Nonce};
use hmac::{Hmac, Mac};
use zeroize::Zeroizing;

use super::KeyError;
use crate::audit::Suite;

/// A nonce before and a tag behind each sealed text, in bytes.
pub(crate) const OVERHEAD: usize = 28;

/// 32 secret bytes, wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// A key made ready for its suite.
pub struct Cipher(Inner);

enum Inner {
    Aes(Box<Aes256Gcm>),
    Sm4(Box<AesGcm<sm4::Sm4, U12>>),
}

impl Cipher {
    /// From a key of 32 bytes (international) or 16 (SM4); `None` for any other length.
    pub fn new(suite: Suite, key: &[u8]) -> Option<Cipher> {
        Some(Cipher(match suite {
            Suite::International => Inner::Aes(Box::new(Aes256Gcm::new_from_slice(key).ok()?)),
            Suite::Sm => Inner::Sm4(Box::new(AesGcm::new_from_slice(key).ok()?)),
        }))
    }

    /// Nonce, ciphertext and tag. A nonce is used once under a key; what is bound by `bound` must be said again to open.
    ///
    /// # Errors
    /// Where the text is longer than the cipher may take (64 GiB).
    pub fn seal(&self, nonce: [u8; 12], bound: &[u8], text: &[u8]) -> Result<Vec<u8>, KeyError> {
        let payload = Payload {
            msg: text,
            aad: bound,
        };
        let sealed = match &self.0 {
            Inner::Aes(cipher) => cipher.encrypt(&Nonce::from(nonce), payload),
            Inner::Sm4(cipher) => cipher.encrypt(&Nonce::from(nonce), payload),
        };
        let sealed = sealed.map_err(|_| KeyError::TooLong)?;
        let mut all = Vec::with_capacity(nonce.len() + sealed.len());
        all.extend(nonce);
        all.extend(sealed);
        Ok(all)
    }

    /// What [`Cipher::seal`] sealed; `None` where it was changed, or sealed under another key or with something else bound.
    pub fn open(&self, bound: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<12>()?;
        let payload = Payload {
            msg: sealed,
            aad: bound,
        };
        let text = match &self.0 {
            Inner::Aes(cipher) => cipher.decrypt(&Nonce::from(*nonce), payload),
            Inner::Sm4(cipher) => cipher.decrypt(&Nonce::from(*nonce), payload),
        };
        text.ok().map(Zeroizing::new)
    }
}

/// HMAC by the suite's hash.
pub(crate) fn keyed_hash(suite: Suite, key: &[u8], parts: &[&[u8]]) -> Secret {
    fn run<M: Mac + hmac::KeyInit>(key: &[u8], parts: &[&[u8]]) -> Secret {
        let mut out = Zeroizing::new([0; 32]);
        // Any length will do for a key of HMAC; there is no other error.
        let Ok(mut mac) = <M as hmac::KeyInit>::new_from_slice(key) else {
            return out;
        };
        for part in parts {
            mac.update(part);
        }
        for (to, from) in out.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
        out
    }
    match suite {
        Suite::International => run::<Hmac<sha2::Sha256>>(key, parts),
        Suite::Sm => run::<Hmac<sm3::Sm3>>(key, parts),
    }
}

/// The cipher of `key` in a suite. What is drawn for a label serves nothing else, so one key serves both suites.
pub(crate) fn cipher_of(suite: Suite, key: &Secret, label: &str) -> Result<Cipher, KeyError> {
    let drawn = drawn(suite, key, label);
    let length = key_length(suite);
    drawn
        .get(..length)
        .and_then(|key| Cipher::new(suite, key))
        .ok_or(KeyError::TooLong)
}

/// The bytes that a suite's cipher takes from `key`: HMAC over `banyan key <label>`, cut to the cipher's length.
pub(crate) fn drawn(suite: Suite, key: &Secret, label: &str) -> Secret {
    keyed_hash(suite, key.as_slice(), &[b"banyan key ", label.as_bytes()])
}

pub(crate) fn key_length(suite: Suite) -> usize {
    match suite {
        Suite::International => 32,
        Suite::Sm => 16,
    }
}

/// Texts as one sequence of bytes from which each can be told apart: before each its length.
pub(crate) fn bound(parts: &[&str]) -> Vec<u8> {
    let mut all = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        all.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        all.extend(part.as_bytes());
    }
    all
}
