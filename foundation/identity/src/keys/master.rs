//! The master key: what wraps the keys of domains. Everything else can be copied without harm; this can't.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use banyan_base::World;
use data_encoding::BASE64;
use zeroize::{Zeroize, Zeroizing};

use super::KeyError;
use super::cipher::{Secret, cipher_of};
use super::form::{letter, suite_of};
use crate::audit::Suite;

/// Wraps keys under one that it alone has: a file, or a device that never gives it away.
pub trait Master: Send + Sync {
    /// Where it is, for messages.
    fn place(&self) -> String;
    /// Wraps `secret`; what it is for is bound to it.
    ///
    /// # Errors
    /// Where the device does not answer.
    fn wrap(&self, bound: &[u8], secret: &[u8]) -> Result<Vec<u8>, KeyError>;
    /// What [`Master::wrap`] wrapped; `None` where it was another key that did.
    ///
    /// # Errors
    /// Where the device does not answer.
    fn unwrap(&self, bound: &[u8], wrapped: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError>;
}

/// A master key in a file that only its owner may read: 32 bytes in base64.
pub struct FileMaster {
    path: PathBuf,
    key: Secret,
    suite: Suite,
    world: World,
}

impl FileMaster {
    /// Reads the file; wraps by `suite` from now on, and unwraps what either suite wrapped.
    ///
    /// # Errors
    /// Where there is none, others than its owner may read it, or it holds no key.
    pub fn read(world: &World, path: &Path, suite: Suite) -> Result<FileMaster, KeyError> {
        let failed = |what: &dyn std::fmt::Display| KeyError::Master(format!("{}: {what}", path.display()));
        let mode = std::fs::metadata(path).map_err(|error| failed(&error))?.mode();
        if mode & 0o077 != 0 {
            return Err(failed(&format_args!(
                "others than its owner may read it (mode {:03o}); chmod 600 it",
                mode & 0o777
            )));
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| failed(&error))?);
        let mut bytes = BASE64
            .decode(text.trim().as_bytes())
            .map_err(|_| failed(&"it is not base64"))?;
        let key = <[u8; 32]>::try_from(bytes.as_slice());
        bytes.zeroize();
        Ok(FileMaster {
            path: path.to_owned(),
            key: Zeroizing::new(key.map_err(|_| failed(&"the key is not of 32 bytes"))?),
            suite,
            world: world.clone(),
        })
    }

    /// Makes the file, with a fresh key; one that is there already is left alone.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn make(world: &World, path: &Path) -> Result<(), KeyError> {
        let run = || {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let made = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path);
            match made {
                Ok(mut file) => {
                    let text = Zeroizing::new(BASE64.encode(&*Zeroizing::new(world.secret::<32>())));
                    writeln!(file, "{}", text.as_str())?;
                    file.sync_all()?;
                    match path.parent() {
                        Some(folder) => std::fs::File::open(folder)?.sync_all(),
                        None => Ok(()),
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
                Err(error) => Err(error),
            }
        };
        run().map_err(|error: std::io::Error| KeyError::Master(format!("{}: {error}", path.display())))
    }
}

const LABEL: &str = "master";

impl Master for FileMaster {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn wrap(&self, bound: &[u8], secret: &[u8]) -> Result<Vec<u8>, KeyError> {
        wrap(&self.world, self.suite, &self.key, LABEL, bound, secret)
    }

    fn unwrap(&self, bound: &[u8], wrapped: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        unwrap(&self.key, LABEL, bound, wrapped)
    }
}

/// Wraps a key under another: the suite's letter, then what the cipher gives.
pub(crate) fn wrap(
    world: &World,
    suite: Suite,
    key: &Secret,
    label: &str,
    bound: &[u8],
    secret: &[u8],
) -> Result<Vec<u8>, KeyError> {
    let mut wrapped = letter(suite).as_bytes().to_vec();
    wrapped.extend(cipher_of(suite, key, label)?.seal(world.secret(), bound, secret)?);
    Ok(wrapped)
}

/// Unwraps it; `None` where it was wrapped under another key, or for something else.
pub(crate) fn unwrap(
    key: &Secret,
    label: &str,
    bound: &[u8],
    wrapped: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
    let Some((first, rest)) = wrapped.split_first() else {
        return Ok(None);
    };
    let suite = std::str::from_utf8(std::slice::from_ref(first))
        .ok()
        .and_then(suite_of);
    match suite {
        Some(suite) => Ok(cipher_of(suite, key, label)?.open(bound, rest)),
        None => Ok(None),
    }
}

/// 32 bytes of what was unwrapped.
pub(crate) fn secret(bytes: &[u8]) -> Option<Secret> {
    <[u8; 32]>::try_from(bytes).ok().map(Zeroizing::new)
}
