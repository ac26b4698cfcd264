use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use banyan_base::{Ctx, World};
use banyan_store::Db;
use banyan_store::testing::{TestDb, databases};

use super::*;
use crate::audit::Suite;

pub(super) const DOMAIN: &str = "base.service";

/// A key store of its own beside a test's database: in the same kind of database.
pub(super) struct Stand {
    pub(super) test: TestDb,
    store: TestDb,
    pub(super) world: World,
    settings: KeySettings,
}

pub(super) fn stands() -> Vec<Stand> {
    let worlds = databases().unwrap().into_iter().zip(databases().unwrap());
    worlds
        .map(|(test, store)| {
            let world = World::system();
            let settings = KeySettings {
                master: test.folder.join("keys/master.key"),
                database: store.url.clone(),
                suite: Suite::International,
                cached: NonZeroUsize::new(1_000).unwrap(),
            };
            Stand {
                test,
                store,
                world,
                settings,
            }
        })
        .collect()
}

impl Stand {
    pub(super) fn keys(&self) -> Keys {
        Keys::open(&self.settings, &self.world).unwrap()
    }

    fn keys_by(&self, suite: Suite) -> Keys {
        let settings = KeySettings {
            suite,
            ..self.settings.clone()
        };
        Keys::open(&settings, &self.world).unwrap()
    }

    /// Another store that the same master key opens: an empty one, for restoring into.
    fn elsewhere(&self) -> (TestDb, KeySettings) {
        let store = databases()
            .unwrap()
            .into_iter()
            .find(|db| db.name == self.test.name)
            .unwrap();
        let settings = KeySettings {
            database: store.url.clone(),
            ..self.settings.clone()
        };
        (store, settings)
    }

    pub(super) fn cx(&self) -> Ctx {
        self.world.system_ctx()
    }

    fn list(&self) -> Vec<Destruction> {
        let sql = format!("SELECT {} FROM destruction ORDER BY id", destroy::COLUMNS);
        let rows = self.store.db.read(|tx| tx.query(&sql, &[])).unwrap();
        rows.iter().map(|row| destroy::read(row).unwrap()).collect()
    }
}

fn at<'a>(subject: &'a str, place: &'a str) -> At<'a> {
    At {
        domain: DOMAIN,
        subject,
        place,
    }
}

#[test]
fn what_is_sealed_opens_only_where_it_belongs() {
    for stand in stands() {
        for suite in [Suite::International, Suite::Sm] {
            let keys = stand.keys_by(suite);
            let here = at("party-1", "person.id_number");
            let sealed = keys.seal(&here, "11010519491231002X").unwrap();
            assert!(
                sealed.starts_with(if suite == Suite::Sm { "k1.s." } else { "k1.i." }),
                "{sealed}"
            );
            assert!(Keys::is_sealed(&sealed) && !Keys::is_sealed("k1.i.x") && !Keys::is_sealed("王小明"));
            assert_ne!(sealed, keys.seal(&here, "11010519491231002X").unwrap());
            assert_eq!(
                keys.unseal(&here, &sealed).unwrap().as_deref(),
                Some("11010519491231002X")
            );
            let elsewhere = [
                at("party-2", "person.id_number"),
                at("party-1", "person.phone"),
                At {
                    domain: "base.other",
                    ..here
                },
            ];
            for other in elsewhere {
                // The other subject has a key too; it is not that which keeps it from opening.
                keys.seal(&other, "x").unwrap();
                assert!(
                    matches!(keys.unseal(&other, &sealed), Err(KeyError::Foreign { .. })),
                    "{other:?}"
                );
            }
            // Every byte of it counts.
            for index in 0..sealed.len() {
                let mut changed = sealed.clone().into_bytes();
                changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).unwrap();
                let opened = keys.unseal(&here, &changed);
                assert!(opened.is_err(), "{changed} opened as {opened:?}");
            }
            for broken in ["", "k1.i", "k1.i..", &sealed[..sealed.len() - 1], "plain"] {
                assert!(
                    matches!(keys.unseal(&here, broken), Err(KeyError::Foreign { .. })),
                    "{broken}"
                );
            }
        }
    }
}

#[test]
fn both_suites_are_read_side_by_side() {
    for stand in stands() {
        let here = at("party-1", "person.phone");
        let old = stand.keys().seal(&here, "旧").unwrap();
        let keys = stand.keys_by(Suite::Sm);
        let new = keys.seal(&here, "新").unwrap();
        let opened = keys.unseal_many(&[(here, &old), (here, &new)]).unwrap();
        assert_eq!(opened, [Some("旧".to_owned()), Some("新".to_owned())]);
        // The blind index stays the same, or nothing sealed before would be found.
        let blinds = [stand.keys(), keys].map(|keys| keys.blind(DOMAIN, "person.phone", "139").unwrap());
        assert_eq!(blinds[0], blinds[1]);
    }
}

#[test]
fn equal_texts_are_found_by_their_blind_index_at_one_place_only() {
    for stand in stands() {
        let keys = stand.keys();
        let blind = |domain, place, text| keys.blind(domain, place, text).unwrap();
        let one = blind(DOMAIN, "person.phone", "139");
        assert_eq!(one.len(), 22);
        assert_eq!(one, blind(DOMAIN, "person.phone", "139"));
        for (domain, place, text) in [
            (DOMAIN, "person.phone", "138"),
            (DOMAIN, "person.other", "139"),
            ("base.other", "person.phone", "139"),
            // Lengths keep the parts apart.
            (DOMAIN, "person.phon", "e139"),
        ] {
            assert_ne!(one, blind(domain, place, text), "{domain} {place} {text}");
        }
    }
}

#[test]
fn many_are_sealed_and_opened_at_once() {
    for stand in stands() {
        let keys = stand.keys();
        let subjects: Vec<String> = (0..1_300).map(|number| format!("party-{number}")).collect();
        let texts: Vec<(At<'_>, &str)> = subjects
            .iter()
            .flat_map(|subject| [(at(subject, "p.a"), subject.as_str()), (at(subject, "p.b"), "b")])
            .collect();
        let sealed = keys.seal_many(&texts).unwrap();
        assert_eq!(keys.status().unwrap().keys, 1_300);
        // The cache holds fewer than there are.
        assert_eq!(keys.status().unwrap().cached, 1_000);
        keys.destroy(&stand.cx(), DOMAIN, "party-7", Reason::Erasure, "clerk")
            .unwrap()
            .unwrap();
        for keys in [keys, stand.keys()] {
            let asked: Vec<(At<'_>, &str)> = texts
                .iter()
                .zip(&sealed)
                .map(|((at, _), sealed)| (*at, sealed.as_str()))
                .collect();
            let opened = keys.unseal_many(&asked).unwrap();
            for ((at, text), opened) in texts.iter().zip(opened) {
                assert_eq!(opened.as_deref(), Some(*text).filter(|_| at.subject != "party-7"));
            }
        }
    }
}

#[test]
fn a_destroyed_key_opens_nothing_anywhere_and_comes_back_for_nobody() {
    for stand in stands() {
        let (keys, beside) = (stand.keys(), stand.keys());
        let (one, two) = (at("party-1", "p.a"), at("party-2", "p.a"));
        let (sealed, other) = (
            keys.seal(&one, "secret").unwrap(),
            keys.seal(&two, "kept").unwrap(),
        );
        assert!(beside.unseal(&one, &sealed).unwrap().is_some());
        let done = keys
            .destroy(&stand.cx(), DOMAIN, "party-1", Reason::Erasure, "clerk")
            .unwrap()
            .unwrap();
        assert_eq!(
            (done.reason.as_str(), done.by.as_str(), done.is_final),
            ("erasure", "clerk", true)
        );
        assert!(!done.subject.contains("party"));
        assert_eq!(keys.unseal(&one, &sealed).unwrap(), None);
        // The other process writes nothing under it at once, and reads nothing by it a second later.
        assert!(matches!(
            beside.seal(&one, "again"),
            Err(KeyError::Destroyed { .. })
        ));
        assert_eq!(beside.unseal(&one, &sealed).unwrap(), None);
        assert!(matches!(
            keys.seal(&one, "again"),
            Err(KeyError::Destroyed { .. })
        ));
        assert_eq!(keys.unseal(&two, &other).unwrap().as_deref(), Some("kept"));
        // In another domain the subject lives on; a second destruction finds nothing to do.
        let elsewhere = At {
            domain: "base.other",
            ..one
        };
        keys.seal(&elsewhere, "x").unwrap();
        assert_eq!(keys.domains_of("party-1").unwrap(), ["base.other"]);
        assert!(
            keys.destroy(&stand.cx(), DOMAIN, "party-1", Reason::Erasure, "clerk")
                .unwrap()
                .is_none()
        );
        assert_eq!(stand.list().len(), 1);
    }
}

#[test]
fn another_process_that_only_reads_notices_within_a_second() {
    let stand = stands().remove(0);
    let (keys, beside) = (stand.keys(), stand.keys());
    let sealed = keys.seal(&at("party-1", "p.a"), "secret").unwrap();
    assert!(beside.unseal(&at("party-1", "p.a"), &sealed).unwrap().is_some());
    keys.destroy(&stand.cx(), DOMAIN, "party-1", Reason::Expiry, "system")
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_050));
    assert_eq!(beside.unseal(&at("party-1", "p.a"), &sealed).unwrap(), None);
}

#[test]
fn what_expired_makes_way_for_new_data() {
    for stand in stands() {
        let keys = stand.keys();
        let here = at("party-1", "trail.place");
        let old = keys.seal(&here, "old").unwrap();
        keys.destroy(&stand.cx(), DOMAIN, "party-1", Reason::Expiry, "system")
            .unwrap()
            .unwrap();
        assert!(
            keys.destroy(&stand.cx(), DOMAIN, "party-1", Reason::Expiry, "system")
                .unwrap()
                .is_none()
        );
        let new = keys.seal(&here, "new").unwrap();
        assert_eq!(keys.unseal(&here, &old).unwrap(), None);
        assert_eq!(keys.unseal(&here, &new).unwrap().as_deref(), Some("new"));
    }
}

#[test]
fn a_closed_domain_is_dead_as_a_whole() {
    for stand in stands() {
        let keys = stand.keys();
        let sealed: Vec<String> = (0..700)
            .map(|number| keys.seal(&at(&format!("party-{number}"), "p.a"), "x").unwrap())
            .collect();
        let other = At {
            domain: "base.other",
            ..at("party-1", "p.a")
        };
        let kept = keys.seal(&other, "kept").unwrap();
        assert_eq!(keys.close_domain(&stand.cx(), DOMAIN, "system").unwrap(), 700);
        assert_eq!(keys.close_domain(&stand.cx(), DOMAIN, "system").unwrap(), 0);
        for (number, sealed) in sealed.iter().enumerate() {
            let subject = format!("party-{number}");
            assert_eq!(keys.unseal(&at(&subject, "p.a"), sealed).unwrap(), None);
        }
        for subject in ["party-1", "party-new"] {
            assert!(matches!(
                keys.seal(&at(subject, "p.a"), "x"),
                Err(KeyError::Destroyed { .. })
            ));
        }
        assert!(matches!(
            keys.blind(DOMAIN, "p.a", "x"),
            Err(KeyError::Destroyed { .. })
        ));
        assert_eq!(keys.unseal(&other, &kept).unwrap().as_deref(), Some("kept"));
        assert_eq!(stand.list().len(), 701);
    }
}

#[test]
fn keys_are_wrapped_anew_while_everything_stays_readable() {
    for stand in stands() {
        let keys = stand.keys();
        let here = at("party-1", "p.a");
        let sealed = keys.seal(&here, "x").unwrap();
        let blind = keys.blind(DOMAIN, "p.a", "x").unwrap();
        for number in 0..600 {
            keys.seal(&at(&format!("other-{number}"), "p.a"), "x").unwrap();
        }
        let before = wrapped(&stand.store.db);
        let keys = stand.keys_by(Suite::Sm);
        assert_eq!(keys.rotate(DOMAIN).unwrap(), 601);
        assert!(keys.rotate("base.nothing").is_err());
        let after = wrapped(&stand.store.db);
        assert!(before.iter().all(|key| key[0] == b'i' && !after.contains(key)));
        assert!(after.iter().all(|key| key[0] == b's'));
        let master = stand.test.folder.join("keys/second.key");
        FileMaster::make(&stand.world, &master).unwrap();
        let second = FileMaster::read(&stand.world, &master, Suite::Sm).unwrap();
        keys.rotate_master(&second).unwrap();
        assert!(matches!(
            Keys::open(&stand.settings, &stand.world),
            Err(KeyError::Master(_))
        ));
        let settings = KeySettings {
            master,
            ..stand.settings.clone()
        };
        let keys = Keys::open(&settings, &stand.world).unwrap();
        assert_eq!(keys.unseal(&here, &sealed).unwrap().as_deref(), Some("x"));
        assert_eq!(keys.blind(DOMAIN, "p.a", "x").unwrap(), blind);
    }
}

/// Everything wrapped in a store, data keys and the domains' own.
fn wrapped(db: &Db) -> Vec<Vec<u8>> {
    let sql = "SELECT wrapped FROM data_key UNION ALL SELECT wrapped FROM domain_key";
    let rows = db.read(|tx| tx.query(sql, &[])).unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

#[test]
fn no_master_key_but_the_stores_own_will_do() {
    let stand = stands().remove(0);
    let sealed = stand.keys().seal(&at("party-1", "p.a"), "x").unwrap();
    let refused = |what: &str| match Keys::open(&stand.settings, &stand.world) {
        Err(KeyError::Master(message)) => assert!(message.contains(what), "{message}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("opened; expected: {what}"),
    };
    use std::os::unix::fs::PermissionsExt;
    let file = &stand.settings.master;
    let mode = |mode| std::fs::set_permissions(file, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o640);
    refused("chmod 600");
    mode(0o600);
    let kept = std::fs::read(file).unwrap();
    std::fs::remove_file(file).unwrap();
    // A new one in its place would open nothing, and would look as if all were well.
    refused("is not there");
    assert!(!file.exists());
    FileMaster::make(&stand.world, file).unwrap();
    refused("is not the one");
    for (text, what) in [("not base64!", "base64"), ("c2hvcnQ=", "32 bytes")] {
        std::fs::write(file, text).unwrap();
        refused(what);
    }
    std::fs::write(file, kept).unwrap();
    assert!(
        stand
            .keys()
            .unseal(&at("party-1", "p.a"), &sealed)
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_restored_copy_never_brings_a_destroyed_key_back() {
    const PASSPHRASE: &str = "correct horse battery";
    for stand in stands() {
        let keys = stand.keys();
        let names = ["kept", "before", "after", "expired"];
        let sealed = names.map(|name| keys.seal(&at(name, "p.a"), name).unwrap());
        let cx = stand.cx();
        keys.destroy(&cx, DOMAIN, "before", Reason::Erasure, "clerk")
            .unwrap()
            .unwrap();
        let copy = backup(&keys, PASSPHRASE).unwrap();
        for key in wrapped(&stand.store.db) {
            assert!(!copy.contains(&data_encoding::BASE64.encode(&key)));
        }
        keys.destroy(&cx, DOMAIN, "after", Reason::Erasure, "clerk")
            .unwrap()
            .unwrap();
        keys.destroy(&cx, DOMAIN, "expired", Reason::Expiry, "system")
            .unwrap()
            .unwrap();
        let list = stand.list();
        let master = FileMaster::read(&stand.world, &stand.settings.master, Suite::International).unwrap();
        let opened = |keys: &Keys| {
            [0, 1, 2, 3].map(|n| keys.unseal(&at(names[n], "p.a"), &sealed[n]).unwrap().is_some())
        };
        // Into an empty store, with the list as the database of records knows it.
        let (store, settings) = stand.elsewhere();
        store.db.migrate(&[&KEY_MIGRATIONS]).unwrap();
        let restored = restore(&store.db, &master, &copy, PASSPHRASE, list.clone()).unwrap();
        assert_eq!(
            restored,
            Restored {
                keys: 1,
                destroyed: 2
            }
        );
        let other = Keys::open(&settings, &stand.world).unwrap();
        assert_eq!(opened(&other), [true, false, false, false]);
        assert!(matches!(
            other.seal(&at("after", "p.a"), "x"),
            Err(KeyError::Destroyed { .. })
        ));
        // Into the store it came from.
        let restored = restore(&stand.store.db, &master, &copy, PASSPHRASE, Vec::new()).unwrap();
        assert_eq!(
            restored,
            Restored {
                keys: 0,
                destroyed: 2
            }
        );
        assert_eq!(opened(&stand.keys()), [true, false, false, false]);
        // What is wrong is refused before anything changes.
        let (empty, _) = stand.elsewhere();
        empty.db.migrate(&[&KEY_MIGRATIONS]).unwrap();
        let cut = copy.trim_end().rsplit_once('\n').unwrap().0;
        let refused = |db: &Db, copy: &str, passphrase: &str, what: &str| {
            let error = restore(db, &master, copy, passphrase, Vec::new()).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
        };
        refused(&empty.db, &copy, "another passphrase", "does not open");
        refused(&empty.db, &copy, "short", "16 bytes");
        refused(&empty.db, cut, PASSPHRASE, "does not open");
        refused(&empty.db, "something else", PASSPHRASE, "not a copy");
        assert_eq!(wrapped(&empty.db).len(), 0);
        let (foreign, _) = stand.elsewhere();
        let path: PathBuf = stand.test.folder.join("foreign.key");
        let settings = KeySettings {
            master: path,
            database: foreign.url.clone(),
            ..stand.settings.clone()
        };
        Keys::open(&settings, &stand.world).unwrap();
        refused(&foreign.db, &copy, PASSPHRASE, "in use");
    }
}

#[test]
fn nothing_of_a_destroyed_key_is_left_in_the_files() {
    let stand = stands().remove(0);
    let keys = stand.keys();
    for number in 0..300 {
        keys.seal(&at(&format!("party-{number}"), "p.a"), "x").unwrap();
    }
    let doomed = wrapped_of(&stand.store.db, &keys.hash(DOMAIN, "party-150"));
    let files = || -> Vec<Vec<u8>> {
        let folder = stand.store.folder.read_dir().unwrap();
        folder
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    };
    let holds = |needle: &[u8]| {
        files()
            .iter()
            .any(|file| file.windows(needle.len()).any(|part| part == needle))
    };
    assert!(holds(&doomed));
    keys.destroy(&stand.cx(), DOMAIN, "party-150", Reason::Erasure, "clerk")
        .unwrap()
        .unwrap();
    keys.scrub().unwrap();
    assert!(!holds(&doomed));
    assert!(holds(&wrapped_of(
        &stand.store.db,
        &keys.hash(DOMAIN, "party-151")
    )));
}

fn wrapped_of(db: &Db, hash: &str) -> Vec<u8> {
    let sql = "SELECT wrapped FROM data_key WHERE subject = ?1";
    db.read(|tx| tx.query(sql, &[hash.into()])).unwrap()[0]
        .get(0)
        .unwrap()
}

/// Many at once: what each sealed it reads, and whoever seals after a destruction is refused.
#[test]
fn threads_agree() {
    for stand in stands() {
        let keys = Arc::new(stand.keys());
        let workers: Vec<_> = (0..6)
            .map(|worker| {
                let (keys, cx) = (Arc::clone(&keys), stand.cx());
                std::thread::spawn(move || {
                    for number in 0..40 {
                        let subject = format!("party-{number}");
                        let here = at(&subject, "p.a");
                        match keys.seal(&here, &subject) {
                            Ok(sealed) => {
                                let opened = keys.unseal(&here, &sealed).unwrap();
                                assert!(opened.is_none_or(|text| text == subject));
                            }
                            Err(KeyError::Destroyed { .. }) => assert_eq!(number % 4, 0),
                            Err(other) => panic!("{other}"),
                        }
                        if worker == 0 && number % 4 == 0 {
                            keys.destroy(&cx, DOMAIN, &subject, Reason::Erasure, "clerk")
                                .unwrap()
                                .unwrap();
                            assert!(keys.seal(&here, "x").is_err());
                        }
                        if worker == 1 && number == 20 {
                            keys.rotate(DOMAIN).unwrap();
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        let status = keys.status().unwrap();
        assert_eq!((status.keys, status.destroyed), (30, 10));
        assert_eq!(stand.store.db.read(rows::domains).unwrap().len(), 1);
    }
}
