//! What a package's `demo/` folder adds for a demonstration: accounts (`accounts.toml`) and acts (`acts.toml`).
//!
//! Acts go through the door as the accounts they name, on days before today, so that a newcomer finds boards, histories
//! and notices that live. They are played once, on a database that is new, and only where `--demo` is given.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use banyan_base::{Actor, ActorKind, Ctx, ManualClock, Problem, World, ZONE};
use banyan_door::{Input, ReplyBody};
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::platform::Platform;

/// A demonstration's past begins so many days before today.
pub const PAST_DAYS: i64 = 90;

/// First day of the posts of a demonstration: before all that it shows.
const POSTS_FROM: &str = "2020-01-01";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountsFile {
    accounts: Vec<DemoAccount>,
}

/// An account of `demo/accounts.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoAccount {
    pub login: String,
    pub name: String,
    pub unit: Option<String>,
    #[serde(default)]
    pub roles: BTreeSet<String>,
    pub password: String,
    /// Regions of the jurisdiction: then the account has a post with them, its unit and its roles.
    #[serde(default)]
    pub regions: BTreeSet<String>,
    /// A member of the public: the id of the party that he is. Known to features only.
    pub party: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActsFile {
    acts: Vec<Act>,
}

/// One act: who does what to which record, how many days before today.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    days_ago: i64,
    by: String,
    /// `create`, `update`, or the name of a transition.
    #[serde(rename = "do")]
    what: String,
    /// `package.type`.
    on: String,
    /// The one record that is meant, as CQL2; of no use to `create`.
    #[serde(default)]
    which: String,
    /// What for, where personal data are touched: `package.purpose`.
    #[serde(default)]
    purpose: Option<String>,
    #[serde(default)]
    note: Option<String>,
    /// Fields; `+20d` or `-3d` stands for the day so far from today.
    #[serde(default)]
    with: Map<String, Json>,
}

/// The demonstration accounts that a package's folder declares; none where it has no such file.
///
/// # Errors
/// Where the file can't be read.
pub fn accounts(package: &Path) -> Result<Vec<DemoAccount>, Problem> {
    Ok(read::<AccountsFile>(package, "accounts.toml")?.map_or_else(Vec::new, |file| file.accounts))
}

fn read<F: serde::de::DeserializeOwned>(package: &Path, name: &str) -> Result<Option<F>, Problem> {
    let path = package.join("demo").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Ok(None);
    };
    toml::from_str(&text)
        .map(Some)
        .map_err(|error| Problem::internal(format!("{}: {error}", path.display())))
}

/// The platform's world as it was at nine o'clock so many days before its today.
fn world(platform: &Platform, days_ago: i64) -> Result<World, Problem> {
    let day = today(platform)
        .checked_sub(days_ago.days())
        .map_err(Problem::internal)?;
    let nine = ZONE.to_timestamp(day.at(9, 0, 0, 0)).map_err(Problem::internal)?;
    // Of today's nine o'clock and now the earlier: what was done must not lie ahead.
    let at = nine.min(platform.world.now());
    let seed = u64::from_le_bytes(platform.world.secret::<8>());
    Ok(World::new(Arc::new(ManualClock::new(at)), seed))
}

fn today(platform: &Platform) -> Date {
    ZONE.to_datetime(platform.world.now()).date()
}

/// The context in which a demonstration's packages are applied: before its first act, so that histories are in order.
///
/// # Errors
/// Where there is no such day.
pub fn opening(platform: &Platform) -> Result<Ctx, Problem> {
    Ok(world(platform, PAST_DAYS)?.system_ctx())
}

/// Plays the acts of a package's folder, oldest first, with the triggers they set off and the daily work of their days;
/// gives how many there were.
///
/// # Errors
/// At the first act that is refused, naming it.
pub fn play(platform: &Platform, package: &Path) -> Result<usize, Problem> {
    let Some(file) = read::<ActsFile>(package, "acts.toml")? else {
        return Ok(0);
    };
    let actors = actors(platform)?;
    let mut days: BTreeMap<i64, Vec<&Act>> = BTreeMap::new();
    for act in &file.acts {
        days.entry(-act.days_ago.clamp(0, PAST_DAYS - 1))
            .or_default()
            .push(act);
    }
    for (day, acts) in days {
        let world = world(platform, -day)?;
        banyan_registry::run_daily(
            &platform.registry,
            &platform.door,
            &platform.db,
            &world.system_ctx(),
        )?;
        for act in acts {
            patiently(platform, &world, &actors, act).map_err(|problem| {
                let cause = crate::commands::explain(&problem);
                Problem::internal(format!(
                    "{}/demo/acts.toml: {} {} {} {}: {cause}",
                    package.display(),
                    act.by,
                    act.what,
                    act.on,
                    act.which
                ))
            })?;
            settle(platform, &world)?;
        }
        settle(platform, &world)?;
    }
    Ok(file.acts.len())
}

fn settle(platform: &Platform, world: &World) -> Result<(), Problem> {
    let (registry, door, db) = (&platform.registry, &platform.door, &platform.db);
    while banyan_registry::run_events(registry, door, db, &world.system_ctx())? > 0 {}
    Ok(())
}

/// On a PostgreSQL server that others use too, what the act before set off may come a little later
/// (docs/decisions/0003): a refusal is tried again for a while.
fn patiently(
    platform: &Platform,
    world: &World,
    actors: &BTreeMap<String, Actor>,
    act: &Act,
) -> Result<(), Problem> {
    let tries = if platform.db.dialect().is_postgres() {
        200
    } else {
        0
    };
    for _ in 0..tries {
        if perform(platform, world, actors, act).is_ok() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(150));
        settle(platform, world)?;
    }
    perform(platform, world, actors, act)
}

fn perform(
    platform: &Platform,
    world: &World,
    actors: &BTreeMap<String, Actor>,
    act: &Act,
) -> Result<(), Problem> {
    let actor = actors.get(&act.by).cloned();
    let actor = actor.ok_or_else(|| Problem::internal(format!("there is no account “{}”", act.by)))?;
    let mut cx = world.ctx(actor);
    cx.purpose.clone_from(&act.purpose);
    let (package, kind) = act
        .on
        .split_once('.')
        .ok_or_else(|| Problem::internal("`on` must be `package.type`"))?;
    let on = |input: Input| input.with_path("package", package).with_path("type", kind);
    let mut fields = act.with.clone();
    for value in fields.values_mut() {
        if let Some(day) = value.as_str().and_then(|text| relative(today(platform), text)) {
            *value = Json::String(day.to_string());
        }
    }
    let mut input = on(Input::json(json!({ "fields": fields, "note": act.note })));
    let operation = match act.what.as_str() {
        "create" => "record.create",
        what => {
            let mut search = on(Input::default());
            search.query.push(("filter".into(), act.which.clone()));
            let found = answer(platform, &cx, "record.list", search)?;
            let ids: Vec<&str> = items(&found)
                .iter()
                .filter_map(|record| record.get("id").and_then(Json::as_str))
                .collect();
            let [id] = ids.as_slice() else {
                return Err(Problem::internal(format!(
                    "{} records are meant, not one",
                    ids.len()
                )));
            };
            input = input.with_path("id", *id);
            input.if_match = Some("*".into());
            if what == "update" {
                "record.update"
            } else {
                input = input.with_path("name", what);
                "record.transition"
            }
        }
    };
    platform.door.call(&cx, operation, input).map(|_| ())
}

/// `+20d`, `-3d`: the day so far from today.
fn relative(today: Date, text: &str) -> Option<Date> {
    let number = text.strip_suffix('d')?;
    if !number.starts_with(['+', '-']) {
        return None;
    }
    let days: i64 = number.parse().ok().filter(|days| (-400..=400).contains(days))?;
    today.checked_add(days.days()).ok()
}

fn answer(platform: &Platform, cx: &Ctx, operation: &str, input: Input) -> Result<Json, Problem> {
    match platform.door.call(cx, operation, input)?.body {
        ReplyBody::Json(json) => Ok(json),
        _ => Err(Problem::internal(format!("{operation} gave no JSON"))),
    }
}

/// The post of an account that has jurisdiction over regions.
pub(crate) fn post(platform: &Platform, account: &DemoAccount) -> Result<(), Problem> {
    let cx = platform.world.system_ctx();
    let made = actors(platform)?;
    let id = made.get(&account.login).map(|actor| actor.id.clone());
    let input = Input::json(json!({
        "account": id, "unit": account.unit, "title": account.name, "roles": account.roles,
        "regions": account.regions, "from": POSTS_FROM, "main": true,
    }));
    platform.door.call(&cx, "post.create", input).map(|_| ())
}

/// Everybody who has an account as he acts, in his main post where he has one, by login.
///
/// # Errors
/// Where the accounts can't be read.
pub(crate) fn actors(platform: &Platform) -> Result<BTreeMap<String, Actor>, Problem> {
    let cx = platform.world.system_ctx();
    let all = |operation: &str| {
        let mut input = Input::default();
        if operation == "account.list" {
            input.query.push(("limit".into(), "1000".into()));
        }
        answer(platform, &cx, operation, input)
    };
    let (accounts, posts) = (all("account.list")?, all("post.list")?);
    let mut actors: BTreeMap<String, Actor> = items(&accounts).iter().filter_map(actor).collect();
    for post in items(&posts) {
        let held = post.get("account").and_then(Json::as_str);
        let actor = actors.values_mut().find(|actor| Some(actor.id.as_str()) == held);
        if let (Some(actor), Some(true)) = (actor, post.get("main").and_then(Json::as_bool)) {
            actor.unit = text(post, "unit");
            actor.roles = texts(post, "roles");
            actor.standing.post = text(post, "id");
            actor.standing.regions = texts(post, "regions");
            actor.standing.lines = texts(post, "lines");
        }
    }
    Ok(actors)
}

/// The members of the public of a demonstration: a feature lets them act without signing up.
pub(crate) fn citizen(account: &DemoAccount) -> Option<(String, Actor)> {
    let actor = Actor {
        id: format!("citizen-{}", account.login),
        name: account.name.clone(),
        kind: ActorKind::Citizen,
        standing: banyan_base::Standing {
            level: 2,
            party: Some(account.party.clone()?),
            ..banyan_base::Standing::default()
        },
        ..Actor::anonymous()
    };
    Some((account.login.clone(), actor))
}

fn items(list: &Json) -> &[Json] {
    list.get("items")
        .and_then(Json::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text(of: &Json, name: &str) -> Option<String> {
    of.get(name).and_then(Json::as_str).map(str::to_owned)
}

fn texts(of: &Json, name: &str) -> BTreeSet<String> {
    let list = of.get(name).and_then(Json::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .map(str::to_owned)
        .collect()
}

/// An account of the list as it acts, by its login.
fn actor(account: &Json) -> Option<(String, Actor)> {
    let actor = Actor {
        id: text(account, "id")?,
        name: text(account, "name")?,
        kind: ActorKind::Person,
        unit: text(account, "unit"),
        roles: texts(account, "roles"),
        standing: banyan_base::Standing::default(),
        grant: banyan_base::Grant::default(),
    };
    Some((text(account, "login")?, actor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn only_signed_days_are_relative() {
        let today = date(2022, 11, 24);
        for (text, expected) in [
            ("+20d", Some(date(2022, 12, 14))),
            ("-3d", Some(date(2022, 11, 21))),
            ("3d", None),
            ("+d", None),
            ("+9999d", None),
            ("3D", None),
            ("", None),
        ] {
            assert_eq!(relative(today, text), expected, "{text}");
        }
    }
}
