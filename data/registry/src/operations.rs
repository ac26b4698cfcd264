//! The rows of this engine in the door.

use std::sync::Arc;

use banyan_base::{Limit, Problem, codes, timestamp_text};
use banyan_door::{Call, Decision, Handler, Input, Method, Operation, Outside, Reply, Target};
use banyan_store::Tx;
use banyan_store::feed;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::catalog::{Catalog, TypeInfo};
use crate::query::{Query, list};
use crate::record::{self, Change, Record, etag};
use crate::sight::{Eyes, is_there, secure, secure_rows, still_there, touch, unseen_fields};
use crate::{
    Error, Registry, aggregate, clock, event, export, history, lifecycle, ogc, openapi, packages, reference,
    removal, saved,
};

/// The target of an act on a type: `<package>.<type>.<verb>`.
macro_rules! on {
    ($verb:literal) => {
        |input: &banyan_door::Input| {
            let part = |name: &str| input.path.get(name).map_or("", String::as_str);
            let resource = format!("{}.{}", part("package"), part("type"));
            banyan_door::Target {
                // Only transitions have a name in their path.
                transition: input.path.get("name").cloned(),
                ..banyan_door::Target::records(&resource, $verb)
            }
        }
    };
}
pub(crate) use on;

const LIST_QUERY: &[(&str, &str)] = &[
    (
        "filter",
        "CQL2 文本筛选条件,如 state = 'advancing' AND due < DATE('2022-07-01')",
    ),
    ("sortby", "排序字段,逗号分隔,前加 - 为降序"),
    ("limit", "每页条数,至少为 1;超过 1000 的按 1000 计"),
    ("cursor", "上一页给出的 next"),
    ("q", "全文检索"),
    ("as_of", "数据在这一时刻的样子(RFC 3339)"),
    ("count", "1 则给出总数"),
];

/// All rows, closing over the engine.
pub fn operations(registry: &Arc<Registry>) -> Vec<Operation> {
    let mut rows = records(registry);
    rows.extend(ogc::operations(registry));
    rows
}

fn records(registry: &Arc<Registry>) -> Vec<Operation> {
    let inside = |f: fn(&Registry, &mut Call<'_, '_>) -> Result<Reply, Problem>| {
        let registry = Arc::clone(registry);
        Handler::inside(move |call| f(&registry, call))
    };
    let outside = |f: fn(&Arc<Registry>, &Outside<'_>) -> Result<Reply, Problem>| {
        let registry = Arc::clone(registry);
        Handler::outside(move |call| f(&registry, call))
    };
    const ALL: &str = "/v1/records/{package}/{type}";
    const ONE: &str = "/v1/records/{package}/{type}/{id}";
    const HISTORY: &str = "/v1/records/{package}/{type}/{id}/history";
    const TRANSITION: &str = "/v1/records/{package}/{type}/{id}/transitions/{name}";
    const AGGREGATE: &str = "/v1/records/{package}/{type}/aggregate";
    const EXPORT: &str = "/v1/records/{package}/{type}/export";
    let mut rows = vec![
        Operation {
            query: LIST_QUERY,
            output: openapi::any_page,
            ..Operation::read("record.list", "列出记录", ALL, inside(record_list)).on(on!("list"))
        },
        Operation {
            input: openapi::sent_fields,
            output: openapi::written_any,
            ..Operation::write(
                "record.create",
                "新建记录",
                Method::Post,
                ALL,
                inside(record_create),
            )
            .on(on!("create"))
        },
        Operation {
            query: &[("as_of", "记录在这一时刻的样子(RFC 3339)")],
            output: openapi::any_record,
            ..Operation::read("record.view", "查看记录", ONE, inside(record_view)).on(on!("view"))
        },
        Operation {
            input: openapi::sent_fields,
            output: openapi::written_any,
            if_match: true,
            ..Operation::write(
                "record.update",
                "修改记录",
                Method::Patch,
                ONE,
                inside(record_update),
            )
            .on(on!("update"))
        },
        Operation {
            if_match: true,
            ..Operation::write(
                "record.delete",
                "删除记录",
                Method::Delete,
                ONE,
                inside(record_delete),
            )
            .on(on!("delete"))
        },
        Operation {
            output: openapi::any_history,
            ..Operation::read("record.history", "查看修改历史", HISTORY, inside(record_history))
                .on(on!("view"))
        },
        Operation {
            input: openapi::sent_fields,
            output: openapi::written_any,
            if_match: true,
            ..Operation::write(
                "record.transition",
                "流转记录",
                Method::Post,
                TRANSITION,
                inside(record_transition),
            )
            .on(on!("transition"))
        },
        Operation {
            query: &[
                ("filter", "同列表"),
                ("sortby", "同列表"),
                ("q", "同列表"),
                ("format", "csv、xlsx 或 jsonl"),
            ],
            ..Operation::read("record.export", "导出记录", EXPORT, outside(record_export)).on(on!("export"))
        },
        Operation {
            query: &[
                ("view", "排名或通报视图的名字"),
                ("month", "月份,如 2022-05;缺省为本月"),
            ],
            output: openapi::any_aggregate,
            ..Operation::read("record.aggregate", "汇总", AGGREGATE, inside(record_aggregate)).on(on!("list"))
        },
        Operation {
            query: &[
                ("after", "从这一位置之后读起"),
                ("limit", "条数"),
                ("type", "事件类型的开头"),
            ],
            output: || openapi::listing(json!({ "type": "object", "description": "CloudEvents 1.0 事件" })),
            ..Operation::read("event.list", "读取变更事件", "/v1/events", inside(event_list))
        },
    ];
    rows.extend(packages::operations(registry));
    rows.extend(saved::operations(registry));
    rows
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    #[serde(default)]
    fields: Map<String, Json>,
    note: Option<String>,
}

impl Sent {
    fn read(input: &Input) -> Result<Sent, Problem> {
        let sent: Sent = input.typed_body()?;
        if sent
            .note
            .as_ref()
            .is_some_and(|note| note.chars().count() > 2_000)
        {
            return Err(Problem::new(codes::INVALID, "说明最多 2000 个字。").with_error(
                "/note",
                "length",
                "最多 2000 个字",
            ));
        }
        if sent.note.as_ref().is_some_and(|note| note.contains('\0')) {
            return Err(Problem::new(codes::INVALID, "说明不能含有空字符。").with_error(
                "/note",
                "pattern",
                "不能含有空字符",
            ));
        }
        Ok(sent)
    }
}

fn target(registry: &Registry, call: &mut Call<'_, '_>) -> Result<(Arc<Catalog>, Arc<TypeInfo>), Problem> {
    let catalog = registry.catalog(call.tx)?;
    let name = format!(
        "{}.{}",
        call.input.path_value("package")?,
        call.input.path_value("type")?
    );
    let info = catalog.find(&name)?;
    Ok((catalog, info))
}

/// The type as the caller of this act sees it.
fn seen(call: &Call<'_, '_>, catalog: &Catalog, info: &Arc<TypeInfo>) -> Result<Arc<TypeInfo>, Problem> {
    secure_rows(info, &call.minds(catalog.generation)?, catalog, call.tx.dialect())
}

/// Refuses an act on a record that is not among those of the act; for who may not even look at it, it is not there.
fn reachable(
    call: &mut Call<'_, '_>,
    catalog: &Catalog,
    info: &Arc<TypeInfo>,
    id: &str,
) -> Result<Arc<TypeInfo>, Problem> {
    let seen = seen(call, catalog, info)?;
    if !seen.is_secured() || is_there(call.tx, &seen, id)? {
        return Ok(seen);
    }
    let viewed = Eyes::of(call, catalog).viewed(&info.name)?;
    let visible = match &viewed {
        Some(viewed) => is_there(call.tx, viewed, id)?,
        None => false,
    };
    Err(if visible {
        Problem::new(
            codes::FORBIDDEN,
            "您可以查看这条记录,但它不在您可以这样操作的范围内。",
        )
    } else {
        missing(info, id)
    })
}

fn missing(info: &TypeInfo, id: &str) -> Problem {
    Error::NoRecord {
        kind: info.declared.title.zh.clone(),
        id: id.to_owned(),
    }
    .into()
}

/// Sent fields that the caller does not see whole are no change where they are as he sees them, and refused otherwise.
fn unseen(
    call: &mut Call<'_, '_>,
    catalog: &Catalog,
    seen: &TypeInfo,
    id: &str,
    fields: &mut Map<String, Json>,
) -> Result<(), Problem> {
    if !seen.is_secured() {
        return Ok(());
    }
    let shown = record::get(call.tx, seen, id)?;
    let viewed = match Eyes::of(call, catalog).viewed(&seen.name)? {
        Some(viewed) => record::find(call.tx, &viewed, id)?,
        None => None,
    };
    let seers: Vec<&Record> = [Some(&shown), viewed.as_ref()].into_iter().flatten().collect();
    unseen_fields(&shown, &seers, fields)
}

fn moment(input: &Input, name: &str) -> Result<Option<String>, Problem> {
    Ok(input.query_parsed::<jiff::Timestamp>(name)?.map(timestamp_text))
}

fn query_of(input: &Input) -> Result<Query, Problem> {
    let mut query = Query::read(input.query_value("filter"), input.query_value("sortby"))?;
    if let Some(limit) = input.query_parsed::<u32>("limit")? {
        query.limit =
            Limit::new(limit).ok_or_else(|| Problem::new(codes::BAD_REQUEST, "limit 至少为 1。"))?;
    }
    query.cursor = input.query_value("cursor").map(str::to_owned);
    query.words = input.query_value("q").map(str::to_owned);
    query.as_of = moment(input, "as_of")?;
    query.count = input.query_flag("count");
    Ok(query)
}

/// The transitions open to the caller: those that the life cycle admits and policy permits.
fn actions(
    call: &mut Call<'_, '_>,
    catalog: &Catalog,
    info: &Arc<TypeInfo>,
    whole: &Record,
) -> Result<Vec<String>, Problem> {
    let mut open = Vec::new();
    for name in lifecycle::possible(call.cx, info, whole)? {
        let target = Target {
            transition: Some(name.clone()),
            ..Target::records(&info.name, "transition")
        };
        let Decision::Permit(obligations) = call.door.decide(call.cx, "record.transition", &target)? else {
            continue;
        };
        let sight = secure(info, &obligations, catalog, call.tx.dialect());
        if !sight.is_secured() || is_there(call.tx, &sight, &whole.id)? {
            open.push(name);
        }
    }
    Ok(open)
}

/// What is told of a record that was just written: as its writer sees it, or no more than that it is there.
fn written(
    call: &mut Call<'_, '_>,
    catalog: &Catalog,
    info: &Arc<TypeInfo>,
    whole: Record,
) -> Result<Reply, Problem> {
    let viewed = Eyes::of(call, catalog).viewed(&info.name)?;
    let record = match &viewed {
        Some(viewed) if viewed.is_secured() => record::find(call.tx, viewed, &whole.id)?,
        Some(_) => Some(whole.clone()),
        None => None,
    };
    let etag = etag(whole.version);
    let least = json!({ "id": whole.id, "type": info.name, "version": whole.version, "etag": etag });
    let (Some(viewed), Some(record)) = (viewed, record) else {
        return Ok(Reply::value(least).with_etag(etag));
    };
    let mut reply = reply(call, catalog, (info, &viewed), record, &whole)?;
    // Personal data do not lie about for whoever asks again.
    if info.columns.iter().any(|column| column.field.personal) {
        reply.kept = Some(least);
    }
    Ok(reply)
}

/// One record as it goes out, with names and, for one that is looked at alone, the transitions open to the caller: the type
/// and the record as they are, and as they are seen.
fn reply(
    call: &mut Call<'_, '_>,
    catalog: &Catalog,
    (info, seen): (&Arc<TypeInfo>, &Arc<TypeInfo>),
    record: Record,
    whole: &Record,
) -> Result<Reply, Problem> {
    let names = reference::standing(info, &record.fields, record.state.as_deref());
    let eyes = Eyes::of(call, catalog);
    let labels = reference::labels(call.tx, &eyes, info, &[names])?
        .pop()
        .unwrap_or_default();
    let actions = json!(actions(call, catalog, info, whole)?);
    touch(call.touches, seen, [&record])?;
    let clocks = clock::running(call.tx, info, &record.id)?;
    let etag = etag(record.version);
    let mut body = record.into_json(info, labels);
    if let Some(object) = body.as_object_mut() {
        object.insert("actions".into(), actions);
        if !clocks.is_empty() {
            object.insert("clocks".into(), json!(clocks));
        }
    }
    Ok(Reply::value(body).with_etag(etag))
}

fn record_list(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let (catalog, info) = target(registry, call)?;
    let info = seen(call, &catalog, &info)?;
    let listing = list(call.tx, &info, &query_of(call.input)?)?;
    touch(call.touches, &info, &listing.page.items)?;
    let eyes = Eyes::of(call, &catalog);
    let items = aggregate::labelled(call.tx, &eyes, &info, listing.page.items)?;
    let next = listing.page.next.map(|cursor| cursor.0);
    let mut body = json!({
        "items": null, "next": next, "matched": listing.page.matched, "matched_at_least": listing.at_least,
    });
    if let Some(place) = body.get_mut("items") {
        *place = Json::Array(items);
    }
    Ok(Reply::value(body))
}

fn record_create(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let (catalog, info) = target(registry, call)?;
    let sent = Sent::read(call.input)?;
    let change = Change {
        fields: &sent.fields,
        state: None,
        verb: "created",
        note: sent.note,
        unrestricted: false,
        eyes: None,
    };
    let seen = seen(call, &catalog, &info)?;
    let eyes = Eyes::of(call, &catalog);
    let made = record::create(
        call.cx,
        call.tx,
        &catalog,
        &info,
        &Change {
            eyes: Some(eyes),
            ..change
        },
    )?;
    still_there(call.tx, &seen, &made.id)?;
    let location = format!("/v1/records/{}/{}/{}", info.package, info.short, made.id);
    let mut reply = written(call, &catalog, &info, made)?;
    reply.status = 201;
    reply.location = Some(location);
    Ok(reply)
}

fn record_view(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let (catalog, info) = target(registry, call)?;
    let id = call.input.path_value("id")?;
    let seen = seen(call, &catalog, &info)?;
    let of = |tx: &mut Tx<'_>, info: &TypeInfo, at: &Option<String>| match at {
        None => record::get(tx, info, id),
        Some(at) => history::as_of(call.cx, tx, info, id, at)?.ok_or_else(|| missing(info, id)),
    };
    let at = moment(call.input, "as_of")?;
    let record = of(call.tx, &seen, &at)?;
    let whole = if seen.is_secured() {
        of(call.tx, &info, &at)?
    } else {
        record.clone()
    };
    reply(call, &catalog, (&info, &seen), record, &whole)
}

fn record_update(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let (catalog, info) = target(registry, call)?;
    let mut sent = Sent::read(call.input)?;
    let id = call.input.path_value("id")?;
    let seen = reachable(call, &catalog, &info, id)?;
    let before = record::get_for_change(call.tx, &info, id, call.input.if_match.as_deref())?;
    unseen(call, &catalog, &seen, id, &mut sent.fields)?;
    let change = Change {
        eyes: Some(Eyes::of(call, &catalog)),
        fields: &sent.fields,
        state: None,
        verb: "updated",
        note: sent.note,
        unrestricted: false,
    };
    let after = record::update(call.cx, call.tx, &catalog, &info, &before, &change)?;
    still_there(call.tx, &seen, id)?;
    written(call, &catalog, &info, after)
}

fn record_delete(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let (catalog, info) = target(registry, call)?;
    let id = call.input.path_value("id")?;
    reachable(call, &catalog, &info, id)?;
    let before = record::get_for_change(call.tx, &info, id, call.input.if_match.as_deref())?;
    removal::delete(call.cx, call.tx, &catalog, &info, &before)?;
    Ok(Reply::empty())
}

fn record_history(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let (catalog, info) = target(registry, call)?;
    let info = seen(call, &catalog, &info)?;
    let id = call.input.path_value("id")?;
    let versions = history::versions(call.tx, &info, id)?;
    touch(call.touches, &info, versions.iter().map(|(record, _)| record))?;
    let items = history::changes(registry, call.tx, &info, versions)?;
    if items.is_empty() {
        return Err(missing(&info, id));
    }
    Reply::json(json!({ "items": items, "next": null }))
}

fn record_transition(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let (catalog, info) = target(registry, call)?;
    let sent = Sent::read(call.input)?;
    let id = call.input.path_value("id")?;
    reachable(call, &catalog, &info, id)?;
    let before = record::get_for_change(call.tx, &info, id, call.input.if_match.as_deref())?;
    let name = call.input.path_value("name")?;
    let eyes = Eyes::of(call, &catalog);
    let after = lifecycle::transition(
        call.cx,
        call.tx,
        (&catalog, Some(eyes)),
        &info,
        &before,
        name,
        &sent.fields,
        sent.note,
    )?;
    written(call, &catalog, &info, after)
}

fn record_aggregate(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let (catalog, info) = target(registry, call)?;
    let name = call
        .input
        .query_value("view")
        .ok_or_else(|| Problem::new(codes::BAD_REQUEST, "请用 view 指明视图。"))?;
    let given = aggregate::Given {
        unit: call.cx.actor.unit.as_deref(),
        month: match call.input.query_value("month") {
            Some(text) => aggregate::month(text)?,
            None => call.cx.today().first_of_month(),
        },
    };
    let eyes = Eyes::of(call, &catalog);
    let info = secure(
        &info,
        &call.minds(catalog.generation)?,
        &catalog,
        call.tx.dialect(),
    );
    let answer = aggregate::view(call.tx, &eyes, &info, name, &given)?;
    for (of, records) in &answer.shown {
        touch(call.touches, of, records)?;
    }
    Reply::json(answer.body)
}

fn record_export(registry: &Arc<Registry>, call: &Outside<'_>) -> Result<Reply, Problem> {
    let name = format!(
        "{}.{}",
        call.input.path_value("package")?,
        call.input.path_value("type")?
    );
    let info = call.db.read::<_, Problem>(|tx| {
        let catalog = registry.catalog(tx)?;
        secure_rows(
            &catalog.find(&name)?,
            &call.minds(catalog.generation)?,
            &catalog,
            tx.dialect(),
        )
    })?;
    let query = Query {
        cursor: None,
        ..query_of(call.input)?
    };
    let format = call.input.query_value("format").unwrap_or("csv");
    export::export(call, info, query, format)
}

fn event_list(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let after = match call.input.query_value("after") {
        None => feed::Position::START,
        Some(text) => feed::Position::parse(text)
            .ok_or_else(|| Problem::new(codes::BAD_CURSOR, "after 不是有效的位置。"))?,
    };
    let limit = call
        .input
        .query_parsed::<u32>("limit")?
        .unwrap_or(100)
        .clamp(1, 1_000);
    let items = feed::read(
        call.tx,
        after,
        call.input.query_value("type").unwrap_or(""),
        limit,
    )?;
    let next = items.last().map(|event| event.cursor.clone());
    let items = event::visible(registry, call, items)?;
    let actors = items.iter().map(|event| event.actor.clone()).collect();
    let people = registry.people(call.tx, &actors)?;
    let mut shown = Vec::new();
    for event in &items {
        let mut item = serde_json::to_value(event).map_err(Problem::internal)?;
        if let (Some(name), Some(members)) = (people.get(&event.actor), item.as_object_mut()) {
            // An extension attribute of CloudEvents: lower case, no underscore.
            members.insert("actorname".into(), json!(name));
        }
        shown.push(item);
    }
    let items = shown;
    Reply::json(json!({ "items": items, "next": next }))
}
