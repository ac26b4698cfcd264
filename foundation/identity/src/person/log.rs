//! Who read what of a person, in plain Chinese.

use std::collections::{BTreeMap, BTreeSet};

use banyan_base::{Ctx, Problem, ZONE, codes};
use banyan_door::Input;
use banyan_store::Tx;
use jiff::civil::Date;
use serde_json::{Map, Value as Json, json};

use super::declared::{self, Named, PurposeTold, TypeTold};
use super::{PersonLog, objection};
use crate::audit::index::{self, Access, Place, Wanted};
use crate::{account, people};

/// Entries in one table to take along.
pub(super) const EXPORTED: u32 = 100_000;

/// A day given as `2022-03-01`, from its first moment in UTC+8; or a moment.
fn moment(text: &str, days_later: i32) -> Option<i64> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.as_millisecond());
    }
    let day: Date = text.parse().ok()?;
    let day = day.checked_add(jiff::Span::new().days(days_later)).ok()?;
    ZONE.to_timestamp(day.at(0, 0, 0, 0))
        .ok()
        .map(jiff::Timestamp::as_millisecond)
}

/// What was asked for.
pub(super) fn wanted(input: &Input, limit: u32) -> Result<Wanted, Problem> {
    let value = |name: &str| input.query_value(name).filter(|text| !text.is_empty());
    let when = |name: &str, days_later: i32| {
        value(name)
            .map(|text| {
                moment(text, days_later).ok_or_else(|| {
                    let text = format!("{name} 应为日期(如 2022-03-01)或带时区的时刻,而不是“{text}”。");
                    Problem::new(codes::BAD_REQUEST, text)
                })
            })
            .transpose()
    };
    let after = value("cursor")
        .map(|text| {
            let wrong = || Problem::new(codes::BAD_REQUEST, "cursor 不是上一页给出的 next。");
            Place::parse(text).ok_or_else(wrong)
        })
        .transpose()?;
    Ok(Wanted {
        from: when("from", 0)?,
        // The last day counts whole.
        until: when("until", 1)?,
        unit: value("unit").map(str::to_owned),
        purpose: value("purpose").map(str::to_owned),
        after,
        limit,
    })
}

/// Through what somebody's data were seen.
fn through(operation: &str, kind: &str, emergency: bool) -> (&'static str, &'static str) {
    let verb = operation.rsplit('.').next().unwrap_or("");
    if emergency {
        return ("emergency", "应急访问");
    }
    if kind == "service" || operation.starts_with("ogc.") {
        return ("interface", "接口");
    }
    match verb {
        _ if verb.contains("export") => ("export", "导出"),
        "list" | "search" | "queue" => ("list", "列表"),
        "history" => ("history", "查看历史"),
        "aggregate" | "count" => ("statistics", "统计"),
        "create" | "update" | "delete" | "transition" | "answer" | "give" | "withdraw" => ("change", "办理"),
        _ => ("view", "查看"),
    }
}

/// What names stand for, as far as a page of entries needs it.
struct Names {
    types: BTreeMap<String, Option<TypeTold>>,
    purposes: BTreeMap<String, Option<PurposeTold>>,
    units: Named,
    posts: Named,
    people: Named,
}

impl Names {
    fn of(log: &PersonLog, tx: &mut Tx<'_>, entries: &[Access]) -> Result<Names, Problem> {
        let all = |name: &str| -> BTreeSet<String> {
            let values = entries
                .iter()
                .filter_map(|access| access.entry.get(name)?.as_str());
            values.map(str::to_owned).collect()
        };
        let mut types = BTreeMap::new();
        for name in all("type") {
            let told = match declared::own_type(&name) {
                Some(told) => Some(told),
                None => log.declared.of_type(tx, &name)?,
            };
            types.insert(name, told);
        }
        let mut purposes = BTreeMap::new();
        for name in all("purpose") {
            let told = purpose(log, tx, &name)?;
            purposes.insert(name, told);
        }
        let people = if log.names_shown {
            let holders = all("on_behalf_of");
            account::names(tx, &all("actor").into_iter().chain(holders).collect())?
        } else {
            Named::new()
        };
        Ok(Names {
            types,
            purposes,
            units: log.declared.units(tx, &all("unit"))?,
            posts: people::post_titles(tx, &all("post"))?,
            people,
        })
    }
}

fn purpose(log: &PersonLog, tx: &mut Tx<'_>, name: &str) -> Result<Option<PurposeTold>, Problem> {
    match declared::own_purpose(name) {
        Some(told) => Ok(Some(told)),
        None => log.declared.purpose(tx, name),
    }
}

fn text<'a>(entry: &'a Map<String, Json>, name: &str) -> Option<&'a str> {
    entry.get(name).and_then(Json::as_str)
}

/// Who it was: a unit, not a name, unless the platform shows names.
fn who(cx: &Ctx, names: &Names, entry: &Map<String, Json>) -> Json {
    let (actor, kind) = (
        text(entry, "actor").unwrap_or(""),
        text(entry, "actor_kind").unwrap_or(""),
    );
    let code = text(entry, "unit");
    let unit = code.map(|code| names.units.get(code).map_or(code, String::as_str));
    let (sort, title) = match kind {
        "system" => ("system", "系统自动处理".to_owned()),
        _ if actor == cx.actor.id => ("self", "您本人".to_owned()),
        "citizen" => ("citizen", "其他个人(您的代理人、监护人等)".to_owned()),
        "anonymous" => ("anonymous", "未登录的访问".to_owned()),
        "service" => (
            "service",
            unit.map_or("系统接口".to_owned(), |unit| format!("{unit}的系统接口")),
        ),
        _ => ("unit", unit.unwrap_or("平台管理人员(未登记单位)").to_owned()),
    };
    json!({
        "kind": sort, "title": title, "unit": code, "name": names.people.get(actor),
        "post": text(entry, "post").and_then(|post| names.posts.get(post)),
        "delegated": text(entry, "on_behalf_of").is_some(),
        "on_behalf_of": text(entry, "on_behalf_of").and_then(|holder| names.people.get(holder)),
    })
}

fn tell(cx: &Ctx, names: &Names, access: &Access, objection: Option<&Json>) -> Json {
    let entry = &access.entry;
    let of = text(entry, "type").unwrap_or("");
    let told = names.types.get(of).and_then(Option::as_ref);
    let field = |name: &str| {
        let title = told
            .and_then(|told| told.fields.get(name))
            .map_or(name, String::as_str);
        json!({ "name": name, "title": title })
    };
    let fields: Vec<Json> = match entry.get("fields").and_then(Json::as_array) {
        Some(fields) => fields.iter().filter_map(Json::as_str).map(field).collect(),
        // All fields were: those that are personal are what matters.
        None => told.map_or_else(Vec::new, |told| {
            told.personal.iter().map(|name| field(name)).collect()
        }),
    };
    let who = who(cx, names, entry);
    let emergency = text(entry, "emergency").is_some();
    let kind = text(entry, "actor_kind").unwrap_or("");
    let (way, way_title) = through(text(entry, "operation").unwrap_or(""), kind, emergency);
    let purpose = text(entry, "purpose").map(|name| {
        let told = names.purposes.get(name).and_then(Option::as_ref);
        json!({
            "name": name,
            "title": told.map_or(name, |told| &told.title),
            "legal_basis": told.map(|told| &told.legal_basis),
        })
    });
    let own = who.get("kind").is_some_and(|kind| kind == "self");
    json!({
        "id": access.id,
        "at": text(entry, "at"),
        "who": who,
        "purpose": purpose,
        "system": told.map(|told| &told.system),
        "type": of,
        "type_title": told.map_or(of, |told| &told.title),
        "all_fields": entry.get("fields").is_none(),
        "fields": fields,
        "through": way,
        "through_title": way_title,
        "others": access.count.saturating_sub(1),
        "objection": objection,
        "objectionable": objection.is_none() && !own && kind != "citizen",
    })
}

/// The entries of whoever is asked for, newest first.
pub(super) fn entries(
    log: &PersonLog,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    party: &str,
    wanted: &Wanted,
) -> Result<(Vec<Json>, Option<Place>), Problem> {
    let Some(token) = log.trail.salts().known(party)? else {
        return Ok((Vec::new(), None));
    };
    log.trail.catch_up()?;
    let more = Wanted {
        limit: wanted.limit.saturating_add(1),
        ..wanted.clone()
    };
    let mut found = log
        .trail
        .salts()
        .open()?
        .read(|tx| index::accesses(tx, &token, &more))?;
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let full = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| full).map(|access| access.place);
    let names = Names::of(log, tx, &found)?;
    let objections = objection::by_entry(tx, party)?;
    let items = found
        .iter()
        .map(|access| tell(cx, &names, access, objections.get(&access.id)))
        .collect();
    Ok((items, next))
}

/// One entry of a person, as it is told to him, and as it stands in the index.
pub(super) fn entry(
    log: &PersonLog,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    party: &str,
    id: &str,
) -> Result<(Json, Access), Problem> {
    let nothing = || Problem::new(codes::NOT_FOUND, "您的查看记录里没有这一条。");
    let token = log.trail.salts().known(party)?.ok_or_else(nothing)?;
    let found = log
        .trail
        .salts()
        .open()?
        .read(|tx| index::access(tx, &token, id))?
        .ok_or_else(nothing)?;
    let names = Names::of(log, tx, std::slice::from_ref(&found))?;
    let objections = objection::by_entry(tx, party)?;
    Ok((tell(cx, &names, &found, objections.get(&found.id)), found))
}

/// Units and purposes of a person's entries, with their titles, to filter by.
pub(super) fn choices(log: &PersonLog, tx: &mut Tx<'_>, party: &str) -> Result<Json, Problem> {
    let Some(token) = log.trail.salts().known(party)? else {
        return Ok(json!({ "units": [], "purposes": [] }));
    };
    let [units, purposes] = log.trail.salts().open()?.read(|tx| index::choices(tx, &token))?;
    let names = log.declared.units(tx, &units.iter().cloned().collect())?;
    let one = |name: &str, title: &str| json!({ "name": name, "title": title });
    let units: Vec<Json> = units
        .iter()
        .map(|code| one(code, names.get(code).unwrap_or(code)))
        .collect();
    let mut told = Vec::new();
    for name in &purposes {
        let title = purpose(log, tx, name)?.map_or_else(|| name.clone(), |told| told.title);
        told.push(one(name, &title));
    }
    Ok(json!({ "units": units, "purposes": told }))
}

/// The entries as a table that spreadsheet programs read.
pub(super) fn table(items: &[Json]) -> Result<Vec<u8>, Problem> {
    // The mark tells them that it is UTF-8.
    let mut writer = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    let head = [
        "时间",
        "谁",
        "代办",
        "目的",
        "依据",
        "系统",
        "信息",
        "内容",
        "方式",
        "同时涉及其他人数",
        "异议",
        "编号",
    ];
    writer.write_record(head).map_err(Problem::internal)?;
    for item in items {
        let at = |pointer: &str| item.pointer(pointer).and_then(Json::as_str).unwrap_or("");
        let when = at("/at").parse::<jiff::Timestamp>().map_or_else(
            |_| String::new(),
            |moment| ZONE.to_datetime(moment).strftime("%F %T").to_string(),
        );
        let fields: Vec<&str> = item
            .get("fields")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(|field| field.get("title")?.as_str())
            .collect();
        let who = [at("/who/title"), at("/who/post"), at("/who/name")];
        let who: Vec<&str> = who.into_iter().filter(|part| !part.is_empty()).collect();
        let who = who.join(" ");
        let delegated = item.pointer("/who/delegated").and_then(Json::as_bool);
        let others = item.get("others").and_then(Json::as_u64).unwrap_or(0).to_string();
        let cells = [
            when.as_str(),
            &who,
            if delegated == Some(true) { "是" } else { "" },
            at("/purpose/title"),
            at("/purpose/legal_basis"),
            at("/system"),
            at("/type_title"),
            &fields.join("、"),
            at("/through_title"),
            &others,
            at("/objection/state_title"),
            at("/id"),
        ];
        // A cell that begins so would be run as a formula.
        let cells = cells.map(|cell| {
            if cell.starts_with(['=', '+', '-', '@']) {
                format!("'{cell}")
            } else {
                cell.to_owned()
            }
        });
        writer.write_record(cells).map_err(Problem::internal)?;
    }
    writer
        .into_inner()
        .map_err(|error| Problem::internal(error.to_string()))
}
