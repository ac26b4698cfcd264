//! The Chinese suite against outsiders: PyPI gmssl, OpenSSL, cryptography; ours checked by them and theirs by ours.

use std::path::PathBuf;

use banyan_base::World;
use banyan_identity::audit::{Checkpoint, Signer, Suite, Verifier};
use banyan_identity::keys::Cipher;
use data_encoding::HEXLOWER;
use serde_json::{Value as Json, json};

use crate::support::outside;

const CASES: usize = 200;

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("banyan-sm-{name}-{}.json", std::process::id()))
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// `length` random bytes.
fn random(world: &World, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        bytes.extend(world.secret::<32>());
    }
    bytes.truncate(length);
    bytes
}

/// The hash of an entry of the log is SM3 over a zero byte and the entry.
fn sm3(text: &[u8]) -> Option<[u8; 32]> {
    let (zero, entry) = text.split_first()?;
    (*zero == 0).then(|| Suite::Sm.leaf(entry))
}

#[test]
fn outsiders_come_to_our_answers() {
    let world = World::system();
    let (mut hashes, mut texts, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..CASES {
        let text = [vec![0], random(&world, number * 5 % 300)].concat();
        hashes.push(json!({ "text": hex(&text), "hash": hex(&sm3(&text).unwrap()) }));
        let (key, nonce) = (world.secret::<16>(), world.secret::<12>());
        let (bound, text) = (random(&world, number % 60), random(&world, number * 3 % 200));
        let sealed = Cipher::new(Suite::Sm, &key)
            .unwrap()
            .seal(nonce, &bound, &text)
            .unwrap();
        texts.push(json!({
            "key": hex(&key), "nonce": hex(&nonce), "bound": hex(&bound), "text": hex(&text), "sealed": hex(&sealed),
        }));
        if number % 8 == 0 {
            let signer = Signer::new("banyan.local/node-1", Suite::Sm, &world.secret()).unwrap();
            let checkpoint = Checkpoint {
                origin: "banyan.local/node-1".into(),
                size: number as u64,
                root: world.secret(),
            };
            notes.push(json!({ "vkey": signer.verifier().vkey(), "note": signer.sign(&checkpoint) }));
        }
    }
    let path = file("ours");
    std::fs::write(
        &path,
        json!({ "sm3": hashes, "sm4": texts, "sm2": notes }).to_string(),
    )
    .unwrap();
    if let Some(said) = outside("sm.py", &["check", &path.display().to_string()]) {
        assert_eq!(said.trim(), "200 sm3, 200 sm4, 25 sm2 as outsiders have them");
    }
    let _ = std::fs::remove_file(path);
}

#[test]
fn we_come_to_the_outsiders_answers() {
    let path = file("theirs");
    if outside(
        "sm.py",
        &["make", &path.display().to_string(), &CASES.to_string()],
    )
    .is_none()
    {
        return;
    }
    let theirs: Json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let _ = std::fs::remove_file(path);
    let bytes = |case: &Json, name: &str| HEXLOWER.decode(case[name].as_str().unwrap().as_bytes()).unwrap();
    let cases = |name: &str| theirs[name].as_array().unwrap().clone();
    assert_eq!(
        ["sm3", "sm4", "sm2"].map(|name| cases(name).len()),
        [CASES, CASES, CASES / 2]
    );
    for case in cases("sm3") {
        assert_eq!(hex(&sm3(&bytes(&case, "text")).unwrap()), case["hash"]);
    }
    for case in cases("sm4") {
        let cipher = Cipher::new(Suite::Sm, &bytes(&case, "key")).unwrap();
        let (bound, mut sealed) = (bytes(&case, "bound"), bytes(&case, "sealed"));
        assert_eq!(
            cipher.open(&bound, &sealed).unwrap().to_vec(),
            bytes(&case, "text")
        );
        assert!(cipher.open(b"elsewhere", &sealed).is_none());
        let nonce = bytes(&case, "nonce").try_into().unwrap();
        assert_eq!(cipher.seal(nonce, &bound, &bytes(&case, "text")).unwrap(), sealed);
        *sealed.last_mut().unwrap() ^= 1;
        assert!(cipher.open(&bound, &sealed).is_none());
    }
    for case in cases("sm2") {
        let (vkey, note) = (case["vkey"].as_str().unwrap(), case["note"].as_str().unwrap());
        let verifier = Verifier::parse(vkey).unwrap();
        assert_eq!(verifier.suite(), Suite::Sm);
        assert!(verifier.open(note).is_some(), "{note}");
        let (checkpoint, _) = Checkpoint::parse(note).unwrap();
        let other = note.replacen(&format!("\n{}\n", checkpoint.size), "\n99999\n", 1);
        assert_ne!(other, note);
        assert!(verifier.open(&other).is_none());
    }
}
