//! Steps about processes and the tasks that they give people.

use banyan_door::Input;
use regex::Regex;
use serde_json::{Map, Value as Json, json};

use super::entrance::{Answer, Fault};
use super::stage::{Stage, text};
use super::steps::Args;

type Done = Result<(), Fault>;

/// Most tasks that are looked at.
const MOST: &str = "100";

/// Looks something up as whoever has signed in, beside what the scenario does.
fn seen(stage: &mut Stage<'_>, operation: &str, input: Input) -> Result<Answer, Fault> {
    let answer = stage.entrance.call(operation, input)?;
    if answer.refused() {
        return Err(Fault::wrong(format!("{operation}:{}", answer.told())));
    }
    Ok(answer)
}

/// The same as the one who checks.
fn known(stage: &mut Stage<'_>, operation: &str, input: Input) -> Result<Answer, Fault> {
    let answer = stage.entrance.look(operation, input)?;
    if answer.refused() {
        return Err(Fault::wrong(format!("{operation}:{}", answer.told())));
    }
    Ok(answer)
}

fn word(item: &Json, name: &str) -> String {
    item.get(name).map(text).unwrap_or_default()
}

/// My open tasks, those that I may claim among them.
fn todo(stage: &mut Stage<'_>) -> Result<Vec<Json>, Fault> {
    let mut input = Input::default();
    let query = [("scope", "all"), ("state", "open"), ("limit", MOST)];
    input.query = query
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    Ok(seen(stage, "task.list", input)?.items().to_vec())
}

/// What a task is called: its title, and its business key where there are several.
fn called(item: &Json) -> String {
    match word(item, "business_key").as_str() {
        "" => word(item, "title"),
        key => format!("{}({key})", word(item, "title")),
    }
}

fn listed(items: &[Json]) -> String {
    match items {
        [] => "没有待办".to_owned(),
        items => items.iter().map(called).collect::<Vec<_>>().join("、"),
    }
}

/// The tasks whose title holds these words, or, with `(key)` behind them, those of that business key.
fn fitting(items: &[Json], wanted: &str) -> Vec<Json> {
    let (title, key) = match wanted.split_once(['(', '(']) {
        Some((title, key)) => (title, key.trim_end_matches([')', ')'])),
        None => (wanted, ""),
    };
    let fits = |item: &&Json| {
        word(item, "title").contains(wanted)
            || !key.is_empty() && word(item, "title").contains(title) && word(item, "business_key") == key
    };
    items.iter().filter(fits).cloned().collect()
}

/// The one task that is called so.
fn task(stage: &mut Stage<'_>, wanted: &str) -> Result<Json, Fault> {
    let mut found = None;
    stage.check(|stage| {
        let items = todo(stage)?;
        match fitting(&items, wanted).as_slice() {
            [one] => {
                found = Some(one.clone());
                Ok(())
            }
            [] => Err(Fault::mismatch(format!("待办里有“{wanted}”"), listed(&items))),
            many => Err(Fault::wrong(format!(
                "待办里有 {} 项“{wanted}”:{};请写得更全,或在后面用括号写明业务编号",
                many.len(),
                listed(many)
            ))),
        }
    })?;
    found.ok_or_else(|| Fault::wrong("没有待办"))
}

fn of(item: &Json) -> Input {
    Input::default().with_path("id", word(item, "id"))
}

pub fn claim(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let item = task(stage, args.get(0))?;
    stage.act("task.claim", of(&item))?;
    Ok(())
}

pub fn release(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let item = task(stage, args.get(0))?;
    stage.act("task.release", of(&item))?;
    Ok(())
}

pub fn hand_back(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let item = task(stage, args.get(0))?;
    let input = Input::json(json!({ "note": args.get(1) })).with_path("id", word(&item, "id"));
    stage.act("task.hand_back", input)?;
    Ok(())
}

/// The id of the account that signs in so.
fn account(stage: &mut Stage<'_>, login: &str) -> Result<String, Fault> {
    let mut input = Input::default();
    input.query.push(("q".into(), login.into()));
    let answer = known(stage, "account.list", input)?;
    let mut items = answer.items().iter();
    match items.find(|item| word(item, "login") == login) {
        Some(item) => Ok(word(item, "id")),
        None => Err(Fault::wrong(format!("没有账号“{login}”"))),
    }
}

pub fn delegate(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let item = taken(stage, args.get(0))?;
    let to = account(stage, args.get(1))?;
    let input = Input::json(json!({ "to": to })).with_path("id", word(&item, "id"));
    stage.act("task.delegate", input)?;
    Ok(())
}

/// The task, claimed where nobody has it yet.
fn taken(stage: &mut Stage<'_>, wanted: &str) -> Result<Json, Fault> {
    let item = task(stage, wanted)?;
    if word(&item, "state") == "open" {
        let answer = stage.entrance.call("task.claim", of(&item))?;
        if answer.refused() {
            return Err(Fault::wrong(format!("认领“{wanted}”:{}", answer.told())));
        }
    }
    Ok(item)
}

pub fn complete(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let rows = if args.has_table() {
        args.pairs()?
    } else {
        Vec::new()
    };
    done(stage, args.get(0), &rows)
}

pub fn complete_filled(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    done(stage, args.get(0), &args.quoted(1))
}

fn done(stage: &mut Stage<'_>, wanted: &str, rows: &[(&str, &str)]) -> Done {
    let item = taken(stage, wanted)?;
    let shown = seen(stage, "task.view", of(&item))?;
    let form = shown.body.get("form").cloned().unwrap_or_default();
    let mut values = Json::Object(Map::new());
    for (name, value) in rows {
        fill(&mut values, parts(&form), name, value);
    }
    stage.filled_in(form);
    let input = Input::json(json!({ "values": values })).with_path("id", word(&item, "id"));
    stage.act("task.complete", input)?;
    Ok(())
}

fn parts(form: &Json) -> &[Json] {
    form.get("components")
        .and_then(Json::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether people call a part of a form so: by its key or by its label.
fn is_called(part: &Json, name: &str) -> bool {
    ["key", "path", "label", "dateLabel", "timeLabel"]
        .iter()
        .any(|property| part.get(property).and_then(Json::as_str) == Some(name))
}

/// The part of a form that is called so; groups are looked through.
fn part<'f>(all: &'f [Json], name: &str) -> Option<&'f Json> {
    all.iter().find_map(|one| {
        if is_called(one, name) && one.get("type").and_then(Json::as_str) != Some("group") {
            return Some(one);
        }
        match one.get("type").and_then(Json::as_str) {
            Some("group") => part(parts(one), name),
            _ => None,
        }
    })
}

/// The member of an object, made where it is missing.
fn member<'v>(values: &'v mut Json, name: &str) -> &'v mut Json {
    if !values.is_object() {
        *values = Json::Object(Map::new());
    }
    match values {
        Json::Object(members) => members.entry(name.to_owned()).or_insert(Json::Null),
        other => other,
    }
}

/// Puts one value where the form has it. Rows of a list are written `list/1/field`.
fn fill(values: &mut Json, all: &[Json], name: &str, value: &str) {
    let (head, rest) = name.split_once('/').unwrap_or((name, ""));
    let found = part(all, head);
    let key = |property: &str| found.and_then(|part| part.get(property)).and_then(Json::as_str);
    let path = key("key").or_else(|| key("path")).unwrap_or(head).to_owned();
    let place = path.split('.').fold(values, |at, step| member(at, step));
    let row = rest.split_once('/').and_then(|(number, field)| {
        let number = number.trim().parse::<usize>().ok()?;
        Some((number.checked_sub(1).filter(|index| *index < 1_000)?, field))
    });
    let (Some(list), Some((index, field))) = (found, row) else {
        *place = found.map_or_else(|| json!(value), |part| read(part, value));
        return;
    };
    if !place.is_array() {
        *place = Json::Array(Vec::new());
    }
    if let Json::Array(rows) = place {
        if rows.len() <= index {
            rows.resize(index + 1, Json::Null);
        }
        if let Some(row) = rows.get_mut(index) {
            fill(row, parts(list), field, value);
        }
    }
}

/// A cell as a value of that part; what it can't be read as is sent as it stands, and the platform answers for it.
fn read(part: &Json, cell: &str) -> Json {
    if cell.is_empty() {
        return Json::Null;
    }
    let option = |text: &str| {
        let options = part.get("values").and_then(Json::as_array);
        let mut options = options.into_iter().flatten();
        let known = options.find(|option| word(option, "label") == text || word(option, "value") == text);
        known
            .and_then(|option| option.get("value").cloned())
            .unwrap_or_else(|| json!(text))
    };
    match part.get("type").and_then(Json::as_str).unwrap_or("") {
        "number" => cell
            .parse::<i64>()
            .map(|number| json!(number))
            .or_else(|_| cell.parse::<f64>().map(|number| json!(number)))
            .unwrap_or_else(|_| json!(cell)),
        "checkbox" => match cell {
            "是" | "true" => json!(true),
            "否" | "false" => json!(false),
            other => json!(other),
        },
        "radio" | "select" => option(cell),
        "taglist" | "checklist" => cell.split([';', ';']).map(|text| option(text.trim())).collect(),
        "filepicker" => serde_json::from_str(cell).unwrap_or_else(|_| json!(cell)),
        _ => json!(cell),
    }
}

/// The pointer to a value of a form by what people call it.
pub fn pointer(form: &Json, name: &str) -> Option<String> {
    let (head, rest) = name.split_once('/').unwrap_or((name, ""));
    let found = part(parts(form), head)?;
    let key = found.get("key").or_else(|| found.get("path"))?.as_str()?;
    let own = format!("/{}", key.replace('.', "/"));
    let Some((number, field)) = rest.split_once('/') else {
        return Some(own);
    };
    let index = number.trim().parse::<usize>().ok()?.checked_sub(1)?;
    Some(format!("{own}/{index}{}", pointer(found, field)?))
}

pub fn has(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let wanted = args.get(0);
    stage.check(|stage| {
        let items = todo(stage)?;
        if fitting(&items, wanted).is_empty() {
            return Err(Fault::mismatch(format!("待办里有“{wanted}”"), listed(&items)));
        }
        Ok(())
    })
}

pub fn has_not(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let wanted = args.get(0);
    stage.check(|stage| {
        let items = todo(stage)?;
        if !fitting(&items, wanted).is_empty() {
            return Err(Fault::mismatch(format!("待办里没有“{wanted}”"), listed(&items)));
        }
        Ok(())
    })
}

pub fn light(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let wanted = match args.get(1) {
        "绿灯" => "green",
        "黄灯" => "yellow",
        "红灯" => "red",
        other => other,
    };
    let found = word(&task(stage, args.get(0))?, "light");
    if found == wanted {
        return Ok(());
    }
    Err(Fault::mismatch(format!("亮灯为“{wanted}”"), format!("“{found}”")))
}

/// What a task's form is shown with, prefilled values among them.
pub fn shown(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (wanted, name, expected) = (args.get(0), args.get(1), args.get(2));
    let item = task(stage, wanted)?;
    let view = seen(stage, "task.view", of(&item))?;
    let form = view.body.get("form").cloned().unwrap_or_default();
    let place =
        pointer(&form, name).ok_or_else(|| Fault::wrong(format!("“{wanted}”的表单里没有“{name}”")))?;
    let value = view.body.pointer(&format!("/data{place}")).unwrap_or(&Json::Null);
    let number = value
        .as_f64()
        .zip(expected.parse::<f64>().ok())
        .is_some_and(|(value, expected)| value == expected);
    if number || text(value) == expected {
        return Ok(());
    }
    Err(Fault::mismatch(
        format!("{name} 为“{expected}”"),
        format!("“{}”", text(value)),
    ))
}

/// The newest instance of a process with that business key, as it stands now.
fn instance(stage: &mut Stage<'_>, process: &str, key: &str) -> Result<Json, Fault> {
    let mut input = Input::default();
    let query = [("process", process), ("q", key), ("limit", MOST)];
    input.query = query
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let answer = known(stage, "instance.list", input)?;
    let mut items: Vec<&Json> = answer
        .items()
        .iter()
        .filter(|item| word(item, "business_key") == key)
        .collect();
    items.sort_by_key(|item| word(item, "id"));
    let Some(newest) = items.last() else {
        return Err(Fault::mismatch(
            format!("有流程“{process}”的“{key}”"),
            "没有这个流程实例",
        ));
    };
    Ok(known(stage, "instance.view", of(newest))?.body)
}

/// Names of a model's elements by their ids.
fn name_in(xml: &str, element: &str) -> Option<String> {
    let tag = Regex::new(&format!(r#"<[^<>]*\sid="{}"[^<>]*>"#, regex::escape(element))).ok()?;
    let name = Regex::new(r#"\sname="([^"]*)""#).ok()?;
    let found = name.captures(tag.find(xml)?.as_str())?;
    found.get(1).map(|name| name.as_str().to_owned())
}

pub fn stands_at(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (process, key, wanted) = (args.get(0), args.get(1), args.get(2));
    stage.check(|stage| {
        let found = instance(stage, process, key)?;
        let mut input = Input::default().with_path("id", process);
        input.query.push(("version".into(), word(&found, "version")));
        let model = known(stage, "process.view", input)?;
        let xml = word(&model.body, "xml");
        let tokens = found.get("tokens").and_then(Json::as_array);
        let elements: Vec<String> = tokens
            .into_iter()
            .flatten()
            .map(|token| word(token, "element"))
            .collect();
        let names: Vec<String> = elements
            .iter()
            .map(|element| name_in(&xml, element).unwrap_or_else(|| element.clone()))
            .collect();
        if elements.iter().chain(&names).any(|name| name == wanted) {
            return Ok(());
        }
        let state = word(&found, "state");
        Err(Fault::mismatch(
            format!("停在“{wanted}”"),
            format!("停在“{}”({state})", names.join("、")),
        ))
    })
}

pub fn has_ended(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let (process, key) = (args.get(0), args.get(1));
    stage.check(|stage| {
        let state = word(&instance(stage, process, key)?, "state");
        if state == "completed" {
            return Ok(());
        }
        Err(Fault::mismatch("已结束(completed)", state))
    })
}

pub fn troubles(stage: &mut Stage<'_>, args: &Args<'_>) -> Done {
    let expected = args.number(0)?;
    stage.check(|stage| {
        let mut input = Input::default();
        input.query.push(("limit".into(), MOST.into()));
        let answer = known(stage, "incident.list", input)?;
        let items = answer.items();
        if u64::try_from(items.len()).is_ok_and(|found| found == expected) {
            return Ok(());
        }
        let told: Vec<String> = items
            .iter()
            .map(|item| format!("{}:{}", word(item, "element"), word(item, "message")))
            .collect();
        Err(Fault::mismatch(
            format!("{expected} 个异常"),
            format!("{} 个:{}", items.len(), told.join(";")),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Json {
        json!({ "components": [
            { "type": "group", "label": "组", "components": [{ "type": "number", "key": "score", "label": "评分" }] },
            { "type": "radio", "key": "agree", "label": "结论", "values": [{ "label": "同意", "value": true }] },
            { "type": "taglist", "key": "picked", "label": "专家", "valuesKey": "all" },
            { "type": "textfield", "key": "step.title", "label": "节点" },
            { "type": "dynamiclist", "path": "plan", "label": "计划", "components": [
                { "type": "datetime", "key": "due", "dateLabel": "期限" }, { "type": "number", "key": "amount", "label": "付款" } ] },
        ] })
    }

    #[test]
    fn values_stand_where_the_form_has_them() {
        let form = form();
        let mut values = Json::Null;
        let rows = [
            ("评分", "90.5"),
            ("结论", "同意"),
            ("专家", "E001;E002"),
            ("节点", "设计"),
            ("计划/2/付款", "70"),
            ("计划/1/期限", "2022-06-30"),
            ("没有的", "x"),
        ];
        for (name, value) in rows {
            fill(&mut values, parts(&form), name, value);
        }
        assert_eq!(
            values,
            json!({ "score": 90.5, "agree": true, "picked": ["E001", "E002"], "step": { "title": "设计" },
                "plan": [{ "due": "2022-06-30" }, { "amount": 70 }], "没有的": "x" })
        );
        assert_eq!(pointer(&form, "计划/2/付款").as_deref(), Some("/plan/1/amount"));
        assert_eq!(pointer(&form, "评分").as_deref(), Some("/score"));
        assert_eq!(pointer(&form, "没有的"), None);
    }

    #[test]
    fn tasks_are_found_by_words_and_business_key() {
        let items = [
            json!({ "title": "审批:甲", "business_key": "1" }),
            json!({ "title": "审批:乙", "business_key": "2" }),
        ];
        assert_eq!(fitting(&items, "审批").len(), 2);
        assert_eq!(fitting(&items, "审批(2)"), [items[1].clone()]);
        assert_eq!(fitting(&items, "审批:甲"), [items[0].clone()]);
        assert!(fitting(&items, "审批(3)").is_empty());
    }

    #[test]
    fn elements_are_known_by_their_names() {
        let xml = r#"<userTask id="pick" name="选定专家" banyan:title="&quot;a&quot;"/><endEvent id="end"/>"#;
        assert_eq!(name_in(xml, "pick").as_deref(), Some("选定专家"));
        assert_eq!(name_in(xml, "end"), None);
    }
}
