//! The form of what is sealed: `k1.<suite>.<key>.<data>`. `k1` is the form's version, the suite `i` (AES-256-GCM) or `s` (SM4-GCM), the key
//! the id of a data key, the data nonce, ciphertext and tag in base64url. So texts of both suites stand side by side.

use banyan_store::FromValue;
use data_encoding::BASE64URL_NOPAD;

use crate::audit::Suite;

/// The id of a data key: 72 random bits in base64url.
pub(crate) type KeyId = String;

pub(crate) const MARK: &str = "k1.";

pub(crate) fn key_id(random: [u8; 9]) -> KeyId {
    BASE64URL_NOPAD.encode(&random)
}

pub(crate) const fn letter(suite: Suite) -> &'static str {
    match suite {
        Suite::International => "i",
        Suite::Sm => "s",
    }
}

pub(crate) fn suite_of(letter: &str) -> Option<Suite> {
    match letter {
        "i" => Some(Suite::International),
        "s" => Some(Suite::Sm),
        _ => None,
    }
}

/// A suite as the key store's tables keep it.
pub(crate) struct StoredSuite(pub(crate) Suite);

impl FromValue for StoredSuite {
    fn from_value(value: &banyan_store::Value) -> Option<StoredSuite> {
        suite_of(value.as_text()?).map(StoredSuite)
    }
}

/// A sealed text taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) suite: Suite,
    pub(crate) key: KeyId,
    pub(crate) data: Vec<u8>,
}

pub(crate) fn write(suite: Suite, key: &str, data: &[u8]) -> String {
    let mut text = String::with_capacity(18 + data.len() * 4 / 3 + 2);
    text.push_str(MARK);
    text.push_str(letter(suite));
    text.push('.');
    text.push_str(key);
    text.push('.');
    BASE64URL_NOPAD.encode_append(data, &mut text);
    text
}

pub(crate) fn read(text: &str) -> Option<Sealed> {
    let mut parts = text.strip_prefix(MARK)?.splitn(3, '.');
    let (suite, key, data) = (suite_of(parts.next()?)?, parts.next()?, parts.next()?);
    Some(Sealed {
        suite,
        key: (key.len() == 12).then(|| key.to_owned())?,
        data: BASE64URL_NOPAD.decode(data.as_bytes()).ok()?,
    })
}
