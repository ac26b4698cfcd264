//! Steps that check something.

use banyan_door::Input;
use serde_json::Value as Json;

use super::entrance::Fault;
use super::stage::{Found, Kind, Stage, text};
use super::steps::Args;

type Done = Result<(), Fault>;

pub fn done(stage: &mut Stage<'_>, _: &Args<'_>) -> Done {
    let answer = stage.answer()?;
    if answer.refused() {
        return Err(Fault::mismatch("成功", answer.told()));
    }
    Ok(())
}

pub fn refused(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (answer, reason) = (stage.answer()?, args.get(0));
    // An inner failure is no refusal, whatever it says.
    let good = (400..500).contains(&answer.status);
    if good && answer.reasons().iter().any(|text| text.contains(reason)) {
        return Ok(());
    }
    Err(Fault::mismatch(
        format!("被拒绝,原因包含“{reason}”"),
        answer.told(),
    ))
}

pub fn field_refused(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (called, reason) = (args.get(0), args.get(1));
    let answer = stage.answer()?.clone();
    let mut names = vec![format!("/fields/{called}"), format!("/values/{called}")];
    names.extend(
        stage
            .form_pointer(called)
            .map(|pointer| format!("/values{pointer}")),
    );
    if let Ok(kind) = stage.acted_on() {
        names.push(format!("/fields/{}", kind.field(called)));
    }
    let named = |error: &&Json| {
        let pointer = error.get("pointer").and_then(Json::as_str).unwrap_or("");
        names.iter().any(|name| name == pointer)
    };
    let said = |error: &Json| error.get("message").map(text).unwrap_or_default();
    if answer
        .errors()
        .iter()
        .filter(named)
        .any(|error| said(error).contains(reason))
    {
        return Ok(());
    }
    Err(Fault::mismatch(
        format!("字段“{called}”有误,原因包含“{reason}”"),
        answer.told(),
    ))
}

pub fn status(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (expected, answer) = (args.number(0)?, stage.answer()?);
    if u64::from(answer.status) == expected {
        return Ok(());
    }
    Err(Fault::mismatch(format!("状态码为 {expected}"), answer.told()))
}

fn same_count(expected: u64, found: u64) -> Done {
    if expected == found {
        return Ok(());
    }
    Err(Fault::mismatch(format!("{expected} 条"), format!("{found} 条")))
}

pub fn total(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (expected, answer) = (args.number(0)?, stage.answer()?);
    if answer.refused() {
        return Err(Fault::mismatch(format!("共有 {expected} 条"), answer.told()));
    }
    let found = if answer.text.is_empty() {
        let matched = answer.body.get("matched").and_then(Json::as_u64);
        matched.ok_or_else(|| Fault::wrong("上一个操作不是查找,也不是导出"))?
    } else {
        lines(&answer.text)?
    };
    same_count(expected, found)
}

/// The records of an export; a cell may hold line breaks.
fn lines(export: &str) -> Result<u64, Fault> {
    let mut count = 0;
    let export = export.trim_start_matches('\u{feff}');
    for record in csv::Reader::from_reader(export.as_bytes()).records() {
        record.map_err(|error| Fault::wrong(format!("导出的不是 CSV:{error}")))?;
        count += 1;
    }
    Ok(count)
}

fn split<'l>(args: &Args<'l>) -> Result<(&'l [String], &'l [Vec<String>]), Fault> {
    match args.table()?.split_first() {
        Some((header, rows)) => Ok((header, rows)),
        None => Err(Fault::wrong("表格第一行应是字段")),
    }
}

fn fits(kind: &Kind, record: &Json, header: &[String], row: &[String]) -> Done {
    header
        .iter()
        .zip(row)
        .try_for_each(|(field, value)| kind.check(record, field, value))
}

/// Records as rows of a table, as far as they were asked for.
fn shown(items: &[Json], kind: &Kind, header: &[String]) -> String {
    let cell = |record: &Json, called: &String| {
        let name = kind.field(called);
        let value = record
            .pointer(&format!("/fields/{name}"))
            .or_else(|| record.get(&name));
        value.map(text).unwrap_or_default()
    };
    let row = |record: &Json| {
        let cells: Vec<String> = header.iter().map(|name| cell(record, name)).collect();
        format!("\n| {} |", cells.join(" | "))
    };
    let rest = items.len().saturating_sub(10);
    let mut all: String = items.iter().take(10).map(row).collect();
    if rest > 0 {
        all.push_str(&format!("\n… 还有 {rest} 条"));
    }
    format!("共 {} 条{all}", items.len())
}

pub fn rows(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (header, rows) = split(args)?;
    let (kind, answer) = stage.list()?;
    let items = answer.items();
    for (index, (row, record)) in rows.iter().zip(items).enumerate() {
        fits(&kind, record, header, row).map_err(|fault| match fault {
            Fault::Mismatch { expected, found } => Fault::mismatch(
                format!("第 {} 条 {expected}", index + 1),
                format!("{found}。{}", shown(items, &kind, header)),
            ),
            other => other,
        })?;
    }
    if rows.len() == items.len() {
        return Ok(());
    }
    Err(Fault::mismatch(
        format!("{} 条", rows.len()),
        shown(items, &kind, header),
    ))
}

pub fn some_rows(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (header, rows) = split(args)?;
    let (kind, answer) = stage.list()?;
    let items = answer.items();
    for row in rows {
        let mut fitting = items
            .iter()
            .map(|record| fits(&kind, record, header, row))
            .filter(|result| !matches!(result, Err(Fault::Mismatch { .. })));
        match fitting.next() {
            Some(result) => result?,
            None => {
                return Err(Fault::mismatch(
                    format!("有一条 | {} |", row.join(" | ")),
                    shown(items, &kind, header),
                ));
            }
        }
    }
    Ok(())
}

/// The record that the last act answered with, and its type.
fn answered(stage: &mut Stage<'_>) -> Result<(Kind, Json), Fault> {
    let kind = stage.acted_on()?;
    let answer = stage.answer()?;
    if answer.refused() || answer.body.get("fields").is_none() {
        return Err(Fault::mismatch("回答了一条记录", answer.told()));
    }
    Ok((kind, answer.body.clone()))
}

pub fn shown_as(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (kind, record) = answered(stage)?;
    kind.check(&record, args.get(0), args.get(1))
}

pub fn shown_blank(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (kind, record) = answered(stage)?;
    kind.check(&record, args.get(0), "")
}

pub fn shown_masked(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    is_masked(stage, args.get(0), true)
}

pub fn shown_whole(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    is_masked(stage, args.get(0), false)
}

fn is_masked(stage: &mut Stage<'_>, called: &str, wanted: bool) -> Done {
    let (kind, record) = answered(stage)?;
    let name = kind.field(called);
    let list = record.get("masked").and_then(Json::as_array);
    let masked = list.is_some_and(|list| list.iter().any(|one| one.as_str() == Some(name.as_str())));
    if masked == wanted {
        return Ok(());
    }
    let told = |masked| if masked { "被遮盖" } else { "没有遮盖" };
    Err(Fault::mismatch(
        format!("“{called}”{}", told(wanted)),
        format!(
            "{}({})",
            told(masked),
            text(record.pointer(&format!("/fields/{name}")).unwrap_or(&Json::Null))
        ),
    ))
}

pub fn export_has(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (wanted, answer) = (args.get(0), stage.answer()?);
    if answer.text.contains(wanted) {
        return Ok(());
    }
    let first: String = answer.text.lines().take(5).collect::<Vec<_>>().join("\n");
    let found = if answer.refused() {
        answer.told()
    } else {
        format!("开头是\n{first}")
    };
    Err(Fault::mismatch(format!("导出的内容包含“{wanted}”"), found))
}

pub fn field(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    stage.check(|stage| {
        let (kind, found) = stage.record(args.get(0), args.get(1))?;
        kind.check(&found.body, args.get(2), args.get(3))
    })
}

pub fn field_blank(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    stage.check(|stage| {
        let (kind, found) = stage.record(args.get(0), args.get(1))?;
        kind.check(&found.body, args.get(2), "")
    })
}

fn in_state(kind: &Kind, found: &Found, called: &str) -> Done {
    kind.check(&found.body, "state", &kind.state(called)?)
}

pub fn state(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    stage.check(|stage| {
        let (kind, found) = stage.record(args.get(0), args.get(1))?;
        in_state(&kind, &found, args.get(2))
    })
}

pub fn last_state(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    stage.check(|stage| {
        let (kind, found) = stage.last_record()?;
        in_state(&kind, &found, args.get(0))
    })
}

fn versions(stage: &mut Stage<'_>, kind: &Kind, id: &str, expected: u64) -> Done {
    let answer = stage
        .entrance
        .look("record.history", kind.input().with_path("id", id))?;
    if answer.refused() {
        return Err(Fault::wrong(format!("查看历史:{}", answer.told())));
    }
    let found = answer.items();
    if found.len() as u64 == expected {
        return Ok(());
    }
    let verbs: Vec<String> = found
        .iter()
        .rev()
        .filter_map(|version| version.get("verb").map(text))
        .collect();
    Err(Fault::mismatch(
        format!("{expected} 个版本"),
        format!("{} 个版本:{}", found.len(), verbs.join("、")),
    ))
}

pub fn history(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let expected = args.number(2)?;
    stage.check(|stage| {
        let (kind, found) = stage.record(args.get(0), args.get(1))?;
        versions(stage, &kind, &found.id, expected)
    })
}

pub fn last_history(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let expected = args.number(0)?;
    stage.check(|stage| {
        let (kind, found) = stage.last_record()?;
        versions(stage, &kind, &found.id, expected)
    })
}

pub fn actions(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let answer = stage.answer()?.clone();
    let kind = stage.acted_on()?;
    let Some(found) = answer.body.get("actions").and_then(Json::as_array) else {
        return Err(Fault::mismatch(
            "看得到记录",
            if answer.refused() {
                answer.told()
            } else {
                "上一个操作没有给出一条记录".into()
            },
        ));
    };
    let mut found: Vec<String> = found.iter().map(text).collect();
    let mut expected: Vec<String> = args
        .get(0)
        .split('、')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| kind.transition(name))
        .collect();
    found.sort();
    expected.sort();
    if found == expected {
        return Ok(());
    }
    let told = |names: &[String]| format!("可以执行“{}”", names.join("、"));
    Err(Fault::mismatch(told(&expected), told(&found)))
}

pub fn absent(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    stage.check(|stage| {
        let kind = stage.kind(args.get(0))?;
        match stage.seek(&kind, args.get(1))? {
            None => Ok(()),
            Some(_) => Err(Fault::mismatch(
                format!("没有“{}”", args.get(1)),
                format!("有“{}”", args.get(1)),
            )),
        }
    })
}

pub fn count(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let expected = args.number(2)?;
    stage.check(|stage| {
        let kind = stage.kind(args.get(0))?;
        let answer = stage.count(&kind, args.get(1))?;
        let found = answer.body.get("matched").and_then(Json::as_u64);
        same_count(expected, found.unwrap_or(answer.items().len() as u64))
    })
}

/// The kinds of the events since the scenario began, without the platform's prefix.
fn events(stage: &mut Stage<'_>) -> Result<Vec<String>, Fault> {
    let mut after = stage.entrance.begun_at();
    let mut kinds = Vec::new();
    loop {
        let mut input = Input::default();
        input.query.push(("limit".into(), "1000".into()));
        input
            .query
            .extend(after.clone().map(|after| ("after".into(), after)));
        let answer = stage.entrance.look("event.list", input)?;
        if answer.refused() {
            return Err(Fault::wrong(format!("读取事件:{}", answer.told())));
        }
        let items = answer.items();
        let kind = |event: &Json| {
            let kind = event.get("type").map(text).unwrap_or_default();
            kind.strip_prefix("banyan.").unwrap_or(&kind).to_owned()
        };
        kinds.extend(items.iter().map(kind));
        after = answer.body.get("next").and_then(Json::as_str).map(str::to_owned);
        if items.len() < 1_000 || after.is_none() {
            return Ok(kinds);
        }
    }
}

fn occurrences(stage: &mut Stage<'_>, name: &str, right: impl Fn(usize) -> bool, expected: String) -> Done {
    let name = name.strip_prefix("banyan.").unwrap_or(name);
    stage.check(|stage| {
        let all = events(stage)?;
        if right(all.iter().filter(|kind| *kind == name).count()) {
            return Ok(());
        }
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        for kind in &all {
            *counts.entry(kind).or_default() += 1;
        }
        let told: Vec<String> = counts
            .iter()
            .map(|(kind, count)| format!("{kind}×{count}"))
            .collect();
        let told = if told.is_empty() {
            "没有事件".to_owned()
        } else {
            told.join("、")
        };
        Err(Fault::mismatch(expected.clone(), told))
    })
}

pub fn happened(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let name = args.get(0);
    occurrences(stage, name, |count| count > 0, format!("有事件 {name}"))
}

pub fn happened_times(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (expected, name) = (args.number(0)?, args.get(1));
    occurrences(
        stage,
        name,
        |count| count as u64 == expected,
        format!("{name}×{expected}"),
    )
}

pub fn not_happened(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let name = args.get(0);
    occurrences(stage, name, |count| count == 0, format!("没有事件 {name}"))
}
