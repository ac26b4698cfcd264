//! Two platforms witness each other's audit logs over HTTP; a log that was rolled back or forked finds no witness. Outside code
//! checks what was cosigned.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use banyan::audit_commands::{AuditCommand, run};
use banyan::config::{AuditWitness, AuditWitnessing, Config};
use banyan::platform::Platform;
use banyan_base::World;
use banyan_identity::audit::{
    Cosigner, CosignerKey, Log, Signer, Suite, Uncosigned, WitnessAt, have_cosigned, most_cosigned,
};
use serde_json::json;

use crate::audit::{copy, made};
use crate::support::outside;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("banyan-witness-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A port that was free a moment ago.
fn port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A platform to be: where it listens, and the keys it signs with.
struct Side {
    name: &'static str,
    folder: PathBuf,
    port: u16,
    log_key: String,
    witness_key: String,
}

impl Side {
    fn new(name: &'static str, number: u8) -> Side {
        let folder = folder(name);
        let audit = folder.join("audit");
        std::fs::create_dir_all(&audit).unwrap();
        let (signing, witnessing) = ([number; 32], [number + 100; 32]);
        for (file, secret) in [("signing-key", signing), ("witness-key", witnessing)] {
            banyan_identity::audit::secret(&audit.join(file), secret).unwrap();
        }
        let signer = Signer::new(&format!("{name}/node-1"), Suite::International, &signing).unwrap();
        let cosigner = Cosigner::new(&format!("{name}/witness"), &witnessing);
        Side {
            name,
            folder,
            port: port(),
            log_key: signer.verifier().vkey(),
            witness_key: cosigner.key().vkey(),
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn config(&self, others: &[&Side], logs: Vec<String>) -> Config {
        let mut config = Config::default();
        config.server.listen = format!("127.0.0.1:{}", self.port);
        config.store.folder.clone_from(&self.folder);
        config.audit.origin = self.name.into();
        config.audit.witness = Some(AuditWitnessing {
            name: format!("{}/witness", self.name),
            logs,
        });
        let witness = |other: &&Side| AuditWitness {
            url: format!("{}/audit/witness", other.url()),
            key: other.witness_key.clone(),
        };
        config.audit.witnesses = others.iter().map(witness).collect();
        config
    }

    /// Serves until the process ends.
    fn serve(&self, config: &Config) -> Platform {
        let platform = Platform::open(config, World::system()).unwrap();
        let (served, config) = (platform.clone(), config.clone());
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            banyan::serve::serve(&served, &config, &move |_| {
                let _ = sender.send(());
            })
        });
        receiver.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
        platform
    }
}

fn grow(platform: &Platform) {
    let log = platform.audit.log();
    for number in 0..400 {
        log.append(
            json!({ "kind": "mark", "number": number })
                .to_string()
                .into_bytes(),
        )
        .unwrap();
    }
    log.append(b"{}".to_vec()).unwrap().wait_sealed().unwrap();
}

#[test]
fn two_platforms_witness_each_other() {
    let (left, right) = (Side::new("left.example", 1), Side::new("right.example", 2));
    let configs = [
        left.config(&[&right], vec![right.log_key.clone()]),
        right.config(&[&left], vec![left.log_key.clone()]),
    ];
    let platforms = [left.serve(&configs[0]), right.serve(&configs[1])];
    for round in 0..3 {
        for platform in &platforms {
            grow(platform);
            // The server's own thread may just be at it: whoever comes second is told the size, and asks again.
            let wrong = (0..5)
                .map(|_| platform.audit.have_cosigned().unwrap())
                .find(Vec::is_empty);
            assert!(wrong.is_some(), "round {round}");
        }
    }
    for (side, other, platform) in [(&left, &right, &platforms[0]), (&right, &left, &platforms[1])] {
        let said = outside(
            "audit.py",
            &["cosigned", &side.url(), &side.log_key, &other.witness_key],
        );
        if let Some(said) = said {
            assert!(said.contains("1 cosignature"), "{said}");
        }
        // Another's key is no witness of it.
        let none = most_cosigned(
            &platform.audit.log().reader().folder,
            platform.audit.log().verifier(),
            &[WitnessAt {
                url: other.url(),
                key: CosignerKey::parse(&side.witness_key).unwrap(),
            }],
        );
        assert_eq!(none.unwrap(), None);
    }
    let verify = |wanted: usize| {
        let command = AuditCommand::Verify {
            folder: None,
            key: None,
            known: None,
            require_witnesses: wanted,
            witness: Vec::new(),
        };
        run(&configs[0], command)
    };
    let said = verify(1).unwrap();
    assert!(
        said.contains("entries cosigned by right.example/witness at 2"),
        "{said}"
    );
    let said = verify(2).unwrap_err();
    assert!(said.contains("cosigned by 1 of the 2 witnesses wanted"), "{said}");
}

/// The log in a folder, as `made` makes it.
fn opened(folder: &Path) -> Log {
    let signer = Signer::new("banyan.local/node-1", Suite::International, &[5; 32]).unwrap();
    Log::open(folder, "banyan.local/node-1", Suite::International, signer).unwrap()
}

#[test]
fn a_log_rolled_back_or_forked_finds_no_witness() {
    let side = Side::new("witness.example", 3);
    let logs = folder("logs");
    let at = |name: &str| logs.join(name);
    let log = made(&at("whole"), 0, 130);
    copy(&at("whole"), &at("old"));
    let config = side.config(&[], vec![log.verifier().vkey()]);
    side.serve(&config);
    let witness = WitnessAt {
        url: format!("{}/audit/witness", side.url()),
        key: CosignerKey::parse(&side.witness_key).unwrap(),
    };
    let asked = |log: &Log| have_cosigned(log, std::slice::from_ref(&witness)).unwrap();
    assert!(asked(&log).is_empty());
    log.close();
    drop(log);
    let log = made(&at("whole"), 130, 300);
    assert!(asked(&log).is_empty());
    // What is known of it is gone: the witness says how far it has seen, and nothing is lost.
    std::fs::remove_dir_all(at("whole").join("cosigned")).unwrap();
    assert!(asked(&log).is_empty());
    let betrayed = |log: &Log, wanted: (u64, u64)| {
        let wrong = asked(log);
        let [Uncosigned::Betrayed { seen, size, .. }] = wrong.as_slice() else {
            panic!("{wrong:?}");
        };
        assert_eq!((*seen, *size), wanted);
        log.close();
    };
    // An older copy in its place; the same, grown past what was seen; one with other entries, of the same size.
    betrayed(&opened(&at("old")), (300, 130));
    betrayed(&made(&at("old"), 1130, 1400), (300, 400));
    betrayed(&made(&at("fork"), 1, 301), (300, 300));
    // The true log is still the true one.
    log.append(b"{}".to_vec()).unwrap().wait_sealed().unwrap();
    assert!(asked(&log).is_empty());
    log.close();
    let _ = std::fs::remove_dir_all(&logs);
}
