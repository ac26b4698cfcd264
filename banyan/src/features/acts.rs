//! Steps that do something.

use banyan_door::{Body, Input};
use jiff::civil::{Date, DateTime};
use serde_json::{Map, Value as Json, json};

use super::entrance::Fault;
use super::stage::Stage;
use super::steps::Args;

type Done = Result<(), Fault>;

pub fn sign_in(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    stage.entrance.sign_in(args.get(0))
}

pub fn purpose(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    stage.entrance.purpose(args.get(0));
    Ok(())
}

pub fn sign_out(stage: &mut Stage<'_>, _: &Args<'_>) -> Done {
    stage.entrance.sign_out();
    Ok(())
}

pub fn set_clock(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let text = args.get(0).trim();
    let day = text.parse::<Date>().map(|day| day.at(9, 0, 0, 0));
    // A text with a time parses as a date too, and would lose it.
    let moment = if text.contains(':') {
        text.parse::<DateTime>()
    } else {
        day
    };
    let moment = moment.map_err(|_| Fault::wrong(format!("“{text}”不是日期,应如 2022-06-28")))?;
    stage.entrance.set_clock(moment)
}

pub fn pass_days(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    match u32::try_from(args.number(0)?) {
        Ok(days @ 1..=3_660) => stage.entrance.pass_days(days),
        _ => Err(Fault::wrong("天数应在 1 到 3660 之间")),
    }
}

pub fn create(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let kind = stage.kind(args.get(0))?;
    let fields = kind.fields(args.pairs()?);
    stage.create(&kind, fields)
}

pub fn update(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    change(stage, args, args.get(0), args.get(1), None)
}

pub fn update_stale(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    change(stage, args, args.get(1), args.get(2), Some(args.number(0)?))
}

fn change(stage: &mut Stage<'_>, args: &Args<'_>, of: &str, key: &str, version: Option<u64>) -> Done {
    let (kind, found) = stage.record(of, key)?;
    let fields = kind.fields(args.pairs()?);
    let tag = version.map_or_else(|| etag(&found.body), |version| format!("\"{version}\""));
    stage.act_on("record.update", &kind, &found.id, |input| {
        send(input, &fields);
        input.if_match = Some(tag);
    })?;
    Ok(())
}

fn send(input: &mut Input, fields: &Map<String, Json>) {
    input.body = Body::Json(json!({ "fields": fields }));
}

/// The tag of the version that was seen, as a form sends it back.
fn etag(record: &Json) -> String {
    record
        .get("etag")
        .and_then(Json::as_str)
        .unwrap_or("*")
        .to_owned()
}

pub fn delete(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (kind, found) = stage.record(args.get(0), args.get(1))?;
    let tag = etag(&found.body);
    stage.act_on("record.delete", &kind, &found.id, |input| {
        input.if_match = Some(tag);
    })?;
    Ok(())
}

pub fn transition(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let pairs = if args.has_table() {
        args.pairs()?
    } else {
        Vec::new()
    };
    go(stage, args, &pairs)
}

pub fn transition_filled(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    go(stage, args, &args.quoted(3))
}

fn go(stage: &mut Stage<'_>, args: &Args<'_>, pairs: &[(&str, &str)]) -> Done {
    let (kind, found) = stage.record(args.get(0), args.get(1))?;
    let fields = kind.fields(pairs.iter().copied());
    let (name, tag) = (kind.transition(args.get(2)), etag(&found.body));
    stage.act_on("record.transition", &kind, &found.id, |input| {
        send(input, &fields);
        input.path.insert("name".into(), name);
        input.if_match = Some(tag);
    })?;
    Ok(())
}

pub fn view(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (kind, found) = stage.record(args.get(0), args.get(1))?;
    stage.act_on("record.view", &kind, &found.id, |_| {})?;
    Ok(())
}

fn listing(stage: &mut Stage<'_>, of: &str, filter: &str, sort: &str) -> Done {
    let mut query = vec![("filter".to_owned(), filter.to_owned())];
    if !sort.is_empty() {
        query.push(("sortby".into(), sort.into()));
    }
    stage.find(of, query)
}

pub fn find(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    listing(stage, args.get(1), args.get(0), args.get(2))
}

pub fn find_long(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    listing(stage, args.get(0), args.doc()?, args.get(1))
}

pub fn search(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    stage.find(args.get(1), vec![("q".into(), args.get(0).into())])
}

pub fn export(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    exporting(stage, args.get(0), Vec::new())
}

pub fn export_some(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    exporting(stage, args.get(1), vec![("filter".into(), args.get(0).into())])
}

fn exporting(stage: &mut Stage<'_>, of: &str, mut query: Vec<(String, String)>) -> Done {
    let kind = stage.kind(of)?;
    query.push(("format".into(), "csv".into()));
    let mut input = kind.input();
    input.query = query;
    stage.act("record.export", input)?;
    Ok(())
}
