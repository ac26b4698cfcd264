use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp, civil};
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// An identifier made by the platform: a UUID version 7 in its canonical text form, so that ids sort by time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Id(String);

impl Id {
    /// Accepts any UUID in canonical form; anything else is `None`.
    pub fn parse(text: &str) -> Option<Id> {
        let uuid = uuid::Uuid::try_parse(text).ok()?;
        Some(Id(uuid.as_hyphenated().to_string()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the present moment comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    fn now(&self) -> Timestamp;
    /// Moves the clock forward; only a manual clock can, and says so by returning true.
    fn advance(&self, _by: SignedDuration) -> bool {
        false
    }
    /// Sets the clock; only a manual clock can.
    fn set(&self, _to: Timestamp) -> bool {
        false
    }
    /// The moment that others' clocks show, for protocols with outside parties (one-time codes, signed tokens).
    fn outside(&self) -> Timestamp {
        self.now()
    }
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the system clock"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The machine's clock, some whole years earlier or later: for demonstrations with the plan of another year. It runs on
/// while the server is down, as a real one does, so what is stored stays in order.
#[derive(Debug)]
pub struct YearClock {
    years: i32,
}

impl YearClock {
    /// A clock that shows the given year.
    pub fn showing(year: i16) -> YearClock {
        let now = crate::ZONE.to_datetime(SystemClock.now());
        YearClock {
            years: i32::from(year) - i32::from(now.year()),
        }
    }
}

impl Clock for YearClock {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now();
        crate::ZONE
            .to_datetime(now)
            .checked_add(jiff::Span::new().years(self.years))
            .and_then(|shown| crate::ZONE.to_timestamp(shown))
            .unwrap_or(now)
    }

    fn outside(&self) -> Timestamp {
        SystemClock.now()
    }
}

/// A clock that stands still until it is moved: for tests, acceptance features and simulation.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    pub fn new(start: Timestamp) -> ManualClock {
        ManualClock(Mutex::new(start))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, by: SignedDuration) -> bool {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match now.checked_add(by) {
            Ok(later) => {
                *now = later;
                true
            }
            Err(_) => false,
        }
    }

    fn set(&self, to: Timestamp) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = to;
        true
    }
}

#[derive(Debug)]
struct Generator {
    rng: rand::rngs::StdRng,
    last_millis: i64,
    counter: u16,
}

/// The source of time, ids and randomness of one process. Cheap to clone; every clone shares the source.
#[derive(Clone, Debug)]
pub struct World {
    clock: Arc<dyn Clock>,
    generator: Arc<Mutex<Generator>>,
}

impl World {
    /// The real world: the machine's clock and random numbers.
    pub fn system() -> World {
        World::drawing(Arc::new(SystemClock), fresh())
    }

    /// The real world with its clock in another year.
    pub fn shifted(year: i16) -> World {
        World::drawing(Arc::new(YearClock::showing(year)), fresh())
    }

    /// A world that can be repeated: a given clock and seed.
    pub fn new(clock: Arc<dyn Clock>, seed: u64) -> World {
        World::drawing(clock, rand::rngs::StdRng::seed_from_u64(seed))
    }

    fn drawing(clock: Arc<dyn Clock>, rng: rand::rngs::StdRng) -> World {
        World {
            clock,
            generator: Arc::new(Mutex::new(Generator {
                rng,
                last_millis: 0,
                counter: 0,
            })),
        }
    }

    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The moment that others' clocks show, even where this world's clock is in another year.
    pub fn outside_now(&self) -> Timestamp {
        self.clock.outside()
    }

    /// A new id; later calls in this process give greater ids while the clock does not go back.
    pub fn id(&self) -> Id {
        let millis = self.now().as_millisecond();
        let mut guard = self.generator.lock().unwrap_or_else(PoisonError::into_inner);
        let generator = &mut *guard;
        if millis > generator.last_millis {
            generator.last_millis = millis;
            // Half the counter's range is left for ids of the same millisecond.
            generator.counter = generator.rng.random_range(0..0x800);
        } else {
            generator.counter += 1;
            if generator.counter > 0xfff {
                generator.counter = 0;
                generator.last_millis += 1;
            }
        }
        let mut tail: [u8; 10] = generator.rng.random();
        let counter = generator.counter.to_be_bytes();
        let [a, b, ..] = &mut tail;
        [*a, *b] = counter;
        let stamp = u64::try_from(generator.last_millis).unwrap_or(0);
        let uuid = uuid::Builder::from_unix_timestamp_millis(stamp, &tail).into_uuid();
        Id(uuid.as_hyphenated().to_string())
    }

    /// Random bytes for secrets (session tokens, salts). `StdRng` is a cryptographic generator.
    pub fn secret<const N: usize>(&self) -> [u8; N] {
        self.generator
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .rng
            .random()
    }

    /// The context of an act of the platform itself (jobs, triggers, set-up).
    pub fn system_ctx(&self) -> Ctx {
        self.ctx(Actor::system())
    }

    /// The context of one act by `actor`, now.
    pub fn ctx(&self, actor: Actor) -> Ctx {
        let trace = self.id().into_string();
        Ctx {
            actor,
            purpose: None,
            now: self.now(),
            trace,
            world: self.clone(),
        }
    }
}

/// A generator seeded with all its 256 bits: keys are drawn from it, and 64 bits could be searched.
fn fresh() -> rand::rngs::StdRng {
    rand::rngs::StdRng::from_seed(rand::rng().random())
}

/// What kind of principal acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// Nobody has signed in.
    Anonymous,
    /// A civil servant or other person with an account.
    Person,
    /// A member of the public who acts for himself, or for a party that gave him a link.
    Citizen,
    /// A machine with an account.
    Service,
    /// The platform itself.
    System,
}

/// How an actor was let in, and what narrows it to less than its roles give. The door enforces it before policy is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Id of the session (not its token), where the actor came with one.
    pub session: Option<String>,
    /// Id of the token, where the actor came with one.
    pub token: Option<String>,
    /// What may be done, where it is less than the roles give: `read` (only reading), `package:<id>`,
    /// `operation:<name>`. What is done must fit one of the packages and operations named, if any is.
    pub scopes: Option<BTreeSet<String>>,
    /// Why, for the caller, in Chinese: what must be done first, or whose limit it is.
    pub reason: String,
}

/// The purpose under which emergency access (应急访问, break-glass) that is open is used.
pub const EMERGENCY: &str = "emergency";

/// Emergency access that somebody has open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emergency {
    pub id: String,
    /// The types it opens, as `<package>.<type>`.
    pub types: BTreeSet<String>,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// In what capacity somebody acts, beyond his unit and roles. Policies see it as attributes of the principal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// Id of the post acted in; `None`: the account's own unit and roles.
    pub post: Option<String>,
    /// Account whose post this is, where it is acted in by delegation (代办).
    pub on_behalf_of: Option<String>,
    /// Regions of the jurisdiction, as GB/T 2260 codes that cover all below them; none: no region.
    pub regions: BTreeSet<String>,
    /// Lines of work (条线) of the jurisdiction.
    pub lines: BTreeSet<String>,
    /// Real-name assurance, 0 (nothing proved) to 3 (proved in person).
    pub level: u8,
    /// The party (natural person) this is, by id in the party register.
    pub party: Option<String>,
    /// The party acted for by a link that it granted (legal representative, agent, guardian).
    pub represents: Option<String>,
    /// Emergency access that is open, looked up where a call is made for [`EMERGENCY`]. Never stored nor sent.
    #[serde(skip)]
    pub emergencies: Vec<Emergency>,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Account id; `system` and `anonymous` for the platform and for nobody.
    pub id: String,
    /// Name to show.
    pub name: String,
    pub kind: ActorKind,
    /// Code of the unit the actor works for (a record of `base.unit`).
    pub unit: Option<String>,
    /// Roles as `package.role`, e.g. `work-points.office`; `admin` is the platform's own.
    pub roles: BTreeSet<String>,
    #[serde(default)]
    pub standing: Standing,
    /// Never stored nor sent: it belongs to one entrance.
    #[serde(skip)]
    pub grant: Grant,
}

impl Actor {
    pub fn system() -> Actor {
        Actor {
            id: "system".into(),
            name: "系统".into(),
            kind: ActorKind::System,
            unit: None,
            roles: BTreeSet::new(),
            standing: Standing::default(),
            grant: Grant::default(),
        }
    }

    pub fn anonymous() -> Actor {
        Actor {
            id: "anonymous".into(),
            name: "未登录".into(),
            kind: ActorKind::Anonymous,
            unit: None,
            roles: BTreeSet::new(),
            standing: Standing::default(),
            grant: Grant::default(),
        }
    }

    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// True for the platform itself and for its administrators.
    pub fn is_admin(&self) -> bool {
        self.kind == ActorKind::System || self.has_role("admin")
    }
}

/// The context of one act: who, for which purpose, when, under which trace. Always the first parameter.
#[derive(Clone, Debug)]
pub struct Ctx {
    pub actor: Actor,
    /// Name of a declared purpose, `package.purpose`.
    pub purpose: Option<String>,
    /// The moment of the act; fixed for its whole length.
    pub now: Timestamp,
    /// Ties log lines, audit entries and events of one act together.
    pub trace: String,
    pub world: World,
}

impl Ctx {
    pub fn id(&self) -> Id {
        self.world.id()
    }

    /// The emergency access that lets this act see records of a type, if there is one and it is used.
    pub fn emergency(&self, of: &str) -> Option<&Emergency> {
        if self.purpose.as_deref() != Some(EMERGENCY) {
            return None;
        }
        let open = self.actor.standing.emergencies.iter();
        open.into_iter()
            .find(|one| self.now < one.until && one.types.contains(of))
    }

    /// `now` as stored and sent: UTC, RFC 3339, always three decimals, so that text order is time order.
    pub fn now_text(&self) -> String {
        timestamp_text(self.now)
    }

    /// The civil day in [`crate::ZONE`].
    pub fn today(&self) -> civil::Date {
        crate::ZONE.to_datetime(self.now).date()
    }
}

/// A moment as stored and sent: `2022-03-01T08:00:00.000Z`.
pub fn timestamp_text(moment: Timestamp) -> String {
    format!("{moment:.3}")
}
