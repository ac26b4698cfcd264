//! The engines wired together over one database: what the server, the command line and the tests all stand on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use banyan_base::{Ctx, Problem, World};
use banyan_door::{Door, Metrics};
use banyan_identity::approval::Approvals;
use banyan_identity::audit::{AuditSettings, AuditTrail};
use banyan_identity::emergency::Emergencies;
use banyan_identity::keys::{ERASURE_MIGRATIONS, Ended, Erasures, Expiring, KeySettings, Keys};
use banyan_identity::person::{self, PersonLog};
use banyan_identity::simulate::{self, Counted, Simulator};
use banyan_identity::{Accounts, CedarPolicy, NewAccount, PartyRegister, Settings};
use banyan_registry::{Registry, Retention};
use banyan_rule::Rules;
use banyan_store::jobs::JobHandler;
use banyan_store::{Blobs, Db, Options, feed};

use crate::config::Config;
use crate::decisions::Decisions;
use crate::declared::Installed;
use crate::{policy_commands, processes};

/// A running platform.
#[derive(Clone)]
pub struct Platform {
    pub db: Db,
    pub world: World,
    pub door: Door,
    pub registry: Arc<Registry>,
    pub processes: Arc<banyan_process::Engine>,
    pub accounts: Arc<Accounts>,
    pub blobs: Blobs,
    pub audit: Arc<AuditTrail>,
    pub keys: Arc<Keys>,
    pub erasures: Arc<Erasures>,
    pub rules: Arc<Rules>,
}

/// What a platform keeps beside its database of records.
struct Beside {
    audit: AuditSettings,
    keys: KeySettings,
    /// Roles that decide about erasures and legal holds.
    officers: BTreeSet<String>,
}

impl Platform {
    /// Opens the database, brings its tables up to date and wires the engines.
    ///
    /// # Errors
    /// Where the database can't be opened or migrated.
    pub fn open(config: &Config, world: World) -> Result<Platform, Problem> {
        let db = Db::open(
            &config.database_url(),
            &Options {
                connections: config.store.read_connections,
                ..Options::default()
            },
        )?;
        let folder = &config.store.folder;
        let settings = Settings {
            emergency: config.policy.emergency,
            emergency_roles: config.policy.emergency_roles.iter().cloned().collect(),
            ..config
                .sign_in
                .settings(folder, config.server.public_url.as_deref())
        };
        let beside = Beside {
            audit: config.audit_settings(),
            keys: config.key_settings(),
            officers: config.keys.officer_roles.clone(),
        };
        Platform::wired(db, world, settings, folder, &beside)
    }

    /// The same over a database that is open already, with a folder for what is kept in files.
    ///
    /// # Errors
    /// Where it can't be migrated.
    pub fn over(db: Db, world: World, secure: bool, folder: &Path) -> Result<Platform, Problem> {
        let settings = Settings {
            public_url: secure.then(|| "https://localhost".to_owned()),
            ..Settings::new(folder)
        };
        Platform::with(db, world, settings, folder)
    }

    /// The same, with what the configuration says of signing in.
    ///
    /// # Errors
    /// Where it can't be migrated.
    pub fn with(db: Db, world: World, settings: Settings, folder: &Path) -> Result<Platform, Problem> {
        let config = Config {
            store: crate::config::Store {
                folder: folder.to_owned(),
                url: Some(db.url().to_owned()),
                ..Default::default()
            },
            ..Config::default()
        };
        let beside = Beside {
            audit: config.audit_settings(),
            keys: config.key_settings(),
            officers: config.keys.officer_roles.clone(),
        };
        Platform::wired(db, world, settings, folder, &beside)
    }

    fn wired(
        db: Db,
        world: World,
        settings: Settings,
        folder: &Path,
        beside: &Beside,
    ) -> Result<Platform, Problem> {
        db.migrate(&[
            &banyan_store::MIGRATIONS,
            &banyan_door::MIGRATIONS,
            &banyan_identity::MIGRATIONS,
            &ERASURE_MIGRATIONS,
            &person::MIGRATIONS,
            &banyan_registry::MIGRATIONS,
            &banyan_process::MIGRATIONS,
            &banyan_rule::MIGRATIONS,
        ])?;
        if let Some(what) = db.read(feed::ahead)? {
            return Err(Problem::internal(format!(
                "the feed comes from another PostgreSQL cluster ({what}): triggers would stop without a word. Run `banyan feed \
                 renumber` once, then start again"
            )));
        }
        let policy = Arc::new(CedarPolicy::default());
        let (sink, asked, supposed) = (Arc::clone(&policy), Arc::clone(&policy), Arc::clone(&policy));
        let registry = Registry::new(Arc::new(move |generation, packages| {
            sink.set(generation, packages)
        }));
        // The registry holds the policy; this way round it must not.
        let (known, looking) = (Arc::downgrade(&registry), db.clone());
        policy.refresh_by(Box::new(move || match known.upgrade() {
            Some(registry) => looking.read(|tx| registry.catalog(tx).map(|_| ())),
            None => Ok(()),
        }));
        registry.name_people(Box::new(banyan_identity::account_names));
        let processes = banyan_process::Engine::new();
        let rules = Rules::new();
        processes.connect(processes::ports(&registry, &rules));
        let operations = processes::Operations::default();
        registry.join(vec![
            Arc::new(processes::Processes {
                engine: Arc::clone(&processes),
                operations: Arc::clone(&operations),
            }),
            Arc::new(Decisions {
                rules: Arc::clone(&rules),
                world: world.clone(),
            }),
        ]);
        let keys = Arc::new(Keys::open_for(&beside.keys, &world, &db)?);
        registry.seal_with(&keys);
        // The first look loads the policies before anybody is let in.
        db.read(|tx| registry.catalog(tx))?;
        let accounts = Arc::new(Accounts::new(db.clone(), world.clone(), settings)?);
        let metrics = Metrics::new().map_err(Problem::internal)?;
        let blobs = Blobs::open(&folder.join("blobs"))?;
        let mut rows = banyan_registry::operations(&registry);
        rows.extend(banyan_registry::studio_operations(&registry));
        rows.extend(banyan_registry::form_operations(&registry));
        rows.extend(banyan_registry::file_operations(&registry, &blobs));
        rows.extend(banyan_registry::import_operations(&registry, &blobs));
        rows.extend(banyan_identity::operations(&accounts));
        rows.extend(banyan_door::job_operations());
        rows.extend(banyan_process::operations(&processes));
        rows.extend(banyan_rule::operations(&rules));
        let names_shown = beside.audit.names_shown;
        let audit = Arc::new(AuditTrail::open(&beside.audit, &world).map_err(Problem::internal)?);
        if beside.audit.salts == db.url() {
            // Their tables are made while nothing else is written: not within the first write that shows somebody's data.
            audit.salts().open()?;
        }
        rows.extend(banyan_identity::audit::operations(&audit));
        let reaching = Arc::clone(&registry);
        let approvals = Arc::new(Approvals::new(
            &accounts,
            Box::new(move |tx, obligations, of, id| reaching.subject_within(tx, obligations, of, id)),
        ));
        rows.extend(banyan_identity::approval::operations(&approvals));
        let counting = Arc::clone(&registry);
        rows.extend(banyan_identity::emergency::operations(&Arc::new(Emergencies {
            accounts: Arc::clone(&accounts),
            policy: asked,
            trail: Some(Arc::clone(&audit)),
            workdays: Box::new(move |tx, from, count| counting.working_day(tx, from, count)),
        })));
        let (naming, numbering) = (Arc::clone(&registry), Arc::clone(&registry));
        rows.extend(simulate::operations(&Arc::new(Simulator {
            policy: supposed,
            labels: Box::new(move |tx, id| {
                let catalog = naming.catalog(tx)?;
                Ok(catalog
                    .packages
                    .get(id)
                    .map(|package| policy_commands::labels(package)))
            }),
            count: Box::new(move |tx, obligations, of| {
                let found = numbering.count_within(tx, obligations, of)?;
                Ok(found.map(|found| Counted {
                    all: found.all,
                    states: found.states,
                }))
            }),
        })));
        let erasures = Arc::new(Erasures::new(&keys, beside.officers.clone()));
        erasures.join(Arc::new(Retention(Arc::clone(&registry))));
        erasures.join(Arc::new(Traces(Arc::clone(&audit))));
        rows.extend(banyan_identity::keys::operations(&erasures));
        rows.extend(person::operations(&Arc::new(PersonLog {
            trail: Arc::clone(&audit),
            declared: Box::new(Installed(Arc::clone(&registry))),
            parties: Box::new(PartyRegister(Arc::clone(&accounts))),
            names_shown,
        })));
        let door = Door::new(
            db.clone(),
            world.clone(),
            policy,
            Arc::<AuditTrail>::clone(&audit),
            metrics,
            rows,
        )?
        .approved_by(approvals);
        let _ = operations.set(door.operations().map(|row| row.name).collect());
        Ok(Platform {
            db,
            world,
            door,
            registry,
            processes,
            accounts,
            blobs,
            audit,
            keys,
            erasures,
            rules,
        })
    }

    /// What runs as a job, by its kind.
    pub fn job_handlers(&self) -> BTreeMap<String, JobHandler> {
        BTreeMap::from([(
            banyan_registry::IMPORT_JOB.to_owned(),
            banyan_registry::import_job(&self.registry, &self.blobs),
        )])
    }

    /// True where nobody has an account yet: the platform has just been set up.
    ///
    /// # Errors
    /// Where the database refuses.
    pub fn is_new(&self) -> Result<bool, Problem> {
        self.db
            .read::<_, Problem>(|tx| Ok(tx.query("SELECT id FROM account LIMIT 1", &[])?.is_empty()))
    }

    /// Makes the first administrator where there is no account; gives its password, which is shown this once.
    ///
    /// # Errors
    /// Where the database refuses.
    pub fn first_administrator(&self) -> Result<Option<String>, Problem> {
        if !self.is_new()? {
            return Ok(None);
        }
        let secret: String = self
            .world
            .secret::<9>()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let admin = NewAccount {
            login: "admin".into(),
            name: "系统管理员".into(),
            unit: None,
            roles: ["admin".to_owned()].into(),
            password: secret.clone(),
            must_change: None,
        };
        self.create_account(admin)?;
        Ok(Some(secret))
    }

    /// Makes the accounts of a package's demo/accounts.toml that are not there yet; gives their logins.
    ///
    /// # Errors
    /// Where the file can't be read or an account is refused.
    pub fn demo_accounts(&self, package: &Path) -> Result<Vec<String>, Problem> {
        let mut logins = Vec::new();
        for account in crate::demo::accounts(package)? {
            // Members of the public sign up by themselves.
            if account.party.is_some() {
                continue;
            }
            logins.push(account.login.clone());
            let new = NewAccount {
                login: account.login.clone(),
                name: account.name.clone(),
                unit: account.unit.clone(),
                roles: account.roles.clone(),
                password: account.password.clone(),
                must_change: None,
            };
            match self.create_account(new) {
                Ok(()) if account.regions.is_empty() => {}
                Ok(()) => crate::demo::post(self, &account)?,
                Err(problem) if problem.errors.iter().any(|error| error.code == "unique") => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(logins)
    }

    fn create_account(&self, new: NewAccount) -> Result<(), Problem> {
        let input = banyan_door::Input::json(serde_json::json!({
            "login": new.login, "name": new.name, "unit": new.unit, "roles": new.roles, "password": new.password,
        }));
        self.door
            .call(&self.world.system_ctx(), "account.create", input)
            .map(|_| ())
    }
}

/// What stands of a person beside records: by what the audit log tells that an entry is about him, and what he objected to.
struct Traces(Arc<AuditTrail>);

impl Expiring for Traces {
    fn ended(&self, _: &Ctx, _: &Db, _: Option<&Ended>, _: u32) -> Result<Vec<Ended>, Problem> {
        Ok(Vec::new())
    }

    fn past_sunset(&self, _: &Ctx, _: &Db) -> Result<Vec<String>, Problem> {
        Ok(Vec::new())
    }

    fn forget(&self, _: &Ctx, _: &Db, _: &Ended) -> Result<(), Problem> {
        Ok(())
    }

    fn forget_person(&self, _: &Ctx, records: &Db, party: &str) -> Result<(), Problem> {
        self.0.forget(party)?;
        let party = party.to_owned();
        records.write(move |tx| person::erase(tx, &party)).map(|_| ())
    }
}
